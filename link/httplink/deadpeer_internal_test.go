package httplink

import (
	"context"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
	linktestv1 "github.com/kerf-go/kerf/link/linktest/v1"
)

// wire forwards connections until it is cut: from then on nothing passes, and
// nobody is told, as when a cable is pulled.
type wire struct {
	net.Listener
	cut   chan struct{}
	conns sync.WaitGroup
}

func newWire(t *testing.T, to string) *wire {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{Listener: l, cut: make(chan struct{})}
	w.conns.Go(func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := new(net.Dialer).DialContext(t.Context(), "tcp", to)
			if err != nil {
				_ = near.Close()
				continue
			}
			t.Cleanup(func() { _, _ = near.Close(), far.Close() })
			w.conns.Go(func() { w.forward(near, far) })
			w.conns.Go(func() { w.forward(far, near) })
		}
	})
	return w
}

func (w *wire) forward(from, to net.Conn) {
	buffer := make([]byte, 1<<16)
	for {
		n, err := from.Read(buffer)
		select {
		case <-w.cut:
			return
		default:
		}
		if err != nil {
			_ = to.Close()
			return
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

type waiting struct {
	linktestv1.UnimplementedExerciseServer
	ended chan error
}

func (w waiting) Chat(s linktestv1.Exercise_ChatServer) error {
	if err := s.Send(&linktestv1.Message{}); err != nil {
		return err
	}
	<-s.Context().Done()
	w.ended <- s.Context().Err()
	return nil
}

func TestBothEndsNoticeADeadPeer(t *testing.T) {
	t.Parallel()
	l := Link{heartbeat: 50 * time.Millisecond}
	server, err := l.Listen(t.Context(), &url.URL{Scheme: "http", Host: "127.0.0.1:0"}, link.ListenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	handler := waiting{ended: make(chan error, 1)}
	linktestv1.RegisterExerciseServer(server, handler)
	served := make(chan error, 1)
	go func() { served <- server.Serve() }()
	t.Cleanup(func() { _ = server.Close(); <-served })
	at, err := url.Parse(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	between := newWire(t, at.Host)
	t.Cleanup(between.conns.Wait)
	t.Cleanup(func() { _ = between.Close() })
	conn, err := l.Dial(&url.URL{Scheme: "http", Host: between.Addr().String()}, link.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second) // far beyond two heartbeats
	defer cancel()
	stream, err := linktestv1.NewExerciseClient(conn).Chat(ctx)
	if err == nil {
		_, err = stream.Recv()
	}
	if err != nil {
		t.Fatal(err)
	}
	close(between.cut)
	_, err = stream.Recv()
	if status.Code(err) != codes.Unavailable || link.Ran(err) != link.MayHaveRun {
		t.Errorf("the caller is told %v, %v", err, link.Ran(err))
	}
	select {
	case <-handler.ended:
	case <-ctx.Done():
		t.Error("the handler's context does not end")
	}
}

func TestAStreamThatIsSilentAndAliveGoesOn(t *testing.T) {
	t.Parallel()
	l := Link{heartbeat: 250 * time.Millisecond}
	server, err := l.Listen(t.Context(), &url.URL{Scheme: "http", Host: "127.0.0.1:0"}, link.ListenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	linktestv1.RegisterExerciseServer(server, silent{})
	served := make(chan error, 1)
	go func() { served <- server.Serve() }()
	t.Cleanup(func() { _ = server.Close(); <-served })
	u, err := url.Parse(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := l.Dial(u, link.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	stream, err := linktestv1.NewExerciseClient(conn).Chat(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err != nil {
		t.Error(err)
	}
	if _, err := stream.Recv(); err != io.EOF { //nolint:errorlint // as callers compare it
		t.Error(err)
	}
}

// silent says its one word after many heartbeats.
type silent struct {
	linktestv1.UnimplementedExerciseServer
}

func (silent) Chat(s linktestv1.Exercise_ChatServer) error {
	timer := time.NewTimer(1500 * time.Millisecond)
	defer timer.Stop()
	<-timer.C
	return s.Send(&linktestv1.Message{})
}
