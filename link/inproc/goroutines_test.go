package inproc_test

import (
	"context"
	"errors"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/kerf-go/kerf/link/linktest/v1"
)

// foreign is a context of a type that package context does not know. It watches such a
// one with a goroutine wherever it makes a child of it.
type foreign struct {
	context.Context

	done chan struct{}
}

func (f foreign) Done() <-chan struct{} { return f.done }

func (f foreign) Err() error {
	select {
	case <-f.done:
		return context.Canceled
	default:
		return nil
	}
}

func foreignly(ctx context.Context) (context.Context, context.CancelFunc) {
	f := foreign{ctx, make(chan struct{})}
	return f, func() { close(f.done) }
}

func forAnHour(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, time.Hour)
}

// hanging has a handler that waits for the end of its context, and tells how it was.
type hanging struct {
	pb.UnimplementedExerciseServer
	ended chan error
}

func (h hanging) wait(ctx context.Context) error {
	<-ctx.Done()
	h.ended <- ctx.Err()
	return ctx.Err()
}

func (h hanging) Unary(ctx context.Context, _ *pb.Message) (*pb.Message, error) {
	return nil, h.wait(ctx)
}

func (h hanging) Chat(s grpc.BidiStreamingServer[pb.Message, pb.Message]) error {
	return h.wait(s.Context())
}

func unary(ctx context.Context, client pb.ExerciseClient) error {
	_, err := client.Unary(ctx, &pb.Message{})
	return err
}

func chat(ctx context.Context, client pb.ExerciseClient) error {
	s, err := client.Chat(ctx)
	if err == nil {
		_, err = s.Recv()
	}
	return err
}

func TestACallThatCanBeCancelledHasNoThirdGoroutine(t *testing.T) { //nolint:paralleltest // it counts them
	for name, c := range map[string]struct { //nolint:paralleltest // the same
		call func(context.Context, pb.ExerciseClient) error
		with func(context.Context) (context.Context, context.CancelFunc)
	}{
		"a unary call":                                {unary, context.WithCancel},
		"a unary call with a deadline":                {unary, forAnHour},
		"a unary call with a context of another type": {unary, foreignly},
		"a stream":                 {chat, context.WithCancel},
		"a stream with a deadline": {chat, forAnHour},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const calls = 100
				u := &url.URL{Scheme: "inproc", Host: strings.ReplaceAll(t.Name(), "/", "-")}
				handler := hanging{ended: make(chan error, calls)}
				s, client := listen(t, u, handler), pb.NewExerciseClient(connect(t, u))
				go s.Serve()
				ctx, cancel := c.with(t.Context())
				synctest.Wait()
				before := runtime.NumGoroutine()
				var callers sync.WaitGroup
				for range calls {
					callers.Go(func() {
						if err := c.call(ctx, client); status.Code(err) != codes.Canceled {
							t.Errorf("a call ended with %v", err)
						}
					})
				}
				synctest.Wait()
				// The caller, and a worker. One that was just ending before may be missing now.
				if more := runtime.NumGoroutine() - before; more > 2*calls {
					t.Errorf("%d calls have %d goroutines, want two each", calls, more)
				}
				cancel()
				callers.Wait()
				for range calls {
					if err := <-handler.ended; !errors.Is(err, context.Canceled) {
						t.Errorf("a handler's context ended with %v", err)
					}
				}
			})
		})
	}
}
