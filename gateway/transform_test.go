package gateway_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/kerf-go/kerf/gateway"
	"github.com/kerf-go/kerf/plan"
)

// seen is what an upstream was sent.
type seen struct {
	Query  url.Values  `json:"query"`
	Header http.Header `json:"header"`
	Length int64       `json:"length"`
	Body   string      `json:"body"`
}

// telling is an upstream that answers with what it was sent.
func telling(t *testing.T) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		if err := json.NewEncoder(w).Encode(seen{r.URL.Query(), r.Header, r.ContentLength, string(body)}); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

func TestRequestsChangeOnTheirWay(t *testing.T) {
	t.Parallel()
	b := setup(t, `
upstreams: {up: {urls: ["{up}"]}}
routes:
  - match: {path: "/shops/{shop}/**"}
    proxy: up
    transform:
      request:
        headers:
          remove: [X-Debug]
          rename: {X-Old: X-New}
          add: {X-Shop: "{shop} for {client}", X-Many: more}
        query: {remove: [debug], rename: {q: search}, add: {shop: "{shop}", at: "{host}{path}"}}
        body: {remove: [/admin], add: {/by: gateway}, wrap: order}
      body: 100
`, map[string]*httptest.Server{"up": telling(t)})
	ask := func(t *testing.T, request string, headers ...string) (answer, seen) {
		t.Helper()
		got := b.do(t, request, headers...)
		var s seen
		if got.StatusCode == http.StatusOK {
			if err := json.Unmarshal([]byte(got.body), &s); err != nil {
				t.Fatal(err)
			}
		}
		return got, s
	}
	t.Run("headers and parameters", func(t *testing.T) {
		t.Parallel()
		_, s := ask(t, "GET /shops/tea%2B%20%26co/x?q=a%26b&debug=1&search=old&keep=1", "Host: shop.example",
			"X-Debug: 1", "X-Old: old", "X-New: new", "X-Many: one")
		want := "at=shop.example%2Fshops%2Ftea%2B+%26co%2Fx&keep=1&search=a%26b&shop=tea%2B+%26co"
		if q := s.Query.Encode(); q != want {
			t.Error(q)
		}
		if s.Header.Get("X-Debug") != "" || s.Header.Get("X-Old") != "" || s.Header.Get("X-New") != "old" ||
			s.Header.Get("X-Shop") != "tea%2B%20%26co for 127.0.0.1" ||
			strings.Join(s.Header["X-Many"], " ") != "one more" {
			t.Errorf("%v", s.Header)
		}
	})
	t.Run("bodies, with what tells of them", func(t *testing.T) {
		t.Parallel()
		_, s := ask(t, "POST /shops/1/x", "Content-Type: application/json", "Content-Digest: sha-256=:AA==:",
			`{"item": "tea", "admin": true}`)
		if s.Body != `{"order":{"by":"gateway","item":"tea"}}` || s.Length != int64(len(s.Body)) ||
			s.Header.Get("Content-Digest") != "" {
			t.Errorf("%+v", s)
		}
	})
	for name, x := range map[string]struct {
		kind, body string
		code       int
	}{
		"a body of another type": {"Content-Type: text/plain", `{"admin": true}`, 415},
		"no JSON":                {"Content-Type: application/json", `{"admin`, 400},
		"a name twice":           {"Content-Type: application/json", `{"admin": 1, "admin": 2}`, 400},
		"too large":              {"Content-Type: application/json", `{"a": "` + strings.Repeat("a", 100) + `"}`, 413},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, _ := ask(t, "POST /shops/1/x", x.kind, x.body); got.StatusCode != x.code {
				t.Errorf("%s %s", got.Status, got.body)
			}
		})
	}
	t.Run("a query that is none", func(t *testing.T) {
		t.Parallel()
		if got, _ := ask(t, "GET /shops/1/x?a=1;b=2"); got.StatusCode != http.StatusBadRequest {
			t.Errorf("%s %s", got.Status, got.body)
		}
	})
}

func TestAnswersChangeOnTheirWay(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	b := setup(t, `
upstreams: {up: {urls: ["{up}"]}}
routes:
  - proxy: up
    transform:
      response:
        headers: {remove: [X-Inner], add: {X-Path: "{path}"}}
        body: {unwrap: data, remove: [/secret], rename: {/id: key}}
      body: 100
`, map[string]*httptest.Server{"up": mirror(t, &asked)})
	long := strings.Repeat("a", 100)
	for name, x := range map[string]struct {
		headers        []string
		code           int
		want, tag, way string
	}{
		"JSON":            {[]string{`Answer: {"data": {"id": 1, "secret": 2}}`}, 200, `{"key":1}`, `W/"1"`, "/x"},
		"an error":        {[]string{`Answer: {"secret": 1}`, "With: error"}, 400, `{"secret": 1}`, `"1"`, ""},
		"no JSON":         {[]string{`Answer: text`, "Answer-Content-Type: text/plain"}, 200, `text`, `"1"`, "/x"},
		"events":          {[]string{`Answer: data:`, "Answer-Content-Type: text/event-stream"}, 200, ``, `"1"`, "/x"},
		"no body":         {[]string{`Answer: a`, "With: none"}, 204, ``, `W/"1"`, "/x"},
		"what is no JSON": {[]string{`Answer: {"secret": `}, 502, `not as it should be`, ``, ""},
		"a name twice":    {[]string{`Answer: {"secret": 1, "secret": 2}`}, 502, `not as it should be`, ``, ""},
		"too large":       {[]string{`Answer: {"secret": "` + long + `"}`}, 502, `not as it should be`, ``, ""},
		"compressed JSON": {
			[]string{`Answer: {"secret": 1}`, "Answer-Content-Encoding: gzip"}, 502, `not as it should be`, ``, "",
		},
		"another charset": {
			[]string{`Answer: {"secret": 1}`, "Answer-" + plain + "; charset=latin1"},
			502, `not as it should be`, ``, "",
		},
		"a charset that cannot be read": {
			[]string{`Answer: {"secret": 1}`, "Answer-" + plain + "; charset"}, 502, `not as it should be`, ``, "",
		},
		"another name for JSON": {
			[]string{`Answer: {"secret": 1}`, "Answer-Content-Type: Text/JSON"}, 502, `not as it should be`, ``, "",
		},
		"JSON and no JSON": {
			[]string{`Answer: {"secret": 1}`, "Answer-Content-Type: text/html", "Answer-" + plain},
			502, `not as it should be`, ``, "",
		},
		"lines of JSON": {[]string{`Answer: {}`, "Answer-Content-Type: application/x-ndjson"}, 200, `{}`, `"1"`, "/x"},
		"compressed text": {
			[]string{`Answer: a`, "Answer-Content-Type: text/x", "Answer-Content-Encoding: gzip"},
			200, `a`, `"1"`, "/x",
		},
		"a digest": {[]string{`Answer: {}`, "Answer-Content-Digest: sha-256=:AA==:"}, 200, `{}`, `W/"1"`, "/x"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := b.do(t, "GET /x", append(x.headers, "Answer-X-Inner: 1", "Accept-Encoding: gzip")...)
			if got.StatusCode != x.code || !strings.Contains(got.body, x.want) || got.Header.Get("ETag") != x.tag ||
				got.Header.Get("X-Path") != x.way {
				t.Errorf("%s %s %v", got.Status, got.body, got.Header)
			}
			if got.ContentLength > 0 && got.ContentLength != int64(len(got.body)) {
				t.Errorf("%d bytes, not %d", len(got.body), got.ContentLength)
			}
			if x.way != "" && (got.Header.Get("X-Inner") != "" || got.Header.Get("Content-Digest") != "") ||
				got.Header.Get("Seen-Encoding") != "" {
				t.Errorf("%v", got.Header)
			}
		})
	}
	t.Run("HEAD tells no length", func(t *testing.T) {
		t.Parallel()
		got := b.do(t, "HEAD /x", `Answer: {"data": 1}`)
		if got.ContentLength > 0 || got.Header.Get("ETag") != `W/"1"` {
			t.Errorf("%d %v", got.ContentLength, got.Header)
		}
	})
}

func TestMistakesInTransformations(t *testing.T) {
	t.Parallel()
	for name, x := range map[string][2]string{
		"a path that is none":        {`{response: {body: {remove: [a]}}}`, `"a" is no path`},
		"an unknown name":            {`{request: {query: {add: {a: "{b}"}}}}`, `nothing stands for {b}`},
		"an open name":               {`{request: {query: {add: {a: "{path"}}}}`, `nothing stands for`},
		"a header of the connection": {`{request: {headers: {add: {host: "a"}}}}`, `"host" cannot be changed`},
		"a header that is none":      {`{request: {headers: {rename: {a: "b c"}}}}`, `"b c" cannot be changed`},
		"two lines":                  {`{response: {headers: {add: {a: "b\nc"}}}}`, `cannot stand in a header`},
		"a client in what is kept": {
			`{response: {headers: {add: {a: "{client}"}}}}, cache: {}`, `kept for others cannot name a client`,
		},
		"less than no body": {`{body: -1}`, `-1 is negative`},
	} {
		d, err := plan.ReadDocument("g.yaml", []byte("routes: [{transform: "+x[0]+", answer: {}}]"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := gateway.New(d, gateway.Options{}); err == nil || !strings.Contains(err.Error(), x[1]) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
