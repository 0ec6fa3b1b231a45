package linktest

import (
	"context"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
)

func deadlineRows() []row {
	return []row{
		{name: "the handler sees the time that remains", run: remainingTime},
		{name: "without a deadline the handler sees none", run: noDeadline},
		{name: "a deadline beyond all use arrives", run: farDeadline},
		{name: "a deadline that has passed ends the call before it runs", run: expired},
		{name: "a deadline ends the call and the context of the handler", run: deadlineEnds},
		{name: "a deadline ends a stream and the context of its handler", run: deadlineEndsStream, streams: true},
		{name: "a handler that ignores its context keeps no caller beyond its deadline", run: promptly, alone: true},
		{
			name: "a stream whose handler ignores its context ends at the deadline", run: promptlyOfStream,
			alone: true, streams: true,
		},
		{name: "a handler may answer DeadlineExceeded itself", run: answersDeadline},
	}
}

// noteRemaining notes whether there is a deadline, and whether what remains lies between.
func noteRemaining(s *side, least, most time.Duration) exercise {
	return exercise{unary: func(ctx context.Context, m *message) (*message, error) {
		deadline, ok := ctx.Deadline()
		left := time.Until(deadline)
		s.note("deadline", ok, ok && least < left && left <= most)
		return m, nil
	}}
}

func remainingTime(s *side) {
	b := s.serve(noteRemaining(s, 5*time.Second, 10*time.Second))
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.ctx), 10*time.Second)
	defer cancel()
	_, err := b.client.Unary(ctx, text("x"))
	s.status("call", err)
}

func noDeadline(s *side) {
	b := s.serve(noteRemaining(s, 0, 0))
	_, err := b.client.Unary(context.WithoutCancel(s.ctx), text("x"))
	s.status("call", err)
}

func farDeadline(s *side) {
	const far = 100 * 24 * time.Hour
	b := s.serve(noteRemaining(s, far-time.Minute, far+time.Hour))
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.ctx), far)
	defer cancel()
	_, err := b.client.Unary(ctx, text("x"))
	s.status("call", err)
}

func expired(s *side) {
	b := s.serve(exercise{unary: func(_ context.Context, m *message) (*message, error) {
		s.note("handler ran")
		return m, nil
	}})
	for _, left := range []time.Duration{-time.Hour, 0, 1} {
		ctx, cancel := context.WithTimeout(s.ctx, left)
		<-ctx.Done()
		_, err := b.client.Unary(ctx, text("x"))
		cancel()
		s.ran("call", err, link.NeverSent)
	}
}

func deadlineEnds(s *side) {
	ended := make(chan struct{})
	b := s.serve(exercise{unary: func(ctx context.Context, _ *message) (*message, error) {
		defer close(ended)
		<-ctx.Done()
		return nil, status.FromContextError(ctx.Err()).Err()
	}})
	_, err := b.client.Tell(s.ctx, text("connect"))
	s.must("connect", err)
	ctx, cancel := context.WithTimeout(s.ctx, 300*time.Millisecond) // the handler must have begun by then
	defer cancel()
	_, err = b.client.Unary(ctx, text("x"))
	s.code("call", err)
	s.await("end of the handler", ended)
}

func deadlineEndsStream(s *side) {
	ended := make(chan struct{})
	b := s.serve(exercise{chat: func(stream chatServer) error {
		defer close(ended)
		s.code("send", stream.Send(text("x")))
		<-stream.Context().Done()
		return status.FromContextError(stream.Context().Err()).Err()
	}})
	_, err := b.client.Tell(s.ctx, text("connect"))
	s.must("connect", err)
	ctx, cancel := context.WithTimeout(s.ctx, 300*time.Millisecond)
	defer cancel()
	stream, err := b.client.Chat(ctx)
	s.must("chat", err)
	_, err = stream.Recv()
	s.code("first", err)
	_, err = stream.Recv()
	s.code("end", err)
	s.await("end of the handler", ended)
}

const (
	ignoring = 500 * time.Millisecond // how long the handlers below ignore their contexts
	promised = 100 * time.Millisecond // how soon a caller with a deadline of 50 ms has its answer
)

// quickest is how long the quickest of up to five tries took: a machine that is
// busy may delay one try, but a link that waits for the handler delays all.
func quickest(s *side, try func(context.Context)) time.Duration {
	best := time.Hour
	for range 5 {
		ctx, cancel := context.WithTimeout(s.ctx, 50*time.Millisecond)
		start := time.Now()
		try(ctx)
		best = min(best, time.Since(start))
		cancel()
		if best <= promised {
			break
		}
	}
	return best
}

func promptly(s *side) {
	b := s.serve(exercise{unary: func(_ context.Context, m *message) (*message, error) {
		pause(context.Background(), ignoring)
		return m, nil
	}})
	_, _ = b.client.Tell(s.ctx, text("connect"))
	took := quickest(s, func(ctx context.Context) {
		_, err := b.client.Unary(ctx, text("x"))
		s.expectCode("call", err, codes.DeadlineExceeded)
	})
	s.note("within 100 ms", took <= promised)
}

func promptlyOfStream(s *side) {
	b := s.serve(exercise{chat: func(chatServer) error {
		pause(context.Background(), ignoring)
		return nil
	}})
	_, _ = b.client.Tell(s.ctx, text("connect"))
	took := quickest(s, func(ctx context.Context) {
		stream, err := b.client.Chat(ctx)
		if err == nil {
			_, err = stream.Recv()
		}
		s.expectCode("stream", err, codes.DeadlineExceeded)
	})
	s.note("within 100 ms", took <= promised)
}

func answersDeadline(s *side) {
	b := s.serve(exercise{unary: func(context.Context, *message) (*message, error) {
		return nil, status.Error(codes.DeadlineExceeded, "the database was slow")
	}})
	_, err := b.client.Unary(s.ctx, text("x"))
	s.status("call", err)
}
