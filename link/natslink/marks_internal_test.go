package natslink

import (
	"context"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/types/known/emptypb"

	pb "github.com/kerf-go/kerf/link/linktest/v1"
)

// counting counts what it does.
type counting struct {
	pb.UnimplementedExerciseServer
	runs *atomic.Int64
}

func (h counting) Tell(context.Context, *pb.Message) (*emptypb.Empty, error) {
	h.runs.Add(1)
	return &emptypb.Empty{}, nil
}

// What one server has done the others know, though its word for that did not arrive.
func TestARequestWhoseAcknowledgementIsLostRunsOnce(t *testing.T) {
	t.Parallel()
	q := newQueueing(t, Link{silence: 500 * time.Millisecond}, &natsserver.User{Username: "all"}, &natsserver.User{
		Username: "mute", Password: "x",
		Permissions: &natsserver.Permissions{Publish: &natsserver.SubjectPermission{Deny: []string{"$JS.ACK.>"}}},
	})
	mute := *q.at
	mute.User = url.UserPassword("mute", "x")
	var runs atomic.Int64
	stop := q.serveAt(t, &mute, counting{runs: &runs})
	q.tell(t, &pb.Message{})
	done := streamName("done", subjectOf(q.at))
	eventually(t, "a mark", func() bool {
		s, err := q.js.Stream(soon(t), done)
		return err == nil && s.CachedInfo().State.Msgs == 1
	})
	stop()
	q.serve(t, counting{runs: &runs})
	eventually(t, "an empty queue", func() bool { return q.held(t, "queue") == 0 })
	if n := runs.Load(); n != 1 {
		t.Errorf("it ran %d times", n)
	}
	s, err := q.js.Stream(soon(t), done)
	if err != nil {
		t.Fatal(err)
	}
	if c := s.CachedInfo().Config; c.MaxAge < window || c.MaxBytes <= 0 || c.Discard != jetstream.DiscardOld {
		t.Errorf("marks are kept so: %+v", c)
	}
}
