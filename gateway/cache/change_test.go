package cache_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/kerf-go/kerf/gateway/cache"
)

func TestWhatChangesSomethingDropsWhatIsKept(t *testing.T) {
	t.Parallel()
	const dropped, kept = true, false
	for name, test := range map[string]struct {
		change string
		answer http.HandlerFunc
		want   bool
	}{
		"a PUT":                          {"PUT /x", say(), dropped},
		"a method nobody knows":          {"FROB /x", say(), dropped},
		"a POST with a redirect":         {"POST /x", say(":status 302"), dropped},
		"a DELETE without a body":        {"DELETE /x", func(http.ResponseWriter, *http.Request) {}, dropped},
		"a POST that fails":              {"POST /x", say(":status 404"), kept},
		"OPTIONS":                        {"OPTIONS /x", say(), kept},
		"a POST elsewhere":               {"POST /y", say(), kept},
		"a POST at another host":         {"POST http://other.example/x", say(), kept},
		"a POST that tells of it":        {"POST /y", say("Location: /x"), dropped},
		"a POST whose content it is":     {"POST /y/z", say("Content-Location: ../x"), dropped},
		"a POST that tells of its URL":   {"POST /y", say("Location: http://example.com/x"), dropped},
		"a POST that tells of another's": {"POST http://other.example/y", say("Location: http://example.com/x"), kept},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, cache.Options{}, say("Cache-Control: max-age=60"))
			b.do("GET /x")
			b.answers(test.answer)
			b.do(test.change)
			b.answers(say("Cache-Control: max-age=60"))
			if got := status(b.do("GET /x")) != "kerf; hit; ttl=60"; got != test.want {
				t.Errorf("dropped: %v", got)
			}
		})
	}
}

func TestAnAnswerFromBeforeAChangeIsNotKept(t *testing.T) {
	t.Parallel()
	b := setup(t, cache.Options{}, say())
	b.answers(func(w http.ResponseWriter, r *http.Request) {
		b.answers(say())
		b.do("PUT /x")
		say("Cache-Control: max-age=60")(w, r)
	})
	b.do("GET /x")
	if n := b.store.Stats().Entries; n != 0 {
		t.Errorf("%d are kept", n)
	}
}

func TestPurge(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		host, path string
		prefix     bool
		want       int
	}{
		"a path, with all queries and on all hosts": {"", "/a/b", false, 3},
		"a path on a host":                          {"EXAMPLE.com", "/a/b", false, 2},
		"a path on a host with a port":              {"b.example", "/a/b", false, 1},
		"a path on another port":                    {"b.example:80", "/a/b", false, 0},
		"a beginning":                               {"", "/a", true, 4},
		"a beginning that is no path":               {"", "/a", false, 0},
		"all":                                       {"", "/", true, 5},
		"nothing":                                   {"", "/nothing", true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, cache.Options{}, say("Cache-Control: max-age=60"))
			for url := range strings.FieldsSeq("/a/b /a/b?c http://b.example:8080/a/b /a/c /d") {
				b.do("GET " + url)
			}
			if got := b.store.Purge(test.host, test.path, test.prefix); got != test.want {
				t.Errorf("purged %d", got)
			}
			if got := b.store.Stats().Entries; got != 5-test.want {
				t.Errorf("%d are left", got)
			}
		})
	}
}

func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	b := setupStore(t, cache.Limits{Size: 1 << 20, Body: 32 << 10}, cache.Options{},
		func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Cache-Control", "max-age=60")
			_, _ = w.Write(make([]byte, 20<<10))
		})
	b.do("GET /often")
	for i := range 500 {
		b.do(fmt.Sprintf("GET /%d", i))
		b.do("GET /often")
		if s := b.store.Stats(); s.Size > 1<<20 || s.Size < 0 {
			t.Fatalf("%d bytes", s.Size)
		}
	}
	s := b.store.Stats()
	if s.Hits != 500 || s.Evicted < 400 || s.Entries < 40 {
		t.Errorf("what is asked for often does not stay: %+v", s)
	}
	if b.store.Purge("", "/", true); b.store.Stats().Size != 0 {
		t.Errorf("%d bytes of nothing", b.store.Stats().Size)
	}
}

func TestALargeBodyPassesWhole(t *testing.T) {
	t.Parallel()
	for name, length := range map[string]string{"of a known length": "100000", "of an unknown length": ""} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			limits := cache.Limits{Body: 50 << 10}
			b := setupStore(t, limits, cache.Options{}, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Cache-Control", "max-age=60")
				if length != "" {
					w.Header().Set("Content-Length", length)
				}
				for range 10 {
					_, _ = w.Write([]byte(strings.Repeat("x", 10_000)))
				}
			})
			for range 2 {
				if w := b.do("GET /x"); w.Body.Len() != 100_000 {
					t.Errorf("%d bytes", w.Body.Len())
				}
			}
			if b.store.Stats().Stored != 0 || b.count() != 2 {
				t.Errorf("%+v", b.store.Stats())
			}
		})
	}
}

func TestVariantsAreBounded(t *testing.T) {
	t.Parallel()
	b := setup(t, cache.Options{}, say("Cache-Control: max-age=60", "Vary: X"))
	for i := range 200 {
		b.do("GET /x", fmt.Sprintf("X: %d", i))
	}
	if s := b.store.Stats(); s.Entries != 64 {
		t.Errorf("%+v", s)
	}
}
