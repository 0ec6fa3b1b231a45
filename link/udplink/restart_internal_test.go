package udplink

import (
	"context"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/linktest/captures"
	pb "github.com/kerf-go/kerf/link/linktest/v1"
)

// brisk is a link whose ends are soon missed.
var brisk = Link{heartbeat: 100 * time.Millisecond}

// restart closes a server and starts another at its address.
func restart(t *testing.T, l Link, s *server, impl pb.ExerciseServer) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	start(t, l, s.URL(), impl)
}

// wantLost fails unless a call ended as one of which nobody knows whether it ran.
func wantLost(t *testing.T, err error) {
	t.Helper()
	if status.Code(err) != codes.Unavailable || link.Ran(err) != link.MayHaveRun {
		t.Errorf("the caller is told %v, %v", err, link.Ran(err))
	}
}

// A call is sent to one server and repeated to the next, which is another process for
// all that it knows.
func TestARestartRunsNoCallTwice(t *testing.T) {
	t.Parallel()
	for name, lost := range map[string]bool{"the answer is lost": false, "the call is lost": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			service := newCounting()
			server := start(t, brisk, anyPort, service)
			relay, url := between(t, server, everything)
			client := connect(t, brisk, url)
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			if _, err := client.Unary(ctx, &pb.Message{Number: 1}); err != nil {
				t.Fatal(err)
			}
			relay.set(func(fromClient bool, _ []byte) []time.Duration {
				if fromClient && !lost {
					return []time.Duration{0}
				}
				return nil
			})
			ended := make(chan error, 1)
			go func() {
				_, err := client.Unary(ctx, &pb.Message{Number: 2})
				ended <- err
			}()
			if !lost {
				eventually(t, "the call runs", func() bool { return service.of(2) == 1 })
			}
			restart(t, brisk, server, service)
			relay.set(everything)
			wantLost(t, <-ended)
			relay.replay()
			if _, err := client.Unary(ctx, &pb.Message{Number: 3}); err != nil {
				t.Errorf("a call of the new server: %v", err)
			}
			want := 1
			if lost {
				want = 0
			}
			if got := service.of(2); got != want || service.of(1) != 1 {
				t.Errorf("the call ran %d times, want %d; the one before %d times", got, want, service.of(1))
			}
		})
	}
}

// After a pause a client asks who is there before it sends, so that a restart in the
// meantime costs no call.
func TestARestartDuringAPauseCostsNoCall(t *testing.T) {
	t.Parallel()
	service := newCounting()
	server := start(t, brisk, anyPort, service)
	_, url := between(t, server, everything)
	client := connect(t, brisk, url)
	if _, err := client.Unary(t.Context(), &pb.Message{Number: 1}); err != nil {
		t.Fatal(err)
	}
	restart(t, brisk, server, service)
	pause := time.NewTimer(brisk.heartbeat)
	defer pause.Stop()
	<-pause.C
	if _, err := client.Unary(t.Context(), &pb.Message{Number: 2}); err != nil || service.of(2) != 1 {
		t.Errorf("%v, and it ran %d times", err, service.of(2))
	}
}

func TestBothEndsNoticeADeadPeer(t *testing.T) {
	t.Parallel()
	running, ended := make(chan struct{}), make(chan struct{})
	service := newCounting()
	service.each = func(ctx context.Context, _ *pb.Message) error {
		close(running)
		<-ctx.Done()
		close(ended)
		return ctx.Err()
	}
	relay, url := between(t, start(t, brisk, anyPort, service), everything)
	client := connect(t, brisk, url)
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second) // far beyond any heartbeats
	defer cancel()
	answered := make(chan error, 1)
	go func() {
		_, err := client.Unary(captures.Without(ctx), &pb.Message{Number: 1})
		answered <- err
	}()
	<-running
	relay.set(nothing)
	wantLost(t, <-answered)
	select {
	case <-ended:
	case <-ctx.Done():
		t.Error("the handler's context does not end")
	}
}

func TestAHandlerMayBeSilentForLong(t *testing.T) {
	t.Parallel()
	service := newCounting()
	service.each = func(ctx context.Context, _ *pb.Message) error {
		timer := time.NewTimer(2 * mostSilent * brisk.heartbeat)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
		return ctx.Err()
	}
	client := connect(t, brisk, start(t, brisk, anyPort, service).URL())
	if _, err := client.Unary(t.Context(), &pb.Message{Number: 1}); err != nil || service.of(1) != 1 {
		t.Errorf("%v, and it ran %d times", err, service.of(1))
	}
}

// The answer of a call that ends during Shutdown is lost at first, and asked for again.
func TestAnswersLeaveDuringShutdown(t *testing.T) {
	t.Parallel()
	running, release := make(chan struct{}), make(chan struct{})
	service := newCounting()
	service.each = func(context.Context, *pb.Message) error {
		close(running)
		<-release
		return nil
	}
	server := start(t, Link{}, anyPort, service)
	answers := 0
	_, url := between(t, server, func(_ bool, b []byte) []time.Duration {
		if d, err := parse(b); err == nil && d.kind == answer {
			if answers++; answers == 1 {
				return nil
			}
		}
		return []time.Duration{0}
	})
	client := connect(t, Link{}, url)
	ended := make(chan error, 1)
	go func() {
		_, err := client.Unary(t.Context(), &pb.Message{Number: 1})
		ended <- err
	}()
	<-running
	stopped := make(chan error, 1)
	go func() { stopped <- server.Shutdown(t.Context()) }()
	eventually(t, "the server refuses", server.memory.stopping)
	close(release)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}
