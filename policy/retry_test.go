package policy_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/policy"
)

// repeating are the policies of a method that is idempotent, or is not.
func repeating(idempotent bool) policy.Settings {
	return policy.Settings{Retry: &policy.Retry{}, Idempotent: idempotent}
}

func TestOnlyWhatMayRunTwiceIsRepeated(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		err        error
		idempotent bool
		want       int // attempts
	}{
		"what was never sent is repeated":                           {errNeverSent, false, 3},
		"what may have run is not":                                  {errMayHaveRun, false, 1},
		"what nobody knows of is not":                               {status.Error(codes.Unavailable, ""), false, 1},
		"what the callee has answered is not":                       {errAnswered, false, 1},
		"an idempotent method that was never sent is repeated":      {errNeverSent, true, 3},
		"an idempotent method that may have run is repeated":        {errMayHaveRun, true, 3},
		"an idempotent method whose callee has answered is as well": {errAnswered, true, 3},
		"ResourceExhausted is not repeated, who sheds load needs it": {
			status.Error(codes.ResourceExhausted, ""), true, 1,
		},
		"Internal is not repeated": {status.Error(codes.Internal, ""), true, 1},
		"another code is not repeated though it was never sent": {
			link.Mark(status.New(codes.PermissionDenied, ""), link.NeverSent), true, 1,
		},
		"DeadlineExceeded of the callee is not repeated": {status.Error(codes.DeadlineExceeded, ""), true, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWay(repeating(test.idempotent), fails(test.err))
				_, err := w.get(t.Context(), "")
				if !errors.Is(err, test.err) || w.made() != test.want || w.count("retry again") != test.want-1 {
					t.Errorf("%v after %d attempts, want %d; told %v", err, w.made(), test.want, w.told())
				}
			})
		})
	}
}

func TestNothingIsRepeatedWithoutThePolicy(t *testing.T) {
	t.Parallel()
	w := newWay(policy.Settings{Idempotent: true}, fails(errNeverSent))
	_, _ = w.get(t.Context(), "")
	if w.made() != 1 {
		t.Errorf("%d attempts", w.made())
	}
}

// until is a callee that fails before the given attempt.
func until(n int, err error) func(context.Context, *attempt) error {
	return func(_ context.Context, a *attempt) error {
		if a.n < n {
			return err
		}
		a.reply.Value = a.request.GetValue()
		return nil
	}
}

func TestAnAttemptThatSucceedsEndsTheCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWay(repeating(true), until(3, errMayHaveRun))
		if got, err := w.get(t.Context(), "x"); got != "x" || err != nil || w.made() != 3 {
			t.Errorf("%q, %v after %d attempts", got, err, w.made())
		}
	})
}

// pauses gives the pauses between a call's attempts.
func pauses(t *testing.T, s policy.Settings, answer func(context.Context, *attempt) error) []time.Duration {
	t.Helper()
	var all []time.Duration
	last := time.Now()
	w := newWay(s, func(ctx context.Context, a *attempt) error {
		if a.n > 1 {
			all = append(all, time.Since(last))
		}
		last = time.Now()
		return answer(ctx, a)
	})
	_, _ = w.get(t.Context(), "")
	return all
}

func TestPausesHaveFullJitterWithinBoundsThatDouble(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := policy.Settings{Retry: &policy.Retry{Attempts: 10}, Idempotent: true}
		bounds := []time.Duration{
			25 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 200 * time.Millisecond,
			400 * time.Millisecond, 800 * time.Millisecond, time.Second, time.Second, time.Second,
		}
		least, most := slices.Repeat([]float64{1}, 9), make([]float64, 9)
		for range 200 {
			for i, pause := range pauses(t, s, fails(errMayHaveRun)) {
				share := float64(pause) / float64(bounds[i])
				least[i], most[i] = min(least[i], share), max(most[i], share)
			}
		}
		for i := range bounds { // of 200 draws, nearly surely one is within a tenth of each end
			if least[i] > 0.1 || most[i] < 0.9 || most[i] > 1 {
				t.Errorf("pause %d: from %.2f to %.2f of %v", i+1, least[i], most[i], bounds[i])
			}
		}
	})
}

// pushing is a callee that says when to come again.
func pushing(err error, values ...string) func(context.Context, *attempt) error {
	return func(_ context.Context, a *attempt) error {
		a.trailer = metadata.MD{"grpc-retry-pushback-ms": values}
		return err
	}
}

func TestWhenToComeAgainIsForTheCalleeToSay(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		values []string
		want   []time.Duration
	}{
		"a second is a second":               {[]string{"1000"}, []time.Duration{time.Second, time.Second}},
		"none is at once":                    {[]string{"0"}, []time.Duration{0, 0}},
		"a negative number is never":         {[]string{"-1"}, nil},
		"what is no number is never":         {[]string{"soon"}, nil},
		"nothing is never":                   {[]string{""}, nil},
		"several are never":                  {[]string{"1", "1"}, nil},
		"more than anybody waits for, never": {[]string{"600000"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				got := pauses(t, repeating(true), pushing(errMayHaveRun, test.values...))
				if !slices.Equal(got, test.want) {
					t.Errorf("pauses %v, want %v", got, test.want)
				}
			})
		})
	}
}

func TestPausesBeginAnewAfterTheCalleeHasSpoken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := policy.Settings{Retry: &policy.Retry{Attempts: 6}, Idempotent: true}
		for range 100 {
			got := pauses(t, s, func(ctx context.Context, a *attempt) error {
				if a.n == 4 {
					return pushing(errMayHaveRun, "500")(ctx, a)
				}
				return errMayHaveRun
			})
			if len(got) != 5 || got[3] != 500*time.Millisecond || got[4] > 25*time.Millisecond {
				t.Fatalf("pauses %v", got)
			}
		}
	})
}

func TestWhatOneAttemptWasToldIsNotTakenForTheNextOnes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := repeating(true)
		out := policy.NewOutbound(nil).Method(s)
		n := 0
		invoke := func(
			_ context.Context, _ string, _, _ any, _ *grpc.ClientConn, opts ...grpc.CallOption,
		) error {
			n++
			for _, o := range opts {
				switch o := o.(type) {
				case grpc.TrailerCallOption:
					if n == 1 { // the second attempt ends before there is a trailer
						*o.TrailerAddr = metadata.Pairs("grpc-retry-pushback-ms", "10000")
					}
				case grpc.HeaderCallOption:
					if n == 1 {
						*o.HeaderAddr = metadata.Pairs("of", "the first")
					}
				}
			}
			return errMayHaveRun
		}
		began := time.Now()
		var header metadata.MD
		_ = out(t.Context(), method, &text{}, &text{}, nil, invoke, grpc.Header(&header))
		if took := time.Since(began); took > 10*time.Second+25*time.Millisecond || n != 3 || len(header) != 0 {
			t.Errorf("%d attempts in %v, header %v", n, took, header)
		}
	})
}

func TestNobodyWaitsForAnAttemptThatComesAfterTheDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWay(repeating(true), pushing(errMayHaveRun, "1000"))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		_, err := w.get(ctx, "")
		wantCode(t, err, codes.Unavailable)
		if time.Since(began) != 0 || w.made() != 1 || w.budget() != 100 {
			t.Errorf("%v, %d attempts, budget %d", time.Since(began), w.made(), w.budget())
		}
	})
}

func TestACallerWhoGivesUpDuringAPauseIsToldSoAndPaysNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWay(repeating(true), pushing(errNeverSent, "1000"))
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Millisecond, cancel)
		_, err := w.get(ctx, "")
		wantCode(t, err, codes.Canceled)
		if link.Ran(err) != link.NeverSent || w.made() != 1 || w.budget() != 100 {
			t.Errorf("%v, %d attempts, budget %d", link.Ran(err), w.made(), w.budget())
		}
		wantEvents(t, w)
	})
}

func TestAnAttemptThatRunsIntoItsTimeoutIsRepeated(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		idempotent bool
		want       int
		took       time.Duration
	}{
		"if it is idempotent":                 {true, 3, 3 * time.Second},
		"but else it has the call's deadline": {false, 1, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := repeating(test.idempotent)
				s.Retry.Timeout = time.Second
				w := newWay(s, hangs)
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				began := time.Now()
				_, err := w.get(ctx, "")
				wantCode(t, err, codes.DeadlineExceeded)
				if took := time.Since(began).Truncate(time.Second); w.made() != test.want || took != test.took {
					t.Errorf("%d attempts in %v", w.made(), took)
				}
			})
		})
	}
}

// budget gives the retries in hand.
func (w *way) budget() int {
	for _, s := range w.out.States() {
		if s.Policy == "retry" {
			return s.Budget
		}
	}
	return -1
}

func TestWhenEverythingFailsATenthOfAllCallsIsRepeated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWay(repeating(true), fails(errMayHaveRun))
		const calls = 10_000
		for range calls {
			_, _ = w.get(t.Context(), "")
		}
		if again := w.made() - calls; again < calls/10 || again > calls/10+100 {
			t.Errorf("%d retries of %d calls, want a tenth and the 100 in hand", again, calls)
		}
		if w.count("retry exhausted") == 0 || w.budget() != 0 {
			t.Errorf("%d told, budget %d", w.count("retry exhausted"), w.budget())
		}
	})
}

func TestABudgetIsFilledByCallsAndKeepsAHundredRetries(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		down := true
		w := newWay(repeating(true), func(context.Context, *attempt) error {
			if down {
				return errMayHaveRun
			}
			return nil
		})
		for range 1000 {
			_, _ = w.get(t.Context(), "")
		}
		down = false
		for _, want := range []int{10, 20} {
			for range 100 {
				_, _ = w.get(t.Context(), "")
			}
			if got := w.budget(); got != want {
				t.Errorf("budget %d, want %d", got, want)
			}
		}
		for range 2000 {
			_, _ = w.get(t.Context(), "")
		}
		if got := w.budget(); got != 100 {
			t.Errorf("budget %d, want 100", got)
		}
	})
}

func TestEachMethodPutsItsOwnShareIntoTheCommonBudget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWay(repeating(true), fails(errMayHaveRun))
		for range 1000 {
			_, _ = w.get(t.Context(), "")
		}
		half := w.out.Method(policy.Settings{Retry: &policy.Retry{Budget: 0.5, Attempts: 1}})
		for range 20 {
			_ = half(t.Context(), method, &text{}, &text{}, nil, w.invoke)
		}
		if got := w.budget(); got != 10 {
			t.Errorf("budget %d, want 10", got)
		}
	})
}

func TestOnFinishIsToldOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		static := policy.Fallback{Answer: []byte(`"x"`)}
		full := policy.Settings{Bulkhead: &policy.Bulkhead{Calls: 1, Queue: -1}}
		for name, test := range map[string]struct {
			settings policy.Settings
			answer   func(context.Context, *attempt) error
			want     codes.Code
		}{
			"of three attempts":        {repeating(true), fails(errMayHaveRun), codes.Unavailable},
			"of one that succeeds":     {repeating(true), until(3, errMayHaveRun), codes.OK},
			"without any policy":       {policy.Settings{}, fails(errMayHaveRun), codes.Unavailable},
			"of a hedged call":         {hedging(time.Second), slowFirst, codes.OK},
			"of a call that is kept":   {full, hangs, codes.ResourceExhausted},
			"of a fallback":            {falling(static), fails(errMayHaveRun), codes.OK},
			"of a fallback's method":   {falling(policy.Fallback{Method: other}), failsBut(other), codes.OK},
			"of a fallback that fails": {falling(policy.Fallback{Method: other}), failsBut(""), codes.Unavailable},
		} {
			w := newWay(test.settings, test.answer)
			ctx, cancel := context.WithCancel(t.Context())
			if test.settings.Bulkhead != nil {
				go func() { _, _ = w.get(ctx, "") }()
				synctest.Wait()
			}
			var told []error
			_, err := w.get(t.Context(), "", grpc.OnFinish(func(err error) { told = append(told, err) }))
			if len(told) != 1 || status.Code(told[0]) != test.want || status.Code(err) != test.want {
				t.Errorf("%s: told %v, got %v, want %v", name, told, err, test.want)
			}
			cancel()
		}
	})
}

//nolint:paralleltest // AllocsPerRun must be alone
func TestTheAttemptsOfACallShareOnePieceOfMemory(t *testing.T) {
	invoke := func(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error { return nil }
	given := []grpc.CallOption{grpc.WaitForReady(true)}
	for _, idempotent := range []bool{false, true} {
		s := policy.Defaults()
		s.Idempotent = idempotent
		call := policy.NewOutbound(nil).Method(s)
		if n := testing.AllocsPerRun(100, func() {
			if err := call(t.Context(), "/pkg.Service/Method", nil, nil, nil, invoke, given...); err != nil {
				t.Fatal(err)
			}
		}); n > 1 {
			t.Errorf("%v allocations; idempotent: %v", n, idempotent)
		}
	}
}
