package cache_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/kerf-go/kerf/gateway/cache"
)

// leaving adds headers as an answer leaves, as layers do that renew a cookie.
type leaving struct {
	http.ResponseWriter
	add func(http.Header)
}

func (w *leaving) WriteHeader(code int) {
	w.add(w.Header())
	w.ResponseWriter.WriteHeader(code)
}

// personal are headers that layers outside of the cache give each client.
var personal = []string{
	"Ratelimit", "Ratelimit-Policy", "Retry-After", "X-Correlation-Id", "Access-Control-Allow-Origin", "Set-Cookie",
}

// outside puts such layers before the cache; who is the client.
func (b *bundle) outside(who string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, name := range personal[:4] {
			w.Header().Set(name, who)
		}
		b.ServeHTTP(&leaving{w, func(h http.Header) {
			for _, name := range personal[4:] {
				h.Set(name, who)
			}
		}}, r)
	})
}

// Whichever way an answer is found, it has what the layers outside say of its own client, and nothing
// that they have said of another.
func TestLayersOutsideAddToNoOthersAnswer(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer, then http.HandlerFunc // then: of the second request; nil: it is not to reach the upstream
		headers      []string         // of the second request
		status       string           // of Cache-Status
	}{
		"a hit": {answer: say("Cache-Control: max-age=60"), status: "kerf; hit; ttl=60"},
		"a part of it": {
			answer: say("Cache-Control: max-age=60"), headers: []string{"Range: bytes=0-0"},
			status: "kerf; hit; ttl=60",
		},
		"what a client has already": {
			answer: say("Cache-Control: max-age=60", `Etag: "a"`), headers: []string{`If-None-Match: "a"`},
			status: "kerf; hit; ttl=60",
		},
		"what was checked": {
			answer: say("Cache-Control: no-cache", `Etag: "a"`), then: say(":status 304", `Etag: "a"`),
			status: "kerf; fwd=stale; fwd-status=304",
		},
		"what stands in for an error": {
			answer: say("Cache-Control: max-age=0, stale-if-error=60"), then: say(":status 503"),
			status: "kerf; fwd=stale; fwd-status=503; detail=stale-if-error",
		},
		"a stale one": {
			answer: say("Cache-Control: max-age=0, stale-while-revalidate=60"), then: say(),
			status: "kerf; hit; ttl=0",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, cache.Options{}, test.answer)
			for i, who := range []string{"one", "two", "three"} {
				if i == 1 && test.then != nil {
					b.answers(test.then)
				}
				r := newRequest("/x")
				if i > 0 {
					for _, h := range test.headers {
						name, value, _ := strings.Cut(h, ": ")
						r.Header.Set(name, value)
					}
				}
				w := newRecorder()
				b.outside(who).ServeHTTP(w, r)
				if i == 1 && status(w) != test.status {
					t.Errorf("it is %q, not %q", status(w), test.status)
				}
				isOwn(t, w, who)
			}
			w := b.do("GET /x")
			for _, name := range personal {
				if w.Header()[name] != nil {
					t.Errorf("%s was kept: %q", name, w.Header()[name])
				}
			}
		})
	}
}

func isOwn(t *testing.T, w *httptest.ResponseRecorder, who string) {
	t.Helper()
	for _, name := range personal {
		if got := w.Result().Header[name]; !slices.Equal(got, []string{who}) {
			t.Errorf("%s is told %s: %q", who, name, got)
		}
	}
}

func TestThoseWhoWaitForOneAnswerHaveTheirOwnHeaders(t *testing.T) {
	t.Parallel()
	answer := make(chan struct{})
	b := setup(t, cache.Options{}, func(w http.ResponseWriter, r *http.Request) {
		<-answer
		say("Cache-Control: max-age=60")(w, r)
	})
	const clients = 5
	done := make(chan *httptest.ResponseRecorder, clients)
	for n := range clients {
		go func() {
			w := newRecorder()
			w.Header().Set("Who", strconv.Itoa(n))
			b.outside(strconv.Itoa(n)).ServeHTTP(w, newRequest("/x"))
			done <- w
		}()
	}
	until(t, func() bool { return b.store.Stats().Misses == clients })
	close(answer)
	for range clients {
		w := <-done
		isOwn(t, w, w.Header().Get("Who"))
	}
	if b.count() != 1 {
		t.Errorf("the upstream was asked %d times", b.count())
	}
}

// An upstream that answers by the origin of the page, and does not say so.
func TestAPageIsNotToldThatAnotherMayRead(t *testing.T) {
	t.Parallel()
	b := setup(t, cache.Options{}, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		w.Header().Set("Access-Control-Allow-Origin", r.Header.Get("Origin"))
	})
	for i, test := range []struct {
		origin string
		asked  int
	}{{"https://a.example", 1}, {"https://b.example", 2}, {"https://a.example", 2}} {
		got := b.do("GET /x", "Origin: "+test.origin).Header().Get("Access-Control-Allow-Origin")
		if got != test.origin || b.count() != test.asked {
			t.Errorf("request %d of %s: %q, asked %d times", i+1, test.origin, got, b.count())
		}
	}
	all := setup(t, cache.Options{}, say("Cache-Control: max-age=60", "Access-Control-Allow-Origin: *"))
	all.do("GET /x", "Origin: https://a.example")
	all.do("GET /x", "Origin: https://b.example")
	if all.count() != 1 {
		t.Errorf("what all may read was asked for %d times", all.count())
	}
}
