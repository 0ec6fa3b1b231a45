package natslink

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/kerf-go/kerf/link"
	pb "github.com/kerf-go/kerf/link/linktest/v1"
	"github.com/kerf-go/kerf/policy"
)

// A rate of the service makes accepted requests wait, however many there are, and no dead letters of them.
func TestRequestsWaitForRoomInTheService(t *testing.T) {
	t.Parallel()
	q := newQueueing(t, Link{backoff: time.Millisecond})
	const requests = 40
	for range requests {
		q.tell(t, &pb.Message{})
	}
	gate := policy.NewInbound(nil).Method(policy.Settings{Rate: &policy.Rate{Calls: 20, Burst: 1}})
	var refused atomic.Int64
	server, err := q.Listen(t.Context(), q.at, link.ListenOptions{
		Logger: slog.New(slog.DiscardHandler),
		Unary: []grpc.UnaryServerInterceptor{func(
			ctx context.Context, request any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler,
		) (any, error) {
			if err := gate.Enter(ctx, "somebody", info.FullMethod, false, time.Now()); err != nil {
				refused.Add(1)
				return nil, err
			}
			return handle(ctx, request)
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	var runs atomic.Int64
	pb.RegisterExerciseServer(server, counting{runs: &runs})
	served := make(chan error, 1)
	go func() { served <- server.Serve() }()
	t.Cleanup(func() { _, _ = server.Close(), <-served })
	eventually(t, "an empty queue", func() bool { return q.held(t, "queue") == 0 })
	if ran, dead := runs.Load(), len(q.letters(t)); ran != requests || dead != 0 || refused.Load() == 0 {
		t.Errorf("%d of %d requests have run, and %d are dead letters; %d times one was refused",
			ran, requests, dead, refused.Load())
	}
}
