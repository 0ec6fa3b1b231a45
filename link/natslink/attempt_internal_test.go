package natslink

import (
	"context"
	"net/url"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/kerf-go/kerf/link"
	pb "github.com/kerf-go/kerf/link/linktest/v1"
)

// failing always fails in the same way, and tells of a hurry.
type failing struct {
	pb.UnimplementedExerciseServer
	attempts atomic.Int64
	left     atomic.Int64 // of the shortest time
}

func (f *failing) Tell(ctx context.Context, _ *pb.Message) (*emptypb.Empty, error) {
	f.attempts.Add(1)
	deadline, _ := ctx.Deadline()
	f.left.Store(min(f.left.Load(), int64(time.Until(deadline))))
	return nil, status.Error(codes.Unavailable, "never")
}

// Each attempt has the caller's time; the last one makes a dead letter.
func TestARequestIsTriedSoManyTimes(t *testing.T) {
	t.Parallel()
	at, err := url.Parse(brokerURL(t))
	if err != nil {
		t.Fatal(err)
	}
	l := Link{backoff: time.Millisecond}
	server, err := l.Listen(t.Context(), at, link.ListenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	f := new(failing)
	f.left.Store(int64(time.Hour))
	pb.RegisterExerciseServer(server, f)
	served := make(chan error, 1)
	go func() { served <- server.Serve() }()
	t.Cleanup(func() { _, _ = server.Close(), <-served })
	conn, err := l.Dial(at, link.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if _, err := pb.NewExerciseClient(conn).Tell(ctx, &pb.Message{}, link.WithWait(link.Accepted)); err != nil {
		t.Fatal(err)
	}
	letters, err := l.DeadLetters(ctx, at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(letters.Close)
	var all []link.DeadLetter
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for len(all) == 0 {
		<-ticker.C
		if all, err = letters.List(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if n := f.attempts.Load(); n != maxAttempts || all[0].Attempts != maxAttempts {
		t.Errorf("it was tried %d times, and the letter says %d", n, all[0].Attempts)
	}
	if left := time.Duration(f.left.Load()); left < 10*time.Second {
		t.Errorf("an attempt had only %v", left)
	}
}

func TestARequestIsKnownForAWindowAtLeast(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var r recent
		is := func(when string, want knowledge) {
			t.Helper()
			if got := r.begin("x"); got != want {
				t.Errorf("%s: got %v, want %v", when, got, want)
			}
		}
		is("at first", fresh)
		is("while it runs", running)
		r.end("x", false)
		is("after a failure", fresh)
		r.end("x", true)
		is("once it is done", done)
		time.Sleep(window - time.Second)
		r.begin("y")
		r.end("y", true)
		is("within the window", done)
		time.Sleep(window)
		r.begin("z")
		r.end("z", true)
		time.Sleep(2 * window)
		r.begin("w")
		r.end("w", true)
		is("long after", fresh)
		if n := len(r.young) + len(r.old); n > 2 {
			t.Errorf("%d are kept", n)
		}
	})
}
