package policy

import (
	"context"

	"google.golang.org/grpc"
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
// the options is told. How a stream fares is to be told once: nil when its first message
// has come, or else the error with which it ended.
func (g *StreamGuard) Enter(
	ctx context.Context, method string, opts []grpc.CallOption,
) (fares func(error), err error) {
	if g == nil || g.breaker == nil {
		return func(error) {}, nil
	}
	entry, err := g.breaker.pass(method)
	if err != nil {
		g.out.observe(ctx, Event{Policy: "breaker", What: "refused", Scope: g.scope, Method: method, Err: err})
		finish(opts, err)
		return nil, err
	}
	return func(err error) {
		v := g.breaker.judge(&entry, err)
		g.breaker.recordStream(ctx, entry, v)
	}, nil
}
