package natslink

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/call"
	"github.com/kerf-go/kerf/link/call/frame"
	"github.com/kerf-go/kerf/link/call/receipt"
)

// deposit is a call that has ended for its caller once the queue has it.
type deposit struct {
	client  *client
	ctx     context.Context //nolint:containedctx // the call's own
	request call.Request
	taken   bool // the answer
	receipt string
}

var _ call.Transport = (*deposit)(nil)

func newDeposit(ctx context.Context, c *client, r call.Request) (call.Transport, error) {
	if r.Desc.ClientStreams || r.Desc.ServerStreams {
		return nil, link.Mark(status.Newf(codes.Unimplemented, "%s streams: a queue accepts single requests", r.Method),
			link.NeverSent)
	}
	return &deposit{client: c, ctx: ctx, request: r}, nil
}

// idempotencyKey is the metadata by which a caller names its request, so that a
// repetition is known. Without it the link takes a name at random.
const idempotencyKey = "idempotency-key"

func (d *deposit) Send(m call.Message) error {
	defer m.Free()
	o := frame.Opening{Method: d.request.Method, Codec: d.request.Codec, Header: d.request.Header, OneWay: true}
	if deadline, ok := d.ctx.Deadline(); ok {
		o.Timeout = max(time.Until(deadline), 1)
	}
	l := letter{Msg: nats.NewMsg(queueSubject(d.client.subject))}
	l.Header.Set(jetstream.MsgIDHeader, requestID(d.request))
	message, most := m.View(), int(d.client.broker.MaxPayload())
	room := most - min(spare, most/4) //nolint:mnd // of a broker that takes next to nothing
	if l.Data = writeAccepted(o, message); l.Size() > room {
		l.Data, l.size, l.body = writeAccepted(o, nil), len(message), cut(message, most)
	}
	if l.Size() > room {
		return link.Mark(status.Newf(codes.ResourceExhausted, "a request whose method and metadata have %d bytes "+
			"cannot be accepted: the broker takes %d", l.Size(), room), link.NeverSent)
	}
	number, err := d.client.deposit(d.ctx, l)
	switch {
	case err == nil:
		d.receipt = newTicket(number, l.Header.Get(jetstream.MsgIDHeader)).String()
		return nil
	case d.ctx.Err() != nil:
		return call.Ended(d.ctx, link.MayHaveRun)
	case isFull(err):
		return link.Mark(status.Newf(codes.ResourceExhausted, "the queue of %s is full: %v", d.client.subject, err),
			link.NeverSent)
	case l.size > 0 && errors.Is(err, jetstream.ErrNoStreamResponse):
		return link.Mark(status.Newf(codes.ResourceExhausted, "a request of %d bytes is not accepted: %v", l.size, err),
			link.NeverSent)
	case keepsNothing(err):
		return link.Mark(status.New(codes.Unimplemented,
			"the broker keeps no requests: enable JetStream, or let calls wait for the reply"), link.NeverSent)
	}
	return call.Unavailable(link.MayHaveRun, "the queue of %s does not answer: %v", d.client.subject, err)
}

// spare is what of a message stays free, for the headers that a dead letter has more.
const spare = 4 << 10

// requestID names a request. Keys of callers count for one method.
func requestID(r call.Request) string {
	if keys := r.Header[idempotencyKey]; len(keys) > 0 {
		return r.Method + " " + keys[0]
	}
	return rand.Text()
}

// deposit returns once the queue has stored the request. The first one makes the
// queue, and tells the servers.
func (c *client) deposit(ctx context.Context, l letter) (number uint64, err error) {
	js, err := jetstream.New(c.broker)
	if err != nil {
		return 0, err
	}
	made, number, err := store(ctx, js, queueConfig(c.subject), l)
	if made {
		_ = publish(c.broker, everywhere(c.subject), "", 0, frame.AppendNumber(nil, frame.Ping, 0))
	}
	return number, err
}

func (*deposit) CloseSend() error { return nil }

func (d *deposit) Recv() (call.Message, error) {
	if d.taken {
		return call.Message{}, io.EOF
	}
	d.taken = true
	return call.Message{}, nil
}

func (d *deposit) Header() (metadata.MD, error) { return receipt.Header(d.receipt), nil }
func (*deposit) Trailer() metadata.MD           { return nil }
func (d *deposit) Peer() *peer.Peer             { return d.client.peer }
