package tcplink

import (
	"context"
	"net"
	"sync/atomic"
	"time"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/call"
	"github.com/kerf-go/kerf/link/call/frame"
)

// client is the client's end of a connection.
type client struct {
	*session
	calls  frame.Calls[uint64, *frame.Caller]
	number atomic.Uint64 // of the last call
}

func newClient(c net.Conn, every time.Duration) *client {
	cl := &client{session: newSession(c)}
	cl.handle = cl.take
	cl.lost = func(err error) {
		for _, call := range cl.calls.Close() {
			call.Lose(err, link.MayHaveRun)
		}
	}
	cl.start(every)
	return cl
}

// open begins a call. It gives nil when the connection takes no more.
func (c *client) open(ctx context.Context, r call.Request) call.Transport {
	id := c.number.Add(1)
	caller := frame.NewCaller(ctx, c, id, r)
	if !c.calls.Add(id, caller) {
		return nil
	}
	caller.Open()
	return caller
}

func (c *client) take(f frame.Frame) error {
	switch f.Kind { //nolint:exhaustive // all others are a call's
	case frame.Pong:
		return nil
	case frame.GoAway:
		if len(c.calls.Close()) == 0 {
			c.finish()
		}
		return nil
	}
	if caller, ok := c.calls.Get(f.Call); ok {
		return caller.Handle(f)
	}
	return nil // it crossed the end of its call
}

// Forget closes a connection that takes no more calls with the last one.
func (c *client) Forget(id uint64) {
	if c.calls.Remove(id) {
		c.finish()
	}
}

// Usable tells whether calls may begin.
func (c *client) Usable() bool { return c.calls.Open() }

// End ends the calls of a conn that was closed.
func (c *client) End() { c.end(call.Closed(link.MayHaveRun)) }

// Wait waits for the end.
func (c *client) Wait() { c.work.Wait() }
