package natslink

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/kerf-go/kerf/link/call"
	"github.com/kerf-go/kerf/link/call/frame"
)

// The durable queue of a subject is a JetStream stream that keeps accepted requests
// in a file until they are through. Those that fail for good go to a second one, and
// a third one tells which are done. All are made when they are first needed. Whoever made them earlier, with other
// limits, is not overruled.
const (
	// maxQueueAge is how long an accepted request waits for a server.
	maxQueueAge = 7 * 24 * time.Hour
	// maxQueueBytes is how much waits: what is above is refused as ResourceExhausted.
	maxQueueBytes = 256 << 20
	// maxDeadAge and maxDeadBytes are the same for dead letters. When those are too
	// many, what fails stays in the queue.
	maxDeadAge   = 30 * 24 * time.Hour
	maxDeadBytes = 256 << 20
	// window is how long a request that comes twice is known.
	window = 2 * time.Minute
	// maxDoneBytes is enough for two thousand requests a second: of more, the oldest
	// are forgotten before the window ends.
	maxDoneBytes = 32 << 20
)

func queueSubject(subject string) string { return subject + "._queue" }
func deadSubject(subject string) string  { return subject + "._dead" }
func doneSubject(subject string) string  { return subject + "._done" }

// streamName makes a name of what may have dots.
func streamName(kind, subject string) string {
	return "kerf-" + kind + "-" + strings.NewReplacer("_", "_u", ".", "_d").Replace(subject)
}

func queueConfig(subject string) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name: streamName("queue", subject), Subjects: withPieces(queueSubject(subject)),
		Description: "requests that " + subject + " has accepted", Retention: jetstream.WorkQueuePolicy,
		Discard: jetstream.DiscardNew, MaxAge: maxQueueAge, MaxBytes: maxQueueBytes, Duplicates: window,
	}
}

func deadConfig(subject string) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name: streamName("dead", subject), Subjects: withPieces(deadSubject(subject)),
		Description: "requests on which " + subject + " has failed for good",
		Metadata:    map[string]string{"subject": subject},
		Discard:     jetstream.DiscardNew, MaxAge: maxDeadAge, MaxBytes: maxDeadBytes, Duplicates: window,
	}
}

func doneConfig(subject string) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name: streamName("done", subject), Subjects: []string{doneSubject(subject) + ".*"},
		Description: "requests that " + subject + " has done", MaxMsgsPerSubject: 1,
		Discard: jetstream.DiscardOld, MaxAge: window, MaxBytes: maxDoneBytes, Duplicates: window,
	}
}

func withPieces(subject string) []string { return []string{subject, subject + ".*"} }

// create makes a stream unless it is there.
func create(ctx context.Context, js jetstream.JetStream, c jetstream.StreamConfig) error {
	_, err := js.CreateStream(ctx, c)
	if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
		return nil
	}
	return err
}

// isFull tells whether a broker refuses to store something for want of room.
func isFull(err error) bool {
	var refused *jetstream.APIError
	if !errors.As(err, &refused) {
		return false
	}
	const insufficient, storage, limit = 10023, 10047, 10077
	return refused.ErrorCode == insufficient || refused.ErrorCode == storage || refused.ErrorCode == limit
}

// isRefused tells whether a broker has not stored something, and says so.
func isRefused(err error) bool {
	_, refused := errors.AsType[*jetstream.APIError](err)
	return refused || errors.Is(err, jetstream.ErrNoStreamResponse)
}

// keepsNothing tells whether a broker stores nothing at all.
func keepsNothing(err error) bool {
	return errors.Is(err, jetstream.ErrJetStreamNotEnabled) || errors.Is(err, nats.ErrNoResponders) ||
		errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount)
}

// writeAccepted writes a request as the queue keeps it: the preface, the frame that
// would open the call, and the message, unless that follows in pieces.
func writeAccepted(o frame.Opening, message []byte) []byte {
	return append(o.Append(appendPreface(nil, 0), 0), message...)
}

func parseAccepted(b []byte) (frame.Opening, call.Message, error) {
	_, b, err := parsePacket(b)
	if err != nil {
		return frame.Opening{}, call.Message{}, err
	}
	f, message, err := frame.Next(b)
	if err == nil && f.Kind != frame.Open {
		err = errNotOpened
	}
	if err != nil {
		return frame.Opening{}, call.Message{}, err
	}
	o, err := frame.ParseOpening(f)
	return o, call.Encoded(message), err
}
