package call

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/kerf-go/kerf/internal/bounded"
)

// HandlerContext is the context of a call on the server's side, for transports that
// hear of a call's end and tell by End. It also holds what grpc-go's functions look for in the
// context of a handler.
type HandlerContext struct {
	bounded.Context
	stream serverStream // without a method: nobody serves the call yet
}

var _ context.Context = (*HandlerContext)(nil)

// The keys under which grpc-go looks for what a handler's context holds. It does not
// export them; but it asks for them, and any context may listen.
var (
	headerKey = keyOf(func(ctx context.Context) { metadata.FromIncomingContext(ctx) })
	streamKey = keyOf(func(ctx context.Context) { grpc.ServerTransportStreamFromContext(ctx) })
)

// keyOf is what look asks a context for.
func keyOf(look func(context.Context)) any {
	l := &listener{Context: context.Background()}
	look(l)
	return l.asked
}

type listener struct {
	context.Context //nolint:containedctx // it is one
	asked           any
}

func (l *listener) Value(key any) any {
	l.asked = key
	return nil
}

// Value gives what is the call's own, or asks further.
func (c *HandlerContext) Value(key any) any {
	if c.stream.method != nil {
		switch key {
		case headerKey:
			return c.stream.incoming
		case streamKey:
			return transportStream{&c.stream}
		}
	}
	return c.Context.Value(key)
}
