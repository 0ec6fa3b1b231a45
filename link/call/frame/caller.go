package frame

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/call"
)

// Caller is a client's end of a call.
type Caller struct {
	in      inbox
	out     outbox
	ctx     context.Context //nolint:containedctx // the call's own
	request call.Request
	unwatch func() bool
	opened  bool // the first frame was written; only the sender touches it
	taken   bool // a message; only the receiver touches it

	// Guarded by in.mu.
	header metadata.MD
	headed bool
	asked  chan struct{} // closed when Header can tell; nil: nobody has asked
	ended  bool
	end    call.End
	failed error // why the call ended without an answer
}

var _ call.Transport = (*Caller)(nil)

// NewCaller makes a client's end. The wire must know it before Open.
func NewCaller(ctx context.Context, w Wire, id uint64, r call.Request) *Caller {
	return &Caller{in: newInbox(w, id, r.MaxRecv, r.Unary), out: newOutbox(), ctx: ctx, request: r}
}

// Open starts the call. A unary one leaves with its message, in one piece.
func (c *Caller) Open() {
	if c.request.Unary {
		return
	}
	if opening, fits := c.opening(nil); fits {
		_ = c.write(opening) // Recv tells
	}
	unwatch := context.AfterFunc(c.ctx, c.abandon)
	c.in.mu.Lock()
	defer c.in.mu.Unlock()
	c.unwatch = unwatch
	if c.ended {
		unwatch()
	}
}

// opening appends the frame that opens the call. One that does not fit ends it: the
// server would end all calls beside it.
func (c *Caller) opening(b []byte) (opening []byte, fits bool) {
	o := Opening{
		Method: c.request.Method, Codec: c.request.Codec, Header: c.request.Header,
		Unary: c.request.Unary, OneWay: c.oneWay(),
	}
	if deadline, ok := c.ctx.Deadline(); ok {
		o.Timeout = max(time.Until(deadline), 1)
	}
	b = o.Append(b, c.in.id)
	if len(b)-headerLen > maxPayload {
		c.finish(call.End{}, link.Mark(status.Newf(codes.Internal,
			"the call's method and metadata have more than %d bytes", maxPayload), link.NeverSent))
		return b, false
	}
	return b, true
}

func (c *Caller) oneWay() bool { return c.request.Unary && c.request.Wait == link.Sent }

// Send sends a message.
func (c *Caller) Send(m call.Message) error {
	defer m.Free()
	buffer := lend()
	b := *buffer
	defer func() { giveBack(buffer, b) }()
	if c.request.Unary {
		var fits bool
		if b, fits = c.opening(b); !fits {
			return io.EOF
		}
	}
	b, err := c.out.message(c.ctx, c.in.id, b, m, c.write)
	if err != nil {
		return io.EOF
	}
	if c.request.Unary {
		b = Append(b, Frame{Kind: Close, Call: c.in.id})
	}
	if err := c.write(b); err != nil {
		return err
	}
	if c.oneWay() {
		c.leave()
	}
	return nil
}

// CloseSend tells the server that no more messages come. A unary call whose message
// has not come either is given up.
func (c *Caller) CloseSend() error {
	if c.request.Unary {
		if !c.opened {
			c.Lose(status.Error(codes.Internal, "the call has no message"), link.NeverSent)
		}
		return nil // it has gone with the message
	}
	return c.write(Append(nil, Frame{Kind: Close, Call: c.in.id}))
}

func (c *Caller) write(frames []byte) error {
	c.in.mu.Lock()
	ended := c.ended
	c.in.mu.Unlock()
	if ended {
		return io.EOF
	}
	err := c.in.wire.Write(c.ctx, frames)
	if err == nil {
		c.opened = true
		return nil
	}
	o := link.MayHaveRun
	if !c.opened || link.Ran(err) == link.NeverSent { // whatever else is known of the wire
		o = link.NeverSent
		c.in.mu.Lock()
		c.ended = false
		c.in.mu.Unlock()
	}
	c.Lose(err, o)
	return io.EOF
}

// leave ends a call that waits for no answer.
func (c *Caller) leave() {
	c.in.mu.Lock()
	c.in.queue = append(c.in.queue, arrival{})
	c.in.mu.Unlock()
	c.finish(call.End{}, nil)
}

// Recv takes the next message.
func (c *Caller) Recv() (call.Message, error) {
	for {
		if c.ctx.Err() != nil && (!c.request.Unary || !c.over()) {
			c.abandon()
			return call.Message{}, c.lost()
		}
		m, err := c.in.take()
		if err == nil {
			if c.taken && c.request.Unary {
				c.abandon() // two are an error: nobody waits for the end
			}
			c.taken = true
			return m, nil
		}
		if errors.Is(err, io.EOF) {
			return call.Message{}, c.status()
		}
		select {
		case <-c.in.readable:
		case <-c.ctx.Done():
		}
	}
}

func (c *Caller) over() bool {
	c.in.mu.Lock()
	defer c.in.mu.Unlock()
	return c.ended
}

// lost is the error of a call whose context has ended.
func (c *Caller) lost() error {
	c.in.mu.Lock()
	defer c.in.mu.Unlock()
	if c.failed != nil {
		return c.failed
	}
	return call.Ended(c.ctx, link.MayHaveRun)
}

func (c *Caller) status() error {
	c.in.mu.Lock()
	defer c.in.mu.Unlock()
	switch {
	case c.failed != nil:
		return c.failed
	case c.end.Status != nil:
		return link.Mark(c.end.Status, link.Answered)
	}
	return io.EOF
}

// Header waits for the header.
func (c *Caller) Header() (metadata.MD, error) {
	c.in.mu.Lock()
	if c.asked == nil && !c.headed && !c.ended {
		c.asked = make(chan struct{})
	}
	asked, known := c.asked, c.headed || c.ended
	c.in.mu.Unlock()
	if !known {
		select {
		case <-asked:
		case <-c.ctx.Done():
			c.abandon()
		}
	}
	c.in.mu.Lock()
	defer c.in.mu.Unlock()
	if c.headed {
		return c.header, nil
	}
	return nil, c.failed // nil: the call ended without a header, and Recv tells why
}

// Trailer gives the trailer, once the call has ended.
func (c *Caller) Trailer() metadata.MD {
	c.in.mu.Lock()
	defer c.in.mu.Unlock()
	return c.end.Trailer
}

// Peer tells who answers.
func (c *Caller) Peer() *peer.Peer { return c.in.wire.Peer() }

// Handle takes in a frame of the call. It never waits. An error means that the
// peer does not keep to the format, and can't be understood any more.
func (c *Caller) Handle(f Frame) error {
	switch f.Kind { //nolint:exhaustive // the others are no server's
	case kindHeader:
		return c.takeHeader(f)
	case kindData, kindPiece:
		return c.in.data(f)
	case kindCredit:
		return c.out.grant(f)
	case End:
		return c.takeEnd(f)
	}
	return fmt.Errorf("a frame of kind %d from a server", f.Kind)
}

func (c *Caller) takeHeader(f Frame) error {
	header, err := parseHeader(f)
	if err != nil {
		return err
	}
	c.in.mu.Lock()
	defer c.in.mu.Unlock()
	if c.headed || c.ended {
		return nil
	}
	if header == nil {
		header = metadata.MD{} // nil tells that there is none
	}
	c.header, c.headed = header, true
	if c.asked != nil {
		close(c.asked)
		c.asked = nil
	}
	return nil
}

func (c *Caller) takeEnd(f Frame) error {
	end, err := parseEnd(f)
	switch {
	case err != nil:
		return err
	case f.Flags&flagRefused != 0 && end.Status != nil:
		c.finish(end, link.Mark(end.Status, link.NeverSent))
	default:
		c.finish(end, nil)
	}
	return nil
}

// Lose ends the call without an answer, unless it has ended: with the status of err,
// or of the call's context if that has ended.
func (c *Caller) Lose(err error, o link.Outcome) {
	failed := link.Mark(status.Convert(err), o)
	if c.ctx.Err() != nil {
		failed = call.Ended(c.ctx, o)
	}
	c.finish(call.End{}, failed)
}

// abandon ends the call because its context has ended. If that was the deadline's
// doing, the server knows it too.
func (c *Caller) abandon() {
	if !c.finish(call.End{}, call.Ended(c.ctx, link.MayHaveRun)) {
		return
	}
	if _, bounded := c.ctx.Deadline(); !bounded || !errors.Is(c.ctx.Err(), context.DeadlineExceeded) {
		c.in.wire.Push(Append(nil, Frame{Kind: Cancel, Call: c.in.id}))
	}
}

// finish ends the call, once: it tells whether this was the time.
func (c *Caller) finish(end call.End, failed error) bool {
	c.in.mu.Lock()
	if c.ended {
		c.in.mu.Unlock()
		return false
	}
	c.ended, c.end, c.failed = true, end, failed
	if failed != nil {
		c.in.queue = nil
	}
	if c.asked != nil {
		close(c.asked)
		c.asked = nil
	}
	if c.unwatch != nil {
		c.unwatch()
	}
	c.in.closed, c.in.partial = true, nil
	signal(c.in.readable)
	c.in.mu.Unlock()
	c.out.release()
	c.in.wire.Forget(c.in.id)
	return true
}
