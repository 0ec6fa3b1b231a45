package gateway_test

import (
	"bufio"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kerf-go/kerf/gateway"
)

// taking is an upstream that answers by echo, once it has taken longer than a client is trusted to
// stay. /stay it answers when the client has left, and a request to upgrade by saying what it hears.
func taking(t *testing.T) (up *httptest.Server, came, left chan struct{}) {
	t.Helper()
	came, left = make(chan struct{}, 1), make(chan struct{}, 1)
	up = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.URL.Path == "/stay" || r.URL.Path == "/up" {
			came <- struct{}{}
		}
		if r.URL.Path == "/stay" {
			<-r.Context().Done()
			left <- struct{}{}
			return
		}
		time.Sleep(30 * time.Millisecond)
		if r.Header.Get("Upgrade") == "" {
			_, _ = io.WriteString(w, r.URL.Path+string(body))
			return
		}
		c, in, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		_, _ = io.WriteString(c, "HTTP/1.1 101 Fine\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		_, _ = io.Copy(c, in)
	}))
	t.Cleanup(up.Close)
	return up, came, left
}

// setupBoth serves an upstream without TLS, and with it.
func setupBoth(t *testing.T, up *httptest.Server) map[string]func(*testing.T) net.Conn {
	t.Helper()
	cert, key := writePair(t, t.TempDir(), 1)
	b := &bundle{file: filepath.Join(t.TempDir(), "gateway.yaml")}
	config := "listen: [{address: 127.0.0.1:0}, {address: 127.0.0.1:0, tls: {cert: " + cert + ", key: " + key +
		"}}]\nlog: off\nupstreams: {one: {urls: [\"" + up.URL + "\"]}}\nroutes: [{proxy: one}]\n"
	if err := os.WriteFile(b.file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	var err error
	b.Gateway, err = gateway.Open(b.file, gateway.Options{Logger: slog.New(slog.NewTextHandler(t.Output(), nil))})
	if err != nil {
		t.Fatal(err)
	}
	b.serve(t)
	return map[string]func(*testing.T) net.Conn{
		"without TLS": b.dial,
		"with TLS": func(t *testing.T) net.Conn {
			t.Helper()
			c, err := (&tls.Dialer{Config: unverified()}).
				DialContext(t.Context(), "tcp", strings.TrimPrefix(b.urls[1], "https://"))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = c.Close() })
			return c
		},
	}
}

func send(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
}

func TestAClientThatLeavesEndsItsRequest(t *testing.T) {
	t.Parallel()
	up, came, left := taking(t)
	for name, dial := range setupBoth(t, up) {
		for _, request := range []string{
			"GET /stay HTTP/1.1\r\nHost: a.example\r\n\r\n",
			"POST /stay HTTP/1.1\r\nHost: a.example\r\nContent-Length: 4\r\n\r\nbody",
		} {
			c := dial(t)
			// After an answer, which must not have ended anything.
			send(t, c, "GET /first HTTP/1.1\r\nHost: a.example\r\n\r\n")
			if got := readCode(t, bufio.NewReader(c), http.MethodGet); got != "200" {
				t.Fatalf("%s: %s", name, got)
			}
			send(t, c, request)
			<-came
			_ = c.Close()
			select {
			case <-left:
			case <-time.NewTimer(5 * time.Second).C:
				t.Fatalf("%s: nobody has noticed for 5 s that the client has left: %q", name, request)
			}
		}
	}
}

func TestAConnectionGoesOnAfterAnswersThatTakeTheirTime(t *testing.T) {
	t.Parallel()
	up, _, _ := taking(t)
	const a, b = "GET /a HTTP/1.1\r\nHost: a.example\r\n\r\n",
		"POST /b HTTP/1.1\r\nHost: a.example\r\nContent-Length: 4\r\n\r\nbody"
	type step struct{ say, hear string }
	for name, dial := range setupBoth(t, up) {
		for how, steps := range map[string][]step{
			"one after the other":     {{a, "/a"}, {b, "/bbody"}, {a, "/a"}},
			"two at once":             {{a + b, "/a"}, {"", "/bbody"}, {b + a, "/bbody"}, {"", "/a"}},
			"with a byte of the next": {{a + b[:1], "/a"}, {b[1:] + a[:1], "/bbody"}, {a[1:], "/a"}},
			"with a part of the next": {{a + b[:60], "/a"}, {b[60:] + a[:9], "/bbody"}, {a[9:], "/a"}},
		} {
			c := dial(t)
			in := bufio.NewReader(c)
			for i, s := range steps {
				send(t, c, s.say)
				response, err := http.ReadResponse(in, nil)
				if err != nil {
					t.Fatalf("%s, %s, answer %d: %v", name, how, i, err)
				}
				got, err := io.ReadAll(response.Body)
				_ = response.Body.Close()
				if string(got) != s.hear || err != nil {
					t.Fatalf("%s, %s, answer %d: %q, %v, and not %q", name, how, i, got, err, s.hear)
				}
			}
		}
	}
}

func TestAnUpgradeThatTakesItsTimeLosesNothing(t *testing.T) {
	t.Parallel()
	up, came, _ := taking(t)
	for name, dial := range setupBoth(t, up) {
		c := dial(t)
		send(t, c, "GET /up HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		<-came
		send(t, c, "hello") // it does not wait for its answer with what it has to say
		in := bufio.NewReader(c)
		if code := readCode(t, in, http.MethodGet); code != "101" {
			t.Fatalf("%s: %s", name, code)
		}
		send(t, c, " there")
		heard := make([]byte, len("hello there"))
		if _, err := io.ReadFull(in, heard); err != nil || string(heard) != "hello there" {
			t.Errorf("%s: %q, %v", name, heard, err)
		}
	}
}
