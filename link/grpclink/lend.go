package grpclink

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
)

// Server lends a *grpc.Server to code that registers on nothing else. What is
// registered on it before s serves is served by s, over whatever link that is, with
// the limits, interceptors and stats handlers of s. It listens nowhere itself: Serve,
// Shutdown and Close are called on s.
//
// grpc-go ends the process if a service is registered on it twice.
func Server(s link.Server) *grpc.Server {
	l := newLender()
	if late, ok := s.(lateRegistrar); ok {
		late.BeforeServe(l.transfer)
	} else {
		// Every server refuses to serve what lacks methods, and so tells of this too.
		s.RegisterService(&grpc.ServiceDesc{
			ServiceName: "of a lent grpc.Server on a server without BeforeServe",
			HandlerType: (*lateRegistrar)(nil),
		}, l)
	}
	return l.grpc
}

// lateRegistrar is what servers are that are built on call.Table.
type lateRegistrar interface {
	BeforeServe(f func(grpc.ServiceRegistrar))
}

// Register lends a *grpc.Server to register, and then registers on r what was
// registered on it. It is Server for what is no link.Server, such as a kerf.Host.
func Register(r grpc.ServiceRegistrar, register func(*grpc.Server)) {
	l := newLender()
	register(l.grpc)
	l.transfer(r)
}

// transfer registers on r what was registered on the lent server.
func (l *lender) transfer(r grpc.ServiceRegistrar) {
	for name, info := range l.grpc.GetServiceInfo() {
		var impl any = l
		desc := &grpc.ServiceDesc{ServiceName: name, HandlerType: (*any)(nil), Metadata: info.Metadata}
		for _, m := range info.Methods {
			full := "/" + name + "/" + m.Name
			if !m.IsClientStream && !m.IsServerStream {
				desc.Methods = append(desc.Methods, grpc.MethodDesc{MethodName: m.Name, Handler: l.unary(full)})
				continue
			}
			v := l.visit(context.Background(), full, nil)
			impl = v.server
			desc.Streams = append(desc.Streams, grpc.StreamDesc{
				StreamName: m.Name, Handler: v.stream, ClientStreams: m.IsClientStream, ServerStreams: m.IsServerStream,
			})
		}
		r.RegisterService(desc, impl)
	}
}

// unary is the handler of a unary method.
func (l *lender) unary(method string) grpc.MethodHandler {
	return func(
		_ any, ctx context.Context, decode func(any) error, interceptor grpc.UnaryServerInterceptor,
	) (any, error) {
		v := l.visit(ctx, method, decode)
		switch {
		case !v.came:
			return nil, status.Errorf(codes.Unavailable, "the grpc.Server with %s was stopped", method)
		case v.undecoded != nil:
			return nil, v.undecoded
		case v.handler == nil:
			return v.answer()
		case interceptor == nil:
			return v.handler(ctx, v.request)
		}
		return interceptor(ctx, v.request, v.info, v.handler)
	}
}
