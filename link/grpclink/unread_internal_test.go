package grpclink

import (
	"context"
	"io"
	"net"
	"testing"
	"time"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/linktest/hostile"
	linktestv1 "github.com/kerf-go/kerf/link/linktest/v1"
)

// talkative answers with more than fits between two ends.
type talkative struct {
	linktestv1.UnimplementedExerciseServer
}

func (talkative) Download(_ *linktestv1.Message, s linktestv1.Exercise_DownloadServer) error {
	for {
		if err := s.Send(&linktestv1.Message{Payload: make([]byte, 1<<20)}); err != nil {
			return err
		}
	}
}

// A client that begins to read and stops does not keep its call, or the server.
func TestACallerWhoStopsReadingIsGivenUp(t *testing.T) {
	t.Parallel()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := newServer("grpc", l, link.ListenOptions{}, time.Second) // grpc-go asks no more often
	linktestv1.RegisterExerciseServer(server, talkative{})
	served := make(chan error, 1)
	go func() { served <- server.Serve() }()
	t.Cleanup(func() { _, _ = server.Close(), <-served })
	c := hostile.Connect(t, l.Addr().String())
	_, err = io.WriteString(c, hostile.HTTP2Call(linktestv1.Exercise_Download_FullMethodName, "application/grpc",
		hostile.Envelope(0, "")))
	if err == nil {
		_, err = io.ReadFull(c, make([]byte, 1000))
	}
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil { // it waits for calls
		t.Error(err)
	}
}
