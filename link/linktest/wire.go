package linktest

import (
	"context"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/kerf-go/kerf/link"
	linktestv1 "github.com/kerf-go/kerf/link/linktest/v1"
)

func wireRows() []row {
	return []row{
		{name: "a request that is no UTF-8 is refused as grpc refuses it", run: brokenRequest},
		{name: "a reply that is no UTF-8 is refused as grpc refuses it", run: brokenReply},
		{name: "a request that is no message is Internal", run: notMessages},
		{name: "a dynamic message calls a generated handler", run: dynamicCaller, message: 4 << 10},
		{name: "a generated message calls a dynamic handler", run: dynamicHandler, message: 4 << 10},
		{name: "dynamic messages pass a stream", run: dynamicStream, streams: true},
	}
}

func brokenRequest(s *side) {
	b := s.serve(exercise{unary: func(_ context.Context, m *message) (*message, error) {
		s.note("handler ran")
		return m, nil
	}})
	_, err := b.client.Unary(s.ctx, text("not \xff UTF-8"))
	s.code("call", err)
	_, err = b.client.Unary(s.ctx, &message{Tags: []string{"\xc3"}})
	s.code("call", err)
}

func brokenReply(s *side) {
	b := s.serve(exercise{unary: func(context.Context, *message) (*message, error) {
		return text("not \xff UTF-8"), nil
	}})
	_, err := b.client.Unary(s.ctx, text("x"))
	s.code("call", err)
}

func notMessages(s *side) {
	b := s.serve(exercise{})
	for i, request := range []any{"a string", 42, struct{ Text string }{"x"}} {
		err := b.conn.Invoke(s.ctx, linktestv1.Exercise_Unary_FullMethodName, request, new(message))
		s.code(fmt.Sprint("request ", i), err)
	}
	var reply string
	s.code("reply", b.conn.Invoke(s.ctx, linktestv1.Exercise_Unary_FullMethodName, text("x"), &reply))
}

// dynamic is a message known only by its descriptor.
func dynamic(m *message) *dynamicpb.Message {
	raw, _ := proto.Marshal(m)
	d := dynamicpb.NewMessage((&message{}).ProtoReflect().Descriptor())
	_ = proto.Unmarshal(raw, d)
	return d
}

func dynamicCaller(s *side) {
	b := s.serve(exercise{unary: func(_ context.Context, m *message) (*message, error) {
		s.message("arrived", m)
		return m, nil
	}})
	for _, m := range append(fields(), newer()) {
		reply := dynamic(used())
		err := b.conn.Invoke(s.ctx, linktestv1.Exercise_Unary_FullMethodName, dynamic(m), reply)
		s.code("call", err)
		s.message("reply", reply)
	}
}

// dynamicDesc describes a service as a proxy would, that knows only descriptors.
func dynamicDesc(s *side) *grpc.ServiceDesc {
	unary := func(_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
		m := dynamic(&message{})
		if err := decode(m); err != nil {
			return nil, err
		}
		s.message("arrived", m)
		number := m.Descriptor().Fields().ByName("number")
		m.Set(number, protoreflect.ValueOfInt64(m.Get(number).Int()+1))
		return m, ctx.Err()
	}
	chat := func(_ any, stream grpc.ServerStream) error {
		for {
			m := dynamic(&message{})
			if stream.RecvMsg(m) != nil {
				return nil //nolint:nilerr // the caller has no more, or is gone
			}
			if err := stream.SendMsg(m); err != nil {
				return err
			}
		}
	}
	return &grpc.ServiceDesc{
		ServiceName: linktestv1.Exercise_ServiceDesc.ServiceName,
		HandlerType: (*any)(nil),
		Methods:     []grpc.MethodDesc{{MethodName: "Unary", Handler: unary}},
		Streams:     []grpc.StreamDesc{{StreamName: "Chat", Handler: chat, ClientStreams: true, ServerStreams: true}},
		Metadata:    linktestv1.Exercise_ServiceDesc.Metadata,
	}
}

func serveDynamic(s *side) *bundle {
	return s.serveAll(link.ListenOptions{}, link.DialOptions{}, func(r grpc.ServiceRegistrar) {
		r.RegisterService(dynamicDesc(s), struct{}{})
	})
}

func dynamicHandler(s *side) {
	b := serveDynamic(s)
	for _, m := range append(fields(), newer()) {
		reply, err := b.client.Unary(s.ctx, m)
		s.code("call", err)
		s.message("reply", reply)
	}
}

func dynamicStream(s *side) {
	b := serveDynamic(s)
	stream, err := b.conn.NewStream(s.ctx, &linktestv1.Exercise_ServiceDesc.Streams[2],
		linktestv1.Exercise_Chat_FullMethodName)
	s.must("chat", err)
	reply := dynamic(used())
	for _, m := range append(fields(), newer()) {
		s.code("send", stream.SendMsg(dynamic(m)))
		s.code("receive", stream.RecvMsg(reply))
		s.message("reply", reply)
	}
}
