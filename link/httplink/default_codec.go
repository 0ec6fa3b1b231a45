package httplink

import (
	"context"
	"fmt"
	"slices"

	"google.golang.org/grpc"

	"github.com/kerf-go/kerf/link"
)

// withCodec makes the codec that a URL names the default of a conn's calls.
func withCodec(name string, o link.DialOptions) (link.DialOptions, error) {
	switch name {
	case "", protoName:
		return o, nil
	case jsonName:
	default:
		return o, fmt.Errorf("codec=%s: write codec=json or codec=proto", name)
	}
	first := []grpc.CallOption{grpc.CallContentSubtype(name)} // a call's own come after it, and win
	o.Unary = slices.Insert(slices.Clone(o.Unary), 0, func(
		ctx context.Context, method string, request, reply any, cc *grpc.ClientConn,
		invoke grpc.UnaryInvoker, opts ...grpc.CallOption,
	) error {
		return invoke(ctx, method, request, reply, cc, slices.Concat(first, opts)...)
	})
	o.Stream = slices.Insert(slices.Clone(o.Stream), 0, func(
		ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string,
		open grpc.Streamer, opts ...grpc.CallOption,
	) (grpc.ClientStream, error) {
		return open(ctx, desc, cc, method, slices.Concat(first, opts)...)
	})
	return o, nil
}
