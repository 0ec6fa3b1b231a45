package main

import (
	"context"
	"log/slog"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection"

	"github.com/kerf-go/kerf/examples/routeguide/guide"
	routeguidev1 "github.com/kerf-go/kerf/examples/routeguide/v1"
	"github.com/kerf-go/kerf/kit"
	"github.com/kerf-go/kerf/link"
)

// serve answers calls at an address until ctx ends.
func serve(ctx context.Context, address string, logger *slog.Logger) error {
	unary := []grpc.UnaryServerInterceptor{guide.LogUnary(logger)}
	stream := []grpc.StreamServerInterceptor{guide.LogStream(logger)}
	s, err := kit.Listen(ctx, address, link.ListenOptions{Unary: unary, Stream: stream})
	if err != nil {
		return err
	}
	routeguidev1.RegisterGuideServer(s, guide.New())
	healthpb.RegisterHealthServer(s, health.NewServer())
	reflection.Register(s)
	context.AfterFunc(ctx, func() { _ = s.Shutdown(context.WithoutCancel(ctx)) })
	return s.Serve()
}
