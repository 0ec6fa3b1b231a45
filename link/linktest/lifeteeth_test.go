package linktest

import (
	"slices"

	"google.golang.org/grpc"

	"github.com/kerf-go/kerf/link"
)

func lifeTeeth() []tooth {
	return []tooth{
		{
			name: "closing the conn ends nothing", row: "closing the conn ends pending calls with Canceled",
			broken: broken{conns: func(c link.Conn) link.Conn { return &deafConn{Conn: c} }},
		},
		{
			name: "Shutdown drains nothing", row: "Shutdown lets calls finish, refuses new ones and then ends Serve",
			broken: broken{servers: func(s link.Server) link.Server { return abruptServer{s} }},
		},
		{
			name: "services are not told", row: "GetServiceInfo tells what is registered",
			broken: broken{servers: func(s link.Server) link.Server { return muteServer{s} }},
		},
		{
			name: "reflection finds nothing", row: "server reflection lists services and gives their descriptors",
			broken: broken{servers: func(s link.Server) link.Server { return muteServer{s} }},
		},
		{
			name: "interceptors of the conn run in reverse",
			row:  "interceptors of the conn run in order and see the call",
			broken: broken{dials: func(o *link.DialOptions) {
				o.Unary = slices.Clone(o.Unary)
				slices.Reverse(o.Unary)
			}},
		},
		{
			name:   "interceptors of the server are not run",
			row:    "interceptors of the server run in order around streams",
			broken: broken{listens: func(o *link.ListenOptions) { o.Stream = []grpc.StreamServerInterceptor{} }},
		},
		{
			name: "stats handlers are not told", row: "stats handlers are told of a call on both sides",
			broken: broken{listens: func(o *link.ListenOptions) { o.Stats = nil }},
		},
		{
			name: "limits of the server do not hold", row: "limits of the server hold both ways",
			broken: broken{listens: func(o *link.ListenOptions) { o.MaxRecv = 0 }},
		},
		{
			name: "a link claims to have no streams and carries them", row: "a chat alternates",
			broken: broken{capabilities: &link.Capabilities{}},
		},
		{
			name:   "a link claims to carry only short messages and carries long ones",
			row:    "a message of 1 MiB arrives whole and comes back",
			broken: broken{capabilities: &link.Capabilities{Streams: true, MaxMessage: 100}},
		},
	}
}
