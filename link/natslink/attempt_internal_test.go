package natslink

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
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
	q := newQueueing(t, Link{backoff: time.Millisecond})
	f := new(failing)
	f.left.Store(int64(time.Hour))
	q.serve(t, f)
	q.tell(t, &pb.Message{})
	var all []link.DeadLetter
	eventually(t, "a dead letter", func() bool {
		all = q.letters(t)
		return len(all) > 0
	})
	if n := f.attempts.Load(); n != maxAttempts || all[0].Attempts != maxAttempts {
		t.Errorf("it was tried %d times, and the letter says %d", n, all[0].Attempts)
	}
	if left := time.Duration(f.left.Load()); left < 10*time.Second {
		t.Errorf("an attempt had only %v", left)
	}
}

// fatal tells that it has begun, and comes to no end before its server does.
type fatal struct {
	pb.UnimplementedExerciseServer
	begun chan struct{}
}

func (f fatal) Tell(ctx context.Context, _ *pb.Message) (*emptypb.Empty, error) {
	f.begun <- struct{}{}
	<-ctx.Done()
	return nil, ctx.Err()
}

// A request that takes its servers with it is not handed on for ever.
func TestARequestThatEndsItsServersIsADeadLetterAtLast(t *testing.T) {
	t.Parallel()
	q := newQueueing(t, Link{silence: 200 * time.Millisecond})
	q.tell(t, &pb.Message{})
	const servers = 14
	ended := 0
	for range servers {
		f := fatal{begun: make(chan struct{}, 1)}
		stop := q.serve(t, f)
		eventually(t, "it begins, or is given up", func() bool {
			select {
			case <-f.begun:
				ended++
				return true
			default:
				return len(q.letters(t)) > 0
			}
		})
		stop()
	}
	all := q.letters(t)
	if len(all) != 1 || ended != maxAttempts {
		t.Fatalf("%d dead letters after the end of %d servers", len(all), ended)
	}
	if s := all[0].Status; s.Code() != codes.Unavailable || all[0].Attempts != maxAttempts ||
		!strings.Contains(s.Message(), "its server went away in 10 attempts") {
		t.Errorf("%v after %d attempts", s, all[0].Attempts)
	}
	q.serve(t, fatal{begun: make(chan struct{}, 1)}) // should the one before have had no time for it
	eventually(t, "an empty queue", func() bool { return q.held(t, "queue") == 0 })
}

// A server takes no more of an accepted request than of any other.
func TestARequestAboveTheServersLimitDoesNotRun(t *testing.T) {
	t.Parallel()
	q := newQueueing(t, Link{backoff: time.Millisecond})
	f := new(failing)
	q.serve(t, f)
	m := &pb.Message{Payload: make([]byte, link.DefaultMaxRecv)}
	q.tell(t, m)
	var all []link.DeadLetter
	eventually(t, "a dead letter", func() bool {
		all = q.letters(t)
		return len(all) > 0
	})
	if s := all[0].Status; s.Code() != codes.ResourceExhausted || f.attempts.Load() != 0 ||
		!strings.Contains(s.Message(), "received message larger than max") {
		t.Errorf("%v, and it ran %d times", s, f.attempts.Load())
	}
	if n := len(all[0].Message); n != proto.Size(m) {
		t.Errorf("the letter has %d bytes", n)
	}
}

// Another server may speak the version of a request, or a later one: it is tried on.
func TestARequestInAnotherVersionIsGivenBack(t *testing.T) {
	t.Parallel()
	q := newQueueing(t, Link{backoff: time.Millisecond})
	q.serve(t, new(failing))
	q.tell(t, &pb.Message{}) // makes the queue
	raw := []byte("kerf\x09\x08\x00\x00\x00\x00\x00\x00")
	if _, err := q.js.Publish(soon(t), queueSubject(subjectOf(q.at)), raw); err != nil {
		t.Fatal(err)
	}
	eventually(t, "two dead letters", func() bool { return len(q.letters(t)) == 2 })
	for _, l := range q.letters(t) {
		if l.Status.Code() != codes.Unavailable || l.Attempts != maxAttempts {
			t.Errorf("%v after %d attempts", l.Status, l.Attempts)
		}
	}
}
