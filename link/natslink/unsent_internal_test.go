package natslink

import (
	"net/url"
	"testing"

	"google.golang.org/grpc"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/call"
	pb "github.com/kerf-go/kerf/link/linktest/v1"
)

// streaming tells when its handler runs, which it does until the caller is gone.
type streaming struct {
	pb.UnimplementedExerciseServer
	running chan struct{}
}

func (h streaming) Chat(s pb.Exercise_ChatServer) error {
	close(h.running)
	<-s.Context().Done()
	return nil
}

// A stream's handler has begun, whatever becomes of its messages.
func TestAStreamWhoseMessageCannotBeSentMayHaveRun(t *testing.T) {
	t.Parallel()
	at, err := url.Parse(brokerURL(t))
	if err != nil {
		t.Fatal(err)
	}
	server, err := Link{}.Listen(t.Context(), at, link.ListenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	h := streaming{running: make(chan struct{})}
	pb.RegisterExerciseServer(server, h)
	served := make(chan error, 1)
	go func() { served <- server.Serve() }()
	t.Cleanup(func() {
		_ = server.Close()
		<-served
	})
	d := newDialer(at, link.DialOptions{}, defaultHeartbeat)
	t.Cleanup(func() { _ = d.Close() })
	stream, err := d.Open(t.Context(), call.Request{
		Method: pb.Exercise_Chat_FullMethodName, Desc: &grpc.StreamDesc{ClientStreams: true, ServerStreams: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	<-h.running
	c, _ := d.Now()
	c.broker.Close()
	_ = stream.Send(call.Encoded([]byte("x")))
	if _, err := stream.Recv(); link.Ran(err) != link.MayHaveRun {
		t.Errorf("%v, %v", err, link.Ran(err))
	}
}
