package call

import (
	"context"
	"errors"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// HandlerContext is the context of a call on the server's side, for transports that
// hear of a call's end and tell by End. Few handlers wait for that: so it becomes one
// of package context's, with a timer and a place in its parent, only when one does.
// It also holds what grpc-go's functions look for in the context of a handler.
type HandlerContext struct {
	parent   context.Context //nolint:containedctx // it is one
	deadline time.Time       // zero: none
	stream   serverStream    // without a method: nobody serves the call yet

	mu     sync.Mutex         // guards the fields below
	err    error              // why it has ended
	waited context.Context    //nolint:containedctx // for those who wait; nil: nobody does
	cancel context.CancelFunc // of waited
}

var _ context.Context = (*HandlerContext)(nil)

// Begin must be called first, once. A zero deadline is none.
func (c *HandlerContext) Begin(parent context.Context, deadline time.Time) {
	c.parent, c.deadline = parent, deadline
}

// Deadline is that of the call.
func (c *HandlerContext) Deadline() (time.Time, bool) { return c.deadline, !c.deadline.IsZero() }

// Done is closed at the end.
func (c *HandlerContext) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waited == nil {
		c.waited, c.cancel = c.derive()
	}
	return c.waited.Done()
}

func (c *HandlerContext) derive() (context.Context, context.CancelFunc) {
	if _, bounded := c.Deadline(); bounded && !errors.Is(c.err, context.Canceled) {
		return context.WithDeadline(c.parent, c.deadline)
	}
	ctx, cancel := context.WithCancel(c.parent)
	if c.err != nil {
		cancel()
	}
	return ctx, cancel
}

// Err tells whether it has ended, and why.
func (c *HandlerContext) Err() error {
	err := c.told()
	if err == nil && !c.deadline.IsZero() && !time.Now().Before(c.deadline) {
		c.End(context.DeadlineExceeded)
		err = c.told()
	}
	return err
}

// ended is ctx.Err, without a look at the clock if it can do without.
func ended(ctx context.Context) error {
	if own, ok := ctx.(*HandlerContext); ok {
		return own.told()
	}
	return ctx.Err()
}

// told is Err without a look at the clock, which takes longer than all the rest.
func (c *HandlerContext) told() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.waited != nil:
		return c.waited.Err()
	case c.err == nil:
		c.err = c.parent.Err()
	}
	return c.err
}

// The keys under which grpc-go looks for what a handler's context holds. It does not
// export them; but it asks for them, and any context may listen.
var (
	headerKey = keyOf(func(ctx context.Context) { metadata.FromIncomingContext(ctx) })
	streamKey = keyOf(func(ctx context.Context) { grpc.ServerTransportStreamFromContext(ctx) })
)

// keyOf is what look asks a context for.
func keyOf(look func(context.Context)) any {
	l := &listener{Context: context.Background()}
	look(l)
	return l.asked
}

type listener struct {
	context.Context //nolint:containedctx // it is one
	asked           any
}

func (l *listener) Value(key any) any {
	l.asked = key
	return nil
}

// Value asks the context that others wait for, so that package context knows it.
func (c *HandlerContext) Value(key any) any {
	if c.stream.method != nil {
		switch key {
		case headerKey:
			return c.stream.incoming
		case streamKey:
			return transportStream{&c.stream}
		}
	}
	c.mu.Lock()
	ctx := c.waited
	c.mu.Unlock()
	if ctx == nil {
		ctx = c.parent
	}
	return ctx.Value(key)
}

// End ends it with context.Canceled or context.DeadlineExceeded; the first End counts.
// At the deadline, one that others wait for ends by itself.
func (c *HandlerContext) End(why error) {
	c.mu.Lock()
	if c.err == nil {
		c.err = why
	}
	cancel := c.cancel
	c.mu.Unlock()
	if cancel != nil && !errors.Is(why, context.DeadlineExceeded) {
		cancel()
	}
}
