package policy_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/balance"
	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/policy"
)

// twin is one of two that answer one method.
type twin struct {
	link.Conn

	calls  sync.Map     // that were here, by their numbers
	again  atomic.Int64 // that came a second time
	answer func(context.Context) error
}

// numberKey is that of a call's number in its context.
type numberKey struct{}

func (r *twin) Invoke(ctx context.Context, _ string, _, _ any, _ ...grpc.CallOption) error {
	if n := ctx.Value(numberKey{}); n != nil {
		if _, was := r.calls.LoadOrStore(n, true); was {
			r.again.Add(1)
		}
	}
	return r.answer(ctx)
}

func (r *twin) Close() error { return nil }

// replicated is a way to the replicas a, whose answers are told, and b, which is fine. None of
// them is left out.
func replicated(t *testing.T, s policy.Settings, a func(context.Context) error) (w *way, all map[string]*twin) {
	t.Helper()
	w, all = newWay(s, nil), map[string]*twin{"a": {answer: a}, "b": {answer: fine}}
	b := balance.New(func(url string) (link.Conn, error) { return all[url], nil }, balance.Off())
	b.Update([]string{"a", "b"})
	t.Cleanup(func() { _ = b.Close() })
	w.link = func(ctx context.Context, method string, opts ...grpc.CallOption) error {
		c, err := b.Pick(ctx, opts...)
		if err != nil {
			return err
		}
		return c.Invoke(ctx, method, nil, nil, opts...)
	}
	return w, all
}

func fine(context.Context) error { return nil }

// busy is fine too, but takes longer than its twin, which therefore draws calls.
func busy(context.Context) error {
	time.Sleep(30 * time.Millisecond)
	return nil
}

// sometimes fails at a share of calls.
func sometimes(share float64) func(context.Context) error {
	return func(context.Context) error {
		if rand.Float64() < share {
			return errAnswered
		}
		return nil
	}
}

// stuck never answers one call of five.
func stuck(ctx context.Context) error {
	if rand.IntN(5) > 0 {
		return nil
	}
	<-ctx.Done()
	return link.Mark(status.FromContextError(ctx.Err()), link.MayHaveRun)
}

func TestAnotherAttemptGoesToAnotherReplica(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		settings policy.Settings
		a        func(context.Context) error
		told     string
	}{
		"one answers that it is unavailable": {
			policy.Settings{Retry: &policy.Retry{Attempts: 2, Budget: 1}}, sometimes(0.5), "retry again",
		},
		"attempts at one run into their timeout": {
			policy.Settings{Retry: &policy.Retry{Attempts: 2, Budget: 1, Timeout: time.Second}}, stuck, "retry again",
		},
		"one is slow, and calls are hedged": {
			policy.Settings{Retry: &policy.Retry{Budget: 1}, Hedge: &policy.Hedge{After: 50 * time.Millisecond}},
			stuck,
			"hedge sent",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				test.settings.Idempotent = true
				w, all := replicated(t, test.settings, test.a)
				all["b"].answer = busy
				var running sync.WaitGroup
				var number atomic.Int64
				for range 20 {
					running.Go(func() {
						for range 50 {
							ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
							if _, err := w.get(context.WithValue(ctx, numberKey{}, number.Add(1)), ""); err != nil {
								t.Error(err)
							}
							cancel()
						}
					})
				}
				running.Wait()
				if w.count(test.told) < 20 {
					t.Errorf("too few further attempts: %d", w.count(test.told))
				}
				for url, r := range all {
					if n := r.again.Load(); n > 0 {
						t.Errorf("%d calls came to %s again", n, url)
					}
				}
			})
		})
	}
}

// The default budget pays for a tenth of the calls, in the long run.
func TestWhatABudgetIsEnoughForInTheLongRun(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		a, b        float64 // the share of attempts that fail
		least, most float64 // of calls
	}{
		"a fifth fails at one of two replicas": {0.2, 0, 0, 0.002},
		"a tenth fails at both":                {0.1, 0.1, 0.005, 0.03},
		"two fifths fail at one":               {0.4, 0, 0.08, 0.12},
		"a fifth fails at both":                {0.2, 0.2, 0.1, 0.14},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, all := replicated(t, repeating(true), sometimes(test.a))
				all["b"].answer = sometimes(test.b)
				const calls = 200_000 // of fewer, chance decides
				failed := 0
				for range calls {
					if _, err := w.get(t.Context(), ""); status.Code(err) == codes.Unavailable {
						failed++
					}
				}
				if share := float64(failed) / calls; share < test.least || share > test.most {
					t.Errorf("%.3g%% of the calls fail, want %g%% to %g%%", 100*share, 100*test.least, 100*test.most)
				}
			})
		})
	}
}
