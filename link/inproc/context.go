package inproc

import (
	"context"
	"errors"
	"sync"
	"time"
)

// callContext is the context of a unary call's handler. Its caller, who waits for the
// answer all the time, ends it. Few handlers wait for that: so it becomes one of
// package context's, with a timer and a place in the server's, only when one does.
type callContext struct {
	call *exchange

	mu     sync.Mutex         // guards the fields below
	err    error              // why it has ended
	waited context.Context    //nolint:containedctx // for those who wait; nil: nobody does
	cancel context.CancelFunc // of waited
}

var _ context.Context = (*callContext)(nil)

func (c *callContext) Deadline() (time.Time, bool) { return c.call.ctx.Deadline() }

func (c *callContext) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waited == nil {
		c.waited, c.cancel = c.derive()
	}
	return c.waited.Done()
}

func (c *callContext) derive() (context.Context, context.CancelFunc) {
	base := c.call.server.ctx
	if deadline, bounded := c.Deadline(); bounded && !errors.Is(c.err, context.Canceled) {
		return context.WithDeadline(base, deadline)
	}
	ctx, cancel := context.WithCancel(base)
	if c.err != nil {
		cancel()
	}
	return ctx, cancel
}

func (c *callContext) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waited != nil {
		return c.waited.Err()
	}
	return c.err
}

// Value asks the context that others wait for, so that package context knows it.
func (c *callContext) Value(key any) any {
	c.mu.Lock()
	ctx := c.waited
	c.mu.Unlock()
	if ctx == nil {
		ctx = c.call.server.ctx
	}
	return ctx.Value(key)
}

// finish ends the context. At the deadline, one that others wait for ends by itself.
func (c *callContext) finish(err error) {
	c.mu.Lock()
	if c.err == nil {
		c.err = err
	}
	cancel := c.cancel
	c.mu.Unlock()
	if cancel != nil && !errors.Is(err, context.DeadlineExceeded) {
		cancel()
	}
}
