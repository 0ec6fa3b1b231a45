package main

import (
	"context"
	"net"

	"github.com/fullstorydev/grpchan/inprocgrpc"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	pb "github.com/kerf-go/kerf/bench/echo/v1"
)

// listen takes a free port of this machine.
func listen(ctx context.Context) (net.Listener, error) {
	return new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
}

// startGRPC is grpc-go over TCP, as it is by default.
func startGRPC(ctx context.Context) (say, error) {
	l, err := listen(ctx)
	if err != nil {
		return nil, err
	}
	server := grpc.NewServer()
	pb.RegisterEchoServer(server, echo{})
	go func() { _ = server.Serve(l) }()
	conn, err := grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() {
		_ = conn.Close()
		server.Stop()
	})
	return stub(pb.NewEchoClient(conn)), nil
}

// startInprocGRPC is grpchan's channel within a process.
func startInprocGRPC(context.Context) (say, error) {
	channel := new(inprocgrpc.Channel)
	pb.RegisterEchoServer(channel, echo{})
	return stub(pb.NewEchoClient(channel)), nil
}
