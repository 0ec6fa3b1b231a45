package tcplink

import (
	"log/slog"
	"net"
	"net/url"
	"syscall"
	"testing"

	"github.com/kerf-go/kerf/link"
	pb "github.com/kerf-go/kerf/link/linktest/v1"
)

// scarce is a listener that has no room for the first connections.
type scarce struct {
	net.Listener
	without int // only Accept touches it
}

func (l *scarce) Accept() (net.Conn, error) {
	if l.without--; l.without >= 0 {
		return nil, &net.OpError{Op: "accept", Err: syscall.EMFILE}
	}
	return l.Listener.Accept()
}

// A server that can take no connection for a while serves those that come after.
func TestAServerOutlivesAWantOfFiles(t *testing.T) {
	t.Parallel()
	u := &url.URL{Scheme: "tcp", Host: "127.0.0.1:0"}
	s, err := listen(t.Context(), u, link.ListenOptions{Logger: slog.New(slog.DiscardHandler)}, defaultHeartbeat)
	if err != nil {
		t.Fatal(err)
	}
	s.listener = &scarce{Listener: s.listener, without: 2}
	pb.RegisterExerciseServer(s, pb.UnimplementedExerciseServer{})
	served := make(chan error, 1)
	go func() { served <- s.Serve() }()
	at, err := url.Parse(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := Link{}.Dial(at, link.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if _, err = pb.NewExerciseClient(conn).Unary(t.Context(), &pb.Message{}); link.Ran(err) != link.Answered {
		t.Error(err)
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}
