package cache_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/kerf-go/kerf/gateway/cache"
)

func at(d time.Duration) string { return time.Now().Add(d).UTC().Format(http.TimeFormat) }

// TestWhatIsKept makes each request twice: what is kept, the upstream is asked for once.
func TestWhatIsKept(t *testing.T) {
	t.Parallel()
	const kept, asked = true, false
	asks := func(headers ...string) []string { return headers }
	minute := say("Cache-Control: max-age=60")
	bold := cache.Options{TTL: time.Minute, Heuristic: true}
	for name, test := range map[string]struct {
		options cache.Options
		request []string
		answer  http.HandlerFunc
		want    bool
	}{
		"what has an age is kept":           {answer: minute, want: kept},
		"what says nothing is not":          {answer: say(), want: asked},
		"what says nothing is, if so asked": {options: cache.Options{TTL: time.Minute}, answer: say(), want: kept},
		"no-store is not": {
			options: bold, answer: say("Cache-Control: max-age=60, no-store"), want: asked,
		},
		"No-Store, in capitals, is not": {
			options: bold, answer: say("cache-control: max-age=60", "Cache-Control: No-Store"), want: asked,
		},
		"private is not": {
			options: bold, answer: say("Cache-Control: private, max-age=60"), want: asked,
		},
		"private with fields is not": {
			options: bold, answer: say(`Cache-Control: private="X-User", max-age=60`), want: asked,
		},
		"an unending quotation is not": {
			options: bold, answer: say(`Cache-Control: max-age=60, x="no-store`), want: asked,
		},
		"no-cache with a tag is checked":     {answer: say("Cache-Control: no-cache", `ETag: "1"`), want: asked},
		"s-maxage counts before max-age":     {answer: say("Cache-Control: max-age=0, s-maxage=60"), want: kept},
		"s-maxage=0 too":                     {answer: say("Cache-Control: max-age=60, s-maxage=0"), want: asked},
		"max-age counts before Expires":      {answer: say("Cache-Control: max-age=60", "Expires: 0"), want: kept},
		"Expires in future is kept":          {answer: say("Expires: " + at(time.Hour)), want: kept},
		"Expires in the past is not":         {options: bold, answer: say("Expires: " + at(-time.Hour)), want: asked},
		"Expires that is no time has passed": {options: bold, answer: say("Expires: 0"), want: asked},
		"an age that is no number is 0":      {options: bold, answer: say("Cache-Control: max-age=ten"), want: asked},
		"an age with a sign is 0":            {options: bold, answer: say("Cache-Control: max-age=-1"), want: asked},
		"two ages that differ are 0": {
			options: bold, answer: say("Cache-Control: max-age=60, max-age=90"), want: asked,
		},
		"an age in quotes is one": {answer: say(`Cache-Control: max-age="60"`), want: kept},
		"an age beyond all numbers is one": {
			answer: say("Cache-Control: max-age=99999999999999999999"), want: kept,
		},
		"one that grew old elsewhere is not": {answer: say("Cache-Control: max-age=60", "Age: 61"), want: asked},
		"one with an old date is not": {
			answer: say("Cache-Control: max-age=60", "Date: "+at(-2*time.Minute)), want: asked,
		},
		"Last-Modified is no promise": {answer: say("Last-Modified: " + at(-24*time.Hour)), want: asked},
		"Last-Modified is one, if so asked": {
			options: cache.Options{Heuristic: true}, answer: say("Last-Modified: " + at(-24*time.Hour)), want: kept,
		},
		"Vary: * is not": {answer: say("Cache-Control: max-age=60", "Vary: *"), want: asked},
		"Vary: * among others is not": {
			answer: say("Cache-Control: max-age=60", "Vary: Accept, *"), want: asked,
		},
		"what varies by the client is not": {
			answer: say("Cache-Control: max-age=60", "Vary: X-Forwarded-For"), want: asked,
		},
		"Set-Cookie is not": {
			answer: say("Cache-Control: public, max-age=60", "Set-Cookie: a=b"), want: asked,
		},
		"a part is not, whatever it says": {answer: say(":status 206", "Cache-Control: max-age=60"), want: asked},
		"an error that says so is kept":   {answer: say(":status 404", "Cache-Control: max-age=60"), want: kept},
		"that there were too many requests is not": {
			answer: say(":status 429", "Cache-Control: max-age=60"), want: asked,
		},
		"that a header was too large is not": {
			options: bold, answer: say(":status 431", "Cache-Control: public, max-age=60"), want: asked,
		},
		"that a condition is missing is not": {answer: say(":status 428", "Cache-Control: max-age=60"), want: asked},
		"that a log-in is missing is not":    {answer: say(":status 511", "Cache-Control: max-age=60"), want: asked},
		"events are not": {
			options: bold, answer: say("Content-Type: Text/Event-Stream; charset=utf-8"), want: asked,
		},
		"lines are not": {
			options: bold, answer: say("Content-Type: application/x-ndjson", "Cache-Control: max-age=60"), want: asked,
		},
		"an error is not taken for granted":  {options: bold, answer: say(":status 404"), want: asked},
		"a failure is not taken for granted": {options: bold, answer: say(":status 500"), want: asked},
		"a redirect that says so is kept": {
			answer: say(":status 302", "Cache-Control: max-age=60", "Location: /y"), want: kept,
		},
		"nothing, said for a minute, is kept": {answer: say(":status 204", "Cache-Control: max-age=60"), want: kept},
		"an unknown status that says so is":   {answer: say(":status 299", "Cache-Control: max-age=60"), want: kept},
		"unless it must be understood": {
			answer: say(":status 299", "Cache-Control: max-age=60, must-understand"), want: asked,
		},
		"what is understood outdoes no-store": {
			answer: say("Cache-Control: max-age=60, must-understand, no-store"), want: kept,
		},
		"with Authorization it is not": {
			options: bold, request: asks("Authorization: me"), answer: minute, want: asked,
		},
		"unless it is public": {
			request: asks("Authorization: me"), answer: say("Cache-Control: public, max-age=60"), want: kept,
		},
		"or has s-maxage": {
			request: asks("Authorization: me"), answer: say("Cache-Control: s-maxage=60"), want: kept,
		},
		"or must-revalidate": {
			request: asks("Authorization: me"), answer: say("Cache-Control: max-age=60, must-revalidate"), want: kept,
		},
		"with a cookie it is not": {
			options: bold, request: asks("Cookie: a=b"), answer: minute, want: asked,
		},
		"with a cookie, public is": {
			request: asks("Cookie: a=b"), answer: say("Cache-Control: max-age=60, public"), want: kept,
		},
		"with a cookie that goes, it is": {
			options: cache.Options{DropCookies: true}, request: asks("Cookie: a=b"), answer: minute, want: kept,
		},
		"what the client forbids is not":       {request: asks("Cache-Control: no-store"), answer: minute, want: asked},
		"what the client wants checked is not": {request: asks("Cache-Control: no-cache"), answer: minute, want: asked},
		"nor in the old way":                   {request: asks("Pragma: no-cache"), answer: minute, want: asked},
		"max-age=0 of a client is obeyed": {
			request: asks("Cache-Control: max-age=0"), answer: minute, want: asked,
		},
		"min-fresh of a client is obeyed": {
			request: asks("Cache-Control: min-fresh=90"), answer: minute, want: asked,
		},
		"min-fresh that is met is no matter": {
			request: asks("Cache-Control: min-fresh=30"), answer: minute, want: kept,
		},
		"If-Match is for the origin": {request: asks(`If-Match: "1"`), answer: minute, want: asked},
		"an upgrade is not": {
			request: asks("Connection: upgrade", "Upgrade: x"), answer: minute, want: asked,
		},
		"trailers are not": {
			answer: say("Cache-Control: max-age=60", "Trailer: X-Sum"), want: asked,
		},
		"a body shorter than it says is not": {answer: short, want: asked},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, test.options, test.answer)
			for range 2 {
				b.tryDo("GET /x", test.request...)
			}
			if got := b.count() == 1; got != test.want {
				t.Errorf("asked for %d times", b.count())
			}
		})
	}
}

// tryDo is do for answers that may break off.
func (b *bundle) tryDo(request string, headers ...string) (w *httptest.ResponseRecorder) {
	defer func() { _ = recover() }()
	return b.do(request, headers...)
}

func short(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Cache-Control", "max-age=60")
	w.Header().Set("Content-Length", "10")
	_, _ = w.Write([]byte("short"))
}

func TestRequestsThatAreNotAnsweredFromTheStore(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]*http.Request{
		"one with a body":           httptest.NewRequest(http.MethodGet, "/x", strings.NewReader("q")),
		"one with chunks":           httptest.NewRequest(http.MethodGet, "/x", io.MultiReader(strings.NewReader("q"))),
		"another method":            httptest.NewRequest(http.MethodOptions, "/x", http.NoBody),
		"a URL beyond all measures": httptest.NewRequest(http.MethodGet, "/"+strings.Repeat("x", 9<<10), http.NoBody),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, cache.Options{}, say("Cache-Control: max-age=60"))
			b.do("GET /x")
			for i := range 2 {
				w := httptest.NewRecorder()
				b.ServeHTTP(w, r)
				if b.count() != i+2 || !strings.Contains(status(w), "fwd=") {
					t.Errorf("asked %d times, %s", b.count(), status(w))
				}
			}
			if n := b.store.Stats().Entries; n != 1 {
				t.Errorf("%d are kept", n)
			}
		})
	}
}

// TestTwoRequestsThatAreToldApart keeps an answer to the first of two, and makes the second.
func TestTwoRequestsThatAreToldApart(t *testing.T) {
	t.Parallel()
	const same, other = true, false
	for name, test := range map[string]struct {
		options       cache.Options
		answer        string // Vary
		first, second string // "GET /x, Name: value"
		want          bool
	}{
		"the same":                        {first: "GET /x", second: "GET /x", want: same},
		"another path":                    {first: "GET /x", second: "GET /X", want: other},
		"another query":                   {first: "GET /x?a=1", second: "GET /x?a=2", want: other},
		"the same query in another order": {first: "GET /x?a=1&b=2", second: "GET /x?b=2&a=1", want: other},
		"an empty query":                  {first: "GET /x", second: "GET /x?", want: same},
		"another host": {
			first: "GET http://a.example/x", second: "GET http://b.example/x", want: other,
		},
		"another port": {
			first: "GET http://a.example/x", second: "GET http://a.example:81/x", want: other,
		},
		"another scheme": {
			first: "GET http://a.example/x", second: "GET https://a.example/x", want: other,
		},
		"HEAD":                       {first: "GET /x", second: "HEAD /x", want: same},
		"a header that is not named": {first: "GET /x", second: "GET /x, Accept-Language: de", want: same},
		"a header that is named": {
			answer: "accept-language", first: "GET /x", second: "GET /x, Accept-Language: de", want: other,
		},
		"the same value of a header": {
			answer: "Accept-Language", first: "GET /x, Accept-Language: de", second: "GET /x, Accept-Language: de",
			want: same,
		},
		"one of the route's headers": {
			options: cache.Options{Vary: []string{"x-tenant"}}, first: "GET /x, X-Tenant: a",
			second: "GET /x, X-Tenant: b", want: other,
		},
		"codings that get the same": {
			answer: "Accept-Encoding", first: "GET /x, Accept-Encoding: gzip, br",
			second: "GET /x, Accept-Encoding: br;q=1.0,gzip , foo", want: same,
		},
		"codings that do not": {
			answer: "Accept-Encoding", first: "GET /x, Accept-Encoding: gzip", second: "GET /x, Accept-Encoding: br",
			want: other,
		},
		"a parameter that counts": {
			options: cache.Options{Query: []string{"p"}}, first: "GET /x?p=1", second: "GET /x?p=2", want: other,
		},
		"a parameter that does not": {
			options: cache.Options{Query: []string{"p"}}, first: "GET /x?p=1&q=1", second: "GET /x?q=2&p=1",
			want: same,
		},
		"Authorization where all may have it": {
			answer: "", first: "GET /x, Authorization: a", second: "GET /x, Authorization: b", want: same,
		},
		"Authorization where it varies by it": {
			answer: "Authorization", first: "GET /x, Authorization: a", second: "GET /x, Authorization: b",
			want: other,
		},
		"a cookie where it varies by it": {
			answer: "Cookie", first: "GET /x, Cookie: a=1", second: "GET /x, Cookie: a=2", want: other,
		},
		"a header of another name for the key": {
			options: cache.Options{Vary: []string{"A", "B"}}, first: "GET /x, A: 1", second: "GET /x, B: 1",
			want: other,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, test.options, say("Cache-Control: public, max-age=60", "Vary: "+test.answer))
			for _, line := range []string{test.first, test.second} {
				request, header, has := strings.Cut(line, ", ")
				if has {
					b.do(request, header)
				} else {
					b.do(request)
				}
			}
			if got := b.count() == 1; got != test.want {
				t.Errorf("asked for %d times", b.count())
			}
		})
	}
}

func TestAStrangersAnswerIsNotForOneWhoIsKnown(t *testing.T) {
	t.Parallel()
	b := setup(t, cache.Options{}, say("Cache-Control: max-age=60"))
	b.do("GET /x")
	b.do("GET /x", "Cookie: session=1")
	b.do("GET /x", "Authorization: Bearer x")
	if b.count() != 3 {
		t.Errorf("asked for %d times", b.count())
	}
	if b.do("GET /x"); b.count() != 3 {
		t.Error("strangers have lost theirs")
	}
}

func TestWhatNoKeyHasDoesNotReachTheUpstream(t *testing.T) {
	t.Parallel()
	b := setup(t, cache.Options{Vary: []string{"X-Tenant"}, Query: []string{"p"}}, say("Cache-Control: max-age=60"))
	b.do("GET /x?p=1&evil=2&p%00=3", "X-Tenant: a", "X-Original-Url: /admin", "X-Host: evil", "X-Auth-Subject: root",
		"Accept-Language: de", "If-None-Match: \"1\"", "Referer: http://evil", "From: evil", "Prefer: evil",
		"Max-Forwards: 0", "Baggage: evil=1", "Content-Type: evil", "Content-Length: 0",
		"Accept-Encoding: gzip;q=0.3, evil")
	got := b.last()
	for name := range got.Header {
		if name != "X-Tenant" && name != "Accept-Language" && name != "Accept-Encoding" {
			t.Errorf("%s passes", name)
		}
	}
	if got.URL.RawQuery != "p=1" || got.Header.Get("Accept-Encoding") != "gzip" {
		t.Errorf("%s %v", got.URL, got.Header)
	}
}
