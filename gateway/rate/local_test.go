package rate

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestABurstIsAllowedAndComesBackEvenly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := NewLocal(Limit{Requests: 60, Per: time.Minute, Burst: 3}, 0)
		for i, want := range []struct {
			after time.Duration
			Decision
		}{
			{0, Decision{Allowed: true, Remaining: 2, Reset: time.Second}},
			{0, Decision{Allowed: true, Remaining: 1, Reset: 2 * time.Second}},
			{0, Decision{Allowed: true, Remaining: 0, Reset: 3 * time.Second}},
			{0, Decision{Reset: 3 * time.Second, Retry: time.Second}},
			{600 * time.Millisecond, Decision{Reset: 2400 * time.Millisecond, Retry: 400 * time.Millisecond}},
			{400 * time.Millisecond, Decision{Allowed: true, Remaining: 0, Reset: 3 * time.Second}},
			{2 * time.Second, Decision{Allowed: true, Remaining: 1, Reset: 2 * time.Second}},
			{time.Hour, Decision{Allowed: true, Remaining: 2, Reset: time.Second}},
		} {
			time.Sleep(want.after)
			if got := l.Take(t.Context(), "a"); got != want.Decision {
				t.Errorf("request %d: %+v, not %+v", i+1, got, want.Decision)
			}
		}
		if got := l.Take(t.Context(), "b"); got.Remaining != 2 {
			t.Errorf("another key: %+v", got)
		}
	})
}

func TestAFloodOfNewKeysNeitherGrowsTheStoreNorLetsInWhoIsLimited(t *testing.T) {
	t.Parallel()
	const keys, flood = 1600, 200_000
	l := NewLocal(Limit{Requests: 2, Per: time.Hour}, keys)
	for range 3 {
		l.Take(t.Context(), "greedy")
	}
	var before, after runtime.MemStats
	for i := range flood {
		l.Take(t.Context(), fmt.Sprint("new", i))
		if i == 2*keys {
			runtime.GC()
			runtime.ReadMemStats(&before)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if n := l.len(); n > keys {
		t.Errorf("%d keys are known, more than %d", n, keys)
	}
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 4<<20 {
		t.Errorf("the heap has grown by %d bytes", grown)
	}
	if l.Take(t.Context(), "greedy").Allowed {
		t.Error("a flood has let in who was limited")
	}
}

func TestWhoHasNotAskedForLongestIsForgottenFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &NewLocal(Limit{Requests: 10, Per: time.Hour}, 32).shards[0] // two of each shard
		limit := Limit{Requests: 2, Per: time.Hour}
		take := func(key uint64, now time.Duration) { s.take(key, limit, now) }
		knows := func(keys ...uint64) {
			t.Helper()
			for _, k := range keys {
				if _, ok := s.index[k]; !ok {
					t.Errorf("%d is forgotten", k)
				}
			}
			if len(s.index) != len(keys) {
				t.Errorf("%d keys are known, not %d", len(s.index), len(keys))
			}
		}
		take(1, 0)
		take(2, 0)
		take(3, 0)
		knows(2, 3)
		take(2, 0) // has used its burst up
		take(4, 0)
		knows(2, 4)
		take(5, 0)
		knows(2, 5)
		take(5, 0)
		take(6, 0) // all are used up: the one that was longest ago goes
		knows(5, 6)
		take(7, 2*time.Hour) // 5 has its burst again, and goes before 6
		knows(6, 7)
	})
}

func TestTogetherNoMoreThanTheLimitPass(t *testing.T) {
	t.Parallel()
	l := NewLocal(Limit{Requests: 100, Per: time.Hour}, 0)
	var passed atomic.Int64
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 100 {
				if l.Take(t.Context(), "a").Allowed {
					passed.Add(1)
				}
			}
		})
	}
	all.Wait()
	if passed.Load() != 100 {
		t.Errorf("%d have passed", passed.Load())
	}
}

func TestLimitsThatAreNone(t *testing.T) {
	t.Parallel()
	for name, l := range map[string]Limit{
		"no requests":       {Per: time.Minute},
		"no time":           {Requests: 1},
		"a negative burst":  {Requests: 1, Per: time.Minute, Burst: -1},
		"too many":          {Requests: 2_000_000, Per: time.Second},
		"a burst for years": {Requests: 1, Per: time.Hour, Burst: 1 << 40},
	} {
		if l.Check() == nil {
			t.Errorf("%s: it is taken", name)
		}
	}
	if err := (Limit{Requests: 100, Per: time.Minute, Burst: 20}).Check(); err != nil {
		t.Error(err)
	}
}

func BenchmarkLocal(b *testing.B) {
	l := NewLocal(Limit{Requests: 100, Per: time.Second}, 0)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			l.Take(b.Context(), "client:192.0.2.1")
		}
	})
}
