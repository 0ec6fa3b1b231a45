package main

import (
	"context"
	"io"

	"google.golang.org/grpc"

	pb "github.com/kerf-go/kerf/bench/echo/v1"
	"github.com/kerf-go/kerf/kit"
	kerflink "github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/policy"
	"github.com/kerf-go/kerf/seam"
	"github.com/kerf-go/kerf/telemetry"
)

// The same link under the seam's chains, with its default policies and without any.
const (
	guarded = " with policies"
	plain   = " without"
)

// chains are the links as a plan uses them, each with and without policies.
func chains(broker string) []subject {
	all := make([]subject, 0, 12) //nolint:mnd // two for each link
	none := func(string) policy.Settings { return policy.Settings{} }
	defaults := func(string) policy.Settings { return policy.Defaults() }
	for _, l := range []struct{ name, url, other string }{
		{"inproc", "inproc://plain", "inproc://guarded"},
		{"http", "http://127.0.0.1:0", "http://127.0.0.1:0"},
		{"grpc", "grpc://127.0.0.1:0", "grpc://127.0.0.1:0"},
		{"tcp", "tcp://127.0.0.1:0", "tcp://127.0.0.1:0"},
		{"nats", broker + "/plain", broker + "/guarded"},
		{"udp", "udp://127.0.0.1:0", "udp://127.0.0.1:0"},
	} {
		all = append(all,
			subject{l.name + plain, chain(l.url, none)},
			subject{l.name + guarded, chain(l.other, defaults)})
	}
	return all
}

// chain carries the call over a link and both chains of the seam.
func chain(rawURL string, policies func(string) policy.Settings) start {
	return func(ctx context.Context) (say, error) {
		tel, err := telemetry.New(ctx, telemetry.Options{LogOutput: io.Discard})
		if err != nil {
			return nil, err
		}
		s, err := seam.New(tel)
		if err != nil {
			return nil, err
		}
		serves := []*grpc.ServiceDesc{&pb.Echo_ServiceDesc}
		unaryIn, _ := s.Inbound(seam.InboundOptions{
			Link: "any", Serves: map[string][]*grpc.ServiceDesc{"echo": serves}, Callers: []string{"bench"},
			Policy: policies,
		})
		server, err := kit.Listen(ctx, rawURL, kerflink.ListenOptions{Unary: unaryIn})
		if err != nil {
			return nil, err
		}
		pb.RegisterEchoServer(server, echo{})
		go func() { _ = server.Serve() }()
		unary, _ := s.Outbound(seam.OutboundOptions{
			Caller: "bench", Callee: "echo", Link: "any", Serves: serves, Policy: policies,
		})
		conn, err := kit.Dial(server.URL(), kerflink.DialOptions{Unary: unary})
		if err != nil {
			return nil, err
		}
		context.AfterFunc(ctx, func() { _, _ = conn.Close(), server.Close() })
		return stub(pb.NewEchoClient(conn)), nil
	}
}
