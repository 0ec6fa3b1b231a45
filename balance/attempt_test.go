package balance_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	grpcstatus "google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/balance"
	"github.com/kerf-go/kerf/link"
)

// invoke makes a call on the endpoint a in the background, and tells how it ends.
func (b *bed) invoke(ctx context.Context, opts ...grpc.CallOption) <-chan error {
	b.t.Helper()
	over := make(chan error, 1)
	c := b.on("a")
	go func() { over <- c.Invoke(ctx, "/pkg.Service/Method", nil, nil, opts...) }()
	return over
}

func silence(b *bed) { b.replicas["a"].fallsSilent() }

func TestWhoFallsSilentLosesCallsThatMayBeRepeated(t *testing.T) {
	t.Parallel()
	const deadline = 5 * time.Second
	for name, c := range map[string]struct {
		before     func(b *bed)
		happens    func(b *bed)
		repeatable bool
		leaves     bool
		state      balance.State
	}{
		"nothing more comes from it": {nil, silence, true, true, balance.Unhealthy},
		"the call must run once":     {nil, silence, false, false, balance.Unhealthy},
		"nobody else can be reached": {
			func(b *bed) {
				b.replicas["b"].fallsSilent()
				<-time.NewTimer(3 * time.Second).C
			}, silence, true, false, balance.Unhealthy,
		},
		"it takes no new calls, as when it drains": {
			nil, func(b *bed) { b.replicas["a"].answers(0, refused) }, true, false, balance.Unhealthy,
		},
		"it does not serve, as when it drains": {
			nil, func(b *bed) { b.replicas["a"].answers(notServing, nil) }, true, false, balance.Unhealthy,
		},
		"it is slow, and answers other calls": {
			nil, func(b *bed) {
				silence(b)
				const often = 500 * time.Millisecond
				for after := often; after < deadline; after += often {
					time.AfterFunc(after, func() { b.on("a").Done(fault(codes.NotFound, link.Answered)) })
				}
			}, true, false, balance.OK,
		},
		"it misses every other question": {
			nil, func(b *bed) {
				asked := 0
				b.replicas["a"].checked(func(ctx context.Context) (healthpb.HealthCheckResponse_ServingStatus, error) {
					if asked++; asked%2 == 1 {
						return 0, nothing(ctx)
					}
					return serving, nil
				})
			}, true, false, balance.OK,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := setup(t, balance.Options{HealthEvery: time.Second}, "a", "b")
				b.replicas["a"].answers(serving, nil)
				if c.before != nil {
					c.before(b)
				}
				b.replicas["a"].calls(nothing)
				var opts []grpc.CallOption
				if c.repeatable {
					opts = append(opts, balance.Repeatable())
				}
				ctx, cancel := context.WithTimeout(t.Context(), deadline)
				defer cancel()
				over := b.invoke(ctx, opts...)
				c.happens(b)
				began := time.Now()
				err := <-over
				took := time.Since(began)
				switch {
				case c.leaves != balance.GivenUp(err):
					t.Errorf("given up: %t; %v after %v", balance.GivenUp(err), err, took)
				case !c.leaves && grpcstatus.Code(err) != codes.DeadlineExceeded:
					t.Errorf("it ended with %v", err)
				case c.leaves && (grpcstatus.Code(err) != codes.Unavailable || link.Ran(err) != link.MayHaveRun):
					t.Errorf("it ended with %v, and %v", err, link.Ran(err))
				case c.leaves && (took < time.Second || took > 2101*time.Millisecond):
					t.Errorf("it was given up after %v", took)
				}
				b.want("a", c.state)
				b.Close()
			})
		})
	}
}

func TestWhoWasSilentIsNoWorseForWhatHeLost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, balance.Options{HealthEvery: time.Second, SlowStart: -1}, "a", "b")
		a := b.replicas["a"]
		a.fallsSilent()
		all := make([]<-chan error, 20)
		for i := range all {
			all[i] = b.invoke(t.Context(), balance.Repeatable())
		}
		for _, over := range all {
			if err := <-over; !balance.GivenUp(err) {
				t.Errorf("a call ended with %v", err)
			}
		}
		if n := b.status("a").Outstanding; n != 0 {
			t.Errorf("%d calls run on", n)
		}
		a.answers(serving, nil)
		a.calls(nil)
		<-time.NewTimer(1200 * time.Millisecond).C
		b.want("a", balance.OK)
		if got := b.counts(100); got["a"] != 50 {
			t.Errorf("it gets %v", got)
		}
		b.Close()
	})
}

func TestACallThatItsCallerEndsIsNotGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, balance.Options{HealthEvery: time.Second}, "a", "b")
		b.replicas["a"].fallsSilent()
		ctx, cancel := context.WithCancel(t.Context())
		over := b.invoke(ctx, balance.Repeatable())
		cancel()
		if err := <-over; balance.GivenUp(err) || grpcstatus.Code(err) != codes.Canceled {
			t.Errorf("it ended with %v", err)
		}
		b.Close()
	})
}

// An answer that comes just as the call is given up is the callee's.
func TestAnAnswerInTheLastMomentCounts(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]error{
		"it is good": nil, "it is an error": fault(codes.NotFound, link.Answered),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := setup(t, balance.Options{HealthEvery: time.Second}, "a", "b")
				b.replicas["a"].fallsSilent()
				b.replicas["a"].calls(func(ctx context.Context) error {
					<-ctx.Done()
					return answer
				})
				if err := <-b.invoke(t.Context(), balance.Repeatable()); !errors.Is(err, answer) {
					t.Errorf("it ended with %v", err)
				}
				b.Close()
			})
		})
	}
}

func TestCallsBeginAndEndWhileOthersAreGivenUp(t *testing.T) {
	t.Parallel()
	b := setup(t, balance.Options{HealthEvery: time.Millisecond, Silence: time.Millisecond, SlowStart: -1}, "a", "b")
	b.replicas["a"].fallsSilent()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 300 {
				err := b.pick().Invoke(t.Context(), "/pkg.Service/Method", nil, nil, balance.Repeatable())
				if err != nil && !balance.GivenUp(err) {
					t.Errorf("a call ended with %v", err)
				}
			}
		})
	}
	all.Wait()
	for _, s := range b.Snapshot() {
		if s.Outstanding != 0 {
			t.Errorf("calls run on: %+v", s)
		}
	}
}

func TestACallThatPanicsIsOver(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string][]grpc.CallOption{"once": nil, "repeatable": {balance.Repeatable()}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, balance.Options{HealthEvery: -1}, "a", "b")
			b.replicas["a"].calls(func(context.Context) error { panic("no") }) //nolint:forbidigo // an interceptor's
			func() {
				defer func() { _ = recover() }()
				_ = b.on("a").Invoke(t.Context(), "/pkg.Service/Method", nil, nil, opts...)
			}()
			for _, e := range b.Snapshot() {
				if e.Outstanding != 0 || e.State != balance.OK {
					t.Errorf("%s is %s, with %d calls under way", e.URL, e.State, e.Outstanding)
				}
			}
		})
	}
}
