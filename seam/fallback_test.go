package seam_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/policy"
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
