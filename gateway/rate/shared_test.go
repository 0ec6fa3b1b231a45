package rate_test

import (
	"bytes"
	"crypto/rand"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/kerf-go/kerf/gateway/rate"
	"github.com/kerf-go/kerf/internal/redistest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// log is what a store has told.
type log struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (l *log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *log) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), text)
}

func shared(t *testing.T, url, name string, l rate.Limit, o rate.Options) *rate.Shared {
	t.Helper()
	s, err := rate.NewShared(url, name, l, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// slow is for tests that are not about time: no busy machine makes Redis seem away.
const slow = 10 * time.Second

func TestTwoWhoShareRedisHoldTheLimitTogether(t *testing.T) {
	t.Parallel()
	url, name := redistest.URL(t), "test"+rand.Text()
	limit := rate.Limit{Requests: 10, Per: 20 * time.Second}
	stores := []*rate.Shared{
		shared(t, url, name, limit, rate.Options{Patience: slow}),
		shared(t, url, name, limit, rate.Options{Patience: slow}),
	}
	for i := range 10 {
		d := stores[i%2].Take(t.Context(), "a")
		if !d.Allowed || d.Remaining != 9-i || d.Reset <= 0 || d.Reset > 20*time.Second {
			t.Errorf("request %d: %+v", i+1, d)
		}
	}
	for i, s := range stores {
		if d := s.Take(t.Context(), "a"); d.Allowed || d.Retry <= 0 || d.Retry > 2*time.Second {
			t.Errorf("one too many at %d: %+v", i, d)
		}
	}
	if !stores[0].Take(t.Context(), "b").Allowed {
		t.Error("another key is not allowed")
	}
	other := shared(t, url, name+"2", limit, rate.Options{Patience: slow})
	if !other.Take(t.Context(), "a").Allowed {
		t.Error("another name is not allowed")
	}
}

func TestWhoKeepsAskingIsAllowedOnceTheTimeHasCome(t *testing.T) {
	t.Parallel()
	limit := rate.Limit{Requests: 1, Per: 200 * time.Millisecond}
	s := shared(t, redistest.URL(t), "test"+rand.Text(), limit, rate.Options{Patience: slow})
	began, refused := time.Now(), 0
	for allowed := 0; allowed < 2; {
		switch {
		case s.Take(t.Context(), "a").Allowed:
			allowed++
		case time.Since(began) > 10*time.Second:
			t.Fatal("it was not allowed again")
		default:
			refused++
		}
	}
	if took := time.Since(began); took < 190*time.Millisecond || refused == 0 {
		t.Errorf("it was allowed again after %s", took)
	}
}

func TestWhileRedisIsAwayEachCountsAShareAndThenTogetherAgain(t *testing.T) {
	t.Parallel()
	redis := redistest.New(t)
	told := new(log)
	limit := rate.Limit{Requests: 10, Per: time.Hour}
	// Patience bounds a request that Redis does not answer; here it refuses connections.
	s := shared(t, redis.URL, "away", limit, rate.Options{
		Patience: slow, Share: 0.5, Logger: slog.New(slog.NewTextHandler(told, nil)),
	})
	if d := s.Take(t.Context(), "a"); d.Remaining != 9 {
		t.Fatalf("%+v", d)
	}
	redis.Kill(t)
	allowed := 0
	for range 20 {
		if s.Take(t.Context(), "a").Allowed {
			allowed++
		}
	}
	if allowed != 5 {
		t.Errorf("%d were allowed, not the half of 10", allowed)
	}
	if told.count("is away") != 1 {
		t.Errorf("it was told %d times that Redis is away", told.count("is away"))
	}
	redis.Start(t)
	for range 1000 {
		if told.count("is back") > 0 {
			break
		}
		<-time.NewTimer(10 * time.Millisecond).C
	}
	if d := s.Take(t.Context(), "a"); d.Remaining != 9 {
		t.Errorf("an empty Redis was not asked: %+v", d)
	}
}

func TestASilentRedisCostsNoMoreThanPatience(t *testing.T) {
	t.Parallel()
	silent, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	told := new(log)
	s := shared(t, "redis://"+silent.Addr().String(), "silent", rate.Limit{Requests: 1, Per: time.Hour}, rate.Options{
		Logger: slog.New(slog.NewTextHandler(told, nil)),
	})
	began := time.Now()
	for range 100 { // the first waits, the others do not
		s.Take(t.Context(), "a")
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("it took %s", took)
	}
	if told.count("is away") != 1 {
		t.Error("it was not told that Redis is away")
	}
}

func TestAWrongURLIsRefusedAndNotRepeated(t *testing.T) {
	t.Parallel()
	limit := rate.Limit{Requests: 1, Per: time.Hour}
	_, err := rate.NewShared("redis://:secret@host:port/x", "a", limit, rate.Options{})
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Error(err)
	}
}
