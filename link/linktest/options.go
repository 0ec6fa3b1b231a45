package linktest

import (
	"context"
	"errors"
	"io"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
	linktestv1 "github.com/kerf-go/kerf/link/linktest/v1"
)

func optionRows() []row {
	return []row{
		{name: "Header and Trailer are filled when the call succeeds", run: fillsHeaderAndTrailer(nil)},
		{name: "Header and Trailer are filled when the call fails", run: fillsHeaderAndTrailer(errRefused())},
		{name: "Header and Trailer of a call that cannot be sent stay empty", run: fillsNothing},
		{name: "Header and Trailer of a stream are filled by options", run: fillsOfStream, streams: true},
		{name: "OnFinish runs once with the outcome of the call", run: onFinish},
		{name: "OnFinish of a stream runs once at its end", run: onFinishOfStream, streams: true},
		{name: "OnFinish runs when the context of an idle stream ends", run: finishesIdle(cancelStream), streams: true},
		{name: "OnFinish runs when the conn of an idle stream is closed", run: finishesIdle(closeConn), streams: true},
		{
			name: "OnFinish runs when the context of a stream ends while a message is decoded",
			run:  finishesDecoding, streams: true,
		},
		{name: "options that nobody knows are ignored", run: unknownOption},
		{name: "options about static methods, authority and retries do no harm", run: harmlessOptions},
		{name: "without WaitForReady a call that nobody answers is Unavailable", run: nobodyAnswers},
		{name: "with WaitForReady a call waits for a server that comes later", run: waitsForServer},
		{name: "with WaitForReady a call still ends at its deadline", run: waitsUntilDeadline},
	}
}

// errRefused is a handler's refusal, for cases that need some failure.
func errRefused() error { return status.Error(codes.FailedPrecondition, "refused") }

func fillsHeaderAndTrailer(answer error) func(*side) {
	return func(s *side) {
		b := s.serve(exercise{unary: func(ctx context.Context, m *message) (*message, error) {
			s.code("set header", grpc.SetHeader(ctx, metadata.Pairs("above", "1", "Upper-Case", "2")))
			s.code("set trailer", grpc.SetTrailer(ctx, metadata.Pairs("below", "3", "Upper-Case", "4")))
			return m, answer
		}})
		var header, trailer metadata.MD
		_, err := b.client.Unary(s.ctx, text("x"), grpc.Header(&header), grpc.Trailer(&trailer))
		s.status("call", err)
		s.metadata("header", header)
		s.metadata("trailer", trailer)
	}
}

func fillsNothing(s *side) {
	b := s.serve(exercise{})
	for _, m := range []*message{sized(101), text("\xff")} {
		var header, trailer metadata.MD
		_, err := b.client.Unary(s.ctx, m, grpc.MaxCallSendMsgSize(100), grpc.Header(&header), grpc.Trailer(&trailer))
		s.code("call", err)
		s.metadata("header", header)
		s.metadata("trailer", trailer)
	}
}

func fillsOfStream(s *side) {
	b := s.serve(exercise{download: func(_ *message, stream downloadServer) error {
		s.code("set header", stream.SetHeader(metadata.Pairs("above", "1")))
		stream.SetTrailer(metadata.Pairs("below", "2"))
		s.code("send", stream.Send(text("x")))
		return errRefused()
	}})
	var header, trailer metadata.MD
	stream, err := b.client.Download(s.ctx, text("x"), grpc.Header(&header), grpc.Trailer(&trailer))
	s.must("download", err)
	s.drain("download", stream.Recv)
	s.metadata("header", header)
	s.metadata("trailer", trailer)
}

func onFinish(s *side) {
	b := s.serve(exercise{unary: func(_ context.Context, m *message) (*message, error) {
		if m.GetText() == "fail" {
			return nil, errRefused()
		}
		return m, nil
	}})
	for _, t := range []string{"succeed", "fail"} {
		_, err := b.client.Unary(s.ctx, text(t), grpc.OnFinish(func(err error) { s.status("finish of "+t, err) }))
		s.status("call", err)
	}
}

func onFinishOfStream(s *side) {
	b := s.serve(exercise{})
	finished := make(chan struct{}, 8)
	stream, err := b.client.Download(s.ctx, &message{Number: 2}, grpc.OnFinish(func(err error) {
		s.code("finish", err)
		finished <- struct{}{}
	}))
	s.must("download", err)
	s.note("finished before the end", len(finished))
	s.drain("download", stream.Recv)
	s.await("finish", finished)
	_, err = stream.Recv()
	s.note("after the end", errors.Is(err, io.EOF))
}

// finishesIdle ends a stream in some way while nobody receives.
func finishesIdle(end func(s *side, b *bundle, cancel context.CancelFunc)) func(*side) {
	return func(s *side) {
		b := s.serve(exercise{})
		ctx, cancel := context.WithCancel(s.ctx)
		defer cancel()
		finished := make(chan struct{}, 8)
		stream, err := b.client.Chat(ctx, grpc.OnFinish(func(err error) {
			s.code("finish", err)
			finished <- struct{}{}
		}))
		s.must("chat", err)
		s.must("send", stream.Send(text("x")))
		_, err = stream.Recv()
		s.must("receive", err)
		s.note("finished before the end", len(finished))
		end(s, b, cancel)
		s.await("finish", finished)
		_, err = stream.Recv()
		s.code("after the end", err)
		s.note("finished again", len(finished))
	}
}

func cancelStream(_ *side, _ *bundle, cancel context.CancelFunc) { cancel() }
func closeConn(s *side, b *bundle, _ context.CancelFunc)         { s.code("close", b.conn.Close()) }

// finishesDecoding ends a stream while somebody receives who never asks again.
func finishesDecoding(s *side) {
	b := s.serve(exercise{download: func(_ *message, stream downloadServer) error {
		s.code("send", stream.Send(text("x")))
		<-stream.Context().Done()
		return nil
	}})
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	finished := make(chan struct{}, 8)
	c := slowCodec{newCodec: newCodec{&oldCodec{}}, decoding: make(chan struct{}), release: make(chan struct{})}
	stream, err := b.client.Download(ctx, text("x"), grpc.ForceCodecV2(c), grpc.OnFinish(func(err error) {
		s.code("finish", err)
		finished <- struct{}{}
	}))
	s.must("download", err)
	go func() {
		<-c.decoding
		cancel()
		pause(s.ctx, 50*time.Millisecond)
		close(c.release)
	}()
	_, err = stream.Recv()
	s.code("receive", err)
	s.await("finish", finished)
}

type strangeOption struct{ grpc.EmptyCallOption }

func unknownOption(s *side) {
	reply, err := s.serve(exercise{}).client.Unary(s.ctx, text("x"), strangeOption{}, &strangeOption{})
	s.status("call", err)
	s.message("reply", reply)
}

func harmlessOptions(s *side) {
	reply, err := s.serve(exercise{}).client.Unary(s.ctx, text("x"), grpc.StaticMethod(), grpc.StaticMethod(),
		grpc.CallAuthority("somebody.example"), grpc.MaxRetryRPCBufferSize(1<<10), grpc.WaitForReady(false))
	s.status("call", err)
	s.message("reply", reply)
}

// vacant gives the URL of a server that is gone.
func (s *side) vacant() string {
	srv := s.listen(s.address(), link.ListenOptions{})
	rawURL := srv.URL()
	s.must("close", srv.Close())
	return rawURL
}

func nobodyAnswers(s *side) {
	conn := s.dial(s.vacant(), link.DialOptions{})
	err := conn.Invoke(s.ctx, linktestv1.Exercise_Unary_FullMethodName, text("x"), new(message))
	s.ran("call", err, link.NeverSent)
}

func waitsForServer(s *side) {
	rawURL := s.vacant()
	conn := s.dial(rawURL, link.DialOptions{})
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		reply := new(message)
		err := conn.Invoke(s.ctx, linktestv1.Exercise_Unary_FullMethodName, text("x"), reply, grpc.WaitForReady(true))
		s.status("call", err)
		s.message("reply", reply)
	}()
	s.note("waited", pause(s.ctx, 50*time.Millisecond) && !closed(answered))
	s.serveAt(rawURL)
	s.await("answer", answered)
}

func waitsUntilDeadline(s *side) {
	conn := s.dial(s.vacant(), link.DialOptions{})
	ctx, cancel := context.WithTimeout(s.ctx, 50*time.Millisecond)
	defer cancel()
	err := conn.Invoke(ctx, linktestv1.Exercise_Unary_FullMethodName, text("x"), new(message), grpc.WaitForReady(true))
	s.ran("call", err, link.NeverSent)
}
