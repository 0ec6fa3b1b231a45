package natslink_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
	pb "github.com/kerf-go/kerf/link/linktest/v1"
	"github.com/kerf-go/kerf/link/natslink"
)

// exercised answers calls as its functions say; without one a call is echoed.
type exercised struct {
	pb.UnimplementedExerciseServer
	unary func(context.Context, *pb.Message) (*pb.Message, error)
	chat  func(pb.Exercise_ChatServer) error
}

func (e exercised) Unary(ctx context.Context, m *pb.Message) (*pb.Message, error) {
	if e.unary != nil {
		return e.unary(ctx, m)
	}
	return m, nil
}

func (e exercised) Chat(s pb.Exercise_ChatServer) error {
	if e.chat != nil {
		return e.chat(s)
	}
	for {
		m, err := s.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = s.Send(m)
		}
		if err != nil {
			return err
		}
	}
}

func unavailable(t *testing.T, err error, want link.Outcome) {
	t.Helper()
	if status.Code(err) != codes.Unavailable || link.Ran(err) != want {
		t.Errorf("got %v, %v; want Unavailable, %v", err, link.Ran(err), want)
	}
}

func TestWithoutABrokerCallsAreUnavailableAtOnce(t *testing.T) {
	t.Parallel()
	b := startBroker(t, nil)
	client := dial(t, b.url("test"))
	b.stop()
	began := time.Now()
	_, err := client.Unary(soon(t), &pb.Message{})
	unavailable(t, err, link.NeverSent)
	_, err = client.Chat(soon(t))
	unavailable(t, err, link.NeverSent)
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("it took %v", took)
	}
	if s, err := (natslink.Link{}).Listen(t.Context(), parse(t, b.url("test")), link.ListenOptions{}); err == nil {
		_ = s.Close()
		t.Error("a server listens without a broker")
	}
}

// A broker that dies ends the calls at both ends. When it is back all goes on.
func TestABrokerThatComesBackIsFoundAgain(t *testing.T) {
	t.Parallel()
	b := startBroker(t, nil)
	running, ended := make(chan struct{}, 2), make(chan struct{}, 2)
	hang := func(ctx context.Context) error {
		running <- struct{}{}
		<-ctx.Done()
		ended <- struct{}{}
		return ctx.Err()
	}
	serve(t, b.url("test"), exercised{
		unary: func(ctx context.Context, m *pb.Message) (*pb.Message, error) {
			if m.GetText() == "hang" {
				return nil, hang(ctx)
			}
			return m, nil
		},
		chat: func(s pb.Exercise_ChatServer) error { return hang(s.Context()) },
	})
	client, ctx := dial(t, b.url("test")), soon(t)
	pending := make(chan error)
	go func() {
		_, err := client.Unary(ctx, &pb.Message{Text: "hang"})
		pending <- err
	}()
	stream, err := client.Chat(ctx)
	if err != nil {
		t.Fatal(err)
	}
	<-running
	<-running
	b.stop()
	unavailable(t, <-pending, link.MayHaveRun)
	_, err = stream.Recv()
	unavailable(t, err, link.MayHaveRun)
	<-ended
	<-ended
	_, err = client.Unary(ctx, &pb.Message{})
	unavailable(t, err, link.NeverSent)
	waited := make(chan error)
	go func() {
		_, err := client.Unary(ctx, &pb.Message{Text: "patient"}, grpc.WaitForReady(true))
		waited <- err
	}()
	b.start(t)
	if err := <-waited; err != nil {
		t.Errorf("a call that waits: %v", err)
	}
	if _, err := client.Unary(ctx, &pb.Message{}); err != nil {
		t.Error(err)
	}
}

// What nobody waited for any more while nobody served is not run late.
func TestARequestWhoseTimeIsOverIsDropped(t *testing.T) {
	t.Parallel()
	b := startBroker(t, nil)
	var (
		mu   sync.Mutex
		late []string
	)
	s := listen(t, b.url("test"), exercised{unary: func(_ context.Context, m *pb.Message) (*pb.Message, error) {
		mu.Lock()
		defer mu.Unlock()
		late = append(late, m.GetText())
		return m, nil
	}})
	client := dial(t, b.url("test"))
	briefly := func(what string) {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, err := client.Unary(ctx, &pb.Message{Text: what}, grpc.WaitForReady(true))
		if status.Code(err) != codes.DeadlineExceeded {
			t.Error(err)
		}
	}
	briefly("late")
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	if _, err := client.Unary(ctx, &pb.Message{Text: "cancelled"}); status.Code(err) != codes.Canceled {
		t.Error(err)
	}
	briefly("only just") // and asks the server, which knows of the others then
	start(t, s)
	if _, err := client.Unary(soon(t), &pb.Message{Text: "fresh"}); err != nil {
		t.Error(err)
	}
	if err := s.Shutdown(soon(t)); err != nil {
		t.Error(err)
	}
	if slices.Contains(late, "late") || slices.Contains(late, "cancelled") || !slices.Contains(late, "fresh") {
		t.Errorf("these ran: %q", late)
	}
}
