package cache_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kerf-go/kerf/gateway/cache"
)

// TestWhatBecomesOfAnAnswerInTime asks twice, with a time between; the second time the upstream
// does something else, which is told by the body.
func TestWhatBecomesOfAnAnswerInTime(t *testing.T) {
	t.Parallel()
	down := say(":status 503")
	unchanged := func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("If-None-Match") == "" && r.Header.Get("If-Modified-Since") == "" {
			w.WriteHeader(http.StatusTeapot) // it should have been asked whether it has changed
		} else {
			w.WriteHeader(http.StatusNotModified)
		}
	}
	breaks := func(http.ResponseWriter, *http.Request) {
		panic(http.ErrAbortHandler) //nolint:forbidigo // as ReverseProxy does
	}
	for name, test := range map[string]struct {
		options cache.Options
		control string
		wait    int    // seconds
		request string // Cache-Control
		then    http.HandlerFunc
		code    int
		want    string // in Cache-Status
	}{
		"fresh": {
			control: "max-age=60", wait: 59, then: down, code: 200, want: "kerf; hit; ttl=1",
		},
		"over": {
			control: "max-age=60", wait: 60, then: down, code: 503, want: "fwd=stale; fwd-status=503",
		},
		"unchanged": {
			control: "max-age=60", wait: 61, then: unchanged, code: 200, want: "fwd=stale; fwd-status=304",
		},
		"checked each time": {
			control: "no-cache", wait: 1, then: unchanged, code: 200, want: "fwd=stale; fwd-status=304",
		},
		"as old as a client takes it": {
			control: "max-age=60", wait: 30, request: "max-age=30", then: down, code: 200, want: "hit",
		},
		"older than a client takes it": {
			control: "max-age=60", wait: 30, request: "max-age=29", then: unchanged, code: 200,
			want: "fwd=request; fwd-status=304",
		},
		"less fresh than a client asks": {
			control: "max-age=60", wait: 30, request: "min-fresh=31", then: unchanged, code: 200, want: "fwd=request",
		},
		"stale as a client takes it": {
			control: "max-age=60", wait: 70, request: "max-stale=10", then: down, code: 200, want: "hit; ttl=-10",
		},
		"stale as a client takes any": {
			control: "max-age=60", wait: 9999, request: "max-stale", then: down, code: 200, want: "hit; ttl=-9939",
		},
		"staler than a client takes it": {
			control: "max-age=60", wait: 71, request: "max-stale=10", then: down, code: 503, want: "fwd=stale",
		},
		"stale, where that must not be": {
			control: "max-age=60, must-revalidate", wait: 61, request: "max-stale", then: down, code: 503,
			want: "fwd=stale",
		},
		"stale, not for proxies": {
			control: "max-age=60, proxy-revalidate", wait: 61, request: "max-stale", then: down, code: 503,
			want: "fwd=stale",
		},
		"stale, not for shared caches": {
			control: "s-maxage=60", wait: 61, request: "max-stale", then: down, code: 503, want: "fwd=stale",
		},
		"stale while it is refreshed": {
			control: "max-age=60, stale-while-revalidate=10", wait: 69, then: down, code: 200, want: "hit; ttl=-9",
		},
		"too stale to be refreshed": {
			control: "max-age=60, stale-while-revalidate=10", wait: 70, then: down, code: 503, want: "fwd=stale",
		},
		"stale beside s-maxage, if so said": {
			control: "s-maxage=60, stale-while-revalidate=10", wait: 61, then: down, code: 200, want: "hit; ttl=-1",
		},
		"stale beside must-revalidate, never": {
			control: "max-age=60, must-revalidate, stale-while-revalidate=10, stale-if-error=10", wait: 61,
			then: down, code: 503, want: "fwd=stale",
		},
		"stale as the route has it": {
			options: cache.Options{StaleWhileRevalidate: 10 * time.Second}, control: "max-age=60", wait: 61,
			then: down, code: 200, want: "hit; ttl=-1",
		},
		"the answer's own word outdoes the route's": {
			options: cache.Options{StaleWhileRevalidate: 10 * time.Second}, wait: 61,
			then: down, code: 503, want: "fwd=stale",
			control: "max-age=60, stale-while-revalidate=0",
		},
		"what forbids it outdoes the route's": {
			options: cache.Options{StaleIfError: time.Hour}, control: "s-maxage=60", wait: 61,
			then: down, code: 503, want: "fwd=stale",
		},
		"stale instead of an error": {
			control: "max-age=60, stale-if-error=10", wait: 69, then: down, code: 200,
			want: "fwd=stale; fwd-status=503; detail=stale-if-error",
		},
		"stale instead of no answer": {
			control: "max-age=60, stale-if-error=10", wait: 69, then: breaks, code: 200,
			want: "detail=stale-if-error",
		},
		"too stale instead of an error": {
			control: "max-age=60, stale-if-error=10", wait: 70, then: down, code: 503, want: "fwd=stale",
		},
		"an error that is not of a server": {
			control: "max-age=60, stale-if-error=10", wait: 61, then: say(":status 404"), code: 404,
			want: "fwd=stale",
		},
		"only if it is there, and it is": {
			control: "max-age=60", wait: 1, request: "only-if-cached", then: down, code: 200, want: "hit",
		},
		"only if it is there, but over": {
			control: "max-age=60", wait: 61, request: "only-if-cached", then: down, code: 504,
			want: "detail=only-if-cached",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				modified := "Last-Modified: " + at(-time.Hour)
				b := setup(t, test.options, say("Cache-Control: "+test.control, `ETag: "1"`, modified))
				b.do("GET /x")
				b.answers(test.then)
				time.Sleep(time.Duration(test.wait) * time.Second)
				headers := []string{"X: y"}
				if test.request != "" {
					headers[0] = "Cache-Control: " + test.request
				}
				w := b.do("GET /x", headers...)
				if w.Code != test.code || !strings.Contains(status(w), test.want) {
					t.Errorf("%d, %s", w.Code, status(w))
				}
				if w.Code == http.StatusOK && w.Body.String() != "/x" {
					t.Errorf("the body is %q", w.Body)
				}
				synctest.Wait() // for what is refreshed
			})
		})
	}
}

func TestAnAgeGrows(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, cache.Options{}, func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(2 * time.Second) // on its way
			say("Cache-Control: max-age=60", "Age: 10")(w, r)
		})
		if w := b.do("GET /x"); w.Header().Get("Age") != "12" {
			t.Errorf("first: %s", w.Header())
		}
		time.Sleep(5 * time.Second)
		if w := b.do("GET /x"); w.Header().Get("Age") != "17" || status(w) != "kerf; hit; ttl=43" {
			t.Errorf("later: %s", w.Header())
		}
	})
}

func TestACheckBringsHeadersUpToDate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, cache.Options{}, say("Cache-Control: max-age=60", `ETag: W/"1"`, "Vary: Accept-Encoding",
			"Content-Type: text/x", "X-Old: 1", "X-Kept: 1"))
		b.do("GET /x")
		time.Sleep(time.Minute)
		b.answers(say(":status 304", "Cache-Control: max-age=30", `ETag: "1"`, "Vary: Origin", "Content-Type: text/y",
			"X-Old: 2", "Content-Length: 7"))
		b.do("GET /x")
		if got := b.last().Header.Get("If-None-Match"); got != `W/"1"` {
			t.Errorf("asked with %s", got)
		}
		time.Sleep(29 * time.Second)
		w := b.do("GET /x")
		h := w.Header()
		if b.count() != 2 || w.Body.String() != "/x" || h.Get("X-Old") != "2" || h.Get("X-Kept") != "1" ||
			h.Get("Content-Type") != "text/x" || h.Get("ETag") != `W/"1"` || h.Get("Content-Length") != "2" ||
			h.Get("Age") != "29" || len(h["Vary"]) != 2 {
			t.Errorf("%q, asked %d times: %v", w.Body, b.count(), h)
		}
	})
}

func TestACheckMayEndWhatIsKept(t *testing.T) {
	t.Parallel()
	for name, then := range map[string]http.HandlerFunc{
		"by a cookie":   say(":status 304", "Set-Cookie: a=b", `ETag: "1"`),
		"by no-store":   say(":status 304", "Cache-Control: no-store", `ETag: "1"`),
		"by being gone": say(":status 404"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := setup(t, cache.Options{}, say("Cache-Control: max-age=60", `ETag: "1"`))
				b.do("GET /x")
				time.Sleep(time.Minute)
				b.answers(then)
				first := b.do("GET /x")
				if first.Code == http.StatusOK && first.Body.String() != "/x" {
					t.Errorf("%d %q", first.Code, first.Body)
				}
				b.answers(say("Cache-Control: max-age=60"))
				w := b.do("GET /x")
				if w.Header().Get("Set-Cookie") != "" || !strings.Contains(status(w), "fwd=uri-miss") {
					t.Errorf("%v", w.Header())
				}
			})
		})
	}
}

func TestACheckOfAnotherTagIsNone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, cache.Options{}, say("Cache-Control: max-age=60", `ETag: "1"`))
		b.do("GET /x")
		time.Sleep(time.Minute)
		b.answers(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("If-None-Match") != "" {
				say(":status 304", `ETag: "2"`)(w, r)
				return
			}
			say("Cache-Control: max-age=60", `ETag: "2"`)(w, r)
		})
		if w := b.do("GET /x"); w.Code != http.StatusOK || w.Header().Get("ETag") != `"2"` || w.Body.String() != "/x" {
			t.Errorf("%d %v %q", w.Code, w.Header(), w.Body)
		}
	})
}

func TestARefreshIsOneInTheBackground(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, cache.Options{}, say("Cache-Control: max-age=60, stale-while-revalidate=60", "X-Version: 1"))
		b.do("GET /x")
		time.Sleep(70 * time.Second)
		b.answers(func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(3 * time.Second)
			say("Cache-Control: max-age=60", "X-Version: 2")(w, r)
		})
		for range 5 {
			if w := b.do("GET /x"); w.Header().Get("X-Version") != "1" {
				t.Errorf("%v", w.Header())
			}
		}
		time.Sleep(4 * time.Second)
		if w := b.do("GET /x"); w.Header().Get("X-Version") != "2" || b.count() != 2 {
			t.Errorf("asked %d times, %v", b.count(), w.Header())
		}
	})
}

func TestClosingEndsARefresh(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, cache.Options{}, say("Cache-Control: max-age=60, stale-while-revalidate=60"))
		b.do("GET /x")
		time.Sleep(70 * time.Second)
		b.answers(func(_ http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
			panic(http.ErrAbortHandler) //nolint:forbidigo // as ReverseProxy does
		})
		b.do("GET /x")
		if err := b.store.Close(); err != nil { // and it would wait for ever
			t.Error(err)
		}
	})
}
