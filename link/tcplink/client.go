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
	calls  calls[*frame.Caller]
	number atomic.Uint64 // of the last call
}

func newClient(c net.Conn, every time.Duration) *client {
	cl := &client{session: newSession(c), calls: newCalls[*frame.Caller]()}
	cl.handle = cl.take
	cl.lost = func(err error) {
		for _, call := range cl.calls.close() {
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
	if !c.calls.add(id, caller) {
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
		if len(c.calls.close()) == 0 {
			c.finish()
		}
		return nil
	}
	if caller, ok := c.calls.get(f.Call); ok {
		return caller.Handle(f)
	}
	return nil // it crossed the end of its call
}

// Forget closes a connection that takes no more calls with the last one.
func (c *client) Forget(id uint64) {
	if c.calls.remove(id) {
		c.finish()
	}
}

// usable tells whether calls may begin.
func (c *client) usable() bool {
	c.calls.mu.Lock()
	defer c.calls.mu.Unlock()
	return !c.calls.closed
}
