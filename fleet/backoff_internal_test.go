package fleet

import (
	"testing"
	"time"
)

func TestBackoffCeilingDoublesUpToItsBound(t *testing.T) {
	t.Parallel()
	for i, want := range []time.Duration{200, 400, 800, 1000, 1000} {
		if got := ceiling(i+1, 200, 1000); got != want {
			t.Errorf("death %d: %d, not %d", i+1, got, want)
		}
	}
	if got := ceiling(1<<30, time.Second, time.Hour); got != time.Hour {
		t.Error("overflow", got)
	}
}

func TestBackoffIsDrawnFromTheWholeRange(t *testing.T) {
	t.Parallel()
	var low, high int
	for range 1000 {
		wait := fullJitter(3, time.Second, time.Minute)
		if wait < 0 || wait > 4*time.Second {
			t.Fatal(wait)
		}
		if wait < time.Second {
			low++
		}
		if wait > 3*time.Second {
			high++
		}
	}
	if low < 100 || high < 100 {
		t.Errorf("of 1000 draws %d in the lowest quarter and %d in the highest", low, high)
	}
}
