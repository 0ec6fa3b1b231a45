package gateway_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/kerf-go/kerf/gateway"
	library "github.com/kerf-go/kerf/internal/library/v1"
	"github.com/kerf-go/kerf/plan"
	"github.com/kerf-go/kerf/transcode"
)

const merging = `
upstreams:
  tales: {urls: ["{tales}"]}
routes:
  - match: {path: "/home/{name}"}
    headers: {request: {set: {x-set: "1"}}}
    timeout: 5s
    merge:
      parts:
        book: {call: library, get: "/v1/books/{name}"}
        shelf:
          call: library
          get: "/v1/shelves/{book.title}/books?page_token={query.token}&page_size=1"
          optional: true
        tale: {proxy: tales, get: "/tales/{book.title}?of={name}", optional: true}
        first: {proxy: tales, get: "/deep/{name}", field: all.1.value, optional: true}
  - match: {path: "/slow/{name}"}
    merge:
      parts:
        book: {call: library, get: "/v1/books/7"}
        other: {call: library, get: "/v1/books/{name}", optional: true, timeout: 50ms}
  - match: {path: "/late/{name}"}
    timeout: 50ms
    merge:
      parts:
        book: {call: library, get: "/v1/books/{name}"}
  - match: {path: "/odd/{page=**}"}
    merge:
      size: 2000
      parts:
        book: {call: library, get: "/v1/books/7"}
        odd: {proxy: tales, get: "/odd/{page}", optional: true}
        after: {proxy: tales, get: "/deep/{odd.x}", optional: true}
        live: {call: library, get: "/v1/shelves/1/books:watch", optional: true}
  - match: {path: /full}
    merge:
      size: 2000
      parts:
        book: {call: library, get: "/v1/books/{odd.x}"}
        odd: {proxy: tales, get: /odd/full, optional: true}
  - match: {path: /new, query: {v: "2"}}
    merge: {parts: {book: {call: library, get: /v1/books/7}}}
  - match: {path: /together}
    merge:
      parts: {one: {proxy: tales, get: /meet}, two: {proxy: tales, get: /meet}, three: {proxy: tales, get: /meet}}
  - match: {path: /gone}
    merge: {parts: {one: {proxy: tales, get: /wait}}}
  - match: {path: /mine}
    merge: {parts: {one: {call: library, get: "/v1/books/{user}"}}}
`

// newTales is an upstream. Its /meet waits for three, and its /wait until the client goes, which
// gone tells.
func newTales(t *testing.T) (s *httptest.Server, gone chan struct{}) {
	t.Helper()
	came, all := make(chan struct{}), make(chan struct{})
	gone = make(chan struct{})
	go func() {
		for range 3 {
			select {
			case <-came:
			case <-t.Context().Done():
				return
			}
		}
		close(all)
	}()
	s = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch path := r.URL.EscapedPath(); path {
		case "/deep/7":
			fmt.Fprint(w, `{"all": [{}, {"value": {"n":  1.50}}]}`)
		case "/odd/large":
			fmt.Fprintf(w, `{"x": %q}`, strings.Repeat("x", 3000))
		case "/odd/full":
			fmt.Fprintf(w, `{"x": 7, "y": %q}`, strings.Repeat("y", 1980))
		case "/odd/broken":
			fmt.Fprint(w, `{"x": 1}, "book": {"title": "mine"`)
		case "/odd/page":
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, `1`)
		case "/odd/x":
			fmt.Fprint(w, `{"x": {}}`)
		case "/odd/dots":
			fmt.Fprint(w, `{"x": ".."}`)
		case "/meet":
			came <- struct{}{}
			<-all
			fmt.Fprint(w, `1`)
		case "/wait":
			<-r.Context().Done()
			close(gone)
		default:
			if !strings.HasPrefix(path, "/tales/") {
				w.WriteHeader(http.StatusForbidden)
				return
			}
			_ = json.NewEncoder(w).Encode([]string{
				r.RequestURI, r.Header.Get("Authorization"), r.Header.Get("X-Set"), r.Header.Get("X-Forwarded-For"),
				r.Header.Get("If-None-Match"), r.Header.Get("X-Hop"),
			})
		}
	}))
	t.Cleanup(s.Close)
	return s, gone
}

func TestMergesAnswerWithTheirParts(t *testing.T) {
	t.Parallel()
	tales, _ := newTales(t)
	b := setup(t, merging, map[string]*httptest.Server{"tales": tales}, newLibrary(t))
	for name, test := range map[string]struct {
		request string
		code    int
		want    []string
	}{
		"parts, and parts that need others": {"GET /home/7?token=a%26b", 200, []string{
			`"book":{"name":"7","title":"About 7","authors":["me"]}`,
			`"shelf":{"nextPageToken":"shelves/About 7?a&b"}`,
			`"tale":["/tales/About%207?of=7","me","1","127.0.0.1","",""]`,
			`"first":{"n":1.50}`, // as it came
		}},
		"an optional part that is missing": {"GET /home/7", 200, []string{
			`"missing":{"shelf":{"code":3,"message":"the query lacks token"`, `"tale":[`,
		}},
		"a required part that fails": {"GET /home/9?token=x", 404, []string{`"message":"there is no such book"`}},
		"a value does not leave its segment": {
			"GET /home/a%3F%25?token=x", 200,
			[]string{`/tales/About%20a%3F%25?of=a%3F%25`},
		},
		"an optional part that is too slow":   {"GET /slow/never", 200, []string{`"other":{"code":4`, `"About 7"`}},
		"a required part that takes too long": {"GET /late/never", 504, []string{`"code":4`}},
		"too large an answer":                 {"GET /odd/large", 200, []string{`"odd":{"code":8`, `"after":{"code"`}},
		"no room for what is required":        {"GET /full", 200, []string{`"About 7"`, `"odd":{"code":8`}},
		"a broken answer":                     {"GET /odd/broken", 200, []string{`"odd":{"code":13`, `"About 7"`}},
		"an answer that is no JSON":           {"GET /odd/page", 200, []string{`"odd":{"code":13`}},
		"an upstream that refuses":            {"GET /odd/nothing/there", 200, []string{`"odd":{"code":7`}},
		"a value that is none": {
			"GET /odd/x", 200,
			[]string{`"after":{"code":13,"message":"x is no single value"`},
		},
		"a value that leads elsewhere": {
			"GET /odd/dots", 200,
			[]string{`"after":{"code":3,"message":"\"..\" cannot stand in a path"`},
		},
		"a stream is no part": {
			"GET /odd/x", 200,
			[]string{`"live":{"code":13,"message":"the answer is not JSON"`},
		},
		"parts are asked for at once": {"GET /together", 200, []string{`"one":1`, `"two":1`, `"three":1`}},
		"a parameter that no part takes": {
			"GET /home/7?token=x&tokn=y", 400,
			[]string{`"message":"unknown query parameter \"tokn\": there is token"`},
		},
		"a parameter where no part takes any": {
			"GET /together?x=1", 400,
			[]string{`"message":"unknown query parameter \"x\": there is none"`},
		},
		"a parameter of the match":    {"GET /new?v=2", 200, []string{`"About 7"`}},
		"a parameter twice":           {"GET /home/7?token=x&token=y", 400, []string{`is given 2 times`}},
		"a query that cannot be read": {"GET /home/7?token=%zz", 400, []string{`query: invalid URL`}},

		"only reading":        {"POST /together", 405, nil},
		"no body for HEAD":    {"HEAD /home/7", 200, nil},
		"nobody is logged in": {"GET /mine", 401, []string{"nobody is logged in"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := b.do(t, test.request, "Authorization: me", "If-None-Match: x", "Connection: x-hop", "X-Hop: 1")
			body := got.body
			if strings.HasPrefix(body, "{") {
				body = compact(t, body)
			}
			for _, want := range test.want {
				if !strings.Contains(body, want) {
					t.Errorf("%s: %s\nlacks %s", got.Status, body, want)
				}
			}
			if got.StatusCode != test.code || test.want == nil && body != "" {
				t.Errorf("%s: %s", got.Status, body)
			}
			partial := strings.Contains(body, `"missing"`) || test.request == "HEAD /home/7"
			if (got.Header.Get("Cache-Control") == "no-store") != partial {
				t.Errorf("caches are told %q", got.Header.Get("Cache-Control"))
			}
		})
	}
}

// compact takes out spaces: protojson puts them where it likes.
func compact(t *testing.T, text string) string {
	t.Helper()
	var out strings.Builder
	decoder := json.NewDecoder(strings.NewReader(text))
	var whole json.RawMessage
	if err := decoder.Decode(&whole); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		t.Fatalf("%s: something follows", text)
	}
	quoted, escaped := false, false
	for _, c := range text {
		if quoted || !strings.ContainsRune(" \n", c) {
			out.WriteRune(c)
		}
		if c == '"' && !escaped {
			quoted = !quoted
		}
		escaped = c == '\\' && !escaped
	}
	return out.String()
}

func TestAMergeEndsWithItsClient(t *testing.T) {
	t.Parallel()
	tales, gone := newTales(t)
	b := setup(t, merging, map[string]*httptest.Server{"tales": tales}, newLibrary(t))
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, b.url+"/gone", nil)
	if err != nil {
		t.Fatal(err)
	}
	if response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r); err == nil {
		response.Body.Close()
		t.Errorf("it answered %s", response.Status)
	}
	select {
	case <-gone:
	case <-time.NewTimer(5 * time.Second).C:
		t.Error("the upstream works on")
	}
}

func TestMistakesOfMergesHaveTheirPlaces(t *testing.T) {
	t.Parallel()
	text := `listen: [{address: 127.0.0.1:0}]
routes:
  - match: {path: "/a/{name}"}
    merge:
      parts:
        missing: {call: library, get: /v1/books/7}
        both: {call: library, proxy: x, get: /v1/books/7}
        away: {call: nobody, get: /v1/books/7}
        up: {proxy: nowhere, get: /x}
        path: {call: library, get: "/v1/bookz/{name}"}
        bare: {call: library, get: "/v1/books/{both}"}
        unknown: {call: library, get: "/v1/books/{nam}"}
        open: {call: library, get: "/v1/books/{name"}
        start: {call: library, get: "v1"}
  - match: {path: "/b"}
    merge:
      parts:
        one: {call: library, get: "/v1/books/{two.x}"}
        two: {call: library, get: "/v1/books/{three.x}"}
        three: {call: library, get: "/v1/books/{one.x}"}
  - merge: {parts: {}}
`
	d, err := plan.ReadDocument("g.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	service := transcode.Service{Desc: library.File_internal_library_v1_library_proto.Services().ByName("Library")}
	_, err = gateway.New(d, gateway.Options{
		Services: byName([]transcode.Service{service}), Logger: slog.New(slog.DiscardHandler),
	})
	if err == nil {
		t.Fatal("it is taken")
	}
	for _, want := range []string{
		"g.yaml:6:9: a part cannot have the name missing",
		"g.yaml:7:9: a part has exactly one of call and proxy",
		`g.yaml:8:16: there is no service "nobody" to call`,
		`g.yaml:9:21: there is no upstream "nowhere"`,
		"g.yaml:10:36: no method of library answers GET /v1/bookz/1",
		"g.yaml:11:36: {both} is a whole answer",
		"g.yaml:12:39: {nam} is neither",
		"g.yaml:13:36: a { is not closed",
		"g.yaml:14:37: the path of a part begins with a slash",
		"g.yaml:18:35: parts need each other: one needs two needs three needs one",
		"g.yaml:21:13: there are no parts",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v\nlacks %s", err, want)
		}
	}
}
