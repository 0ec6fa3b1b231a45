package linktest

import (
	"context"
	"fmt"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/kerf-go/kerf/link"
)

func cancelRows() []row {
	return []row{
		{name: "a call that was cancelled before does not run", run: cancelledBefore},
		{name: "cancelling ends the context of the handler", run: cancelUnary},
		{name: "cancelling an upload ends the context of its handler", run: cancelUpload, streams: true},
		{name: "cancelling a download ends the context of its handler", run: cancelDownload, streams: true},
		{name: "cancelling a chat ends the context of its handler", run: cancelChat, streams: true},
		{name: "cancelling one call leaves the others alone", run: cancelOne},
		{name: "giving up long replies harms no call beside them", run: cancelLong, message: longReply},
		{name: "a handler whose caller has gone cannot receive or send", run: goneCaller, streams: true},
		{name: "the context of a handler ends when it returns", run: contextAfter},
	}
}

func cancelledBefore(s *side) {
	b := s.serve(exercise{unary: func(_ context.Context, m *message) (*message, error) {
		s.note("handler ran")
		return m, nil
	}})
	ctx, cancel := context.WithCancel(s.ctx)
	cancel()
	_, err := b.client.Unary(ctx, text("x"))
	s.ran("call", err, link.NeverSent)
}

// watch makes handlers that tell when they run and how their context ends.
type watch struct {
	side           *side
	running, ended chan struct{}
}

func (s *side) watch() watch {
	return watch{side: s, running: make(chan struct{}), ended: make(chan struct{})}
}

func (w watch) until(ctx context.Context) error {
	close(w.running)
	<-ctx.Done()
	w.side.note("context of the handler", ctx.Err(), context.Cause(ctx))
	close(w.ended)
	return status.FromContextError(ctx.Err()).Err()
}

func (w watch) handlers() exercise {
	return exercise{
		unary:    func(ctx context.Context, _ *message) (*message, error) { return nil, w.until(ctx) },
		upload:   func(stream uploadServer) error { return w.until(stream.Context()) },
		download: func(_ *message, stream downloadServer) error { return w.until(stream.Context()) },
		chat:     func(stream chatServer) error { return w.until(stream.Context()) },
	}
}

// cancels starts a call, cancels it when its handler runs, and waits for its end.
func cancels(s *side, call func(context.Context, *bundle) error) {
	w := s.watch()
	b := s.serve(w.handlers())
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.code("call", call(ctx, b))
	}()
	s.await("start of the handler", w.running)
	cancel()
	s.await("end of the call", done)
	s.await("end of the handler", w.ended)
}

func cancelUnary(s *side) {
	cancels(s, func(ctx context.Context, b *bundle) error {
		_, err := b.client.Unary(ctx, text("x"))
		return err
	})
}

func cancelUpload(s *side) {
	cancels(s, func(ctx context.Context, b *bundle) error {
		stream, err := b.client.Upload(ctx)
		if err != nil {
			return err
		}
		_ = stream.Send(text("x")) // may come after the cancel
		_, err = stream.CloseAndRecv()
		return err
	})
}

func cancelDownload(s *side) {
	cancels(s, func(ctx context.Context, b *bundle) error {
		stream, err := b.client.Download(ctx, text("x"))
		if err != nil {
			return err
		}
		_, err = stream.Recv()
		return err
	})
}

func cancelChat(s *side) {
	cancels(s, func(ctx context.Context, b *bundle) error {
		stream, err := b.client.Chat(ctx)
		if err != nil {
			return err
		}
		_, err = stream.Recv()
		return err
	})
}

func cancelOne(s *side) {
	running, release := make(chan struct{}, 2), make(chan struct{})
	b := s.serve(exercise{unary: func(ctx context.Context, m *message) (*message, error) {
		running <- struct{}{}
		select {
		case <-release:
			return m, nil
		case <-ctx.Done():
			return nil, status.FromContextError(ctx.Err()).Err()
		}
	}})
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	ended := [2]chan struct{}{make(chan struct{}), make(chan struct{})}
	for i, ctx := range []context.Context{ctx, s.ctx} {
		go func() {
			defer close(ended[i])
			_, err := b.client.Unary(ctx, text("x"))
			s.code(fmt.Sprint("call ", i), err)
		}()
	}
	s.await("first handler", running)
	s.await("second handler", running)
	cancel()
	s.await("end of the cancelled call", ended[0])
	s.note("the other ended too", closed(ended[1]))
	close(release)
	s.await("end of the other call", ended[1])
}

const longReply = 300 << 10

// cancelLong gives up calls at moments when some of their reply has come.
func cancelLong(s *side) {
	running, release := make(chan struct{}), make(chan struct{})
	b := s.serve(exercise{
		unary: func(ctx context.Context, _ *message) (*message, error) {
			return sized(longReply), grpc.SetHeader(ctx, metadata.Pairs("above", "1"))
		},
		tell: func(ctx context.Context, _ *message) (*emptypb.Empty, error) {
			close(running)
			s.waitIn(ctx, "release", release)
			return &emptypb.Empty{}, nil
		},
	})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, err := b.client.Tell(s.ctx, text("x"))
		s.status("call beside", err)
	}()
	s.await("start of the handler", running)
	const callers, calls = 4, 15
	var wg sync.WaitGroup
	for caller := range callers {
		wg.Go(func() {
			for i := range calls {
				ctx, cancel := context.WithTimeout(s.ctx, time.Duration(i+caller)*time.Millisecond)
				_, err := b.client.Unary(ctx, text("x"))
				cancel()
				if err != nil {
					s.expectCode("call given up", err, codes.DeadlineExceeded)
				}
			}
		})
	}
	wg.Wait()
	_, err := b.client.Unary(s.ctx, text("x"))
	s.status("call afterwards", err)
	close(release)
	s.await("end of the call beside", ended)
}

func goneCaller(s *side) {
	received, ended := make(chan struct{}), make(chan struct{})
	b := s.serve(exercise{chat: func(stream chatServer) error {
		defer close(ended)
		_, err := stream.Recv()
		s.code("first receive", err)
		close(received)
		<-stream.Context().Done()
		_, err = stream.Recv()
		s.code("receive", err)
		err = stream.Send(text("y"))
		s.note("send fails", err != nil)
		return err
	}})
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	stream, err := b.client.Chat(ctx)
	s.must("chat", err)
	s.must("send", stream.Send(text("x")))
	s.await("first receive", received)
	cancel()
	s.await("end of the handler", ended)
}

func contextAfter(s *side) {
	kept := make(chan context.Context, 1)
	b := s.serve(exercise{unary: func(ctx context.Context, m *message) (*message, error) {
		kept <- ctx
		return m, nil
	}})
	_, err := b.client.Unary(s.ctx, text("x"))
	s.status("call", err)
	ctx := <-kept
	s.await("end of the context", ctx.Done())
	s.note("context", ctx.Err())
}
