package grpclink

import (
	"context"
	"errors"
	"net"
	"net/url"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/kerf-go/kerf/link"
	linktestv1 "github.com/kerf-go/kerf/link/linktest/v1"
)

// cable forwards connections to a listener until it is cut: from then on nothing
// passes, and nobody is told.
type cable struct {
	to  *bufconn.Listener
	cut atomic.Bool
}

func (c *cable) dial(ctx context.Context, _ string) (net.Conn, error) {
	far, err := c.to.DialContext(ctx)
	if err != nil {
		return nil, err
	}
	near, plug := net.Pipe()
	go c.forward(plug, far)
	go c.forward(far, plug)
	return near, nil
}

func (c *cable) forward(from, to net.Conn) {
	buffer := make([]byte, 1<<16)
	for {
		n, err := from.Read(buffer)
		switch {
		case err != nil && c.cut.Load():
			_ = from.Close()
			return
		case err != nil:
			_ = to.Close()
			return
		case c.cut.Load():
			continue
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// waiting says one word, and then waits for the end of its context.
type waiting struct {
	linktestv1.UnimplementedExerciseServer
	ended chan time.Time
}

func (w waiting) Chat(s linktestv1.Exercise_ChatServer) error {
	if err := s.Send(&linktestv1.Message{}); err != nil {
		return err
	}
	<-s.Context().Done()
	w.ended <- time.Now()
	return nil
}

// silence is a stream that has been silent for a while between two ends that are
// alive, and how to end them.
func silence(t *testing.T, c *cable, serverBeat time.Duration) (linktestv1.Exercise_ChatClient, waiting, func()) {
	t.Helper()
	c.to = bufconn.Listen(1 << 16)
	handler := waiting{ended: make(chan time.Time, 1)}
	server := newServer("grpc", c.to, link.ListenOptions{}, serverBeat)
	linktestv1.RegisterExerciseServer(server, handler)
	served := make(chan error, 1)
	go func() { served <- server.Serve() }()
	conn, err := dial(&url.URL{Host: "x"}, link.DialOptions{}, defaultHeartbeat, grpc.WithContextDialer(c.dial))
	if err != nil {
		t.Fatal(err)
	}
	stream, err := linktestv1.NewExerciseClient(conn).Chat(t.Context())
	if err == nil {
		_, err = stream.Recv()
	}
	if err != nil {
		t.Fatal(err)
	}
	<-time.NewTimer(10 * time.Minute).C
	return stream, handler, func() {
		if err := errors.Join(conn.Close(), server.Close(), <-served); err != nil {
			t.Error(err)
		}
	}
}

func TestBothEndsNoticeADeadPeer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var c cable
		stream, handler, end := silence(t, &c, defaultHeartbeat)
		defer end()
		c.cut.Store(true)
		began := time.Now()
		_, err := stream.Recv()
		if status.Code(err) != codes.Unavailable || link.Ran(err) != link.MayHaveRun {
			t.Errorf("the caller is told %v, %v", err, link.Ran(err))
		}
		for who, took := range map[string]time.Duration{
			"the caller": time.Since(began), "the handler": (<-handler.ended).Sub(began),
		} {
			if took > 3*defaultHeartbeat {
				t.Errorf("%s knows after %v", who, took)
			}
		}
	})
}

func TestClientsMayAskForSignsOfLifeOften(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var c cable
		stream, handler, end := silence(t, &c, time.Hour) // so that it is the client that asks
		defer end()
		if len(handler.ended) > 0 {
			t.Error("the server ends the stream")
		}
		if err := stream.CloseSend(); err != nil {
			t.Error(err)
		}
	})
}
