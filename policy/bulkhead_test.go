package policy_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/policy"
)

// occupied is a way on which n calls are under way, until release.
func occupied(ctx context.Context, b policy.Bulkhead, n int) (w *way, release context.CancelFunc) {
	w = newWay(policy.Settings{Bulkhead: &b}, hangs)
	ctx, release = context.WithCancel(ctx)
	for range n {
		go func() { _, _ = w.get(ctx, "") }()
	}
	synctest.Wait()
	return w, release
}

func TestAFullBulkheadRefusesAfterAShortWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, release := occupied(t.Context(), policy.Bulkhead{Calls: 2}, 2)
		defer release()
		began := time.Now()
		_, err := w.get(t.Context(), "")
		wantCode(t, err, codes.ResourceExhausted)
		if link.Ran(err) != link.NeverSent || time.Since(began) != 100*time.Millisecond || w.made() != 2 {
			t.Errorf("%v, after %v and %d attempts", link.Ran(err), time.Since(began), w.made())
		}
		wantEvents(t, w, "bulkhead refused")
	})
}

func TestABulkheadHas256PlacesAndAsManyToWaitIn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, release := occupied(t.Context(), policy.Bulkhead{}, 512)
		defer release()
		want := policy.State{Policy: "bulkhead", Running: 256, Waiting: 256, Limit: 256}
		if state := w.out.States()[0]; w.made() != 256 || state != want {
			t.Errorf("%d attempts, %+v", w.made(), state)
		}
		began := time.Now()
		_, err := w.get(t.Context(), "")
		wantCode(t, err, codes.ResourceExhausted)
		if time.Since(began) != 0 {
			t.Errorf("refused after %v, though the queue was full", time.Since(began))
		}
	})
}

func TestWhoWaitsGetsThePlaceThatIsGivenBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, release := occupied(t.Context(), policy.Bulkhead{Calls: 1}, 1)
		ended := make(chan error)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		go func() {
			_, err := w.get(ctx, "")
			ended <- err
		}()
		synctest.Wait()
		release()
		wantCode(t, <-ended, codes.DeadlineExceeded) // of the callee, which hangs
		if w.made() != 2 {
			t.Errorf("%d attempts, want 2", w.made())
		}
	})
}

func TestWhoGivesUpWaitingWasNeverSentAndLeavesTheQueue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, release := occupied(t.Context(), policy.Bulkhead{Calls: 1, Wait: time.Second}, 1)
		defer release()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		_, err := w.get(ctx, "")
		wantCode(t, err, codes.DeadlineExceeded)
		if link.Ran(err) != link.NeverSent || w.out.States()[0].Waiting != 0 {
			t.Errorf("%v, %+v", link.Ran(err), w.out.States())
		}
	})
}

func TestABulkheadWithoutAQueueRefusesAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, release := occupied(t.Context(), policy.Bulkhead{Calls: 1, Queue: -1}, 1)
		defer release()
		began := time.Now()
		_, err := w.get(t.Context(), "")
		wantCode(t, err, codes.ResourceExhausted)
		if time.Since(began) != 0 {
			t.Errorf("refused after %v", time.Since(began))
		}
	})
}

func TestAPanicGivesBackItsPlaces(t *testing.T) {
	t.Parallel()
	s := policy.Settings{Bulkhead: &policy.Bulkhead{Calls: 1, Queue: -1}, Breaker: &policy.Breaker{Calls: 1}}
	w := newWay(s, func(_ context.Context, a *attempt) error {
		if a.n == 1 {
			panic("for the test") //nolint:forbidigo // this is what is looked at
		}
		return nil
	})
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic did not pass by")
			}
		}()
		_, _ = w.get(t.Context(), "")
	}()
	if _, err := w.get(t.Context(), ""); err != nil {
		t.Error(err)
	}
	wantEvents(t, w)
}

func TestMethodsOfOneScopeShareABulkhead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, release := occupied(t.Context(), policy.Bulkhead{Scope: "a", Calls: 1, Queue: -1}, 1)
		defer release()
		reply := new(text)
		for scope, want := range map[string]codes.Code{"a": codes.ResourceExhausted, "b": codes.DeadlineExceeded} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			other := w.out.Method(policy.Settings{Bulkhead: &policy.Bulkhead{Scope: scope, Calls: 1, Queue: -1}})
			wantCode(t, other(ctx, method, &text{}, reply, nil, w.invoke), want)
			cancel()
		}
	})
}
