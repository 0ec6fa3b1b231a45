package gateway_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// What a route sets must be on all that it answers, or a browser would take a refusal for something else.
func TestHeadersOfARouteAreOnAllItsAnswers(t *testing.T) {
	t.Parallel()
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("ETag", `"a"`)
		w.Header().Set("X-Of-Upstream", "a")
		if r.URL.Path == "/held" {
			fmt.Fprint(w, `{"a": 1, "a": 2}`)
			return
		}
		fmt.Fprint(w, 1)
	}))
	t.Cleanup(up.Close)
	const headers = `headers: {response: {remove: [X-Of-Upstream], ` +
		`set: {Strict-Transport-Security: max-age=1, Cache-Control: "public, max-age=60", Content-Security-Policy: x}}}`
	b := setup(t, `
limits: {body: 10}
upstreams: {up: {urls: ["{up}"]}, away: {urls: ["http://127.0.0.1:1"]}}
auth: {key: {keys: {list: [{name: n, sha256: "`+hashOf("the key")+`"}]}}}
rates: {none: {requests: 1, per: 1h}}
routes:
  - {match: {path: /key}, proxy: up, auth: [key], `+headers+`}
  - {match: {path: /rate}, proxy: up, rate: [none], `+headers+`}
  - {match: {path: /cors}, proxy: up, cors: {origins: [https://a.example]}, `+headers+`}
  - {match: {path: /cached}, proxy: up, cache: {}, `+headers+`}
  - {match: {path: /away}, proxy: away, `+headers+`}
  - {match: {path: /types}, proxy: up, transform: {request: {body: {remove: [/a]}}}, `+headers+`}
  - {match: {path: /wrong}, proxy: up, validate: {response: {schema: `+write(t, "s.json", `{"type": "object"}`)+`}}, `+
		headers+`}
  - {match: {path: /held}, proxy: up, transform: {response: {body: {remove: [/a]}}}, `+headers+`}
  - {match: {path: /none}, files: {root: `+t.TempDir()+`}, `+headers+`}
  - {match: {path: /**}, proxy: up, `+headers+`}
`, map[string]*httptest.Server{"up": up})
	const whole, refused = "public, max-age=60", ""
	b.do(t, "GET /rate")
	for _, test := range []struct {
		request string
		headers []string
		code    int
		cache   string // Cache-Control
	}{
		{"GET /fine", nil, 200, whole},
		{"GET /key", nil, 401, "no-store"},
		{"GET /rate", nil, 429, refused},
		{"OPTIONS /cors", []string{"Origin: https://a.example", "Access-Control-Request-Method: GET"}, 204, refused},
		{"GET /cached", []string{"Cache-Control: only-if-cached"}, 504, refused},
		{"GET /cached", nil, 200, whole},
		{"GET /cached", nil, 200, whole},
		{"GET /cached", []string{`If-None-Match: "a"`}, 304, whole},
		{"POST /types", []string{"Body: a", "Content-Type: text/plain"}, 415, refused},
		{"GET /wrong", nil, 502, refused},
		{"GET /held", nil, 502, refused},
		{"GET /none", nil, 404, refused},
		{"GET /away", nil, 503, refused},
		{"GET /a%2fb", nil, 400, refused},
		{"POST /a", []string{"Body: more than ten bytes"}, 413, refused},
	} {
		got := b.do(t, test.request, test.headers...)
		h := got.Header
		if got.StatusCode != test.code || fmt.Sprint(h["Strict-Transport-Security"]) != "[max-age=1]" ||
			h.Get("Content-Security-Policy") != "x" || h.Get("Cache-Control") != test.cache ||
			h["X-Of-Upstream"] != nil || h["Kerf-Changed"] != nil || h["Kerf-Failed"] != nil {
			t.Errorf("%s: %s %v", test.request, got.Status, h)
		}
	}
}

// A page must be able to read why it was refused, wherever that was decided.
func TestPagesMayReadAllRefusalsOfTheirRoute(t *testing.T) {
	t.Parallel()
	up := echo(t, "up")
	const cors = `cors: {origins: ["https://app.example"], credentials: true}`
	b := setup(t, `
limits: {body: 10}
upstreams: {up: {urls: ["{up}"]}, away: {urls: ["http://127.0.0.1:1"]}}
auth: {key: {keys: {list: [{name: n, sha256: "`+hashOf("the key")+`"}]}}}
rates: {none: {requests: 1, per: 1h}}
routes:
  - {match: {path: /key}, proxy: up, auth: [key], `+cors+`}
  - {match: {path: /allow}, proxy: up, auth: [key], allow: {scope: x}, `+cors+`}
  - {match: {path: /rate}, proxy: up, rate: [none], `+cors+`}
  - {match: {path: /away}, proxy: away, `+cors+`}
  - {match: {path: /**}, proxy: up, `+cors+`}
`, map[string]*httptest.Server{"up": up})
	b.do(t, "GET /rate")
	for _, test := range []struct {
		request, header string
		code            int
	}{
		{"GET /key", "X-Api-Key: wrong", 401},
		{"GET /allow", "X-Api-Key: the key", 403},
		{"GET /rate", "Accept: x", 429},
		{"GET /away", "Accept: x", 503},
		{"GET /a%2fb", "Accept: x", 400},
		{"POST /a", "Body: more than ten bytes", 413},
	} {
		for _, origin := range []string{"https://app.example", "https://evil.example"} {
			got := b.do(t, test.request, test.header, "Origin: "+origin)
			allowed := got.Header.Get("Access-Control-Allow-Origin")
			if got.StatusCode != test.code || strings.Join(got.Header["Vary"], ", ") != "Accept, Origin" ||
				(allowed == origin) != (origin == "https://app.example") || allowed != "" && allowed != origin {
				t.Errorf("%s for %s: %s %v", test.request, origin, got.Status, got.Header)
			}
		}
	}
}
