package natslink

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"

	"github.com/nats-io/nats.go/jetstream"
)

// marks tell all servers of a subject which requests are done: a stream has a message
// for each, for as long as the request may come again, whose data say how.
type marks struct {
	js      jetstream.JetStream
	stream  jetstream.Stream
	subject string
}

// What marks say: nothing of a request that is done, and of one that is a dead letter this.
var (
	doneMark []byte
	deadMark = []byte("dead")
)

// openMarks finds the marks of a subject, or makes the stream.
func openMarks(ctx context.Context, js jetstream.JetStream, subject string) (marks, error) {
	c := doneConfig(subject)
	if err := create(ctx, js, c); err != nil {
		return marks{}, err
	}
	stream, err := js.Stream(ctx, c.Name)
	return marks{js, stream, subject}, err
}

// of is the subject of a request's mark. Names may have any bytes, and subjects not.
func (k marks) of(id string) string {
	sum := sha256.Sum256([]byte(id))
	return doneSubject(k.subject) + "." + base64.RawURLEncoding.EncodeToString(sum[:])
}

func (k marks) has(id string) (bool, error) {
	ctx, cancel := context.WithTimeout(context.Background(), brokerWait)
	defer cancel()
	_, err := k.stream.GetLastMsgForSubject(ctx, k.of(id))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return false, nil
	}
	return err == nil, err
}

func (k marks) add(id string, how []byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), brokerWait)
	defer cancel()
	_, err := k.js.Publish(ctx, k.of(id), how, jetstream.WithRetryAttempts(0))
	return err
}
