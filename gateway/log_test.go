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
		"two hosts": {
			"GET /secret HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n",
			[]line{{Error: "there is not one Host header", Status: 400}},
		},
		"a carriage return within a header": {
			"GET /secret HTTP/1.1\r\nHost: x\r\nA: b\rc\r\n\r\n",
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
		"a header with an underscore, of no path": {
			"OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX_A: secret\r\n\r\n",
			[]line{{Method: "OPTIONS", Error: "the header", Status: 400}},
		},
		"an asterisk, which is well": {
			"OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", []line{{Method: "OPTIONS", Status: 200}},
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
			got := settled(lines, len(test.want))
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

// What net/http refuses by itself, no handler sees.
func TestRequestsWhoseHeadIsNotTakenAreInTheAccessLog(t *testing.T) {
	t.Parallel()
	const fine = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
	answered := line{Method: "GET", Path: "/a", Route: "all", Status: 200}
	late := line{Error: "the headers took too long to arrive", Status: 408}
	for name, test := range map[string]struct {
		send string
		want []line
	}{
		"it is too large": {
			"GET / HTTP/1.1\r\nHost: x\r\nA: " + strings.Repeat("secret", 3000) + "\r\n\r\n",
			[]line{{Error: "431 Request Header Fields Too Large", Status: 431}},
		},
		"a second one is too large": {
			fine + "GET / HTTP/1.1\r\nHost: x\r\nA: " + strings.Repeat("secret", 3000) + "\r\n\r\n",
			[]line{answered, {Error: "431 Request Header Fields Too Large", Status: 431}},
		},
		"its path is none": {
			"GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n", []line{{Error: "400 Bad Request", Status: 400}},
		},
		"it takes too long":           {"GET /a HTTP/1.1\r\nHost: x\r\n", []line{late}},
		"it has hardly begun":         {"G", []line{{Error: late.Error, Status: 400}}},
		"it may become one of HTTP/2": {"PRI * HTTP/2.0\r\n", []line{late}},
		"a second one takes too long": {fine + "GET /b HTTP/1.1\r\nA: b\r\n", []line{answered, late}},
		"there is no second one":      {fine, []line{answered}},
		"there is none":               {"", nil},
		"an upstream refuses with such words": {
			strings.Replace(fine, "/a", "/refused", 1),
			[]line{{Method: "GET", Path: "/refused", Route: "refused", Status: 431}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			up := playing(t, "HTTP/1.1 431 Request Header Fields Too Large\r\n"+
				"Content-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\nno")
			b, lines := logged(t, fmt.Sprintf(
				"limits: {header: 4096, header_time: 200ms, idle_time: 200ms}\nupstreams: {one: {urls: [%q]}}\n"+
					"routes:\n- {name: refused, match: {path: /refused}, proxy: one}\n- {name: all, answer: {}}\n",
				up.URL))
			b.raw(t, test.send)
			b.stop()
			got := settled(lines, len(test.want))
			if len(got) != len(test.want) {
				t.Fatalf("the log has %+v, not %+v", got, test.want)
			}
			for i, want := range test.want {
				if want.Client = "127.0.0.1"; got[i] != want {
					t.Errorf("%+v, not %+v", got[i], want)
				}
			}
		})
	}
}

// settled gives the lines of a log by status, once there are so many.
func settled(lines func() []line, n int) []line {
	got := lines()
	for end := time.Now().Add(5 * time.Second); len(got) < n && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
		got = lines()
	}
	slices.SortFunc(got, func(a, b line) int { return a.Status - b.Status }) // who is first is open
	return got
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
