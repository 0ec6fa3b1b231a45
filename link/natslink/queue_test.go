package natslink_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/kerf-go/kerf/link"
	pb "github.com/kerf-go/kerf/link/linktest/v1"
	"github.com/kerf-go/kerf/link/natslink"
)

// told notes what it is told, and answers as its function says.
type told struct {
	pb.UnimplementedExerciseServer
	answer func(ctx context.Context, attempt int) error

	mu    sync.Mutex // guards texts
	texts []string
}

func (h *told) Tell(ctx context.Context, m *pb.Message) (*emptypb.Empty, error) {
	h.mu.Lock()
	h.texts = append(h.texts, m.GetText())
	n := len(h.texts)
	h.mu.Unlock()
	if h.answer != nil {
		return &emptypb.Empty{}, h.answer(ctx, n)
	}
	return &emptypb.Empty{}, nil
}

func (h *told) was() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.texts)
}

func (h *told) hears(t *testing.T, want ...string) {
	t.Helper()
	eventually(t, "all is told", func() bool { return len(h.was()) >= len(want) })
	got := h.was()
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}
}

func tell(t *testing.T, client pb.ExerciseClient, text string) {
	t.Helper()
	if _, err := client.Tell(soon(t), &pb.Message{Text: text}, link.WithWait(link.Accepted)); err != nil {
		t.Fatal(err)
	}
}

// empty waits until the queue has nothing left.
func (b *broker) empty(t *testing.T) {
	t.Helper()
	eventually(t, "an empty queue", func() bool { return b.held(t, queue) == 0 })
}

func (b *broker) held(t *testing.T, stream string) uint64 {
	t.Helper()
	js, err := jetstream.New(b.connect(t))
	if err != nil {
		t.Fatal(err)
	}
	s, err := js.Stream(soon(t), stream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	info, err := s.Info(soon(t))
	if err != nil {
		t.Fatal(err)
	}
	return info.State.Msgs
}

const queue, dead = "kerf-queue-app_dtest", "kerf-dead-app_dtest"

func TestAcceptedRequestsRunWithTheirMetadata(t *testing.T) {
	t.Parallel()
	b := startBroker(t, nil)
	arrived := make(chan metadata.MD, 1)
	h := &told{answer: func(ctx context.Context, _ int) error {
		md, _ := metadata.FromIncomingContext(ctx)
		arrived <- md
		if _, bounded := ctx.Deadline(); !bounded {
			return errors.New("no deadline")
		}
		return nil
	}}
	serve(t, b.url("app.test"), h)
	ctx := metadata.AppendToOutgoingContext(soon(t), "key", "1", "key", "2", "some-bin", "\x00\xff")
	_, err := dial(t, b.url("app.test")).Tell(ctx, &pb.Message{Text: "x"}, link.WithWait(link.Accepted))
	if err != nil {
		t.Fatal(err)
	}
	md := <-arrived
	if !slices.Equal(md["key"], []string{"1", "2"}) || md["some-bin"][0] != "\x00\xff" {
		t.Errorf("%v", md)
	}
	h.hears(t, "x")
	b.empty(t)
}

func TestARequestIsAcceptedWhileNobodyServesAndRunsLater(t *testing.T) {
	t.Parallel()
	b := startBroker(t, nil)
	client := dial(t, b.url("app.test"))
	tell(t, client, "first")
	b.stop()
	eventually(t, "the loss is noticed", func() bool {
		_, err := client.Tell(soon(t), &pb.Message{}, link.WithWait(link.Accepted))
		return status.Code(err) == codes.Unavailable && link.Ran(err) == link.NeverSent
	})
	b.start(t)
	eventually(t, "the broker takes more", func() bool {
		_, err := client.Tell(soon(t), &pb.Message{Text: "second"}, link.WithWait(link.Accepted))
		return err == nil
	})
	h := new(told)
	serve(t, b.url("app.test"), h)
	h.hears(t, "first", "second")
	b.stop() // what is done stays done
	b.start(t)
	eventually(t, "a third one", func() bool {
		_, err := client.Tell(soon(t), &pb.Message{Text: "third"}, link.WithWait(link.Accepted))
		return err == nil
	})
	h.hears(t, "first", "second", "third")
}

func TestReplicasShareTheQueue(t *testing.T) {
	t.Parallel()
	b := startBroker(t, nil)
	all := []*told{{}, {}}
	for _, h := range all {
		serve(t, b.url("app.test"), h)
	}
	client := dial(t, b.url("app.test"))
	var work sync.WaitGroup
	const requests = 200
	for range requests {
		work.Go(func() { tell(t, client, "x") })
	}
	work.Wait()
	b.empty(t)
	a, c := len(all[0].was()), len(all[1].was())
	if a+c != requests || a == 0 || c == 0 {
		t.Errorf("they ran %d and %d", a, c)
	}
}

func TestARequestThatComesTwiceRunsOnce(t *testing.T) {
	t.Parallel()
	b := startBroker(t, nil)
	h := new(told)
	serve(t, b.url("app.test"), h)
	client := dial(t, b.url("app.test"))
	ctx := metadata.AppendToOutgoingContext(soon(t), "idempotency-key", "7")
	for range 3 {
		_, err := client.Tell(ctx, &pb.Message{Text: "x"}, link.WithWait(link.Accepted))
		if err != nil {
			t.Fatal(err)
		}
	}
	tell(t, client, "y")
	h.hears(t, "x", "y")
	b.empty(t)
}

// noted tells when something is logged.
type noted struct {
	slog.Handler
	text string
	said chan struct{}
}

func (n noted) Enabled(context.Context, slog.Level) bool { return true }
func (n noted) WithAttrs([]slog.Attr) slog.Handler       { return n }

func (n noted) Handle(_ context.Context, r slog.Record) error {
	if r.Message == n.text {
		select {
		case n.said <- struct{}{}:
		default:
		}
	}
	return nil
}

// A server that is through while the broker is away tells it later, and nobody runs
// the request again.
func TestWhatIsDoneWhileTheBrokerIsAwayStaysDone(t *testing.T) {
	t.Parallel()
	b := startBroker(t, nil)
	lost := noted{Handler: slog.DiscardHandler, text: "connection to the broker lost", said: make(chan struct{}, 1)}
	through := make(chan struct{}, 1)
	first := &told{answer: func(context.Context, int) error {
		b.stop()
		<-lost.said
		through <- struct{}{}
		return nil
	}}
	o := link.ListenOptions{Logger: slog.New(lost)}
	s, err := natslink.Link{}.Listen(t.Context(), parse(t, b.url("app.test")), o)
	if err != nil {
		t.Fatal(err)
	}
	pb.RegisterExerciseServer(s, first)
	start(t, s)
	tell(t, dial(t, b.url("app.test")), "x")
	<-through
	b.start(t)
	second := new(told)
	serve(t, b.url("app.test"), second)
	b.empty(t)
	if n := len(first.was()) + len(second.was()); n != 1 {
		t.Errorf("it ran %d times", n)
	}
}

func TestWhatFailsForNowIsTriedAgain(t *testing.T) {
	t.Parallel()
	b := startBroker(t, nil)
	h := &told{answer: func(_ context.Context, n int) error {
		if n < 3 {
			return status.Error(codes.Unavailable, "not yet")
		}
		return nil
	}}
	serve(t, b.url("app.test"), h)
	tell(t, dial(t, b.url("app.test")), "x")
	h.hears(t, "x", "x", "x")
	b.empty(t)
	if n := b.held(t, dead); n != 0 {
		t.Errorf("%d dead letters", n)
	}
}

func TestWhatFailsForGoodIsADeadLetter(t *testing.T) {
	t.Parallel()
	b := startBroker(t, nil)
	h := &told{answer: func(_ context.Context, n int) error {
		if n == 1 {
			return status.Error(codes.FailedPrecondition, "ü\r\n")
		}
		return nil
	}}
	serve(t, b.url("app.test"), h)
	client := dial(t, b.url("app.test"))
	ctx := metadata.AppendToOutgoingContext(soon(t), "key", "value")
	began := time.Now()
	if _, err := client.Tell(ctx, &pb.Message{Text: "x"}, link.WithWait(link.Accepted)); err != nil {
		t.Fatal(err)
	}
	letters, err := natslink.Link{}.DeadLetters(t.Context(), parse(t, b.url("app")))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(letters.Close)
	var all []link.DeadLetter
	eventually(t, "a dead letter", func() bool {
		if all, err = letters.List(soon(t)); err != nil {
			t.Fatal(err)
		}
		return len(all) == 1
	})
	l := all[0]
	if l.ID != "app.test/1" || l.Status.Code() != codes.FailedPrecondition || l.Status.Message() != "ü\r\n" ||
		l.Attempts != 1 || l.Method != pb.Exercise_Tell_FullMethodName || l.Header["key"][0] != "value" ||
		l.Codec != "proto" || string(l.Message) != "\n\x01x" || l.Accepted.Before(began.Add(-time.Second)) ||
		l.Died.Before(l.Accepted) {
		t.Errorf("got %+v", l)
	}
	b.empty(t)
	if err := letters.Replay(soon(t), l.ID); err != nil {
		t.Fatal(err)
	}
	h.hears(t, "x", "x")
	if all, err = letters.List(soon(t)); err != nil || len(all) != 0 {
		t.Errorf("%v, %v", all, err)
	}
	for _, id := range []string{l.ID, "app.test/99", "other.test/1", "", "app.nobody/1"} {
		if letters.Drop(soon(t), id) == nil || letters.Replay(soon(t), id) == nil {
			t.Errorf("%q is dropped or replayed", id)
		}
	}
}

func TestADeadLetterCanBeDropped(t *testing.T) {
	t.Parallel()
	b := startBroker(t, nil)
	serve(t, b.url("app.test"), pb.UnimplementedExerciseServer{})
	tell(t, dial(t, b.url("app.test")), "x")
	letters, err := natslink.Link{}.DeadLetters(t.Context(), parse(t, b.url("app")))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(letters.Close)
	eventually(t, "a dead letter", func() bool { return b.held(t, dead) == 1 })
	if err := letters.Drop(soon(t), "app.test/1"); err != nil {
		t.Fatal(err)
	}
	if n := b.held(t, dead); n != 0 {
		t.Errorf("%d dead letters", n)
	}
}

func TestShutdownLetsAcceptedRequestsFinish(t *testing.T) {
	t.Parallel()
	b := startBroker(t, nil)
	running, release := make(chan struct{}), make(chan struct{})
	h := &told{answer: func(ctx context.Context, _ int) error {
		close(running)
		<-release
		return ctx.Err()
	}}
	s := serve(t, b.url("app.test"), h)
	client := dial(t, b.url("app.test"))
	tell(t, client, "x")
	<-running
	stopped := make(chan error)
	go func() { stopped <- s.Shutdown(soon(t)) }()
	eventually(t, "calls are refused", func() bool {
		_, err := client.Unary(soon(t), &pb.Message{})
		return status.Code(err) == codes.Unavailable
	})
	tell(t, client, "y")
	close(release)
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	h.hears(t, "x")
	if n := b.held(t, queue); n != 1 {
		t.Errorf("%d are left", n)
	}
}

func TestWhatAQueueCannotTakeIsRefused(t *testing.T) {
	t.Parallel()
	ctx := metadata.AppendToOutgoingContext(soon(t), "key", strings.Repeat("x", 10_000))
	err := accept(ctx, dial(t, meanBroker(t).url("app.test")), &pb.Message{})
	if status.Code(err) != codes.ResourceExhausted || link.Ran(err) != link.NeverSent {
		t.Errorf("too large: %v, %v", err, link.Ran(err))
	}
	without := startBroker(t, func(o *server.Options) { o.JetStream = false })
	err = accept(soon(t), dial(t, without.url("app.test")), &pb.Message{})
	if status.Code(err) != codes.Unimplemented || link.Ran(err) != link.NeverSent {
		t.Errorf("without JetStream: %v, %v", err, link.Ran(err))
	}
	full := startBroker(t, nil)
	full.makeQueue(t, jetstream.StreamConfig{MaxBytes: 1000, Subjects: []string{"app.test._queue"}})
	client := dial(t, full.url("app.test"))
	for err = nil; err == nil; {
		err = accept(soon(t), client, &pb.Message{})
	}
	if status.Code(err) != codes.ResourceExhausted || link.Ran(err) != link.NeverSent {
		t.Errorf("full: %v, %v", err, link.Ran(err))
	}
}

// Anything may be put into the queue: it becomes a dead letter.
func TestHostileRequestsBecomeDeadLetters(t *testing.T) {
	t.Parallel()
	b := startBroker(t, nil)
	h := new(told)
	serve(t, b.url("app.test"), h)
	client := dial(t, b.url("app.test"))
	tell(t, client, "first") // makes the queue
	raw := b.connect(t)
	for _, p := range [][]byte{
		nil, []byte("x"), packet(0, ""), packet(0, opening()+"x"), packet(0, made(data, "")),
	} {
		if err := raw.Publish("app.test._queue", p); err != nil {
			t.Fatal(err)
		}
	}
	tell(t, client, "last")
	h.hears(t, "first", "last")
	b.empty(t)
	if n := b.held(t, dead); n != 5 {
		t.Errorf("%d dead letters", n)
	}
}
