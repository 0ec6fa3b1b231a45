package gateway_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kerf-go/kerf/gateway"
	"github.com/kerf-go/kerf/plan"
)

// line is one of the access log.
type line struct {
	Client, Method, Path, Route, Error string
	Status                             int
}

// logged serves a configuration, and gives what tells the lines of its access log.
func logged(t *testing.T, config string) (b *bundle, lines func() []line) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "access.log")
	d, err := plan.ReadDocument("g.yaml", []byte("listen: [{address: 127.0.0.1:0}]\nlog: "+file+"\n"+config))
	if err != nil {
		t.Fatal(err)
	}
	g, err := gateway.New(d, gateway.Options{})
	if err != nil {
		t.Fatal(err)
	}
	b = &bundle{Gateway: g}
	b.serve(t)
	return b, func() (all []line) {
		t.Helper()
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for one := range strings.Lines(string(text)) {
			var l line
			if err := json.Unmarshal([]byte(one), &l); err != nil { //nolint:musttag // names are matched as they are
				t.Fatalf("%v: %s", err, one)
			}
			if len(one) > 400 || strings.Contains(one, "secret") {
				t.Errorf("a line shows what it must not: %s", one)
			}
			all = append(all, l)
		}
		return all
	}
}

// raw sends bytes, and waits until the connection ends.
func (b *bundle) raw(t *testing.T, text string) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(b.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(conn); err != nil {
		t.Fatal(err)
	}
}

func TestRefusedRequestsAreInTheAccessLogOnce(t *testing.T) {
	t.Parallel()
	up := echo(t, "one")
	for name, test := range map[string]struct {
		send string
		want []line
	}{
		"a head with two meanings": {
			"GET /secret HTTP/1.1\r\nHost: x\r\nX-Long: secret" + strings.Repeat("a", 9000) + "\nX: 1\r\n\r\n",
			[]line{{Error: "a line does not end with carriage return", Status: 400}},
		},
		"after one that is well, and before many that come too late": {
			"GET /a HTTP/1.1\r\nHost: x\r\n\r\n" + strings.Repeat("GET secret HTTP/1.1\r\nHost: x\r\n\r\n", 20),
			[]line{
				{Method: "GET", Path: "/a", Route: "all", Status: 200}, {Error: "the target is no path", Status: 400},
			},
		},
		"a body that breaks off": {
			"POST /b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nsecret\r\n",
			[]line{{Method: "POST", Path: "/b", Route: "all", Error: "a chunk does not begin", Status: 400}},
		},
		"a header with an underscore": {
			"GET /c HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX_A: secret\r\n\r\n",
			[]line{{Method: "GET", Error: "the header", Status: 400}},
		},
		"a path with two meanings": {
			"GET /a%2fb HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
			[]line{{Method: "GET", Path: "/a%2Fb", Route: "all", Error: "the path has an encoded slash", Status: 400}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, lines := logged(t, fmt.Sprintf(
				"upstreams: {one: {urls: [%q]}}\nroutes: [{name: all, proxy: one}]\n", up.URL))
			b.raw(t, test.send)
			b.stop()
			got := lines()
			for end := time.Now().Add(5 * time.Second); len(got) < len(test.want) && time.Now().Before(end); {
				time.Sleep(10 * time.Millisecond)
				got = lines()
			}
			slices.SortFunc(got, func(a, b line) int { return a.Status - b.Status }) // who is first is open
			if len(got) != len(test.want) {
				t.Fatalf("the log has %+v, not %+v", got, test.want)
			}
			for i, want := range test.want {
				if got[i].Client != "127.0.0.1" || !strings.HasPrefix(got[i].Error, want.Error) ||
					(want.Error == "") != (got[i].Error == "") {
					t.Errorf("%+v, not %+v", got[i], want)
				}
				got[i].Client, got[i].Error = want.Client, want.Error
				if got[i] != want {
					t.Errorf("%+v, not %+v", got[i], want)
				}
			}
		})
	}
}

// Each connection is worth one line, however many of them there are and whatever they send.
func TestALineOfARefusalCostsItsClientAConnection(t *testing.T) {
	t.Parallel()
	b, lines := logged(t, "routes: [{answer: {}}]\n")
	const connections = 10
	for range connections {
		b.raw(t, strings.Repeat("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 5))
	}
	if n := len(lines()); n != connections {
		t.Errorf("%d lines for %d connections", n, connections)
	}
}
