package cache_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/kerf-go/kerf/gateway/cache"
)

func TestAClientGetsThePartsAndChangesThatItAsksFor(t *testing.T) {
	t.Parallel()
	before, after := at(-time.Hour), at(-time.Minute)
	for name, test := range map[string]struct {
		answer  []string // beside an age and Last-Modified an hour ago
		request []string
		code    int
		body    string
		asked   int
	}{
		"all":                                {nil, nil, 200, "/0123456789", 1},
		"a tag that it has":                  {nil, []string{`If-None-Match: "0", W/"1"`}, 304, "", 1},
		"any tag":                            {nil, []string{`If-None-Match: *`}, 304, "", 1},
		"a tag that is another's":            {nil, []string{`If-None-Match: "11"`}, 200, "/0123456789", 1},
		"a tag without quotes is none":       {nil, []string{`If-None-Match: 1`}, 200, "/0123456789", 1},
		"a time since which nothing changed": {nil, []string{"If-Modified-Since: " + before}, 304, "", 1},
		"a time before that": {
			nil, []string{"If-Modified-Since: " + at(-2*time.Hour)}, 200, "/0123456789", 1,
		},
		"a time that is none": {nil, []string{"If-Modified-Since: yesterday"}, 200, "/0123456789", 1},
		"a tag comes before a time": {
			nil, []string{`If-None-Match: "2"`, "If-Modified-Since: " + after}, 200, "/0123456789", 1,
		},
		"a part":                   {nil, []string{"Range: bytes=1-3"}, 206, "012", 1},
		"the end":                  {nil, []string{"Range: bytes=-2"}, 206, "89", 1},
		"a part beyond":            {nil, []string{"Range: bytes=99-"}, 416, "invalid range", 1},
		"a part if it is the same": {nil, []string{"Range: bytes=1-3", `If-Range: "1"`}, 206, "012", 1},
		"a part unless it is the same": {
			nil, []string{"Range: bytes=1-3", `If-Range: "2"`}, 200, "/0123456789", 1,
		},
		"a part of what is unchanged": {nil, []string{"Range: bytes=1-3", `If-None-Match: "1"`}, 304, "", 1},
		"a part of another encoding": {
			[]string{"Content-Encoding: x"}, []string{"Range: bytes=1-3"}, 206, "012", 1,
		},
		"a part of one that was made here": {
			[]string{"Content-Encoding: x", `ETag: W/"1"`}, []string{"Range: bytes=1-3"}, 200, "/0123456789", 1,
		},
		"a part of an error": {
			[]string{":status 404"}, []string{"Range: bytes=1-3"}, 404, "/0123456789", 1,
		},
		"no change of an error": {
			[]string{":status 404"}, []string{`If-None-Match: "1"`}, 404, "/0123456789", 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			headers := append([]string{"Cache-Control: max-age=60", "Last-Modified: " + before}, test.answer...)
			if !strings.Contains(strings.Join(test.answer, ""), "ETag") {
				headers = append(headers, `ETag: "1"`)
			}
			b := setup(t, cache.Options{}, say(headers...))
			b.do("GET /0123456789")
			w := b.do("GET /0123456789", test.request...)
			if w.Code != test.code || !strings.HasPrefix(w.Body.String(), test.body) ||
				test.body == "" && w.Body.Len() > 0 || b.count() != test.asked {
				t.Errorf("%d %q, asked %d times", w.Code, w.Body, b.count())
			}
			h := w.Header()
			if w.Code == http.StatusNotModified && (h.Get("Content-Length") != "" || h.Get("ETag") == "") {
				t.Errorf("%v", h)
			}
		})
	}
}

func TestHeadersOfTheConnectionAreNotKept(t *testing.T) {
	t.Parallel()
	b := setup(t, cache.Options{}, say("Cache-Control: max-age=60", "Connection: X-Hop, close", "X-Hop: 1",
		"Keep-Alive: 1", "X-End: 1", "Cache-Status: near; hit"))
	b.do("GET /x")
	h := b.do("GET /x").Header()
	if h["Connection"] != nil || h["X-Hop"] != nil || h["Keep-Alive"] != nil || h.Get("X-End") != "1" ||
		h.Get("Cache-Status") != "near; hit, kerf; hit; ttl=60" || h.Get("Date") == "" {
		t.Errorf("%v", h)
	}
}

func TestWhatLayersOutsideHaveSetIsNotKept(t *testing.T) {
	t.Parallel()
	b := setup(t, cache.Options{}, say("Cache-Control: max-age=60", "Vary: Accept"))
	outside := func(origin string) http.Header {
		w := newRecorder()
		w.Header().Set("Access-Control-Allow-Origin", origin)
		w.Header().Set("Vary", "Origin")
		b.ServeHTTP(w, newRequest("/x"))
		return w.Header()
	}
	for _, origin := range []string{"a", "b", "c"} {
		h := outside(origin)
		if got := h["Access-Control-Allow-Origin"]; len(got) != 1 || got[0] != origin || len(h["Vary"]) != 2 {
			t.Errorf("%s: %v", origin, h)
		}
	}
	if b.count() != 1 {
		t.Errorf("asked %d times", b.count())
	}
}
