package natslink

import (
	"context"
	"log/slog"
	"net/url"
	"sync"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/kerf-go/kerf/link"
	pb "github.com/kerf-go/kerf/link/linktest/v1"
)

// queueing is a broker with the queue of one subject, for tests that cannot wait as
// long as users do.
type queueing struct {
	Link
	at *url.URL
	js jetstream.JetStream
}

func newQueueing(t *testing.T, l Link, users ...*natsserver.User) *queueing {
	t.Helper()
	at, err := url.Parse(brokerURL(t, users...))
	if err != nil {
		t.Fatal(err)
	}
	broker, err := nats.Connect(at.Host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	js, err := jetstream.New(broker)
	if err != nil {
		t.Fatal(err)
	}
	return &queueing{l, at, js}
}

// serve serves until stop, or the end of the test.
func (q *queueing) serve(t *testing.T, impl pb.ExerciseServer) (stop func()) {
	t.Helper()
	return q.serveAt(t, q.at, impl)
}

// serveAt does it with a way of its own to the broker.
func (q *queueing) serveAt(t *testing.T, at *url.URL, impl pb.ExerciseServer) (stop func()) {
	t.Helper()
	server, err := q.Listen(t.Context(), at, link.ListenOptions{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	pb.RegisterExerciseServer(server, impl)
	served := make(chan error, 1)
	go func() { served <- server.Serve() }()
	stop = sync.OnceFunc(func() { _, _ = server.Close(), <-served })
	t.Cleanup(stop)
	return stop
}

// tell has a request accepted.
func (q *queueing) tell(t *testing.T, m *pb.Message) {
	t.Helper()
	conn, err := q.Dial(q.at, link.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := pb.NewExerciseClient(conn).Tell(soon(t), m, link.WithWait(link.Accepted)); err != nil {
		t.Fatal(err)
	}
}

func (q *queueing) letters(t *testing.T) []link.DeadLetter {
	t.Helper()
	letters, err := q.DeadLetters(t.Context(), q.at)
	if err != nil {
		t.Fatal(err)
	}
	defer letters.Close()
	all, err := letters.List(soon(t))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// held is how many messages a stream of the subject has: "queue", say.
func (q *queueing) held(t *testing.T, kind string) uint64 {
	t.Helper()
	stream, err := q.js.Stream(soon(t), streamName(kind, subjectOf(q.at)))
	if err != nil {
		t.Fatal(err)
	}
	return stream.CachedInfo().State.Msgs
}

// soon bounds what a test waits for.
func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// eventually asks again until it is so.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	ctx := soon(t)
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for !is() {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			t.Fatalf("never: %s", what)
		}
	}
}
