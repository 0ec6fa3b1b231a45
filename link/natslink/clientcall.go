package natslink

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/grpc/peer"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/call"
	"github.com/kerf-go/kerf/link/call/frame"
)

// clientCall is the client's end of one call, and the wire of its frames.
type clientCall struct {
	pulse
	client *client
	caller *frame.Caller
	number uint64
	reply  string // where answers go
	in     arriving
	sent   uint32      // number of the last packet; only the sender touches it
	pushed atomic.Bool // something beside the packets that have numbers

	mu      sync.Mutex    // guards the fields below
	over    bool          // the call has ended
	callee  string        // where all but the first packet go; "": not known
	settled chan struct{} // closed once one of them is; nil: nobody waits
}

var _ frame.Wire = (*clientCall)(nil)

// begun waits until a server has taken a stream, so that there is one to send to.
func (c *clientCall) begun(ctx context.Context) (call.Transport, error) {
	select {
	case <-c.settling():
	case <-ctx.Done():
	}
	if c.known() != "" {
		return c.caller, nil
	}
	if _, err := c.caller.Header(); err != nil { // it has ended, and does not wait
		return nil, err
	}
	return c.caller, nil
}

// settle notes who has taken the call, or that it is over.
func (c *clientCall) settle(callee string, over bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = c.over || over
	if c.callee == "" {
		c.callee = callee
	}
	if c.settled != nil && (c.over || c.callee != "") {
		close(c.settled)
		c.settled = nil
	}
}

// settling gives a channel that is closed once something is settled.
func (c *clientCall) settling() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over || c.callee != "" {
		settled := make(chan struct{})
		close(settled)
		return settled
	}
	if c.settled == nil {
		c.settled = make(chan struct{})
	}
	return c.settled
}

// known tells who has taken the call, as far as that is known.
func (c *clientCall) known() (callee string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.callee
}

// server tells where the server hears of this call: who has taken it, or who alone may.
func (c *clientCall) server() string {
	callee := c.known()
	if callee == "" && c.client.first != c.client.subject {
		callee = further(c.client.first, c.reply)
	}
	return callee
}

// Write sends the first packet to whoever takes it, and the others to who did.
func (c *clientCall) Write(ctx context.Context, frames []byte) error {
	for begun := false; len(frames) > 0; begun = true {
		packet := frames[:min(len(frames), c.client.room)]
		err := c.send(ctx, packet)
		if err != nil && begun { // not all of it is unsent
			c.caller.Lose(err, link.MayHaveRun)
			return nil
		}
		if err != nil {
			return err
		}
		frames = frames[len(packet):]
	}
	return nil
}

func (c *clientCall) send(ctx context.Context, packet []byte) error {
	to := c.client.first
	if c.sent > 0 {
		if to = c.known(); to == "" {
			select {
			case <-c.settling():
			case <-ctx.Done():
				return ctx.Err()
			}
			to = c.known()
		}
	}
	if to == "" {
		return call.Unavailable(link.MayHaveRun, "the call has ended")
	}
	if err := publish(c.client.broker, to, c.reply, c.sent+1, packet); err != nil {
		return call.Unavailable(link.MayHaveRun, "%v", err) // what came before has left
	}
	c.sent++
	return nil
}

// Push tells all servers what it can't tell the one that it does not know yet.
func (c *clientCall) Push(frames []byte) {
	to := c.server()
	if to == "" {
		to = everywhere(c.client.subject)
	}
	c.pushed.Store(true)
	_ = publish(c.client.broker, to, c.reply, 0, frames)
}

// Forget lets the call go.
func (c *clientCall) Forget(uint64) {
	c.client.calls.Remove(c.number)
	c.settle("", true)
}

// Peer is the broker: who is behind it can't be known.
func (c *clientCall) Peer() *peer.Peer { return c.client.peer }

// take takes in a message that came for this call.
func (c *clientCall) take(m *nats.Msg) {
	c.heard.Store(true)
	if len(m.Data) == 0 && m.Header.Get("Status") == noResponders {
		c.unheard()
		return
	}
	if m.Reply != "" {
		c.settle(m.Reply, false)
	}
	number, frames, err := parsePacket(m.Data)
	if err == nil {
		err = c.in.take(number, frames, c.handle)
	}
	if err != nil {
		c.caller.Lose(call.Unavailable(link.MayHaveRun, "%v", err), link.MayHaveRun)
		c.Push(frame.Append(nil, frame.Frame{Kind: frame.Cancel, Call: c.number}))
	}
}

// noResponders is the status with which a broker says that nobody listens.
const noResponders = "503"

func (c *clientCall) unheard() {
	if c.known() != "" || c.pushed.Load() {
		c.caller.Lose(call.Unavailable(link.MayHaveRun, "the server is gone"), link.MayHaveRun)
	} else {
		c.caller.Lose(c.client.nobody(), link.NeverSent)
	}
}

func (c *clientCall) handle(f frame.Frame) error {
	switch f.Kind { //nolint:exhaustive // all others are the caller's
	case frame.Ping:
		n, err := frame.Number(f)
		if err == nil {
			c.Push(frame.AppendNumber(nil, frame.Pong, n))
		}
		return err
	case frame.Pong:
		return nil
	case frame.GoAway:
		c.caller.Lose(call.Unavailable(link.MayHaveRun, "the server has stopped"), link.MayHaveRun)
		return nil
	}
	return c.caller.Handle(f)
}

// look asks a server that is silent for a sign of life, and gives it up without one.
func (c *clientCall) look(every time.Duration) {
	switch c.beat() {
	case alive:
	case ask:
		if c.server() != "" {
			c.Push(frame.AppendNumber(nil, frame.Ping, 0))
		}
	case dead:
		err := call.Unavailable(link.MayHaveRun, "the server was silent for %v", mostSilent*every)
		c.caller.Lose(err, link.MayHaveRun)
		c.Push(frame.Append(nil, frame.Frame{Kind: frame.Cancel, Call: c.number}))
	}
}
