//go:build unix

package faults_test

import (
	"context"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf"
	faultsv1 "github.com/kerf-go/kerf/faults/v1"
)

// behaviour is what the app's processes are told by their environment, as JSON.
type behaviour struct {
	Runs    string `json:"runs"`     // the file of runs
	Struck  event  `json:"struck"`   // the fault has struck: calls that were held until then may end
	Healed  event  `json:"healed"`   // the fault has ended
	Streams bool   `json:"streams"`  // the link carries them
	FailsIn int64  `json:"fails_in"` // of so many calls one is Unavailable though it has run; 0: none
}

// newApp is a service that is called, and one that calls.
func newApp(b behaviour) (app kerf.App, wrong *wrongdoer) {
	serves := []*grpc.ServiceDesc{&faultsv1.Target_ServiceDesc}
	if b.Streams {
		serves = append(serves, &faultsv1.Watching_ServiceDesc)
	}
	build := func(_ context.Context, h *kerf.Host) error {
		faultsv1.RegisterTargetServer(h, target{runs: runs(b.Runs), struck: b.Struck})
		if b.Streams {
			faultsv1.RegisterWatchingServer(h, watching{runs: runs(b.Runs)})
		}
		return nil
	}
	wrong = &wrongdoer{behaviour: b}
	app = kerf.App{
		Name: "faults",
		Services: []kerf.Service{
			{Name: "caller", Calls: []string{"target"}, New: func(_ context.Context, h *kerf.Host) error {
				h.Conn("target")
				return nil
			}},
			{Name: "target", Serves: serves, New: build},
		},
		UnaryServer:  []grpc.UnaryServerInterceptor{wrong.unary},
		StreamServer: []grpc.StreamServerInterceptor{wrong.stream},
	}
	return app, wrong
}

// wrongdoer is an interceptor of the app that does wrong.
type wrongdoer struct {
	behaviour

	calls atomic.Int64
	late  atomic.Int64 // nanoseconds by which each call begins later
}

func (w *wrongdoer) unary(
	ctx context.Context, request any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler,
) (any, error) {
	if !ours(info.FullMethod) || !pause(ctx, time.Duration(w.late.Load())) {
		return handle(ctx, request)
	}
	answer, err := handle(ctx, request)
	if w.fails() {
		return nil, status.Errorf(codes.Unavailable, "one of %d", w.FailsIn)
	}
	return answer, err
}

func (w *wrongdoer) stream(
	service any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handle grpc.StreamHandler,
) error {
	if !ours(info.FullMethod) || !pause(stream.Context(), time.Duration(w.late.Load())) {
		return handle(service, stream)
	}
	if w.fails() {
		return status.Errorf(codes.Unavailable, "one of %d", w.FailsIn)
	}
	return handle(service, stream)
}

// ours leaves health checks and the like alone.
func ours(method string) bool { return strings.HasPrefix(method, "/kerf.faults.") }

func (w *wrongdoer) fails() bool {
	return w.FailsIn > 0 && w.calls.Add(1)%w.FailsIn == 0 && !w.Healed.is()
}

// target is the callee.
type target struct {
	faultsv1.UnimplementedTargetServer

	runs   runs
	struck event
}

func (t target) Look(ctx context.Context, r *faultsv1.Request) (*faultsv1.Answer, error) {
	return t.answer(ctx, r)
}

func (t target) Add(ctx context.Context, r *faultsv1.Request) (*faultsv1.Answer, error) {
	return t.answer(ctx, r)
}

func (t target) answer(ctx context.Context, r *faultsv1.Request) (*faultsv1.Answer, error) {
	if err := t.runs.note(began, r.GetId()); err != nil {
		return nil, err
	}
	holds := r.GetHolds().AsDuration()
	if holds > 0 && !t.struck.await(ctx) || !pause(ctx, holds) {
		_ = t.runs.note(ended, r.GetId())
		return nil, status.FromContextError(ctx.Err()).Err()
	}
	return &faultsv1.Answer{Pid: int64(os.Getpid())}, nil
}

// watching answers until nobody listens any more.
type watching struct {
	faultsv1.UnimplementedWatchingServer

	runs runs
}

func (w watching) Watch(r *faultsv1.Request, stream grpc.ServerStreamingServer[faultsv1.Answer]) error {
	const every = 50 * time.Millisecond
	if err := w.runs.note(began, r.GetId()); err != nil {
		return err
	}
	for {
		err := stream.Send(&faultsv1.Answer{Pid: int64(os.Getpid())})
		if err == nil && pause(stream.Context(), every) {
			continue
		}
		_ = w.runs.note(ended, r.GetId())
		if err == nil {
			err = status.FromContextError(stream.Context().Err()).Err()
		}
		return err
	}
}

// pause waits, and is false if the context ended before.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
