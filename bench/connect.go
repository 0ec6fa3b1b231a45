package main

import (
	"context"
	"net/http"

	"connectrpc.com/connect"

	pb "github.com/kerf-go/kerf/bench/echo/v1"
)

// startConnect is connect-go with its own protocol over HTTP/2 without TLS, as
// Kerf's http link speaks it.
func startConnect(ctx context.Context) (say, error) {
	l, err := listen(ctx)
	if err != nil {
		return nil, err
	}
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	mux := http.NewServeMux()
	mux.Handle(pb.Echo_Say_FullMethodName, connect.NewUnaryHandler(pb.Echo_Say_FullMethodName, connectEcho))
	server := &http.Server{Handler: mux, Protocols: &protocols} //nolint:gosec // nobody slow is here
	go func() { _ = server.Serve(l) }()
	context.AfterFunc(ctx, func() { _ = server.Close() })

	transport := &http.Transport{Protocols: &protocols}
	client := connect.NewClient[pb.Message, pb.Message](&http.Client{Transport: transport},
		"http://"+l.Addr().String()+pb.Echo_Say_FullMethodName)
	return func(ctx context.Context, m *pb.Message) (*pb.Message, error) {
		reply, err := client.CallUnary(ctx, connect.NewRequest(m))
		if err != nil {
			return nil, err
		}
		return reply.Msg, nil
	}, nil
}

func connectEcho(ctx context.Context, r *connect.Request[pb.Message]) (*connect.Response[pb.Message], error) {
	reply, err := echo{}.Say(ctx, r.Msg)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(reply), nil
}
