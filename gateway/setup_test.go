package gateway_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/kerf-go/kerf/gateway"
	"github.com/kerf-go/kerf/transcode"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, // what certmagic begins once for each authority, and a lock's last look
		goleak.IgnoreAnyFunction("github.com/caddyserver/certmagic.(*RingBufferRateLimiter).loop"),
		goleak.IgnoreAnyFunction("github.com/caddyserver/certmagic.keepLockfileFresh"))
}

// bundle is a gateway that serves, and the upstreams that it was given.
type bundle struct {
	*gateway.Gateway
	server *gateway.Server
	url    string   // the first of urls
	urls   []string // where it listens
	file   string
	stop   func() // serving
}

// setup serves a configuration. In it {NAME} is the URL of an upstream, log: off is
// added, and so is the address to listen on. services are those of the app.
func setup(
	t *testing.T, config string, upstreams map[string]*httptest.Server, services ...transcode.Service,
) *bundle {
	t.Helper()
	o := gateway.Options{Logger: slog.New(slog.NewTextHandler(t.Output(), nil)), Services: byName(services)}
	b := &bundle{file: filepath.Join(t.TempDir(), "gateway.yaml")}
	b.write(t, config, upstreams)
	g, err := gateway.Open(b.file, o)
	if err != nil {
		t.Fatal(err)
	}
	b.Gateway = g
	b.serve(t)
	return b
}

// serve answers on the addresses of the configuration until the test ends.
func (b *bundle) serve(t *testing.T) {
	t.Helper()
	server, err := b.Listen(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	b.server, b.urls = server, server.URLs()
	b.url = b.urls[0]
	ctx, stop := context.WithCancel(context.Background())
	b.stop = stop
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
		if err := b.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
}

func (b *bundle) write(t *testing.T, config string, upstreams map[string]*httptest.Server) {
	t.Helper()
	for name, u := range upstreams {
		config = strings.ReplaceAll(config, "{"+name+"}", u.URL)
	}
	config = "listen: [{address: 127.0.0.1:0}]\nlog: off\n" + config
	if err := os.WriteFile(b.file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
}

// echo is an upstream that tells its name and what it was asked.
func echo(t *testing.T, name string) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for h := range strings.FieldsSeq("X-Forwarded-For X-Forwarded-Proto X-Forwarded-Host X-Real-Ip X-Set X-Gone") {
			if v, ok := r.Header[h]; ok {
				w.Header()["Seen-"+h] = v
			}
		}
		w.Header().Set("X-Secret", "of the upstream")
		fmt.Fprintf(w, "%s: %s %s %s", name, r.Method, r.Host, r.RequestURI)
	}))
	t.Cleanup(s.Close)
	return s
}

type answer struct {
	*http.Response
	body string
}

// do makes a request with headers, and a Body, given as "Name: value"; a body may also stand
// after the first line, or in braces among the headers. It follows no redirect, and keeps
// no connection.
func (b *bundle) do(t *testing.T, request string, headers ...string) answer {
	t.Helper()
	return b.over(t, &http.Transport{DisableKeepAlives: true}, request, headers...)
}

// over does so over a transport.
func (b *bundle) over(t *testing.T, rt http.RoundTripper, request string, headers ...string) answer {
	t.Helper()
	line, body, _ := strings.Cut(request, "\n")
	method, path, _ := strings.Cut(line, " ")
	r, err := http.NewRequestWithContext(t.Context(), method, b.url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.URL.Opaque = path
	for _, h := range headers {
		if h[0] == '{' {
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(h)), int64(len(h))
			continue
		}
		name, value, _ := strings.Cut(h, ": ")
		switch name {
		case "Host":
			r.Host = value
		case "Body":
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(value)), int64(len(value))
			continue
		}
		r.Header.Add(name, value)
	}
	response, err := rt.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	whole, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{response, string(whole)}
}
