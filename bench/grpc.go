package main

import (
	"context"
	"net"

	"github.com/fullstorydev/grpchan/inprocgrpc"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"

	pb "github.com/kerf-go/kerf/bench/echo/v1"
)

// listen takes a free port of this machine.
func listen(ctx context.Context) (net.Listener, error) {
	return new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
}

// startGRPC is grpc-go over TCP, as it is by default.
func startGRPC(ctx context.Context) (say, error) {
	address, err := serveGRPC(ctx)
	if err != nil {
		return nil, err
	}
	return dialGRPC(ctx, address)
}

func serveGRPC(ctx context.Context) (address string, err error) {
	l, err := listen(ctx)
	if err != nil {
		return "", err
	}
	server := grpc.NewServer()
	pb.RegisterEchoServer(server, echo{})
	go func() { _ = server.Serve(l) }()
	context.AfterFunc(ctx, server.Stop)
	return l.Addr().String(), nil
}

func dialGRPC(ctx context.Context, target string, opts ...grpc.DialOption) (say, error) {
	conn, err := grpc.NewClient(target, append(opts, grpc.WithTransportCredentials(insecure.NewCredentials()))...)
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { _ = conn.Close() })
	return stub(pb.NewEchoClient(conn)), nil
}

// startTwoGRPC is grpc-go with a deadline and two servers that take turns.
func startTwoGRPC(ctx context.Context) (say, error) {
	var state resolver.State
	for range 2 {
		address, err := serveGRPC(ctx)
		if err != nil {
			return nil, err
		}
		state.Addresses = append(state.Addresses, resolver.Address{Addr: address})
	}
	servers := manual.NewBuilderWithScheme("servers")
	servers.InitialState(state)
	call, err := dialGRPC(ctx, "servers:///", grpc.WithResolvers(servers),
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig": [{"round_robin": {}}]}`))
	if err != nil {
		return nil, err
	}
	return within(standard, call), nil
}

// startInprocGRPC is grpchan's channel within a process.
func startInprocGRPC(context.Context) (say, error) {
	channel := new(inprocgrpc.Channel)
	pb.RegisterEchoServer(channel, echo{})
	return stub(pb.NewEchoClient(channel)), nil
}
