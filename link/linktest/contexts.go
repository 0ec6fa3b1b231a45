package linktest

import (
	"context"
	"errors"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
)

func contextRows() []row {
	return []row{
		{name: "no value of the caller's context reaches the handler", run: noValues},
		{
			name: "no value of the caller's context reaches the handler of a stream",
			run:  noValuesOfStream, streams: true,
		},
		{name: "metadata and peer that the caller was called with stay with it", run: notRelayed},
		{name: "a handler that calls another is not that other", run: handlerCalls},
		{name: "the cause of a cancellation stays with the caller", run: causeStays},
	}
}

type contextKey struct{}

func noValues(s *side) {
	b := s.serve(exercise{unary: func(ctx context.Context, m *message) (*message, error) {
		s.note("value", ctx.Value(contextKey{}))
		return m, nil
	}})
	_, err := b.client.Unary(context.WithValue(s.ctx, contextKey{}, "secret"), text("x"))
	s.status("call", err)
}

func noValuesOfStream(s *side) {
	b := s.serve(exercise{chat: func(stream chatServer) error {
		s.note("value", stream.Context().Value(contextKey{}))
		return nil
	}})
	stream, err := b.client.Chat(context.WithValue(s.ctx, contextKey{}, "secret"))
	s.must("chat", err)
	s.drain("chat", stream.Recv)
	s.note("the caller's own", stream.Context().Value(contextKey{}))
}

func notRelayed(s *side) {
	const from = "192.0.2.1:1"
	b := s.serve(exercise{unary: func(ctx context.Context, m *message) (*message, error) {
		in, _ := metadata.FromIncomingContext(ctx)
		s.metadata("incoming", in)
		out, _ := metadata.FromOutgoingContext(ctx)
		s.metadata("outgoing", out)
		p, _ := peer.FromContext(ctx)
		s.note("peer is the caller's", p != nil && p.Addr != nil && p.Addr.String() == from)
		return m, nil
	}})
	ctx := metadata.NewIncomingContext(s.ctx, metadata.Pairs("authorization", "of somebody else"))
	ctx = peer.NewContext(ctx, &peer.Peer{Addr: &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1}})
	ctx = metadata.AppendToOutgoingContext(ctx, "meant", "1")
	_, err := b.client.Unary(ctx, text("x"))
	s.status("call", err)
}

// handlerCalls has a handler pass its context on, as handlers do.
func handlerCalls(s *side) {
	inner := s.serve(exercise{unary: func(ctx context.Context, m *message) (*message, error) {
		s.code("inner header", grpc.SetHeader(ctx, metadata.Pairs("inner", "1")))
		md, _ := metadata.FromIncomingContext(ctx)
		s.metadata("inner", md)
		return m, nil
	}})
	outer := s.serve(exercise{unary: func(ctx context.Context, m *message) (*message, error) {
		var header metadata.MD
		reply, err := inner.client.Unary(ctx, m, grpc.Header(&header))
		s.metadata("inner header", header)
		s.code("outer header", grpc.SetHeader(ctx, metadata.Pairs("outer", "1")))
		return reply, err
	}})
	var header metadata.MD
	ctx := metadata.AppendToOutgoingContext(s.ctx, "hop", "first")
	reply, err := outer.client.Unary(ctx, text("x"), grpc.Header(&header))
	s.status("call", err)
	s.message("reply", reply)
	s.metadata("outer header", header)
}

func causeStays(s *side) {
	w := s.watch()
	b := s.serve(w.handlers())
	ctx, cancel := context.WithCancelCause(s.ctx)
	secret := errors.New("secret cause")
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, err := b.client.Unary(ctx, text("x"))
		s.code("call", err)
		s.note("call tells the cause", errors.Is(err, secret))
	}()
	s.await("start of the handler", w.running)
	cancel(secret)
	s.await("end of the call", done)
	s.await("end of the handler", w.ended)
}
