package call

import (
	"context"
	"net/url"
	"slices"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/resolver"
)

// Chain is client interceptors around a conn. It is safe for concurrent use.
type Chain struct {
	invoke    grpc.UnaryInvoker
	newStream grpc.Streamer
	idle      *grpc.ClientConn // what interceptors are shown; nil if there are none
}

var _ grpc.ClientConnInterface = (*Chain)(nil)

// Intercept puts interceptors around a conn, the first one outermost. They are
// given an idle *grpc.ClientConn whose Target is rawURL: it is for looking at, not
// for calling.
func Intercept(
	base grpc.ClientConnInterface, rawURL string,
	unary []grpc.UnaryClientInterceptor, stream []grpc.StreamClientInterceptor,
) (*Chain, error) {
	c := &Chain{
		invoke: func(ctx context.Context, m string, req, reply any, _ *grpc.ClientConn, opts ...grpc.CallOption) error {
			return base.Invoke(ctx, m, req, reply, opts...)
		},
		newStream: func(
			ctx context.Context, d *grpc.StreamDesc, _ *grpc.ClientConn, m string, opts ...grpc.CallOption,
		) (grpc.ClientStream, error) {
			return base.NewStream(ctx, d, m, opts...)
		},
	}
	if len(unary) == 0 && len(stream) == 0 {
		return c, nil
	}
	idle, err := idleConn(rawURL)
	if err != nil {
		return nil, err
	}
	c.idle = idle
	for _, interceptor := range slices.Backward(unary) {
		next := c.invoke
		c.invoke = func(
			ctx context.Context, m string, req, reply any, cc *grpc.ClientConn, opts ...grpc.CallOption,
		) error {
			return interceptor(ctx, m, req, reply, cc, next, opts...)
		}
	}
	for _, interceptor := range slices.Backward(stream) {
		next := c.newStream
		c.newStream = func(
			ctx context.Context, d *grpc.StreamDesc, cc *grpc.ClientConn, m string, opts ...grpc.CallOption,
		) (grpc.ClientStream, error) {
			return interceptor(ctx, d, cc, m, next, opts...)
		}
	}
	return c, nil
}

// Invoke makes a unary call through the interceptors.
func (c *Chain) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	return c.invoke(ctx, method, args, reply, c.idle, opts...)
}

// NewStream opens a stream through the interceptors.
func (c *Chain) NewStream(
	ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption,
) (grpc.ClientStream, error) {
	return c.newStream(ctx, desc, c.idle, method, opts...)
}

// Close lets go of the idle conn; the base is left as it is.
func (c *Chain) Close() {
	if c.idle != nil {
		_ = c.idle.Close() // it was never connected
	}
}

func idleConn(rawURL string) (*grpc.ClientConn, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, err
	}
	return grpc.NewClient(rawURL, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithResolvers(nowhere(u.Scheme)))
}

// nowhere is a resolver of a link's URLs that finds no address.
type nowhere string

func (n nowhere) Scheme() string { return string(n) }

func (nowhere) Build(resolver.Target, resolver.ClientConn, resolver.BuildOptions) (resolver.Resolver, error) {
	return nowhereResolver{}, nil
}

type nowhereResolver struct{}

func (nowhereResolver) ResolveNow(resolver.ResolveNowOptions) {}
func (nowhereResolver) Close()                                {}
