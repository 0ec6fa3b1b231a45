package policy_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/balance"
	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/policy"
)

// replica is a conn to a callee that answers a call after a second. One that is silent
// answers nothing for a while.
type replica struct {
	link.Conn

	silent time.Duration
	calls  atomic.Int64
}

func (r *replica) Invoke(ctx context.Context, method string, _, reply any, _ ...grpc.CallOption) error {
	takes := r.silent
	if method == healthpb.Health_Check_FullMethodName {
		reply.(*healthpb.HealthCheckResponse).Status = healthpb.HealthCheckResponse_SERVING
	} else {
		r.calls.Add(1)
		takes = max(takes, time.Second)
	}
	timer := time.NewTimer(takes)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return link.Mark(status.FromContextError(ctx.Err()), link.MayHaveRun)
	}
}

func (*replica) Close() error { return nil }

func TestCallsLeaveAReplicaThatFallsSilent(t *testing.T) {
	t.Parallel()
	const calls = 400 // of which the silent one gets half: twice as many as the budget holds
	for name, c := range map[string]struct {
		settings policy.Settings
		silent   time.Duration
		left     int64 // so many are made again
		want     codes.Code
	}{
		"all of them, whatever the budget": {
			policy.Settings{Retry: &policy.Retry{}, Idempotent: true}, time.Hour, calls / 2, codes.OK,
		},
		"not those that must run once": {
			policy.Settings{Retry: &policy.Retry{}}, time.Hour, 0, codes.DeadlineExceeded,
		},
		"not those that are not repeated": {
			policy.Settings{Idempotent: true}, time.Hour, 0, codes.DeadlineExceeded,
		},
		"not their last attempts, which may succeed": {
			policy.Settings{Retry: &policy.Retry{Attempts: 1}, Idempotent: true}, 3 * time.Second, 0, codes.OK,
		},
		"hedged ones too": {
			policy.Settings{Retry: &policy.Retry{}, Hedge: &policy.Hedge{After: time.Hour}, Idempotent: true},
			time.Hour, calls / 2, codes.OK,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				replicas := map[string]*replica{"one": {silent: c.silent}, "other": {}}
				b := balance.New(func(url string) (link.Conn, error) { return replicas[url], nil }, balance.Options{})
				defer b.Close()
				b.Update([]string{"one", "other"})
				w := newWay(c.settings, nil)
				invoke := func(
					ctx context.Context, name string, request, reply any, _ *grpc.ClientConn, opts ...grpc.CallOption,
				) error {
					call, err := b.Pick(ctx)
					if err != nil {
						return err
					}
					return call.Invoke(ctx, name, request, reply, opts...)
				}
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				ends := make(chan error, calls)
				for range calls {
					go func() { ends <- w.call(ctx, method, new(text), new(text), nil, invoke) }()
				}
				failed := 0
				for range calls {
					if err := <-ends; err != nil {
						failed++
						wantCode(t, err, c.want)
					}
				}
				if (failed > 0) != (c.want != codes.OK) {
					t.Errorf("%d calls failed", failed)
				}
				if n := replicas["one"].calls.Load() + replicas["other"].calls.Load() - calls; n != c.left {
					t.Errorf("%d attempts were made again, want %d", n, c.left)
				}
				for _, s := range w.out.States() {
					if s.Policy == "retry" && s.Budget != 100 {
						t.Errorf("the budget has %d retries left", s.Budget)
					}
				}
			})
		})
	}
}
