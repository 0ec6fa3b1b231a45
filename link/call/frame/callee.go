package frame

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link/call"
)

// Callee is a server's end of a call.
type Callee struct {
	in       inbox
	out      outbox
	opening  Opening
	table    *call.Table
	incoming call.Incoming

	parent context.Context     //nolint:containedctx // the wire's
	ctx    call.HandlerContext // the call's own

	// pending are frames of a unary answer that leave together. Only the handler's
	// goroutine touches them.
	pending []byte
}

var _ call.ServerTransport = (*Callee)(nil)

// NewCallee makes the server's end of the call that a frame opens. ctx, with the
// peer, ends with the wire. The caller's time runs from here on.
func NewCallee(ctx context.Context, w Wire, id uint64, o Opening, t *call.Table) *Callee {
	c := &Callee{
		in: newInbox(w, id, t.MaxRecv(), false), out: newOutbox(), opening: o, table: t, parent: ctx,
		incoming: call.Incoming{Method: o.Method, Header: o.Header, Codec: o.Codec},
	}
	if c.incoming.Header == nil {
		c.incoming.Header = make(metadata.MD, 1)
	}
	c.incoming.Header["content-type"] = []string{"application/grpc"}
	deadline := time.Time{}
	if o.Timeout > 0 {
		deadline = time.Now().Add(o.Timeout)
	}
	c.ctx.Begin(ctx, deadline)
	return c
}

// Handle takes in a further frame of the call. It never waits. An error means that
// the peer does not keep to the format.
func (c *Callee) Handle(f Frame) error {
	switch f.Kind { //nolint:exhaustive // the others are no client's
	case kindData, kindPiece:
		return c.in.data(f)
	case Close:
		c.in.shut()
		return nil
	case kindCredit:
		return c.out.grant(f)
	case Cancel:
		c.ctx.End(context.Canceled)
		return nil
	}
	return fmt.Errorf("a frame of kind %d from a client", f.Kind)
}

// exited is how a call ends whose handler ended its goroutine.
var exited = call.End{Status: status.New(codes.Internal, "the handler did not return")}

// Run runs the handler, and tells the caller how it ended. A request that has
// passed its deadline is dropped: nobody waits for it.
func (c *Callee) Run() {
	defer c.in.wire.Forget(c.in.id)
	defer c.out.release()
	defer c.ctx.End(context.Canceled)
	if c.ctx.Err() != nil {
		return
	}
	buffer := lend()
	c.pending = *buffer
	defer func() { giveBack(buffer, c.pending) }()
	end := exited
	defer func() { c.finish(end) }() // also if the handler ends its goroutine
	end = c.table.Serve(&c.ctx, c.incoming, c)
}

func (c *Callee) finish(end call.End) {
	if c.opening.OneWay {
		return
	}
	c.pending = AppendEnd(c.pending, c.in.id, end)
	_ = c.in.wire.Write(c.parent, c.pending) // the caller has gone if the wire has
}

// Recv takes the next message.
func (c *Callee) Recv() (call.Message, error) {
	for {
		if c.ctx.Err() != nil {
			return call.Message{}, c.ctx.Err()
		}
		m, err := c.in.take()
		if !errors.Is(err, errNothing) {
			return m, err
		}
		select {
		case <-c.in.readable:
		case <-c.ctx.Done():
		}
	}
}

// SendHeader sends the header.
func (c *Callee) SendHeader(header metadata.MD) error {
	b, at := begin(c.pending, kindHeader, 0, c.in.id)
	b = finish(appendMetadata(b, header), at)
	if len(b) > maxPayload {
		return status.Errorf(codes.Internal, "the header has more than %d bytes", maxPayload)
	}
	return c.send(b)
}

// Send sends a message.
func (c *Callee) Send(m call.Message) error {
	defer m.Free()
	if c.opening.OneWay {
		return nil
	}
	b, err := c.out.message(&c.ctx, c.in.id, c.pending, m, c.flush)
	c.pending = b // what it held may have left
	if err != nil {
		return err
	}
	return c.send(b)
}

// send keeps what is small and nobody waits for until the end.
func (c *Callee) send(frames []byte) error {
	if c.opening.Unary && len(frames) < pieceLen {
		c.pending = frames
		return nil
	}
	c.pending = c.pending[:0]
	return c.flush(frames)
}

func (c *Callee) flush(frames []byte) error {
	if c.opening.OneWay {
		return nil
	}
	return c.in.wire.Write(&c.ctx, frames)
}
