package natslink

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"iter"
	"maps"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// letter is what goes into a stream: a message, and so many bytes in pieces that
// follow its data.
type letter struct {
	*nats.Msg
	size int
	body iter.Seq2[[]byte, error] // may be read more than once
}

// store puts a letter into a stream, which it makes if there is none, and gives its number there.
func store(
	ctx context.Context, js jetstream.JetStream, c jetstream.StreamConfig, l letter,
) (made bool, number uint64, err error) {
	if number, err = l.publish(ctx, js); !errors.Is(err, jetstream.ErrNoStreamResponse) {
		return false, number, err
	}
	if err = create(ctx, js, c); err != nil {
		return false, 0, err
	}
	if number, err = l.publish(ctx, js); l.size > 0 && errors.Is(err, jetstream.ErrNoStreamResponse) {
		err = fmt.Errorf("the stream %s takes no pieces of large messages: add the subject %s.* to it: %w",
			c.Name, l.Subject, err)
	}
	return true, number, err
}

// publish puts the pieces ahead of the message, under a name that no others have.
// Those that turn out to be of no use go again. The number is the message's in its stream, of one
// that is there already the first one's.
func (l letter) publish(ctx context.Context, js jetstream.JetStream) (number uint64, err error) {
	if l.size == 0 {
		ack, err := js.PublishMsg(ctx, l.Msg, jetstream.WithRetryAttempts(0))
		if err != nil {
			return 0, err
		}
		return ack.Sequence, nil
	}
	name := rand.Text()
	stream, err := l.publishPieces(ctx, js, l.Subject+"."+name)
	if err == nil {
		m := &nats.Msg{Subject: l.Subject, Header: maps.Clone(l.Header), Data: l.Data}
		m.Header.Set(piecesHeader, name+" "+strconv.Itoa(l.size))
		var ack *jetstream.PubAck
		if ack, err = js.PublishMsg(ctx, m, jetstream.WithRetryAttempts(0)); err == nil {
			number = ack.Sequence
		}
		if err == nil && !ack.Duplicate || err != nil && !isRefused(err) { // the message is there, or may be
			return number, err
		}
	}
	if s, unknown := js.Stream(context.WithoutCancel(ctx), stream); unknown == nil {
		pieces{s, l.Subject + "." + name, l.size}.drop()
	}
	return number, err
}

// publishPieces gives the name of the stream that has them, or some.
func (l letter) publishPieces(ctx context.Context, js jetstream.JetStream, subject string) (stream string, err error) {
	for piece, err := range l.body {
		if err != nil {
			return stream, err
		}
		ack, err := js.Publish(ctx, subject, piece, jetstream.WithRetryAttempts(0))
		if err != nil {
			return stream, err
		}
		stream = ack.Stream
	}
	return stream, nil
}
