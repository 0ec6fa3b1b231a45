package call

import (
	"context"
	"errors"
	"sync"
	"time"
)

// HandlerContext is the context of a call on the server's side, for transports that
// hear of a call's end and tell by End. Few handlers wait for that: so it becomes one
// of package context's, with a timer and a place in its parent, only when one does.
type HandlerContext struct {
	parent   context.Context //nolint:containedctx // it is one
	deadline time.Time       // zero: none

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
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.waited != nil:
		return c.waited.Err()
	case c.err != nil:
	case c.parent.Err() != nil:
		c.err = c.parent.Err()
	case !c.deadline.IsZero() && !time.Now().Before(c.deadline):
		c.err = context.DeadlineExceeded
	}
	return c.err
}

// Value asks the context that others wait for, so that package context knows it.
func (c *HandlerContext) Value(key any) any {
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
