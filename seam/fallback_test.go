package seam_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/policy"
	"github.com/kerf-go/kerf/seam"
)

func TestAFallbacksMethodAnswersThoughTheCallHungUntilItsDeadline(t *testing.T) {
	t.Parallel()
	onLinks(t, func(t *testing.T, l link.Link, rawURL string) {
		t.Helper()
		var calls atomic.Int32
		s := policy.Settings{Fallback: &policy.Fallback{Method: unaryMethod}}
		h := &handlers{unary: func(ctx context.Context, m *message) (*message, error) {
			if calls.Add(1) == 1 {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return m, nil
		}}
		g := guard(t, l, rawURL, s, h)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var header metadata.MD
		got, err := g.client.Unary(ctx, &message{Text: "x"}, grpc.Header(&header))
		if err != nil || got.GetText() != "x" || len(header[policy.DegradedKey]) != 1 {
			t.Errorf("%v, %v, header %v", got, err, header)
		}
		g.web.wantEvent(t, "web", "fallback", "answered", 1)
	})
}

func TestAFallbacksMethodHasItsOwnBreaker(t *testing.T) {
	t.Parallel()
	const other = "/kerf.linktest.v1.Exercise/Other"
	failing := &policy.Breaker{Scope: "failing", Calls: 1, Open: time.Minute}
	unary, _ := newProcess(t).seam.Outbound(seam.OutboundOptions{
		Caller: "web", Callee: "back", Link: "inproc", Serves: exercise,
		Policy: func(method string) policy.Settings {
			if method == other {
				return policy.Settings{Breaker: &policy.Breaker{Scope: "other"}}
			}
			return policy.Settings{Breaker: failing, Fallback: &policy.Fallback{Method: other}}
		},
	})
	for range 3 {
		err := unary[0](t.Context(), unaryMethod, &message{}, &message{}, nil, func(
			_ context.Context, method string, _, _ any, _ *grpc.ClientConn, _ ...grpc.CallOption,
		) error {
			if method == other {
				return nil
			}
			return status.Error(codes.Unavailable, "")
		})
		if err != nil {
			t.Error(err)
		}
	}
}
