package linktest

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

func headerRows() []row {
	return []row{
		{name: "headers and trailers set in steps are joined", run: joinedMetadata},
		{name: "a header set or sent after it was sent is an error", run: headerTwice},
		{name: "a header set or sent after the handler has failed is an error", run: headerAfterEnd},
		{name: "a header set after the first message of a stream is an error", run: headerAfterMessage, streams: true},
		{name: "header and trailer keep apart what has the same key", run: sameKey},
		{name: "handlers are told their method", run: methodName},
		{name: "handlers of streams are told their method", run: methodNameOfStream, streams: true},
		{name: "a header travels before the reply", run: headerFirst, streams: true},
		{name: "Header of a stream waits for the header", run: headerWaits, streams: true},
		{name: "Header of a stream without header and message ends with it", run: headerOfNothing, streams: true},
		{name: "Header of a stream whose context ends tells so", run: headerOfCancelled, streams: true},
		{name: "Header of a stream that fails at once ends with it", run: headerOfFailure, streams: true},
		{name: "header and trailer of a stream surround its messages", run: surround, streams: true},
	}
}

func joinedMetadata(s *side) {
	b := s.serve(exercise{unary: func(ctx context.Context, m *message) (*message, error) {
		s.code("set", grpc.SetHeader(ctx, metadata.Pairs("a", "1", "b", "1")))
		s.code("set", grpc.SetHeader(ctx, metadata.Pairs("a", "2")))
		s.code("set", grpc.SetHeader(ctx, nil))
		s.code("send", grpc.SendHeader(ctx, metadata.Pairs("a", "3")))
		s.code("trailer", grpc.SetTrailer(ctx, metadata.Pairs("t", "1")))
		s.code("trailer", grpc.SetTrailer(ctx, metadata.Pairs("t", "2", "u", "1")))
		return m, nil
	}})
	var header, trailer metadata.MD
	_, err := b.client.Unary(s.ctx, text("x"), grpc.Header(&header), grpc.Trailer(&trailer))
	s.status("call", err)
	s.metadata("header", header)
	s.metadata("trailer", trailer)
}

func headerTwice(s *side) {
	b := s.serve(exercise{unary: func(ctx context.Context, m *message) (*message, error) {
		s.code("send", grpc.SendHeader(ctx, metadata.Pairs("a", "1")))
		s.code("set after", grpc.SetHeader(ctx, metadata.Pairs("a", "2")))
		s.code("send after", grpc.SendHeader(ctx, metadata.Pairs("a", "3")))
		return m, nil
	}})
	var header metadata.MD
	_, err := b.client.Unary(s.ctx, text("x"), grpc.Header(&header))
	s.status("call", err)
	s.metadata("header", header)
}

func headerAfterEnd(s *side) {
	kept := make(chan grpc.ServerTransportStream, 1)
	b := s.serve(exercise{unary: func(ctx context.Context, _ *message) (*message, error) {
		kept <- grpc.ServerTransportStreamFromContext(ctx)
		return nil, errRefused()
	}})
	_, err := b.client.Unary(s.ctx, text("x"))
	s.status("call", err)
	stream := <-kept
	s.note("send fails", stream.SendHeader(nil) != nil)
	s.note("set fails", stream.SetHeader(metadata.Pairs("a", "1")) != nil)
}

func headerAfterMessage(s *side) {
	b := s.serve(exercise{download: func(_ *message, stream downloadServer) error {
		s.code("send", stream.Send(text("x")))
		s.code("set after", stream.SetHeader(metadata.Pairs("a", "2")))
		s.code("send after", stream.SendHeader(metadata.Pairs("a", "3")))
		return nil
	}})
	stream, err := b.client.Download(s.ctx, text("x"))
	s.must("download", err)
	s.drain("download", stream.Recv)
	s.header(stream)
}

func sameKey(s *side) {
	b := s.serve(exercise{unary: func(ctx context.Context, m *message) (*message, error) {
		s.code("set", grpc.SetHeader(ctx, metadata.Pairs("same", "above")))
		s.code("set", grpc.SetTrailer(ctx, metadata.Pairs("same", "below", "trailer-same", "below")))
		return m, nil
	}})
	var header, trailer metadata.MD
	_, err := b.client.Unary(s.ctx, text("x"), grpc.Header(&header), grpc.Trailer(&trailer))
	s.status("call", err)
	s.metadata("header", header)
	s.metadata("trailer", trailer)
}

func methodName(s *side) {
	b := s.serve(exercise{unary: func(ctx context.Context, m *message) (*message, error) {
		name, ok := grpc.Method(ctx)
		s.note("method", name, ok)
		s.note("transport stream", grpc.ServerTransportStreamFromContext(ctx) != nil)
		return m, nil
	}})
	_, err := b.client.Unary(s.ctx, text("x"))
	s.status("call", err)
}

func methodNameOfStream(s *side) {
	b := s.serve(exercise{chat: func(stream chatServer) error {
		name, ok := grpc.Method(stream.Context())
		s.note("method", name, ok)
		name, ok = grpc.MethodFromServerStream(stream)
		s.note("method from the stream", name, ok)
		return nil
	}})
	stream, err := b.client.Chat(s.ctx)
	s.must("chat", err)
	s.drain("chat", stream.Recv)
}

// header notes what Header tells: nil if the stream has ended without one.
func (s *side) header(stream grpc.ClientStream) {
	header, err := stream.Header()
	s.status("header", err)
	s.note("header is nil", header == nil)
	s.metadata("header", header)
}

// headerFirst can only end when the header is there before the handler returns.
func headerFirst(s *side) {
	seen := make(chan struct{})
	b := s.serve(exercise{upload: func(stream uploadServer) error {
		s.code("send", stream.SendHeader(metadata.Pairs("a", "1")))
		s.waitIn(stream.Context(), "header seen", seen)
		return stream.SendAndClose(text("y"))
	}})
	stream, err := b.client.Upload(s.ctx)
	s.must("upload", err)
	s.header(stream)
	close(seen)
	_, err = stream.CloseAndRecv()
	s.status("call", err)
}

func headerWaits(s *side) {
	release := make(chan struct{})
	b := s.serve(exercise{chat: func(stream chatServer) error {
		s.waitIn(stream.Context(), "release", release)
		return stream.Send(text("x"))
	}})
	stream, err := b.client.Chat(s.ctx)
	s.must("chat", err)
	got := make(chan struct{})
	go func() {
		defer close(got)
		s.header(stream)
	}()
	s.note("waits", pause(s.ctx, 30*time.Millisecond) && !closed(got))
	close(release)
	s.await("header", got)
	s.drain("chat", stream.Recv)
}

func headerOfNothing(s *side) {
	b := s.serve(exercise{chat: func(chatServer) error { return nil }})
	stream, err := b.client.Chat(s.ctx)
	s.must("chat", err)
	s.header(stream)
	s.drain("chat", stream.Recv)
}

func headerOfCancelled(s *side) {
	b := s.serve(exercise{chat: func(stream chatServer) error {
		<-stream.Context().Done()
		return nil
	}})
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	stream, err := b.client.Chat(ctx)
	s.must("chat", err)
	time.AfterFunc(10*time.Millisecond, cancel)
	s.header(stream)
	_, err = stream.Recv()
	s.code("receive", err)
}

func headerOfFailure(s *side) {
	b := s.serve(exercise{chat: func(stream chatServer) error {
		stream.SetTrailer(metadata.Pairs("below", "1"))
		return errRefused()
	}})
	stream, err := b.client.Chat(s.ctx)
	s.must("chat", err)
	s.header(stream)
	s.drain("chat", stream.Recv)
	s.metadata("trailer", stream.Trailer())
}

func surround(s *side) {
	b := s.serve(exercise{chat: func(stream chatServer) error {
		s.code("header", stream.SetHeader(metadata.Pairs("above", "1")))
		stream.SetTrailer(metadata.Pairs("below", "1"))
		s.code("send", stream.Send(text("x")))
		stream.SetTrailer(metadata.Pairs("below", "2"))
		return nil
	}})
	stream, err := b.client.Chat(s.ctx)
	s.must("chat", err)
	s.drain("chat", stream.Recv)
	s.header(stream)
	s.metadata("trailer", stream.Trailer())
}
