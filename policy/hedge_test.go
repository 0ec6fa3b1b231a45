package policy_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/policy"
)

func hedging(after time.Duration) policy.Settings {
	return policy.Settings{Hedge: &policy.Hedge{After: after}, Idempotent: true}
}

// slowFirst is a callee that hangs at odd attempts and answers even ones.
func slowFirst(ctx context.Context, a *attempt) error {
	if a.n%2 == 1 {
		a.reply.Value = "the loser's"
		a.header = metadata.Pairs("of", "the loser")
		return hangs(ctx, a)
	}
	a.reply.Value = "the winner's"
	a.header, a.trailer = metadata.Pairs("of", "the winner"), metadata.Pairs("end", "the winner's")
	return nil
}

func TestASlowCallIsMadeASecondTimeAndTheFirstAnswerCounts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWay(hedging(time.Second), slowFirst)
		var header, trailer metadata.MD
		began := time.Now()
		got, err := w.get(t.Context(), "", grpc.Header(&header), grpc.Trailer(&trailer))
		if err != nil || got != "the winner's" || time.Since(began) != time.Second {
			t.Errorf("%q, %v after %v", got, err, time.Since(began))
		}
		if got := fmt.Sprint(header["of"], trailer["end"]); got != "[the winner] [the winner's]" {
			t.Errorf("header and trailer %s", got)
		}
		wantEvents(t, w, "hedge sent", "hedge won")
	})
}

func TestTheFirstAttemptMayWinToo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWay(hedging(time.Second), func(ctx context.Context, a *attempt) error {
			if a.n == 2 {
				return hangs(ctx, a)
			}
			time.Sleep(3 * time.Second)
			a.reply.Value = "the first"
			return nil
		})
		if got, err := w.get(t.Context(), ""); got != "the first" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		wantEvents(t, w, "hedge sent")
	})
}

func TestTheLoserHasEndedWhenTheCallReturns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		running := 0
		w := newWay(hedging(time.Second), func(ctx context.Context, a *attempt) error {
			mu.Lock()
			running++
			mu.Unlock()
			defer func() {
				mu.Lock()
				running--
				mu.Unlock()
			}()
			return slowFirst(ctx, a)
		})
		request, reply := &text{Value: "x"}, &text{}
		if err := w.call(t.Context(), method, request, reply, nil, w.invoke); err != nil {
			t.Fatal(err)
		}
		mu.Lock()
		defer mu.Unlock()
		if running != 0 {
			t.Errorf("%d attempts still run", running)
		}
		request.Value = "it is the caller's again" // the race detector looks on
	})
}

func TestAFastCallIsMadeOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWay(hedging(time.Second), func(context.Context, *attempt) error {
			time.Sleep(time.Second - 1)
			return nil
		})
		_, _ = w.get(t.Context(), "")
		if w.made() != 1 {
			t.Errorf("%d attempts", w.made())
		}
	})
}

func TestAMethodThatIsNotIdempotentIsNeverHedged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := hedging(time.Second)
		s.Idempotent = false
		w := newWay(s, func(context.Context, *attempt) error {
			time.Sleep(time.Minute)
			return nil
		})
		_, _ = w.get(t.Context(), "")
		if w.made() != 1 {
			t.Errorf("%d attempts", w.made())
		}
	})
}

func TestAFailureIsForTheRetriesAndNotForAHedge(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWay(hedging(time.Second), fails(errMayHaveRun))
		_, err := w.get(t.Context(), "")
		wantCode(t, err, codes.Unavailable)
		if w.made() != 1 {
			t.Errorf("%d attempts", w.made())
		}
	})
}

func TestOfTwoFailuresTheFirstCounts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWay(hedging(time.Second), func(_ context.Context, a *attempt) error {
			time.Sleep(5 * time.Second)
			return status.Errorf(codes.Unavailable, "attempt %d", a.n)
		})
		_, err := w.get(t.Context(), "")
		if w.made() != 2 || !strings.Contains(err.Error(), "attempt 1") {
			t.Errorf("%v after %d attempts", err, w.made())
		}
	})
}

func TestAHedgeSavesACallWhoseFirstAttemptFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWay(hedging(time.Second), func(_ context.Context, a *attempt) error {
			time.Sleep(5 * time.Second)
			if a.n == 1 {
				return errMayHaveRun
			}
			return nil
		})
		if _, err := w.get(t.Context(), ""); err != nil {
			t.Error(err)
		}
	})
}

func TestHedgesArePaidForFromTheBudgetOfRetries(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWay(hedging(time.Second), func(context.Context, *attempt) error {
			time.Sleep(time.Minute)
			return nil
		})
		const calls = 5000
		for range calls {
			_, _ = w.get(t.Context(), "")
		}
		hedges := w.made() - calls
		if hedges < calls/10 || hedges > calls/10+100 {
			t.Errorf("%d hedges of %d calls, want a tenth and the 100 in hand", hedges, calls)
		}
		if n := w.count("hedge exhausted"); n != calls-hedges {
			t.Errorf("it is told %d times that there is nothing left, want %d", n, calls-hedges)
		}
	})
}

// taking is a callee whose attempts take as long as told.
func taking(how func() time.Duration) func(context.Context, *attempt) error {
	return func(ctx context.Context, _ *attempt) error {
		timer := time.NewTimer(how())
		defer timer.Stop()
		select {
		case <-timer.C:
			return nil
		case <-ctx.Done():
			return status.FromContextError(ctx.Err()).Err()
		}
	}
}

func TestNothingIsHedgedBefore16CallsHaveTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slow := time.Second
		w := newWay(hedging(0), taking(func() time.Duration { return slow }))
		for range 16 {
			_, _ = w.get(t.Context(), "")
		}
		if w.made() != 16 {
			t.Errorf("%d attempts", w.made())
		}
		slow = 1001 * time.Millisecond
		began := time.Now()
		_, _ = w.get(t.Context(), "")
		if w.made() != 18 || time.Since(began) != slow {
			t.Errorf("%d attempts, after %v", w.made(), time.Since(began))
		}
	})
}

// Losers count as the slow calls that they are: or else the percentile would sink, and soon
// ever more calls would be taken for slow.
func TestOneCallInTwentyIsHedgedForEver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWay(hedging(0), taking(func() time.Duration {
			return time.Duration(rand.ExpFloat64() * float64(10*time.Millisecond)) // so that half of all hedges win
		}))
		const calls = 4000
		for range calls {
			if _, err := w.get(t.Context(), ""); err != nil {
				t.Fatal(err)
			}
		}
		if hedges := w.count("hedge sent"); hedges > calls*7/100 || w.count("hedge won") < hedges/4 {
			t.Errorf("%d of %d calls were hedged", hedges, calls)
		}
	})
}

func TestAnInterceptorsPanicInAHedgedCallIsTheCallers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWay(hedging(time.Second), func(context.Context, *attempt) error {
			panic("for the test") //nolint:forbidigo // this is what is looked at
		})
		defer func() {
			if cause := recover(); !strings.Contains(fmt.Sprint(cause), "for the test") {
				t.Errorf("recovered %v", cause)
			}
		}()
		_, err := w.get(t.Context(), "")
		t.Errorf("the call has ended with %v", err)
	})
}

func TestAHedgedCallEndsWithItsCallersContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWay(hedging(time.Second), hangs)
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		_, err := w.get(ctx, "")
		wantCode(t, err, codes.DeadlineExceeded)
		if w.made() != 2 {
			t.Errorf("%d attempts", w.made())
		}
	})
}
