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
)

// deposit is a call that has ended for its caller once the queue has it.
type deposit struct {
	client  *client
	ctx     context.Context //nolint:containedctx // the call's own
	request call.Request
	taken   bool // the answer
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
	letter := nats.NewMsg(queueSubject(d.client.subject))
	letter.Data = writeAccepted(o, m)
	letter.Header.Set(jetstream.MsgIDHeader, requestID(d.request))
	if most := d.client.broker.MaxPayload(); int64(letter.Size()) > most {
		return link.Mark(status.Newf(codes.ResourceExhausted,
			"a request of %d bytes cannot be accepted: the broker takes %d", m.Size(), most), link.NeverSent)
	}
	err := d.client.deposit(d.ctx, letter)
	switch {
	case err == nil:
		return nil
	case d.ctx.Err() != nil:
		return call.Ended(d.ctx, link.MayHaveRun)
	case isFull(err):
		return link.Mark(status.Newf(codes.ResourceExhausted, "the queue of %s is full: %v", d.client.subject, err),
			link.NeverSent)
	case keepsNothing(err):
		return link.Mark(status.New(codes.Unimplemented,
			"the broker keeps no requests: enable JetStream, or let calls wait for the reply"), link.NeverSent)
	}
	return call.Unavailable(link.MayHaveRun, "the queue of %s does not answer: %v", d.client.subject, err)
}

// requestID names a request. Keys of callers count for one method.
func requestID(r call.Request) string {
	if keys := r.Header[idempotencyKey]; len(keys) > 0 {
		return r.Method + " " + keys[0]
	}
	return rand.Text()
}

// deposit returns once the queue has stored the request. The first one makes the
// queue, and tells the servers.
func (c *client) deposit(ctx context.Context, letter *nats.Msg) error {
	js, err := jetstream.New(c.broker)
	if err != nil {
		return err
	}
	_, err = js.PublishMsg(ctx, letter, jetstream.WithRetryAttempts(0))
	if !errors.Is(err, jetstream.ErrNoStreamResponse) {
		return err
	}
	if err = create(ctx, js, queueConfig(c.subject)); err != nil {
		return err
	}
	_ = publish(c.broker, everywhere(c.subject), "", 0, frame.AppendNumber(nil, frame.Ping, 0))
	_, err = js.PublishMsg(ctx, letter, jetstream.WithRetryAttempts(0))
	return err
}

func (*deposit) CloseSend() error { return nil }

func (d *deposit) Recv() (call.Message, error) {
	if d.taken {
		return call.Message{}, io.EOF
	}
	d.taken = true
	return call.Message{}, nil
}

func (*deposit) Header() (metadata.MD, error) { return nil, nil } //nolint:nilnil // there is none
func (*deposit) Trailer() metadata.MD         { return nil }
func (d *deposit) Peer() *peer.Peer           { return d.client.peer }
