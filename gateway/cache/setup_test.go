package cache_test

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/kerf-go/kerf/gateway/cache"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bundle is a cache before an upstream that does what it is told, and tells what it was asked.
type bundle struct {
	*cache.Cache
	store *cache.Store

	mu     sync.Mutex
	answer http.HandlerFunc
	asked  []*http.Request
}

func setup(t *testing.T, o cache.Options, answer http.HandlerFunc) *bundle {
	t.Helper()
	return setupStore(t, cache.Limits{}, o, answer)
}

func setupStore(t *testing.T, l cache.Limits, o cache.Options, answer http.HandlerFunc) *bundle {
	t.Helper()
	b := &bundle{store: cache.NewStore(l), answer: answer}
	t.Cleanup(func() {
		if err := b.store.Close(); err != nil {
			t.Error(err)
		}
	})
	b.Cache = b.store.Layer(o, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.mu.Lock()
		answer := b.answer
		b.asked = append(b.asked, r)
		b.mu.Unlock()
		answer(w, r)
	}))
	return b
}

// answers sets what the upstream does from now on.
func (b *bundle) answers(h http.HandlerFunc) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.answer = h
}

// count is how often the upstream was asked.
func (b *bundle) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.asked)
}

func (b *bundle) last() *http.Request {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.asked[len(b.asked)-1]
}

// do makes a request such as "GET /x" with headers given as "Name: value".
func (b *bundle) do(request string, headers ...string) *httptest.ResponseRecorder {
	method, target, _ := strings.Cut(request, " ")
	r := httptest.NewRequest(method, target, http.NoBody)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	b.ServeHTTP(w, r)
	return w
}

// say answers with headers given as "Name: value", or ":status 404", and the path as body.
func say(headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		code := http.StatusOK
		for _, h := range headers {
			if number, ok := strings.CutPrefix(h, ":status "); ok {
				code, _ = strconv.Atoi(number)
				continue
			}
			name, value, _ := strings.Cut(h, ": ")
			w.Header().Add(name, value)
		}
		w.WriteHeader(code)
		if code != http.StatusNoContent {
			_, _ = w.Write([]byte(r.URL.Path))
		}
	}
}

func status(w *httptest.ResponseRecorder) string { return w.Header().Get("Cache-Status") }

func newRecorder() *httptest.ResponseRecorder { return httptest.NewRecorder() }

func newRequest(target string) *http.Request {
	return httptest.NewRequest(http.MethodGet, target, http.NoBody)
}
