package main

import (
	"context"
	"log/slog"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection"

	"github.com/kerf-go/kerf/examples/routeguide/guide"
	routeguidev1 "github.com/kerf-go/kerf/examples/routeguide/v1"
)

// serve answers calls at an address until ctx ends.
func serve(ctx context.Context, address string, logger *slog.Logger) error {
	unary := []grpc.UnaryServerInterceptor{guide.LogUnary(logger)}
	stream := []grpc.StreamServerInterceptor{guide.LogStream(logger)}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	s := grpc.NewServer(grpc.ChainUnaryInterceptor(unary...), grpc.ChainStreamInterceptor(stream...))
	routeguidev1.RegisterGuideServer(s, guide.New())
	healthpb.RegisterHealthServer(s, health.NewServer())
	reflection.Register(s)
	context.AfterFunc(ctx, s.GracefulStop)
	return s.Serve(l)
}
