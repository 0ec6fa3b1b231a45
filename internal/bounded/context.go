// Package bounded is the context of a call that hardly anybody waits for the end of.
package bounded

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Context ends at its deadline, with its parent, or when End is called. It becomes one of package
// context's, with a timer and a place in its parent, only when somebody waits for that: those
// would take longer than the rest of a call within a process. It is safe for concurrent use.
type Context struct {
	parent   context.Context //nolint:containedctx // it is one
	deadline time.Time       // zero: none

	mu     sync.Mutex         // guards the fields below
	err    error              // why it has ended
	waited context.Context    //nolint:containedctx // for those who wait; nil: nobody does
	cancel context.CancelFunc // of waited
}

var _ context.Context = (*Context)(nil)

// Begin must be called first, once. A zero deadline is none; the parent's own does not count.
func (c *Context) Begin(parent context.Context, deadline time.Time) {
	c.parent, c.deadline = parent, deadline
}

// Deadline is that which it began with.
func (c *Context) Deadline() (time.Time, bool) { return c.deadline, !c.deadline.IsZero() }

// Done is closed at the end.
func (c *Context) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waited == nil {
		c.waited, c.cancel = c.derive()
	}
	return c.waited.Done()
}

func (c *Context) derive() (context.Context, context.CancelFunc) {
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
func (c *Context) Err() error {
	err := c.Told()
	if err == nil && !c.deadline.IsZero() && !time.Now().Before(c.deadline) {
		c.End(context.DeadlineExceeded)
		err = c.Told()
	}
	return err
}

// Told is Err without a look at the clock, which takes longer than all the rest: nil if it has
// ended by its deadline alone, and nobody has noticed yet.
func (c *Context) Told() error {
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

// Told is what a context knows of its end without a look at the clock, if it can do without.
func Told(ctx context.Context) error {
	if own, ok := ctx.(interface{ Told() error }); ok {
		return own.Told()
	}
	return ctx.Err()
}

// Value asks the context that others wait for, so that package context knows it.
func (c *Context) Value(key any) any {
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
func (c *Context) End(why error) {
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

// Cancel ends it with context.Canceled. When nobody needs it any more, it must be called.
func (c *Context) Cancel() { c.End(context.Canceled) }

// Parts are what ends a context before anybody calls End: a channel, which may be nil, and a
// deadline, which may be zero. Of a Context that nobody waits for yet they are its parent's
// channel and its own deadline, for who has a cheaper way to notice that; of any other they are
// its channel alone.
func Parts(ctx context.Context) (<-chan struct{}, time.Time) {
	own, ok := ctx.(*Context)
	if !ok || own.isWaitedFor() {
		return ctx.Done(), time.Time{}
	}
	return own.parent.Done(), own.deadline
}

func (c *Context) isWaitedFor() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.waited != nil
}
