package policy_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/policy"
)

// asked is a callee that ends each call with the code of its request.
func asked(_ context.Context, a *attempt) error {
	for code := codes.OK; code <= codes.Unauthenticated; code++ {
		if code.String() == a.request.GetValue() {
			return status.Error(code, "as asked")
		}
	}
	return nil
}

func breaking(b policy.Breaker) *way { return newWay(policy.Settings{Breaker: &b}, asked) }

// ask makes calls that end with a code.
func (w *way) ask(t *testing.T, n int, code codes.Code) {
	t.Helper()
	for range n {
		_, err := w.get(t.Context(), code.String())
		wantCode(t, err, code)
	}
}

func (w *way) wantState(t *testing.T, want string) {
	t.Helper()
	for _, s := range w.out.States() {
		if s.Policy == "breaker" && s.State != want {
			t.Errorf("the breaker is %s, want %s", s.State, want)
		}
	}
}

// opened is a way whose breaker has just opened.
func opened(t *testing.T, b policy.Breaker) *way {
	t.Helper()
	w := breaking(b)
	w.ask(t, 20, codes.Unavailable)
	w.wantState(t, "open")
	return w
}

func TestABreakerOpensWhenHalfOf20CallsHaveFailed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := breaking(policy.Breaker{})
		w.ask(t, 10, codes.OK)
		w.ask(t, 9, codes.Unavailable)
		w.wantState(t, "closed")
		w.ask(t, 1, codes.Unavailable)
		w.wantState(t, "open")
		wantEvents(t, w, "breaker open")
	})
}

func TestABreakerForgetsAfterTenSeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := breaking(policy.Breaker{})
		w.ask(t, 19, codes.Unavailable)
		time.Sleep(10 * time.Second)
		w.ask(t, 1, codes.Unavailable)
		w.wantState(t, "closed")
	})
}

func TestABreakerWithoutAWindowLooksAtTheLastCalls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := breaking(policy.Breaker{Window: -1, Calls: 4})
		w.ask(t, 1, codes.Unavailable)
		w.ask(t, 3, codes.OK)
		time.Sleep(time.Hour)
		w.ask(t, 1, codes.Unavailable) // in place of the first one
		w.wantState(t, "closed")
		w.ask(t, 1, codes.Unavailable)
		w.wantState(t, "open")
	})
}

func TestOnlyWhatIsTheCalleesFaultOpensABreaker(t *testing.T) {
	t.Parallel()
	for code := codes.OK; code <= codes.Unauthenticated; code++ {
		want := "closed"
		if policy.Blames(code) {
			want = "open"
		}
		synctest.Test(t, func(t *testing.T) {
			w := newWay(policy.Settings{Breaker: &policy.Breaker{}}, func(ctx context.Context, a *attempt) error {
				time.Sleep(10 * time.Millisecond) // an earlier end of its deadline would say nothing
				return asked(ctx, a)
			})
			for range 20 {
				_, _ = w.get(t.Context(), code.String())
			}
			if got := w.out.States()[0].State; got != want {
				t.Errorf("%v: the breaker is %s, want %s", code, got, want)
			}
		})
	}
}

func TestWhatIsTheCallersOwnFaultSaysNothing(t *testing.T) {
	t.Parallel()
	marked := func(code codes.Code, ran link.Outcome) error { return link.Mark(status.New(code, "for the test"), ran) }
	for name, c := range map[string]struct {
		failure error
		takes   int // ms
		want    string
	}{
		"a message that cannot be encoded":       {marked(codes.Internal, link.NeverSent), 0, "closed"},
		"one that nobody can take":               {marked(codes.Unimplemented, link.NeverSent), 0, "closed"},
		"a callee that cannot be reached":        {marked(codes.Unavailable, link.NeverSent), 0, "open"},
		"a deadline that was over before":        {marked(codes.DeadlineExceeded, link.NeverSent), 0, "closed"},
		"one that was nearly over":               {marked(codes.DeadlineExceeded, link.MayHaveRun), 9, "closed"},
		"one in which it could not be reached":   {marked(codes.DeadlineExceeded, link.NeverSent), 100, "open"},
		"one in which it could have answered":    {marked(codes.DeadlineExceeded, link.MayHaveRun), 10, "open"},
		"a context that ended, as nobody marked": {context.DeadlineExceeded, 0, "closed"},
		"a caller that left, as nobody marked":   {context.Canceled, 1000, "closed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWay(policy.Settings{Breaker: &policy.Breaker{}}, func(context.Context, *attempt) error {
					time.Sleep(time.Duration(c.takes) * time.Millisecond)
					return c.failure
				})
				for range 20 {
					_, _ = w.get(t.Context(), "")
				}
				w.wantState(t, c.want)
			})
		})
	}
}

// A half-open breaker learns nothing of it either, and lets another one try.
func TestAProbeThatIsTheCallersOwnFaultIsNone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := opened(t, policy.Breaker{Probes: 1})
		time.Sleep(6 * time.Second)
		w.answer = func(context.Context, *attempt) error {
			return link.Mark(status.New(codes.Internal, "for the test"), link.NeverSent)
		}
		for range 3 {
			_, err := w.get(t.Context(), "")
			wantCode(t, err, codes.Internal)
		}
		w.wantState(t, "half-open")
		w.answer = asked
		w.ask(t, 1, codes.OK)
		w.wantState(t, "closed")
	})
}

func TestWhatACallerGaveUpSaysNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := breaking(policy.Breaker{})
		w.ask(t, 19, codes.Unavailable)
		w.ask(t, 100, codes.Canceled) // neither good nor the twentieth
		w.wantState(t, "closed")
		w.ask(t, 1, codes.Unavailable)
		w.wantState(t, "open")
	})
}

// No time passes in the bubble unless somebody waits: here nobody does.
func TestAnOpenBreakerRefusesWithoutAnyWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := opened(t, policy.Breaker{})
		began := time.Now()
		for range 1000 {
			_, err := w.get(t.Context(), "OK")
			if status.Code(err) != codes.Unavailable || link.Ran(err) != link.NeverSent {
				t.Fatalf("got %v, which %v", err, link.Ran(err))
			}
		}
		if time.Since(began) != 0 || w.made() != 20 || w.count("breaker refused") != 1000 {
			t.Errorf("%v, %d attempts, %d refused", time.Since(began), w.made(), w.count("breaker refused"))
		}
	})
}

func TestARefusalSaysWhenToComeAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, err := opened(t, policy.Breaker{}).get(t.Context(), "OK")
		for _, part := range []string{method + " was not called", "too many calls", "is due in ", "(breaker)"} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("no %q in %q", part, err)
			}
		}
	})
}

func TestABreakerIsOpenForFiveSecondsGiveOrTakeATenth(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		spread := map[time.Duration]bool{}
		for range 20 {
			w := opened(t, policy.Breaker{})
			began := time.Now()
			for ; w.made() == 20; time.Sleep(50 * time.Millisecond) {
				_, _ = w.get(t.Context(), "OK")
			}
			took := time.Since(began) - 50*time.Millisecond
			if took < 4500*time.Millisecond || took > 5550*time.Millisecond {
				t.Errorf("open for %v", took)
			}
			spread[took] = true
		}
		if len(spread) < 3 {
			t.Errorf("open for %v only", spread)
		}
	})
}

func TestProbesThatSucceedCloseABreaker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := opened(t, policy.Breaker{})
		time.Sleep(6 * time.Second)
		w.ask(t, 2, codes.OK)
		w.wantState(t, "half-open")
		w.ask(t, 1, codes.NotFound) // whoever says so is well
		w.wantState(t, "closed")
		w.ask(t, 19, codes.Unavailable) // what was before is forgotten
		w.wantState(t, "closed")
		wantEvents(t, w, "breaker open", "breaker half-open", "breaker closed")
	})
}

func TestOneProbeThatFailsOpensABreakerAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := opened(t, policy.Breaker{})
		time.Sleep(6 * time.Second)
		w.ask(t, 2, codes.OK)
		w.ask(t, 1, codes.Unavailable)
		_, err := w.get(t.Context(), "OK")
		if link.Ran(err) != link.NeverSent {
			t.Errorf("got %v", err)
		}
		wantEvents(t, w, "breaker open", "breaker half-open", "breaker open", "breaker refused")
	})
}

// hanging makes a breaker whose callee has failed, and hangs since.
func hanging(t *testing.T) (w *way, release func()) {
	t.Helper()
	let := make(chan struct{})
	w = newWay(policy.Settings{Breaker: &policy.Breaker{}}, func(ctx context.Context, a *attempt) error {
		if a.n <= 20 {
			return errMayHaveRun
		}
		select {
		case <-let:
			return nil
		case <-ctx.Done():
			return status.FromContextError(ctx.Err()).Err()
		}
	})
	for range 20 {
		_, _ = w.get(t.Context(), "")
	}
	time.Sleep(6 * time.Second)
	return w, func() { close(let) }
}

func TestNoMoreProbesThanAllowedAreUnderWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, release := hanging(t)
		for range 10 {
			go func() { _, _ = w.get(t.Context(), "") }()
		}
		synctest.Wait()
		if w.made() != 23 || w.count("breaker refused") != 7 {
			t.Errorf("%d probes, %d refused, want 3 and 7", w.made()-20, w.count("breaker refused"))
		}
		release()
		synctest.Wait()
		w.wantState(t, "closed")
	})
}

func TestAProbeWhoseCallerGivesUpMakesRoomForAnother(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, release := hanging(t)
		defer release()
		for range 50 {
			ctx, cancel := context.WithCancel(t.Context())
			go func() { _, _ = w.get(ctx, "") }()
			synctest.Wait()
			cancel()
			synctest.Wait()
		}
		w.wantState(t, "half-open")
		if w.made() != 70 {
			t.Errorf("%d probes, want 50", w.made()-20)
		}
	})
}

func TestProbesThatHangDoNotKeepABreakerHalfOpen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, release := hanging(t)
		for range 3 {
			go func() { _, _ = w.get(t.Context(), "") }()
		}
		synctest.Wait()
		_, err := w.get(t.Context(), "")
		if link.Ran(err) != link.NeverSent || !strings.Contains(err.Error(), "probed") {
			t.Errorf("got %v", err)
		}
		time.Sleep(6 * time.Second)
		go func() { _, _ = w.get(t.Context(), "") }()
		synctest.Wait()
		if w.made() != 24 {
			t.Errorf("%d probes, want 4", w.made()-20)
		}
		release()
		synctest.Wait()
		w.wantState(t, "half-open") // the first three were too late
	})
}

// A call that fails when probes are let pass, but began long before, is none of them.
func TestWhatBeganBeforeTheProbesIsNoProbe(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWay(policy.Settings{Breaker: &policy.Breaker{}}, func(ctx context.Context, a *attempt) error {
			if a.request.GetValue() == "slow" {
				return hangs(ctx, a)
			}
			return asked(ctx, a)
		})
		ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
		defer cancel()
		for range 30 {
			go func() { _, _ = w.get(ctx, "slow") }()
		}
		synctest.Wait()
		w.ask(t, 20, codes.Unavailable)
		time.Sleep(6 * time.Second)
		w.ask(t, 2, codes.OK)
		time.Sleep(3 * time.Second)
		w.wantState(t, "half-open")
		w.ask(t, 1, codes.OK)
		w.wantState(t, "closed")
		wantEvents(t, w, "breaker open", "breaker half-open", "breaker closed")
	})
}

// stream lets a stream pass, or gives its error.
func (w *way) stream(ctx context.Context, opts ...grpc.CallOption) (func(error), error) {
	return w.out.Stream(policy.Settings{Breaker: &policy.Breaker{}}).Enter(ctx, method, opts)
}

func TestAnOpenBreakerKeepsStreamsAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := opened(t, policy.Breaker{})
		var finished []error
		_, err := w.stream(t.Context(), grpc.OnFinish(func(err error) { finished = append(finished, err) }))
		wantCode(t, err, codes.Unavailable)
		if link.Ran(err) != link.NeverSent || len(finished) != 1 || w.count("breaker refused") != 1 {
			t.Errorf("%v, finished %v, told %v", link.Ran(err), finished, w.told())
		}
	})
}

func TestStreamsAreNoProbes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := opened(t, policy.Breaker{})
		time.Sleep(6 * time.Second)
		w.ask(t, 1, codes.OK)
		w.wantState(t, "half-open")
		for _, code := range []codes.Code{codes.OK, codes.OK, codes.OK, codes.OK, codes.Unavailable} {
			fares, err := w.stream(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			fares(status.Error(code, "for the test"))
			w.wantState(t, "half-open")
		}
		w.ask(t, 2, codes.OK) // the places of probes are theirs still
		w.wantState(t, "closed")
	})
}

func TestFailedStreamsOpenABreaker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := breaking(policy.Breaker{})
		for range 20 {
			w.wantState(t, "closed")
			fares, err := w.stream(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			fares(status.Error(codes.Unavailable, "for the test"))
		}
		w.wantState(t, "open")
	})
}

func TestWhereOnlyStreamsAreCalledTheyShowWhetherTheCalleeIsBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := opened(t, policy.Breaker{})
		for _, code := range []codes.Code{codes.Unavailable, codes.OK} {
			time.Sleep(6 * time.Second)
			fares, err := w.stream(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			w.wantState(t, "open")
			fares(status.Error(code, "for the test"))
			if _, err := w.stream(t.Context()); (err == nil) != (code == codes.OK) {
				t.Errorf("after %v: %v", code, err)
			}
		}
		w.wantState(t, "closed")
	})
}

func TestAStreamThatBeganBeforeTheBreakerOpenedDoesNotCloseIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := breaking(policy.Breaker{})
		fares, err := w.stream(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		w.ask(t, 20, codes.Unavailable)
		time.Sleep(6 * time.Second)
		fares(nil)
		w.wantState(t, "open")
	})
}

func TestAMethodWithoutABreakerLetsStreamsPass(t *testing.T) {
	t.Parallel()
	fares, err := policy.NewOutbound(nil).Stream(policy.Settings{}).Enter(t.Context(), method, nil)
	if err != nil {
		t.Fatal(err)
	}
	fares(status.Error(codes.Unavailable, "for the test"))
}

func TestMethodsOfOneScopeShareABreaker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := opened(t, policy.Breaker{Scope: "a"})
		for scope, want := range map[string]link.Outcome{"a": link.NeverSent, "b": link.Answered} {
			other := w.out.Method(policy.Settings{Breaker: &policy.Breaker{Scope: scope}})
			if err := other(t.Context(), method, &text{}, &text{}, nil, w.invoke); link.Ran(err) != want {
				t.Errorf("%s: %v", scope, err)
			}
		}
	})
}
