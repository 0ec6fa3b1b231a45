package main

import (
	"context"

	pb "github.com/kerf-go/kerf/bench/echo/v1"
	"github.com/kerf-go/kerf/kit"
	kerflink "github.com/kerf-go/kerf/link"
)

// link carries the call over one of Kerf's links.
func link(rawURL string) start {
	return func(ctx context.Context) (say, error) {
		server, err := kit.Listen(ctx, rawURL, kerflink.ListenOptions{})
		if err != nil {
			return nil, err
		}
		pb.RegisterEchoServer(server, echo{})
		go func() { _ = server.Serve() }()
		conn, err := kit.Dial(server.URL(), kerflink.DialOptions{})
		if err != nil {
			return nil, err
		}
		context.AfterFunc(ctx, func() { _, _ = conn.Close(), server.Close() })
		return stub(pb.NewEchoClient(conn)), nil
	}
}

func stub(client pb.EchoClient) say {
	return func(ctx context.Context, m *pb.Message) (*pb.Message, error) { return client.Say(ctx, m) }
}
