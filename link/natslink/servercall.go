package natslink

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/nats-io/nats.go"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/call"
	"github.com/kerf-go/kerf/link/call/frame"
)

// serverCall is the server's end of one call, and the wire of its frames.
type serverCall struct {
	pulse
	server *server
	reply  string // where answers go: the call's name
	in     arriving
	whole  bool // all of the request has come; only the reader touches it

	callee atomic.Pointer[frame.Callee] // nil: the frame that opens it is not complete
	sent   atomic.Uint32                // number of the last packet
	lost   atomic.Bool                  // the way to the caller was, for a while at least
}

var _ frame.Wire = (*serverCall)(nil)

var errNotOpened = errors.New("a call that does not begin with its opening")

// begin takes in the first packet, and tells the caller where the others go.
func (c *serverCall) begin(number uint32, frames []byte) {
	c.heard.Store(true)
	c.receive(number, frames)
	if !c.whole {
		_ = publish(c.server.broker, c.reply, c.name(), 0, nil)
	}
}

// name is the subject of the call's further packets.
func (c *serverCall) name() string { return further(c.server.instance, c.reply) }

func (c *serverCall) take(m *nats.Msg) {
	c.heard.Store(true)
	if len(m.Data) == 0 && m.Header.Get("Status") == noResponders {
		c.cancel()
		return
	}
	number, frames, err := parsePacket(m.Data)
	if err != nil {
		c.desert()
		return
	}
	c.receive(number, frames)
}

func (c *serverCall) receive(number uint32, frames []byte) {
	err := c.in.take(number, frames, c.handle)
	switch {
	case err == nil:
	case c.callee.Load() == nil:
		c.server.refuse(c.reply, status.New(codes.Internal, err.Error()))
		c.Forget(0)
	default:
		c.desert()
	}
}

func (c *serverCall) handle(f frame.Frame) error {
	callee := c.callee.Load()
	switch {
	case callee == nil && f.Kind == frame.Open:
		return c.open(f)
	case f.Kind == frame.Ping:
		return c.server.answer(c.reply, f)
	case f.Kind == frame.Pong:
		return nil
	case callee == nil:
		return errNotOpened
	}
	c.whole = c.whole || f.Kind == frame.Close
	return callee.Handle(f)
}

func (c *serverCall) open(f frame.Frame) error {
	o, err := frame.ParseOpening(f)
	if err != nil {
		return err
	}
	callee := frame.NewCallee(c.server.ctx, c, f.Call, o, c.server.Table)
	c.callee.Store(callee)
	go c.run(callee) // Shutdown waits for it: Forget is its end
	return nil
}

func (c *serverCall) run(callee *frame.Callee) {
	select {
	case <-c.server.serving:
	default:
		select {
		case <-c.server.serving:
		case <-c.server.ctx.Done():
		}
	}
	callee.Run()
}

// cancel ends the handler's context: nobody waits any more.
func (c *serverCall) cancel() {
	if callee := c.callee.Load(); callee != nil {
		_ = callee.Handle(frame.Frame{Kind: frame.Cancel})
	} else {
		c.Forget(0)
	}
}

// lose ends the handler's context, since what the caller says may not arrive.
func (c *serverCall) lose() {
	c.lost.Store(true)
	c.cancel()
}

// desert gives the call up, and tells the caller. One that never ran is refused.
func (c *serverCall) desert() {
	c.cancel()
	select {
	case <-c.server.serving:
		c.server.goAway(c.reply)
	default:
		c.server.refuse(c.reply, status.New(codes.Unavailable, "the server has stopped"))
	}
}

// Write sends frames. Only what ends a call needs no answer.
func (c *serverCall) Write(_ context.Context, frames []byte) error {
	if c.lost.Load() { // that the handler was cancelled is no answer
		c.server.goAway(c.reply)
		return call.Unavailable(link.MayHaveRun, "the connection to the broker was lost")
	}
	reply := ""
	if !over(frames) {
		reply = c.name()
	}
	for len(frames) > 0 {
		packet := frames[:min(len(frames), c.server.room)]
		if err := publish(c.server.broker, c.reply, reply, c.sent.Add(1), packet); err != nil {
			c.cancel()
			return call.Unavailable(link.MayHaveRun, "%v", err)
		}
		frames = frames[len(packet):]
	}
	return nil
}

func over(frames []byte) bool {
	for {
		f, rest, err := frame.Next(frames)
		if err != nil || len(rest) == 0 {
			return err == nil && f.Kind == frame.End
		}
		frames = rest
	}
}

// Push sends frames at once.
func (c *serverCall) Push(frames []byte) { _ = publish(c.server.broker, c.reply, c.name(), 0, frames) }

// Forget lets the call go.
func (c *serverCall) Forget(uint64) {
	if c.server.calls.Remove(c.reply) {
		c.server.rest()
	}
}

// Peer is the broker: who is behind it can't be known.
func (c *serverCall) Peer() *peer.Peer {
	p, _ := peer.FromContext(c.server.ctx)
	return p
}

// look asks a caller that is silent for a sign of life, and gives it up without one.
func (c *serverCall) look() {
	switch c.beat() {
	case alive:
	case ask:
		c.Push(frame.AppendNumber(nil, frame.Ping, 0))
	case dead:
		c.cancel()
	}
}
