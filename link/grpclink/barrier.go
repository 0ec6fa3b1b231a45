package grpclink

import (
	"context"
	"log/slog"
	"slices"

	"google.golang.org/grpc"

	"github.com/kerf-go/kerf/link/call"
)

// barrier turns a panic of a handler into Internal for its one call. grpc-go lets
// it end the process.
type barrier struct {
	logger  *slog.Logger
	outside bool // intercept is the first interceptor of streams, which sees the panics of handlers too
}

// around is the description of a service with the barrier around each handler.
func (b barrier) around(desc *grpc.ServiceDesc) *grpc.ServiceDesc {
	guarded := *desc
	guarded.Methods, guarded.Streams = slices.Clone(desc.Methods), slices.Clone(desc.Streams)
	for i, m := range guarded.Methods {
		guarded.Methods[i].Handler = b.unary("/"+desc.ServiceName+"/"+m.MethodName, m.Handler)
	}
	if b.outside {
		return &guarded
	}
	for i, m := range guarded.Streams {
		guarded.Streams[i].Handler = b.stream("/"+desc.ServiceName+"/"+m.StreamName, m.Handler)
	}
	return &guarded
}

// unary guards the interceptors as well: a unary handler calls them.
func (b barrier) unary(method string, handler grpc.MethodHandler) grpc.MethodHandler {
	return func(
		srv any, ctx context.Context, decode func(any) error, interceptor grpc.UnaryServerInterceptor,
	) (reply any, err error) {
		defer func() {
			if reason := recover(); reason != nil {
				err = call.Panicked(ctx, b.logger, method, reason)
			}
		}()
		return handler(srv, ctx, decode, interceptor)
	}
}

func (b barrier) stream(method string, handler grpc.StreamHandler) grpc.StreamHandler {
	return func(srv any, stream grpc.ServerStream) (err error) {
		defer func() {
			if reason := recover(); reason != nil {
				err = call.Panicked(stream.Context(), b.logger, method, reason)
			}
		}()
		return handler(srv, stream)
	}
}

// intercept guards the interceptors of streams.
func (b barrier) intercept(
	srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler,
) error {
	return b.stream(info.FullMethod, handler)(srv, stream)
}
