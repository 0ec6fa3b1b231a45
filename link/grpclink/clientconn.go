package grpclink

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/resolver"

	"github.com/kerf-go/kerf/link"
)

// ClientConn lends a *grpc.ClientConn to code that takes nothing else. It calls by
// c, over whatever link that is, with the limits, interceptors and stats handlers of
// c. It connects nowhere itself, so that its state tells nothing. Closing it closes c.
func ClientConn(c link.Conn) *grpc.ClientConn {
	// Nothing here can be refused: neither the target nor an option comes from outside.
	cc, _ := grpc.NewClient("link:///", grpc.WithResolvers(owner{c}), grpc.WithNoProxy(), grpc.WithIdleTimeout(0),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithUnaryInterceptor(func(
			ctx context.Context, method string, req, reply any, _ *grpc.ClientConn, _ grpc.UnaryInvoker,
			opts ...grpc.CallOption,
		) error {
			return c.Invoke(ctx, method, req, reply, opts...)
		}),
		grpc.WithStreamInterceptor(func(
			ctx context.Context, desc *grpc.StreamDesc, _ *grpc.ClientConn, method string, _ grpc.Streamer,
			opts ...grpc.CallOption,
		) (grpc.ClientStream, error) {
			return c.NewStream(ctx, desc, method, opts...)
		}),
	)
	cc.Connect() // makes the resolver, by which cc tells that it is closed
	return cc
}

// owner is a resolver that finds no address, and closes a conn at its end.
type owner struct{ conn link.Conn }

var (
	_ resolver.Builder  = owner{}
	_ resolver.Resolver = owner{}
)

func (owner) Scheme() string { return "link" }

func (o owner) Build(resolver.Target, resolver.ClientConn, resolver.BuildOptions) (resolver.Resolver, error) {
	return o, nil
}

func (owner) ResolveNow(resolver.ResolveNowOptions) {}
func (o owner) Close()                              { _ = o.conn.Close() }
