package natslink_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/call/frame"
	pb "github.com/kerf-go/kerf/link/linktest/v1"
	"github.com/kerf-go/kerf/link/natslink"
)

// taking hands on what it is told, and answers with one error after the other.
type taking struct {
	pb.UnimplementedExerciseServer
	taken chan *pb.Message
	fail  chan error
}

func newTaking(errs ...error) *taking {
	h := &taking{taken: make(chan *pb.Message, 100), fail: make(chan error, len(errs))}
	for _, err := range errs {
		h.fail <- err
	}
	return h
}

func (h *taking) Tell(_ context.Context, m *pb.Message) (*emptypb.Empty, error) {
	h.taken <- m
	select {
	case err := <-h.fail:
		return nil, err
	default:
		return &emptypb.Empty{}, nil
	}
}

func (h *taking) takes(t *testing.T, want *pb.Message) {
	t.Helper()
	select {
	case got := <-h.taken:
		if !proto.Equal(got, want) {
			t.Errorf("got a message of %d bytes, want one of %d", proto.Size(got), proto.Size(want))
		}
	case <-soon(t).Done():
		t.Fatal("nothing comes")
	}
}

// meanBroker takes messages of 10,000 bytes.
func meanBroker(t *testing.T) *broker {
	t.Helper()
	return startBroker(t, func(o *server.Options) { o.MaxPayload = 10_000 })
}

// large is a request that such a broker takes in pieces.
func large() *pb.Message { return &pb.Message{Payload: bytes.Repeat([]byte("0123456789"), 10_000)} }

func accept(ctx context.Context, client pb.ExerciseClient, m *pb.Message) error {
	_, err := client.Tell(ctx, m, link.WithWait(link.Accepted))
	return err
}

func TestALargeRequestIsAcceptedInPieces(t *testing.T) {
	t.Parallel()
	for name, b := range map[string]*broker{"of a mean broker": meanBroker(t), "of any broker": startBroker(t, nil)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, m := newTaking(status.Error(codes.Unavailable, "once more")), large()
			m.Payload = bytes.Repeat(m.GetPayload(), int(b.connect(t).MaxPayload())/30_000+1)
			serve(t, b.url("app.test"), h)
			if err := accept(soon(t), dial(t, b.url("app.test")), m); err != nil {
				t.Fatal(err)
			}
			h.takes(t, m)
			h.takes(t, m)
			b.empty(t)
		})
	}
}

// What becomes a dead letter, and is replayed, stays whole, and leaves nothing behind.
func TestALargeDeadLetterStaysWhole(t *testing.T) {
	t.Parallel()
	b := meanBroker(t)
	no := status.Error(codes.FailedPrecondition, "no")
	h := newTaking(no, no)
	serve(t, b.url("app.test"), h)
	if err := accept(soon(t), dial(t, b.url("app.test")), large()); err != nil {
		t.Fatal(err)
	}
	letters, err := natslink.Link{}.DeadLetters(t.Context(), parse(t, b.url("app")))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(letters.Close)
	one := func() link.DeadLetter {
		t.Helper()
		var all []link.DeadLetter
		eventually(t, "a dead letter", func() bool {
			if all, err = letters.List(soon(t)); err != nil {
				t.Fatal(err)
			}
			return len(all) == 1
		})
		b.empty(t)
		m := new(pb.Message)
		if err := proto.Unmarshal(all[0].Message, m); err != nil || !proto.Equal(m, large()) {
			t.Errorf("%v: the letter has a message of %d bytes", err, proto.Size(m))
		}
		return all[0]
	}
	id := one().ID
	const piece = "app.test/1"
	if err := letters.Drop(soon(t), piece); err == nil || !strings.Contains(err.Error(), "there is no dead letter") {
		t.Errorf("a piece is dropped: %v", err)
	}
	if err := letters.Replay(soon(t), id); err != nil {
		t.Fatal(err)
	}
	h.takes(t, large())
	h.takes(t, large())
	if err := letters.Replay(soon(t), one().ID); err != nil {
		t.Fatal(err)
	}
	h.takes(t, large())
	b.empty(t)
	h.fail <- no
	if err := accept(soon(t), dial(t, b.url("app.test")), large()); err != nil {
		t.Fatal(err)
	}
	h.takes(t, large())
	if err := letters.Drop(soon(t), one().ID); err != nil {
		t.Fatal(err)
	}
	if n := b.held(t, dead); n != 0 {
		t.Errorf("%d messages are left", n)
	}
}

func TestALargeRequestThatComesTwiceRunsOnce(t *testing.T) {
	t.Parallel()
	b := meanBroker(t)
	client := dial(t, b.url("app.test"))
	ctx := metadata.AppendToOutgoingContext(soon(t), "idempotency-key", "7")
	for range 3 {
		if err := accept(ctx, client, large()); err != nil {
			t.Fatal(err)
		}
	}
	if n := b.held(t, queue); n != 12 {
		t.Errorf("%d messages are in the queue: want 11 pieces and a request", n)
	}
	h := newTaking()
	serve(t, b.url("app.test"), h)
	h.takes(t, large())
	b.empty(t)
}

// A queue that is full before all of a request is there keeps none of it.
func TestALargeRequestThatDoesNotFitLeavesNothing(t *testing.T) {
	t.Parallel()
	b := meanBroker(t)
	b.makeQueue(t, jetstream.StreamConfig{MaxBytes: 50_000, Subjects: []string{"app.test._queue", "app.test._queue.*"}})
	err := accept(soon(t), dial(t, b.url("app.test")), large())
	if status.Code(err) != codes.ResourceExhausted || link.Ran(err) != link.NeverSent {
		t.Errorf("%v, %v", err, link.Ran(err))
	}
	if n := b.held(t, queue); n != 0 {
		t.Errorf("%d pieces are left", n)
	}
}

// A stream that somebody made for requests only is left so.
func TestAQueueWithoutPiecesRefusesLargeRequests(t *testing.T) {
	t.Parallel()
	b := meanBroker(t)
	s := b.makeQueue(t, jetstream.StreamConfig{Subjects: []string{"app.test._queue"}})
	c := jetstream.ConsumerConfig{Durable: "kerf", AckPolicy: jetstream.AckExplicitPolicy}
	if _, err := s.CreateConsumer(soon(t), c); err != nil {
		t.Fatal(err)
	}
	client := dial(t, b.url("app.test"))
	err := accept(soon(t), client, large())
	if status.Code(err) != codes.ResourceExhausted || link.Ran(err) != link.NeverSent ||
		!strings.Contains(err.Error(), "add the subject app.test._queue.* to it") {
		t.Errorf("%v, %v", err, link.Ran(err))
	}
	h := newTaking()
	serve(t, b.url("app.test"), h)
	if err := accept(soon(t), client, &pb.Message{Text: "x"}); err != nil {
		t.Fatal(err)
	}
	h.takes(t, &pb.Message{Text: "x"})
}

// Pieces without a request, or a request without its pieces, are nothing.
func TestRequestsAreNotMixedUpWithPieces(t *testing.T) {
	t.Parallel()
	b := startBroker(t, nil)
	h := newTaking()
	serve(t, b.url("app.test"), h)
	client := dial(t, b.url("app.test"))
	if err := accept(soon(t), client, &pb.Message{Text: "first"}); err != nil { // makes the queue
		t.Fatal(err)
	}
	h.takes(t, &pb.Message{Text: "first"})
	b.empty(t)
	raw := b.connect(t)
	opening := packet(0, string(frame.Opening{Method: pb.Exercise_Tell_FullMethodName}.Append(nil, 0)))
	for _, m := range []*nats.Msg{
		{Subject: "app.test._queue.left", Data: []byte("\n\x05hello")}, // whoever put it there has died
		{Subject: "app.test._queue.x", Data: []byte("\n\x05h")},
		{Subject: "app.test._queue.x", Data: []byte("ello")},
		{Subject: "app.test._queue.y", Data: []byte("\n\x05hello")},
		{Subject: "app.test._queue", Data: opening, Header: nats.Header{"Kerf-Pieces": {"x 6"}}},
		{Subject: "app.test._queue", Data: opening, Header: nats.Header{"Kerf-Pieces": {"y 8"}}},
		{Subject: "app.test._queue", Data: opening, Header: nats.Header{"Kerf-Pieces": {"z 7"}}},
		{Subject: "app.test._queue", Data: opening, Header: nats.Header{"Kerf-Pieces": {"* 7"}}},
		{Subject: "app.test._queue", Data: opening, Header: nats.Header{"Kerf-Pieces": {"x -1"}}},
		{Subject: "app.test._queue", Data: opening, Header: nats.Header{"Kerf-Pieces": {"x"}}},
	} {
		if err := raw.PublishMsg(m); err != nil {
			t.Fatal(err)
		}
	}
	if err := accept(soon(t), client, &pb.Message{Text: "last"}); err != nil {
		t.Fatal(err)
	}
	h.takes(t, &pb.Message{Text: "last"})
	eventually(t, "dead letters", func() bool { return b.held(t, dead) == 6 })
	letters, err := natslink.Link{}.DeadLetters(t.Context(), parse(t, b.url("app")))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(letters.Close)
	all, err := letters.List(soon(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range all {
		if c := l.Status.Code(); c != codes.DataLoss && c != codes.InvalidArgument {
			t.Errorf("%v", l.Status)
		}
		if letters.Replay(soon(t), l.ID) == nil {
			t.Errorf("%s is replayed", l.ID)
		}
		if err := letters.Drop(soon(t), l.ID); err != nil {
			t.Error(err)
		}
	}
	eventually(t, "nothing but what was left", func() bool { return b.held(t, queue) == 1 })
	if n := len(h.taken); n != 0 {
		t.Errorf("%d requests more ran", n)
	}
}

// makeQueue makes the queue as somebody else might have.
func (b *broker) makeQueue(t *testing.T, c jetstream.StreamConfig) jetstream.Stream {
	t.Helper()
	js, err := jetstream.New(b.connect(t))
	if err != nil {
		t.Fatal(err)
	}
	c.Name, c.Retention, c.Discard = queue, jetstream.WorkQueuePolicy, jetstream.DiscardNew
	s, err := js.CreateStream(soon(t), c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
