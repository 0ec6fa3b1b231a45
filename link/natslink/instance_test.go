package natslink_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
	pb "github.com/kerf-go/kerf/link/linktest/v1"
	"github.com/kerf-go/kerf/link/natslink"
)

func TestCallsToTheURLOfOneServerGoToNoOther(t *testing.T) {
	t.Parallel()
	b := meanBroker(t)
	serve(t, b.url("test"), &replica{name: "other"})
	one := &replica{name: "one"}
	client := dial(t, serve(t, b.url("test"), one).URL())
	const calls = 50
	for range calls {
		large := &pb.Message{Payload: make([]byte, 100_000)} // in many packets
		if _, err := client.Unary(soon(t), large); err != nil {
			t.Fatal(err)
		}
		stream, err := client.Chat(soon(t))
		if err == nil {
			err = stream.Send(large)
		}
		if err != nil {
			t.Fatal(err)
		}
		if m, err := stream.Recv(); err != nil || m.GetText() != one.name {
			t.Fatalf("%q has answered: %v", m.GetText(), err)
		}
		_ = stream.CloseSend()
	}
	if n := one.calls.Load(); n != calls {
		t.Errorf("it has %d of %d calls", n, calls)
	}
}

// One that goes away under load is told of by errors that say so, whoever else is there.
func TestCallsToAServerThatHasGoneAreNeverSent(t *testing.T) {
	t.Parallel()
	b := startBroker(t, nil)
	serve(t, b.url("test"), exercised{})
	one := &replica{}
	s := serve(t, b.url("test"), one)
	client := dial(t, s.URL())
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			var err error
			for err == nil {
				_, err = client.Unary(soon(t), &pb.Message{})
			}
			if status.Code(err) != codes.Unavailable || link.Ran(err) != link.NeverSent {
				t.Errorf("%v, %v", err, link.Ran(err))
			}
		})
	}
	eventually(t, "there is load", func() bool { return one.calls.Load() > 1000 })
	if err := s.Shutdown(soon(t)); err != nil {
		t.Error(err)
	}
	callers.Wait()
}

func TestARequestAcceptedThroughOneServerIsForAll(t *testing.T) {
	t.Parallel()
	b := startBroker(t, nil)
	first := new(told)
	s := serve(t, b.url("app.test"), first)
	client := dial(t, s.URL())
	tell(t, client, "served")
	first.hears(t, "served")
	if err := s.Shutdown(soon(t)); err != nil {
		t.Fatal(err)
	}
	tell(t, client, "x")
	h := new(told)
	serve(t, b.url("app.test"), h)
	h.hears(t, "x")
	b.empty(t)
}

func TestAURLNamesNoSubject(t *testing.T) {
	t.Parallel()
	b := startBroker(t, nil)
	for _, name := range []string{"*", ">", "a.b", "a%20b", "%0d%0a", "_all"} {
		u := parse(t, b.url("test")+"?at="+name)
		if _, err := (natslink.Link{}).Dial(u, link.DialOptions{}); err == nil {
			t.Errorf("%s is dialled", u)
		}
		if _, err := (natslink.Link{}).Listen(t.Context(), u, link.ListenOptions{}); err == nil {
			t.Errorf("%s is listened on", u)
		}
	}
}

// Who calls one server knows whom to ask for a sign of life, and need not be asked first.
func TestTheEndOfAServerThatWasCalledItselfIsNoticedSoon(t *testing.T) {
	t.Parallel()
	b := startBroker(t, nil)
	one := newPlayer(t, b, "test._at.one")
	go func() {
		one.next()
		one.broker.Close() // as if killed
	}()
	client := dial(t, b.url("test?at=one"))
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second) // of silence it takes more
	defer cancel()
	_, err := client.Unary(ctx, &pb.Message{})
	unavailable(t, err, link.MayHaveRun)
	_, err = client.Unary(ctx, &pb.Message{})
	unavailable(t, err, link.NeverSent)
}
