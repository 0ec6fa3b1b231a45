package policy

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
)

// StreamGuard keeps streams from a callee whose breaker is open, and ends those that are idle.
// Streams are no probes. A nil guard lets all pass.
type StreamGuard struct {
	out     *Outbound
	scope   string
	breaker *breaker // nil: off
	idle    *Idle    // nil: off
}

// Enter lets a stream pass, or gives the error that it ends with, of which OnFinish among
// the options is told. How a stream fares is to be told once: OK when its first message
// has come, or else the code with which it ended.
func (g *StreamGuard) Enter(
	ctx context.Context, method string, opts []grpc.CallOption,
) (fares func(codes.Code), err error) {
	if g == nil || g.breaker == nil {
		return func(codes.Code) {}, nil
	}
	t, err := g.breaker.pass(method)
	if err != nil {
		g.out.observe(ctx, Event{Policy: "breaker", What: "refused", Scope: g.scope, Method: method, Err: err})
		finish(opts, err)
		return nil, err
	}
	return func(code codes.Code) { g.breaker.recordStream(ctx, t, verdictOf(code)) }, nil
}
