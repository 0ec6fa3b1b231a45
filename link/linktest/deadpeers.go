package linktest

import (
	"context"
	"errors"
	"io"
	"net/url"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/linktest/cable"
	linktestv1 "github.com/kerf-go/kerf/link/linktest/v1"
)

// DeadPeers tests a link over TCP whose heartbeats are so fast that a test can wait
// for them: both ends notice that the other has gone without a word, and a stream
// that is only silent goes on.
func DeadPeers(t *testing.T, subject Subject, heartbeat time.Duration) {
	t.Helper()
	t.Run("both ends notice a dead peer", func(t *testing.T) {
		t.Parallel()
		noticed(t, subject)
	})
	t.Run("a stream that is silent and alive goes on", func(t *testing.T) {
		t.Parallel()
		silent(t, subject, 6*heartbeat) //nolint:mnd // many times what a dead peer is given
	})
}

func noticed(t *testing.T, subject Subject) {
	t.Helper()
	ended := make(chan struct{})
	at := serve(t, subject, exercise{chat: func(s chatServer) error {
		if err := s.Send(&message{}); err != nil {
			return err
		}
		<-s.Context().Done()
		close(ended)
		return nil
	}})
	between := cable.New(t, at.Host)
	at.Host = between.Addr().String()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second) // far beyond any heartbeats
	defer cancel()
	stream, err := dial(t, subject, at).Chat(ctx)
	if err == nil {
		_, err = stream.Recv()
	}
	if err != nil {
		t.Fatal(err)
	}
	between.Cut()
	_, err = stream.Recv()
	if status.Code(err) != codes.Unavailable || link.Ran(err) != link.MayHaveRun {
		t.Errorf("the caller is told %v, %v", err, link.Ran(err))
	}
	select {
	case <-ended:
	case <-ctx.Done():
		t.Error("the handler's context does not end")
	}
}

func silent(t *testing.T, subject Subject, pause time.Duration) {
	t.Helper()
	at := serve(t, subject, exercise{chat: func(s chatServer) error {
		timer := time.NewTimer(pause)
		defer timer.Stop()
		<-timer.C
		return s.Send(&message{})
	}})
	stream, err := dial(t, subject, at).Chat(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err != nil {
		t.Error(err)
	}
	if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
}

func serve(t *testing.T, subject Subject, e exercise) *url.URL {
	t.Helper()
	return serveWith(t, subject, e, link.ListenOptions{})
}

func serveWith(t *testing.T, subject Subject, e exercise, o link.ListenOptions) *url.URL {
	t.Helper()
	server, err := subject.Link.Listen(t.Context(), subject.parse(t), o)
	if err != nil {
		t.Fatal(err)
	}
	linktestv1.RegisterExerciseServer(server, e)
	served := make(chan error, 1)
	go func() { served <- server.Serve() }()
	t.Cleanup(func() { _, _ = server.Close(), <-served })
	at, err := url.Parse(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func (s Subject) parse(t *testing.T) *url.URL {
	t.Helper()
	u, err := s.address()
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func dial(t *testing.T, subject Subject, at *url.URL) linktestv1.ExerciseClient {
	t.Helper()
	return dialWith(t, subject, at, link.DialOptions{})
}

func dialWith(t *testing.T, subject Subject, at *url.URL, o link.DialOptions) linktestv1.ExerciseClient {
	t.Helper()
	conn, err := subject.Link.Dial(at, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return linktestv1.NewExerciseClient(conn)
}
