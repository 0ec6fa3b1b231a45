package natslink

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/call"
	"github.com/kerf-go/kerf/link/call/receipt"
)

// ticket says where an accepted request was put, when, and how it is called.
type ticket struct {
	number uint64 // in the queue
	at     time.Time
	id     string
}

func newTicket(number uint64, id string) ticket { return ticket{number, time.Now(), id} }

func (t ticket) String() string {
	return fmt.Sprintf("%d.%d.%s", t.number, t.at.Unix(), base64.RawURLEncoding.EncodeToString([]byte(t.id)))
}

func parseTicket(text string) (ticket, error) {
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return ticket{}, errors.New("a receipt has three parts")
	}
	number, err := strconv.ParseUint(parts[0], 10, 64)
	if err != nil {
		return ticket{}, err
	}
	at, err := strconv.ParseInt(parts[1], 10, 64)
	if err != nil {
		return ticket{}, err
	}
	id, err := base64.RawURLEncoding.DecodeString(parts[2])
	return ticket{number, time.Unix(at, 0), string(id)}, err
}

// question is a call that asks what has become of an accepted request.
type question struct {
	client  *client
	ctx     context.Context //nolint:containedctx // the call's own
	receipt string
	asked   bool
	header  metadata.MD
}

var _ call.Transport = (*question)(nil)

func (q *question) Send(m call.Message) error {
	m.Free()
	t, err := parseTicket(q.receipt)
	if err != nil {
		return link.Mark(status.Newf(codes.InvalidArgument, "%q is no receipt: %v", q.receipt, err), link.Answered)
	}
	p, err := q.client.progress(q.ctx, t)
	switch {
	case err == nil:
		q.header = receipt.Answer(p)
		return nil
	case status.Code(err) == codes.NotFound:
		return link.Mark(status.Convert(err), link.Answered)
	case q.ctx.Err() != nil:
		return call.Ended(q.ctx, link.NeverSent)
	}
	return call.Unavailable(link.NeverSent, "the queue of %s does not answer: %v", q.client.subject, err)
}

func (*question) CloseSend() error { return nil }

func (q *question) Recv() (call.Message, error) {
	if q.asked {
		return call.Message{}, io.EOF
	}
	q.asked = true
	return call.Message{}, nil
}

func (q *question) Header() (metadata.MD, error) { return q.header, nil }
func (*question) Trailer() metadata.MD           { return nil }
func (q *question) Peer() *peer.Peer             { return q.client.peer }

// progress looks into the queue, at the marks, and through the dead letters. What is nowhere is
// done, unless the queue would have dropped it by now.
func (c *client) progress(ctx context.Context, t ticket) (receipt.Progress, error) {
	js, err := jetstream.New(c.broker)
	if err != nil {
		return receipt.Progress{}, err
	}
	waits, err := c.waits(ctx, js, t)
	if waits || err != nil {
		return receipt.Progress{State: receipt.Pending}, err
	}
	k := marks{js: js, subject: c.subject}
	if k.stream, err = js.Stream(ctx, streamName("done", c.subject)); err == nil {
		mark, err := k.stream.GetLastMsgForSubject(ctx, k.of(t.id))
		if err == nil && !bytes.Equal(mark.Data, deadMark) {
			return receipt.Progress{State: receipt.Done}, nil
		}
	}
	why, err := c.died(ctx, js, t)
	switch {
	case err != nil:
		return receipt.Progress{}, err
	case why != nil:
		return receipt.Progress{State: receipt.Dead, Error: why}, nil
	case time.Since(t.at) > maxQueueAge:
		return receipt.Progress{}, status.Error(codes.NotFound, "nothing is known of the request any more")
	}
	return receipt.Progress{State: receipt.Done}, nil
}

// waits tells whether a request is in the queue.
func (c *client) waits(ctx context.Context, js jetstream.JetStream, t ticket) (bool, error) {
	queue, err := js.Stream(ctx, streamName("queue", c.subject))
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return false, status.Error(codes.NotFound, "there is no such request")
	}
	if err != nil {
		return false, err
	}
	m, err := queue.GetMsg(ctx, t.number)
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound):
		if t.number > queue.CachedInfo().State.LastSeq {
			return false, status.Error(codes.NotFound, "there is no such request")
		}
		return false, nil
	case err != nil:
		return false, err
	case m.Header.Get(jetstream.MsgIDHeader) != t.id:
		return false, status.Error(codes.NotFound, "there is no such request")
	}
	return true, nil
}

// died finds the status of a request among the dead letters; nil: it is not there.
func (c *client) died(ctx context.Context, js jetstream.JetStream, t ticket) (*status.Status, error) {
	stream, err := js.Stream(ctx, streamName("dead", c.subject))
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, nil //nolint:nilnil // there are none
	}
	if err != nil {
		return nil, err
	}
	for m, err := range lettersOf(ctx, stream, c.subject) {
		if err != nil {
			return nil, err
		}
		if m.Header.Get(jetstream.MsgIDHeader) == t.id {
			return readStatus(m.Header.Get(statusHeader)), nil
		}
	}
	return nil, nil //nolint:nilnil // as above
}
