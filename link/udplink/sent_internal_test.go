package udplink

import (
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
	pb "github.com/kerf-go/kerf/link/linktest/v1"
)

func TestASentCallWaitsForNothing(t *testing.T) {
	t.Parallel()
	service := newCounting()
	relay, url := between(t, start(t, Link{}, anyPort, service), nothing)
	client := connect(t, Link{}, url)
	slowest := time.Duration(0)
	for n := range int64(mostParting) {
		began := time.Now()
		if _, err := client.Tell(t.Context(), &pb.Message{Number: n}, link.WithWait(link.Sent)); err != nil {
			t.Fatal(err)
		}
		slowest = max(slowest, time.Since(began))
	}
	if slowest > time.Second { // a busy machine, but nothing like the wait for a server
		t.Errorf("the slowest took %v", slowest)
	}
	_, err := client.Tell(t.Context(), &pb.Message{Number: -1}, link.WithWait(link.Sent))
	if status.Code(err) != codes.ResourceExhausted || link.Ran(err) != link.NeverSent {
		t.Errorf("one too many: %v, %v", err, link.Ran(err))
	}
	relay.set(everything)
	// They leave at once, which may be more than the sockets of the relay hold.
	eventually(t, "what waited arrives", func() bool { return service.seen() > mostParting/4 })
	for n := range int64(mostParting) {
		if times := service.of(n); times > 1 {
			t.Errorf("call %d ran %d times", n, times)
		}
	}
}

func TestASentCallToNobodyIsDropped(t *testing.T) {
	t.Parallel()
	server := start(t, Link{}, anyPort, newCounting())
	_ = server.Close()
	client := connect(t, Link{}, server.URL())
	if _, err := client.Tell(t.Context(), &pb.Message{}, link.WithWait(link.Sent)); err != nil {
		t.Error(err)
	}
}

func TestASentCallThatIsTooLargeIsRefused(t *testing.T) {
	t.Parallel()
	client := connect(t, Link{}, start(t, Link{}, anyPort, newCounting()).URL())
	_, err := client.Tell(t.Context(), &pb.Message{Payload: make([]byte, usualDatagram)}, link.WithWait(link.Sent))
	if status.Code(err) != codes.ResourceExhausted || link.Ran(err) != link.NeverSent {
		t.Errorf("%v, %v", err, link.Ran(err))
	}
}
