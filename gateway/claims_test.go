package gateway_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/kerf-go/kerf/gateway"
	library "github.com/kerf-go/kerf/internal/library/v1"
	"github.com/kerf-go/kerf/plan"
)

// A client claims to be somebody else, in headers that the upstream does not get as they are. Nor does a route.
func TestNoRouteReadsWhatAClientClaimsToBe(t *testing.T) {
	t.Parallel()
	b := setup(t, `
upstreams: {one: {urls: ["{one}"]}}
rates: {one: {by: header X-Real-IP, requests: 1, per: 1h}}
routes:
  - {match: {headers: {X-Forwarded-Proto: https}}, answer: {body: claimed}}
  - {match: {headers: {X-Real-IP: "*"}}, answer: {body: claimed}}
  - {match: {path: /seen, headers: {X-Forwarded-For: 127.0.0.1}}, answer: {body: seen}}
  - {match: {path: /rate}, rate: [one], answer: {}}
  - match: {path: /renamed}
    proxy: one
    transform: {request: {headers: {rename: {True-Client-IP: X-Set}}}}
  - match: {path: /added}
    proxy: one
    transform: {request: {headers: {add: {X-Real-IP: "{client}"}}}}
`, map[string]*httptest.Server{"one": echo(t, "one")})
	a := b.do(t, "GET /seen", "X-Forwarded-Proto: https", "X-Forwarded-For: 6.6.6.6", "X-Real-IP: 6.6.6.6")
	if a.body != "seen" {
		t.Errorf("matched %q", a.body)
	}
	a = b.do(t, "GET /renamed", "True-Client-IP: 6.6.6.6")
	if saw := a.Header.Get("Seen-X-Set"); a.StatusCode != http.StatusOK || saw != "" {
		t.Errorf("renamed: %d, the upstream saw %q", a.StatusCode, saw)
	}
	if a := b.do(t, "GET /added", "X-Real-IP: 6.6.6.6"); a.Header.Get("Seen-X-Real-Ip") != "127.0.0.1" {
		t.Errorf("added: %d, the upstream saw %q", a.StatusCode, a.Header["Seen-X-Real-Ip"])
	}
	b.do(t, "GET /rate", "X-Real-IP: 1.1.1.1")
	if a := b.do(t, "GET /rate", "X-Real-IP: 1.1.1.2"); a.StatusCode != http.StatusTooManyRequests {
		t.Errorf("by another claim: %d", a.StatusCode)
	}
}

// An answer for one client is not another's where the route says that it depends on who that is.
func TestWhatVariesByTheClientIsNotAnothers(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("SKIPPED: a second client needs all of 127.0.0.0/8, as Linux has it")
	}
	b := setup(t, `
upstreams: {one: {urls: ["{one}"]}}
routes:
  - {match: {path: /**}, proxy: one, cache: {ttl: 1m, vary: [X-Forwarded-For]}}
`, map[string]*httptest.Server{"one": echo(t, "one")})
	for i, client := range []string{"127.0.0.1", "127.0.0.2", "127.0.0.1"} {
		from := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(client)}}
		a := b.over(t, &http.Transport{DisableKeepAlives: true, DialContext: from.DialContext}, "GET /a",
			"X-Forwarded-For: 6.6.6.6")
		if saw := a.Header.Get("Seen-X-Forwarded-For"); saw != client {
			t.Errorf("%s: got an answer for %q: %s", client, saw, a.Header.Get("Cache-Status"))
		}
		if status := a.Header.Get("Cache-Status"); strings.Contains(status, "hit") != (i == 2) {
			t.Errorf("%d: %s", i, status)
		}
	}
}

func TestServicesAndPagesGetTheHeadersThatTheirRouteSets(t *testing.T) {
	t.Parallel()
	b := setup(t, `
routes:
  - {match: {path: /v1/**}, call: [library], headers: {request: {set: {X-Honest-Set: set}, remove: [Honest]}}}
`, nil, serve(t, library.File_internal_library_v1_library_proto, &library.Library_ServiceDesc, gossip{}))
	heard := book(t, b.claimed(t, http.MethodGet, "/v1/books/7", "", nil))
	if !slices.Contains(heard, "x-honest-set: set") || slices.Contains(heard, "honest: yes") {
		t.Errorf("the service heard %q", heard)
	}
	const pages = "log: off\nroutes: [{pages: true, headers: {request: {set: {X-A: b}}}}]\n"
	d, err := plan.ReadDocument("g.yaml", []byte(pages))
	if err != nil {
		t.Fatal(err)
	}
	g, err := gateway.New(d, gateway.Options{Pages: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Header.Get("X-A"))
	})})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	w := httptest.NewRecorder()
	g.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	if w.Body.String() != "b" {
		t.Errorf("the page saw %q", w.Body)
	}
}
