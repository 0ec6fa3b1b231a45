package seam

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/kerf-go/kerf/link"
)

// mostSent is how many sent calls one service may have under way to another: what 200
// in a second become when the callee hangs until a deadline of five seconds. Each
// holds a message and a goroutine.
const mostSent = 1000

// send makes a call in the background. Only what can be said at once is its error.
func (o *outbound) send(
	ctx context.Context, m *method, name string, request, response any, cc *grpc.ClientConn,
	invoke grpc.UnaryInvoker, opts []grpc.CallOption,
) error {
	if ctx.Err() != nil {
		return link.Mark(status.FromContextError(ctx.Err()), link.NeverSent)
	}
	message, isMessage := request.(proto.Message)
	empty, isEmpty := response.(proto.Message)
	if !isMessage || !isEmpty {
		return link.Mark(status.Newf(codes.Internal, "%s is sent, which takes protobuf messages, not %T and %T",
			name, request, response), link.NeverSent)
	}
	ctx, c := o.seam.start(context.WithoutCancel(ctx), m, name, true)
	select {
	case o.sent <- struct{}{}:
	default:
		c.end(codes.ResourceExhausted)
		return link.Mark(status.Newf(codes.ResourceExhausted,
			"%d sent calls of %s to %s are under way already", mostSent, o.caller, o.callee), link.NeverSent)
	}
	message = proto.Clone(message) // the caller may change its own at once
	c.request(message)
	proto.Reset(empty)
	answer := empty.ProtoReflect().New().Interface()
	opts = append(forNobody(opts), link.WithWait(link.Sent))
	o.seam.sent.begin()
	go func() {
		defer o.seam.sent.end()
		defer func() { <-o.sent }()
		o.carry(ctx, &c, name, func(ctx context.Context) error {
			return m.invoke(ctx, name, message, answer, cc, invoke, opts)
		})
	}()
	return nil
}

// carry makes a call whose failure only the log and the metrics tell. A panic of an
// interceptor has no handler's barrier here.
func (o *outbound) carry(ctx context.Context, c *call, name string, invoke func(context.Context) error) {
	ctx = o.inject(ctx)
	own := bound(ctx, o.deadline(name), c.begin)
	defer own.Cancel()
	err := func() (err error) {
		defer func() {
			if cause := recover(); cause != nil {
				err = status.Errorf(codes.Internal, "panic: %v\n%s", cause, debug.Stack())
			}
		}()
		return invoke(own)
	}()
	code := codeOf(err)
	if err != nil {
		o.expired(ctx, own, name, err)
	}
	c.end(code)
	if err != nil {
		o.seam.write(ctx, slog.LevelWarn, "sent call failed", c, name, code, err)
	}
}

// forNobody leaves out the options that write to what is the caller's.
func forNobody(opts []grpc.CallOption) []grpc.CallOption {
	kept := make([]grpc.CallOption, 0, len(opts)+1)
	for _, opt := range opts {
		switch opt.(type) {
		case grpc.HeaderCallOption, grpc.TrailerCallOption, grpc.PeerCallOption:
		default:
			kept = append(kept, opt)
		}
	}
	return kept
}

// Drain waits until no sent call is under way; those that begin in the meantime count
// too. The error tells that some still were when ctx ended.
func (s *Seam) Drain(ctx context.Context) error {
	select {
	case <-s.sent.none():
		return nil
	case <-ctx.Done():
		return fmt.Errorf("sent calls are still under way: %w", ctx.Err())
	}
}

// underway counts what goes on in the background.
type underway struct {
	mu    sync.Mutex // guards the fields below
	count int
	idle  chan struct{} // closed when count falls to 0; nil while it is
}

func (u *underway) begin() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.count++; u.count == 1 {
		u.idle = make(chan struct{})
	}
}

func (u *underway) end() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.count--; u.count == 0 {
		close(u.idle)
	}
}

// none is closed as soon as nothing is under way.
func (u *underway) none() <-chan struct{} {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.count == 0 {
		done := make(chan struct{})
		close(done)
		return done
	}
	return u.idle
}
