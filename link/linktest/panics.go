package linktest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"

	"github.com/kerf-go/kerf/link"
)

func panicRows() []row {
	return []row{
		{name: "a panic in a handler is Internal, logged with its stack, and harms no other call", run: panicsUnary},
		{
			name: "a panic in the handler of a stream is Internal and harms no other call",
			run:  panicsStream, streams: true,
		},
	}
}

// syncBuffer is a buffer that a logger and a case may use at once.
type syncBuffer struct {
	mu  sync.Mutex // guards buf
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// brokenHandler panics as a careless handler does.
func brokenHandler(m *message) *message {
	m.Text = m.GetTags()[len(m.GetTags())]
	return m
}

func panicsUnary(s *side) {
	running, release := make(chan struct{}), make(chan struct{})
	e := exercise{unary: func(ctx context.Context, m *message) (*message, error) {
		if m.GetText() == "panic" {
			return brokenHandler(m), nil
		}
		close(running)
		s.waitIn(ctx, "release", release)
		return m, nil
	}}
	var logged syncBuffer
	logger := slog.New(slog.NewTextHandler(&logged, nil))
	b := s.serveWith(e, link.ListenOptions{Logger: logger}, link.DialOptions{})
	beside := make(chan struct{})
	go func() {
		defer close(beside)
		_, err := b.client.Unary(s.ctx, text("beside"))
		s.code("call beside", err)
	}()
	s.await("call beside", running)
	_, err := b.client.Unary(s.ctx, text("panic"))
	s.ran("call", err, link.Answered)
	s.note("text tells no inner matters", !strings.Contains(errors.Join(err).Error(), "index out of range"))
	log := logged.String()
	s.note("logged with its stack", fmt.Sprintf("logged=%t stack=%t",
		strings.Contains(log, "index out of range"), strings.Contains(log, "brokenHandler")))
	close(release)
	s.await("end of the call beside", beside)
}

func panicsStream(s *side) {
	b := s.serve(exercise{chat: func(stream chatServer) error {
		m, err := stream.Recv()
		if err != nil {
			return err
		}
		if err := stream.Send(m); err != nil || m.GetText() != "panic" {
			return err
		}
		return stream.Send(brokenHandler(m))
	}})
	for _, t := range []string{"good", "panic", "good"} {
		stream, err := b.client.Chat(s.ctx)
		s.must("chat", err)
		s.code(t+" send", stream.Send(text(t)))
		_, err = stream.Recv()
		s.code(t+" receive", err)
		_, err = stream.Recv()
		s.code(t+" end", err)
	}
}
