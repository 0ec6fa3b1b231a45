package seam_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	linktestv1 "github.com/kerf-go/kerf/link/linktest/v1"
	"github.com/kerf-go/kerf/seam"
)

func outboundWith(unary ...grpc.UnaryClientInterceptor) seam.OutboundOptions {
	return seam.OutboundOptions{Caller: "web", Callee: "back", Link: "grpc", Serves: exercise, Unary: unary}
}

// left tells how long a call through the outbound chain may take, 0 for ever.
func left(ctx context.Context, p *process, timeout time.Duration) time.Duration {
	o := outboundWith()
	o.Deadline = func(string) time.Duration { return timeout }
	unary, _ := p.seam.Outbound(o)
	var got time.Duration
	invoke := func(ctx context.Context, _ string, _, _ any, _ *grpc.ClientConn, _ ...grpc.CallOption) error {
		if deadline, ok := ctx.Deadline(); ok {
			got = time.Until(deadline)
		}
		return nil
	}
	_ = unary[0](ctx, unaryMethod, nil, nil, nil, invoke)
	return got
}

// within runs a function as a handler that has the given time.
func within(ctx context.Context, p *process, limit time.Duration, handle func(context.Context)) error {
	unary, _ := p.seam.Inbound(seam.InboundOptions{Link: "grpc"})
	if limit != 0 {
		limited, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		ctx = limited
	}
	_, err := unary[0](ctx, nil, &grpc.UnaryServerInfo{FullMethod: unaryMethod},
		func(ctx context.Context, _ any) (any, error) { handle(ctx); return new(message), nil })
	return err
}

func TestDeadlines(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name                    string
		inbound, given, timeout time.Duration
		free                    bool // the handler frees itself from its inbound call
		want                    time.Duration
	}{
		{name: "no limits, no deadline"},
		{name: "a call without deadline gets the method's", timeout: time.Second, want: time.Second},
		{name: "an earlier deadline stays", given: time.Second, timeout: 2 * time.Second, want: time.Second},
		{name: "a later deadline is shortened", given: time.Hour, timeout: time.Second, want: time.Second},
		{name: "a method without limit keeps the deadline", given: time.Hour, want: time.Hour},
		{name: "a handler keeps a twentieth", inbound: 100 * time.Millisecond, want: 95 * time.Millisecond},
		{name: "a handler keeps 50 ms at most", inbound: time.Minute, want: time.Minute - 50*time.Millisecond},
		{name: "the method's deadline pays no margin", inbound: time.Minute, timeout: time.Second, want: time.Second},
		{
			name: "the margin shortens the method's deadline", inbound: time.Second, timeout: 990 * time.Millisecond,
			want: 950 * time.Millisecond,
		},
		{name: "a handler's own earlier deadline stays", inbound: time.Minute, given: time.Second, want: time.Second},
		{
			name: "work freed from the inbound call pays no margin", inbound: time.Second, free: true,
			given: time.Minute, want: time.Minute,
		},
		{name: "work freed for ever has no deadline", inbound: time.Second, free: true},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			p := newProcess(t)
			synctest.Test(t, func(t *testing.T) {
				call := func(ctx context.Context) {
					if row.free {
						ctx = context.WithoutCancel(ctx)
					}
					if row.given != 0 {
						limited, cancel := context.WithTimeout(ctx, row.given)
						defer cancel()
						ctx = limited
					}
					if got := left(ctx, p, row.timeout); got != row.want {
						t.Errorf("%v left, want %v", got, row.want)
					}
				}
				if err := within(t.Context(), p, row.inbound, call); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestAStreamLastsAsLongAsItsMethodMay(t *testing.T) {
	t.Parallel()
	p := newProcess(t)
	o := outboundWith()
	o.Deadline = func(string) time.Duration { return 50 * time.Millisecond }
	to := p.serve(t, "back", &handlers{chat: func(s chatServer) error {
		<-s.Context().Done()
		return s.Context().Err()
	}})
	chat, err := linktestv1.NewExerciseClient(p.dialWith(t, to, o)).Chat(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := chat.Recv(); status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("got %v, want DeadlineExceeded", err)
	}
}

func TestALateCallIsNotRun(t *testing.T) {
	t.Parallel()
	p := newProcess(t)
	err := within(t.Context(), p, -time.Second, func(context.Context) { t.Error("it was run") })
	if status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("got %v, want DeadlineExceeded", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := within(gone, p, 0, func(context.Context) { t.Error("it was run") }); status.Code(err) != codes.Canceled {
		t.Errorf("got %v, want Canceled", err)
	}
	p.wantMetrics(t, `kerf_server_calls_total{callee="unknown",caller="unknown",code="DeadlineExceeded",`+
		`link="grpc",method="unknown"} 1`)
}
