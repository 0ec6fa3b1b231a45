package lessons

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"

	"google.golang.org/grpc"

	"github.com/kerf-go/kerf"
)

// around puts something around every unary call that services of a package take.
func around(
	app kerf.App, pkg string, do func(ctx context.Context, request any, handle grpc.UnaryHandler) (any, error),
) kerf.App {
	app.UnaryServer = append(slices.Clone(app.UnaryServer), func(
		ctx context.Context, request any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler,
	) (any, error) {
		if strings.HasPrefix(info.FullMethod, "/"+pkg+".") {
			return do(ctx, request, handle)
		}
		return handle(ctx, request)
	})
	return app
}

// before puts something before them.
func before(app kerf.App, pkg string, do func(ctx context.Context) error) kerf.App {
	return around(app, pkg, func(ctx context.Context, request any, handle grpc.UnaryHandler) (any, error) {
		if err := do(ctx); err != nil {
			return nil, err
		}
		return handle(ctx, request)
	})
}

// counting counts the attempts of unary calls that the app makes.
func counting(app kerf.App, attempts *atomic.Int64) kerf.App {
	app.UnaryClient = append(slices.Clone(app.UnaryClient), func(
		ctx context.Context, method string, request, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker,
		opts ...grpc.CallOption,
	) error {
		attempts.Add(1)
		return invoke(ctx, method, request, reply, cc, opts...)
	})
	return app
}
