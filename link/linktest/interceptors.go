package linktest

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
)

func interceptorRows() []row {
	return []row{
		{name: "interceptors of the conn run in order and see the call", run: clientUnary},
		{name: "interceptors of the conn run in order around streams", run: clientStream, streams: true},
		{name: "interceptors of the server run in order and see the call", run: serverUnary},
		{name: "interceptors of the server run in order around streams", run: serverStream, streams: true},
		{name: "an interceptor of the conn may answer by itself", run: clientAnswers},
		{name: "an interceptor of the server may answer by itself", run: serverAnswers},
		{name: "an interceptor of the server may change request, reply and context", run: serverChanges},
	}
}

func clientUnary(s *side) {
	var at string // what the conn was dialled with
	spy := func(name string) grpc.UnaryClientInterceptor {
		return func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn,
			invoker grpc.UnaryInvoker, opts ...grpc.CallOption,
		) error {
			s.note("order", name, "before", method, s.targets(cc, at))
			ctx = metadata.AppendToOutgoingContext(ctx, "through", name)
			err := invoker(ctx, method, req, reply, cc, append(opts, strangeOption{})...)
			s.note("order", name, "after", codeOf(err))
			return err
		}
	}
	b := s.serveWith(noteMetadata(s), link.ListenOptions{}, link.DialOptions{
		Unary: []grpc.UnaryClientInterceptor{spy("first"), spy("second"), spy("third")},
	})
	at = b.URL()
	_, err := b.client.Unary(s.ctx, text("x"))
	s.status("call", err)
}

// targets tells whether the conn that interceptors are given says where calls go:
// grpc-go's does in its own way, all others by the URL.
func (s *side) targets(cc *grpc.ClientConn, at string) bool {
	if cc == nil || s.oracle || s.subject.Link.Scheme() == "grpc" {
		return cc != nil && cc.Target() != ""
	}
	return cc.Target() == at
}

func clientStream(s *side) {
	var at string
	spy := func(name string) grpc.StreamClientInterceptor {
		return func(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string,
			streamer grpc.Streamer, opts ...grpc.CallOption,
		) (grpc.ClientStream, error) {
			s.note("order", name, "before", method, s.targets(cc, at), desc.ClientStreams, desc.ServerStreams)
			stream, err := streamer(ctx, desc, cc, method, opts...)
			s.note("order", name, "after", codeOf(err))
			return stream, err
		}
	}
	b := s.serveWith(exercise{}, link.ListenOptions{}, link.DialOptions{
		Stream: []grpc.StreamClientInterceptor{spy("first"), spy("second"), spy("third")},
	})
	at = b.URL()
	stream, err := b.client.Download(s.ctx, &message{Number: 2})
	s.must("download", err)
	s.drain("download", stream.Recv)
}

func serverUnary(s *side) {
	spy := func(name string) grpc.UnaryServerInterceptor {
		return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
			method, ok := grpc.Method(ctx)
			s.note("order", name, "before", info.FullMethod, info.Server != nil, method, ok)
			s.code("header", grpc.SetHeader(ctx, metadata.Pairs("through", name)))
			reply, err := handler(ctx, req)
			s.note("order", name, "after", codeOf(err))
			return reply, err
		}
	}
	b := s.serveWith(exercise{unary: func(_ context.Context, m *message) (*message, error) {
		s.note("order", "handler")
		return m, errRefused()
	}}, link.ListenOptions{
		Unary: []grpc.UnaryServerInterceptor{spy("first"), spy("second"), spy("third")},
	}, link.DialOptions{})
	var header metadata.MD
	_, err := b.client.Unary(s.ctx, text("x"), grpc.Header(&header))
	s.status("call", err)
	s.metadata("header", header)
}

func serverStream(s *side) {
	spy := func(name string) grpc.StreamServerInterceptor {
		return func(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
			s.note("order", name, "before", info.FullMethod, info.IsClientStream, info.IsServerStream, srv != nil)
			err := handler(srv, ss)
			s.note("order", name, "after", codeOf(err))
			return err
		}
	}
	b := s.serveWith(exercise{}, link.ListenOptions{
		Stream: []grpc.StreamServerInterceptor{spy("first"), spy("second"), spy("third")},
	}, link.DialOptions{})
	down, err := b.client.Download(s.ctx, &message{Number: 2})
	s.must("download", err)
	s.drain("download", down.Recv)
	up, err := b.client.Upload(s.ctx)
	s.must("upload", err)
	_, err = up.CloseAndRecv()
	s.code("upload", err)
	_, err = b.client.Unary(s.ctx, text("x"))
	s.status("a unary call passes by", err)
}

func clientAnswers(s *side) {
	b := s.serveWith(exercise{unary: func(context.Context, *message) (*message, error) {
		s.note("handler ran")
		return nil, errRefused()
	}}, link.ListenOptions{}, link.DialOptions{Unary: []grpc.UnaryClientInterceptor{
		func(context.Context, string, any, any, *grpc.ClientConn, grpc.UnaryInvoker, ...grpc.CallOption) error {
			return status.Error(codes.ResourceExhausted, "enough")
		},
	}})
	_, err := b.client.Unary(s.ctx, text("x"))
	s.status("call", err)
}

func serverAnswers(s *side) {
	b := s.serveWith(exercise{unary: func(context.Context, *message) (*message, error) {
		s.note("handler ran")
		return nil, errRefused()
	}}, link.ListenOptions{Unary: []grpc.UnaryServerInterceptor{
		func(_ context.Context, req any, _ *grpc.UnaryServerInfo, _ grpc.UnaryHandler) (any, error) {
			return req, nil
		},
	}}, link.DialOptions{})
	reply, err := b.client.Unary(s.ctx, text("x"))
	s.status("call", err)
	s.message("reply", reply)
}

func serverChanges(s *side) {
	b := s.serveWith(exercise{unary: func(ctx context.Context, m *message) (*message, error) {
		s.note("value", ctx.Value(contextKey{}))
		s.message("request", m)
		return m, nil
	}}, link.ListenOptions{Unary: []grpc.UnaryServerInterceptor{
		func(ctx context.Context, _ any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
			reply, err := handler(context.WithValue(ctx, contextKey{}, "from the interceptor"), text("changed"))
			s.note("reply of the handler", reply.(*message).GetText())
			return text("changed again"), err
		},
	}}, link.DialOptions{})
	reply, err := b.client.Unary(s.ctx, text("x"))
	s.status("call", err)
	s.message("reply", reply)
}
