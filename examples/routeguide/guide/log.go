package guide

import (
	"context"
	"log/slog"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
)

// LogUnary is an interceptor as any gRPC server may have.
func LogUnary(logger *slog.Logger) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		reply, err := handler(ctx, req)
		logger.InfoContext(ctx, "called", "method", info.FullMethod, "code", status.Code(err).String())
		return reply, err
	}
}

// LogStream is the same for streams.
func LogStream(logger *slog.Logger) grpc.StreamServerInterceptor {
	return func(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		err := handler(srv, stream)
		logger.InfoContext(stream.Context(), "called", "method", info.FullMethod, "code", status.Code(err).String())
		return err
	}
}
