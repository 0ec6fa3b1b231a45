package gateway_test

import (
	"context"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kerf-go/kerf/internal/porttest"
)

// protocol is an upstream with TLS that tells by which protocol it was asked. An address of
// "" is any.
func protocol(t *testing.T, two bool, address string) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Proto)
	}))
	if address != "" {
		l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		_ = s.Listener.Close()
		s.Listener = l
	}
	s.EnableHTTP2 = two
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// rootsOf writes a file with a server's certificate.
func rootsOf(t *testing.T, s *httptest.Server) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "roots.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestUpstreamsWithTLSAreAskedByTheBestTheySpeak(t *testing.T) {
	t.Parallel()
	for two, want := range map[bool]string{false: "HTTP/1.1", true: "HTTP/2.0"} {
		up := protocol(t, two, "")
		b := setup(t, "upstreams: {one: {urls: ['{one}'], roots: "+rootsOf(t, up)+"}}\nroutes: [{proxy: one}]",
			map[string]*httptest.Server{"one": up})
		for range 3 {
			if got := b.do(t, "POST /a", "Body: a body"); got.body != want {
				t.Errorf("%s by %q, not %s", got.Status, got.body, want)
			}
		}
		// The same address may belong to another server.
		address := up.Listener.Addr().String()
		up.CloseClientConnections()
		up.Close()
		protocol(t, !two, address)
		for got := range 20 { // the connections before are found to be broken first
			if answer := b.do(t, "GET /a"); answer.StatusCode == http.StatusOK {
				break
			} else if got == 19 {
				t.Error(answer.Status, answer.body)
			}
		}
	}
}

func TestAnUpstreamWithoutAKnownCertificateGetsNothing(t *testing.T) {
	t.Parallel()
	up := protocol(t, true, "")
	b := setup(t, "upstreams: {one: {urls: ['{one}']}}\nroutes: [{proxy: one}]", map[string]*httptest.Server{"one": up})
	got := b.do(t, "POST /a", "Body: a body")
	if got.StatusCode != http.StatusServiceUnavailable {
		t.Error(got.Status, got.body)
	}
}

func TestMistakesOfUpstreamsAreTold(t *testing.T) {
	t.Parallel()
	for upstream, want := range map[string]string{
		"^one: {}":                                         "upstream one: it has no urls",
		"one: {urls: ^[]}":                                 "upstream one: it has no urls",
		"one: {urls: [^'ftp://a.example']}":                `"ftp://a.example" is no server; write one such as http`,
		"one: {urls: ['http://a/'], roots: ^no}":           "upstream one: open ",
		"one: {urls: ['http://a/'], roots: ^gateway.yaml}": "upstream one: ",
	} {
		toldAtMark(t, "upstreams: {"+upstream+"}\nroutes: [{proxy: one}]", want)
	}
	err := wrong(t, "upstreams: {one: {urls: ['http://a/'], roots: gateway.yaml}}\nroutes: [{proxy: one}]")
	if err == nil || !strings.Contains(err.Error(), "holds no certificate") {
		t.Error(err)
	}
}

// A retry goes to a server that has not failed yet, whoever would be the next.
func TestRetriesGoToAnotherServer(t *testing.T) {
	t.Parallel()
	var b *bundle
	away := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/a" {
			b.do(t, "GET /whose-turn-it-is-then")
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	t.Cleanup(away.Close)
	b = setup(t, "upstreams: {one: {urls: ['{away}', '{well}']}}\nroutes: [{proxy: one}]",
		map[string]*httptest.Server{"away": away, "well": echo(t, "well")})
	for range 4 {
		if got := b.do(t, "GET /a"); got.StatusCode != http.StatusOK {
			t.Error(got.Status, got.body)
		}
	}
}

// A server that says nothing any more keeps no request that may be made again.
func TestRequestsAtASilentServerAreMadeAtAnother(t *testing.T) {
	t.Parallel()
	var silent atomic.Bool
	released := make(chan struct{})
	quiet := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request) {
		if silent.Load() {
			<-released
		}
	}))
	t.Cleanup(quiet.Close)
	t.Cleanup(func() { close(released) })
	const config = "upstreams: {one: {urls: ['{quiet}', '{well}'], health: {path: /, every: 50ms}}}\n" +
		"routes: [{proxy: one}]"
	b := setup(t, config,
		map[string]*httptest.Server{"quiet": quiet, "well": echo(t, "well")})
	silent.Store(true)
	for range 4 { // half of them meet it
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, b.url+"/a", nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusOK {
			t.Error(response.Status)
		}
	}
}

// More than an upstream gets at once is refused, and by no fault of the client's.
func TestAnUpstreamIsAskedSoMuchAtOnce(t *testing.T) {
	t.Parallel()
	const most, more = 256, 8
	released := make(chan struct{})
	up := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-released }))
	t.Cleanup(up.Close)
	b := setup(t, "upstreams: {one: {urls: ['{one}']}}\nroutes: [{proxy: one}]", map[string]*httptest.Server{"one": up})
	codes := make(chan int)
	for range most + more {
		go func() { codes <- b.do(t, "GET /").StatusCode }()
	}
	for range more {
		if code := <-codes; code != http.StatusServiceUnavailable {
			t.Errorf("refused by %d", code)
		}
	}
	close(released)
	for range most {
		if code := <-codes; code != http.StatusOK {
			t.Errorf("answered by %d", code)
		}
	}
}

// What the page about upstreams says that clients see.
func TestFailuresOfUpstreamsAreToldByTheirStatus(t *testing.T) {
	t.Parallel()
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
	}))
	t.Cleanup(slow.Close)
	secure := httptest.NewUnstartedServer(slow.Config.Handler)
	secure.EnableHTTP2 = true
	secure.StartTLS()
	t.Cleanup(secure.Close)
	b := setup(t, `
upstreams:
  slow: {urls: ["{slow}"], timeout: 50ms}
  secure: {urls: ["{secure}"], roots: `+rootsOf(t, secure)+`, timeout: 50ms}
  patient: {urls: ["{slow}"]}
  gone: {urls: ["http://`+porttest.Free(t)+`"]}
routes:
  - {match: {path: /slow}, proxy: slow}
  - {match: {path: /secure}, proxy: secure}
  - {match: {path: /patient}, proxy: patient, timeout: 50ms}
  - {match: {path: /gone}, proxy: gone}
`, map[string]*httptest.Server{"slow": slow, "secure": secure})
	for request, want := range map[string]string{
		"POST /slow":    "504 the upstream took too long",
		"POST /secure":  "504 the upstream took too long",
		"POST /patient": "504 the upstream took too long",
		"POST /gone":    "503 the upstream cannot be reached",
	} {
		code, text, _ := strings.Cut(want, " ")
		if got := b.do(t, request); got.Status[:3] != code || !strings.Contains(got.body, text) {
			t.Errorf("%s: %s %s, and not %s", request, got.Status, got.body, want)
		}
	}
}
