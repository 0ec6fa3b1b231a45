package compare

import (
	"context"
	"errors"
	"math"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// stub is a crowd whose requests take as long as they are told to.
type stub struct {
	size int
	act  func(person, n int) error
	made []atomic.Int64
}

func newStub(size int, act func(person, n int) error) *stub {
	return &stub{size: size, act: act, made: make([]atomic.Int64, size)}
}

func (s *stub) Size() int    { return s.size }
func (s *stub) Close() error { return nil }

func (s *stub) Act(_ context.Context, person int) error {
	return s.act(person, int(s.made[person].Add(1)))
}

func (s *stub) PostToScreen(context.Context) (time.Duration, error) { return time.Millisecond, nil }

func about(got, want, tolerance float64) bool { return math.Abs(got-want) <= tolerance*want }

func TestAClosedLoopAsksAgainAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		crowd := newStub(4, func(int, int) error {
			time.Sleep(10 * time.Millisecond) // of the bubble
			return nil
		})
		o := closedLoop(t.Context(), crowd, 10*time.Second)
		if !about(o.rate(), 400, 0.01) || o.quantile(0.99) != 10*time.Millisecond || o.err() != nil {
			t.Errorf("%v a second, %v, %v", o.rate(), o.quantile(0.99), o.err())
		}
	})
}

func TestAnOpenLoopKeepsItsRateAndCountsTheWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		// The site stands still for five seconds in the middle.
		began := time.Now()
		crowd := newStub(50, func(int, int) error {
			if at := time.Since(began); at > 10*time.Second && at < 15*time.Second {
				time.Sleep(15*time.Second - at) // of the bubble
			}
			return nil
		})
		o := openLoop(t.Context(), crowd, 1, 100, 20*time.Second)
		if all := float64(len(o.latencies)); !about(all, 2000, 0.05) {
			t.Errorf("%v requests in 20 s at 100 a second", all)
		}
		// A quarter of all was due while it stood still, and waited half of that on average.
		if o.quantile(0.5) > 0 || !about(o.quantile(0.875).Seconds(), 2.5, 0.2) {
			t.Errorf("the median is %v, and a quarter's middle %v", o.quantile(0.5), o.quantile(0.875))
		}
	})
}

func TestTheSeedDecidesWhenRequestsAreDue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		due := func(seed uint64) []time.Duration {
			var times []time.Duration
			began := time.Now()
			crowd := newStub(1, func(int, int) error {
				times = append(times, time.Since(began))
				return nil
			})
			openLoop(t.Context(), crowd, seed, 10, 5*time.Second)
			return times
		}
		one, again, other := due(1), due(1), due(2)
		if len(one) < 10 || len(one) != len(again) || one[5] != again[5] {
			t.Errorf("seed 1: %v, then %v", one, again)
		}
		if one[0] == other[0] {
			t.Error("seed 2 is no other")
		}
	})
}

func TestTooManyFailuresSpoilAMeasurement(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		every int // so many go well before one fails
		fails bool
	}{"one of two hundred": {199, false}, "one of fifty": {49, true}, "all": {0, true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				crowd := newStub(1, func(_, n int) error {
					time.Sleep(time.Millisecond) // of the bubble
					if n%(c.every+1) == 0 {
						return broken
					}
					return nil
				})
				o := closedLoop(t.Context(), crowd, time.Second)
				if err := o.err(); (err != nil) != c.fails || err != nil && !errors.Is(err, broken) {
					t.Errorf("%d failed: %v", o.failed, err)
				}
			})
		})
	}
	if (outcome{}).err() == nil {
		t.Error("no answer at all is no error")
	}
}
