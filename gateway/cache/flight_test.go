package cache_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kerf-go/kerf/gateway/cache"
)

// live is a cache behind a socket.
func (b *bundle) live(t *testing.T) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(b)
	t.Cleanup(s.Close)
	return s
}

func get(ctx context.Context, t *testing.T, url string) (*http.Response, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Close = true
	return http.DefaultClient.Do(r)
}

// until polls for what others bring about.
func until(t *testing.T, done func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it does not come about")
		}
	}
}

func TestMissesAtTheSameTimeAreOne(t *testing.T) {
	t.Parallel()
	const clients = 20
	for name, test := range map[string]struct {
		answer []string
		asked  int
	}{
		"all get one answer": {[]string{"Cache-Control: max-age=60"}, 1},
		"of a known length, too": {
			[]string{"Cache-Control: max-age=60", "Content-Length: 2"}, 1,
		},
		"each goes by itself for what is for one alone": {[]string{"Cache-Control: private"}, clients},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first, release := make(chan struct{}), make(chan struct{})
			var once sync.Once
			b := setup(t, cache.Options{}, func(w http.ResponseWriter, r *http.Request) {
				once.Do(func() {
					close(first)
					<-release
				})
				say(test.answer...)(w, r)
			})
			s := b.live(t)
			var wg sync.WaitGroup
			ask := func() {
				response, err := get(t.Context(), t, s.URL+"/x")
				if err != nil {
					t.Error(err)
					return
				}
				defer response.Body.Close()
				if whole, err := io.ReadAll(response.Body); err != nil || string(whole) != "/x" {
					t.Errorf("%q: %v", whole, err)
				}
			}
			wg.Go(ask)
			<-first
			for range clients - 1 {
				wg.Go(ask)
			}
			until(t, func() bool { return b.store.Stats().Misses == clients })
			close(release)
			wg.Wait()
			if b.count() != test.asked {
				t.Errorf("asked %d times", b.count())
			}
		})
	}
}

func TestAnAnswerComesWhileItIsKept(t *testing.T) {
	t.Parallel()
	for name, length := range map[string]string{"of a known length": "10", "of an unknown length": ""} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			more := make(chan struct{})
			b := setup(t, cache.Options{}, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Cache-Control", "max-age=60")
				if length != "" {
					w.Header().Set("Content-Length", length)
				}
				_, _ = io.WriteString(w, "01234")
				_ = http.NewResponseController(w).Flush()
				<-more
				_, _ = io.WriteString(w, "56789")
			})
			s := b.live(t)
			response, err := get(t.Context(), t, s.URL+"/x")
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			if _, err := io.ReadFull(response.Body, make([]byte, 5)); err != nil {
				t.Fatal(err)
			}
			if length != "" { // another joins in
				other, err := get(t.Context(), t, s.URL+"/x")
				if err != nil {
					t.Fatal(err)
				}
				defer other.Body.Close()
				if b.count() != 1 {
					t.Errorf("asked %d times", b.count())
				}
			}
			close(more)
			if rest, err := io.ReadAll(response.Body); err != nil || !strings.HasSuffix(string(rest), "56789") {
				t.Errorf("%q: %v", rest, err)
			}
			until(t, func() bool { return b.store.Stats().Stored == 1 })
		})
	}
}

func TestAClientThatDoesNotReadHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	const size = 8 << 20 // more than sockets hold
	limits := cache.Limits{Size: 1 << 30, Body: 2 * size}
	b := setupStore(t, limits, cache.Options{}, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		w.Header().Set("Content-Length", "8388608")
		for range size / 65536 {
			_, _ = w.Write(make([]byte, 65536))
		}
	})
	s := b.live(t)
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	slow, err := get(ctx, t, s.URL+"/x")
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Body.Close()
	response, err := get(t.Context(), t, s.URL+"/x")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if n, err := io.Copy(io.Discard, response.Body); err != nil || n != size {
		t.Errorf("%d bytes: %v", n, err)
	}
	if b.count() != 1 {
		t.Errorf("asked %d times", b.count())
	}
}

func TestAClientThatLeavesLeavesItsAnswer(t *testing.T) {
	t.Parallel()
	begun, more := make(chan struct{}), make(chan struct{})
	b := setup(t, cache.Options{}, func(w http.ResponseWriter, r *http.Request) {
		close(begun)
		<-more
		if r.Context().Err() != nil {
			t.Error("the request was given up")
		}
		say("Cache-Control: max-age=60")(w, r)
	})
	gone := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		context.AfterFunc(r.Context(), func() { close(gone) })
		b.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	ctx, leave := context.WithCancel(t.Context())
	go func() {
		<-begun
		leave()
	}()
	if response, err := get(ctx, t, s.URL+"/x"); err == nil {
		response.Body.Close()
		t.Error("it did not leave")
	}
	<-gone
	close(more)
	until(t, func() bool { return b.store.Stats().Stored == 1 })
}

func TestAClientThatLeavesEndsWhatIsForItAlone(t *testing.T) {
	t.Parallel()
	ended := make(chan struct{})
	b := setup(t, cache.Options{}, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		close(ended)
	})
	s := b.live(t)
	ctx, leave := context.WithCancel(t.Context())
	response, err := get(ctx, t, s.URL+"/x")
	if err != nil {
		t.Fatal(err)
	}
	leave()
	response.Body.Close()
	<-ended
}

func TestWhatBreaksOffIsCutShortForAll(t *testing.T) {
	t.Parallel()
	waiting := make(chan struct{})
	b := setup(t, cache.Options{}, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		w.Header().Set("Content-Length", "10")
		_, _ = io.WriteString(w, "01234")
		<-waiting
		panic(http.ErrAbortHandler) //nolint:forbidigo // as ReverseProxy does
	})
	s := b.live(t)
	var wg sync.WaitGroup
	ask := func() {
		response, err := get(t.Context(), t, s.URL+"/x")
		if err != nil {
			return // it may come to that
		}
		defer response.Body.Close()
		if whole, err := io.ReadAll(response.Body); err == nil {
			t.Errorf("%q looks whole", whole)
		}
	}
	wg.Go(ask)
	until(t, func() bool { return b.count() == 1 })
	wg.Go(ask)
	until(t, func() bool { return b.store.Stats().Misses == 2 })
	close(waiting)
	wg.Wait()
	if b.store.Stats().Stored != 0 {
		t.Error("it is kept")
	}
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	b := setupStore(t, cache.Limits{Size: 64 << 10}, cache.Options{StaleIfError: time.Hour}, nil)
	var turn sync.Mutex
	n := 0
	b.answers(func(w http.ResponseWriter, r *http.Request) {
		turn.Lock()
		n++
		k := n
		turn.Unlock()
		all := []http.HandlerFunc{
			say("Cache-Control: max-age=60"), say("Cache-Control: max-age=0, stale-while-revalidate=60", `ETag: "1"`),
			say("Cache-Control: no-cache", `ETag: "1"`), say(":status 304", `ETag: "1"`), say(":status 503"),
			say("Cache-Control: private"), say("Cache-Control: max-age=60", "Vary: Accept-Language"),
		}
		if k%11 == 0 {
			panic(http.ErrAbortHandler) //nolint:forbidigo // as ReverseProxy does
		}
		all[k%len(all)](w, r)
	})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for k := range 300 {
				path := "/" + string(rune('a'+(i+k)%7))
				if w := b.tryDo("GET "+path, "Accept-Language: "+string(rune('a'+k%3))); w != nil &&
					w.Code == http.StatusOK && w.Body.String() != path {
					t.Errorf("%s: %q", path, w.Body)
				}
				if k%50 == 0 {
					b.tryDo("PUT " + path)
					b.store.Purge("", "/", true)
				}
			}
		})
	}
	wg.Wait()
}
