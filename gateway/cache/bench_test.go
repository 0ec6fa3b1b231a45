package cache_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/kerf-go/kerf/gateway/cache"
)

// nowhere is a client that takes everything.
type nowhere struct{ header http.Header }

func (n *nowhere) Header() http.Header         { return n.header }
func (n *nowhere) WriteHeader(int)             {}
func (n *nowhere) Write(p []byte) (int, error) { return len(p), nil }

// BenchmarkHit is the way of an answer from the store, without the server around it.
func BenchmarkHit(b *testing.B) {
	store := cache.NewStore(cache.Limits{})
	defer store.Close()
	body := make([]byte, 16<<10)
	h := store.Layer(cache.Options{}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		header := w.Header()
		header.Set("Cache-Control", "max-age=3600")
		header.Set("Content-Type", "text/html; charset=utf-8")
		header.Set("ETag", `"1"`)
		header.Set("Vary", "Accept-Encoding")
		header.Set("Last-Modified", "Mon, 02 Jan 2006 15:04:05 GMT")
		_, _ = w.Write(body)
	}))
	r := httptest.NewRequest(http.MethodGet, "/some/page?with=query", http.NoBody)
	r.Header.Set("Accept-Encoding", "gzip, deflate, br, zstd")
	r.Header.Set("User-Agent", "a browser")
	h.ServeHTTP(&nowhere{make(http.Header)}, r)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		w := &nowhere{make(http.Header, 16)}
		for pb.Next() {
			clear(w.header)
			h.ServeHTTP(w, r)
		}
	})
	if s := store.Stats(); s.Misses != 1 {
		b.Errorf("%+v", s)
	}
}
