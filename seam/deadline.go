package seam

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	"github.com/kerf-go/kerf/internal/bounded"
	"github.com/kerf-go/kerf/policy"
)

// What a handler keeps of its own time when it calls on: a twentieth, and no more
// than 50 ms, which is ample for an answer within a data centre.
const (
	marginShare = 20
	marginMost  = 50 * time.Millisecond
)

type inboundKey struct{}

// inbound is the context of a handler, which knows until when its caller waits.
type inbound struct {
	context.Context //nolint:containedctx // it is one
	deadline        time.Time
}

func (i *inbound) Value(key any) any {
	if key == (inboundKey{}) {
		return i
	}
	return i.Context.Value(key)
}

// bound is the context of a call, which takes at most the timeout (0: any time) and, within a
// handler, until its caller's deadline less the margin.
func bound(ctx context.Context, timeout time.Duration, now time.Time) *bounded.Context {
	given, limited := ctx.Deadline()
	end := given
	if timeout > 0 && (!limited || end.Sub(now) > timeout) {
		end, limited = now.Add(timeout), true
	}
	// A context that was freed from the inbound deadline owes it no margin.
	if in, ok := ctx.Value(inboundKey{}).(*inbound); ok && !given.IsZero() && !given.After(in.deadline) {
		if kept := in.deadline.Add(-margin(in.deadline.Sub(now))); kept.Before(end) {
			end = kept
		}
	}
	own := new(bounded.Context)
	own.Begin(ctx, end)
	if limited && !now.Before(end) {
		own.End(context.DeadlineExceeded)
	}
	return own
}

func margin(left time.Duration) time.Duration {
	return min(max(left, 0)/marginShare, marginMost)
}

// expired tells of a call that its deadline has ended, and not the context of its caller.
func (o *outbound) expired(ctx context.Context, own *bounded.Context, name string, err error) {
	end, _ := own.Deadline()
	given, limited := ctx.Deadline()
	if codeOf(err) != codes.DeadlineExceeded || limited && !end.Before(given) || late(own, time.Now()) == nil {
		return
	}
	scope := ""
	if o.deadline(name) != o.deadline("") {
		scope = name[1:]
	}
	o.observe(ctx, policy.Event{Policy: "deadline", What: "exceeded", Scope: scope, Method: name, Err: err})
}

// deadlineStates tell how long callers wait for most methods, and for those that differ.
func deadlineStates(of func(method string) time.Duration, serves []*grpc.ServiceDesc) []policy.State {
	var all []policy.State
	usual := of("")
	if usual > 0 {
		all = append(all, policy.State{Policy: "deadline", After: usual.Seconds()})
	}
	for _, desc := range serves {
		for _, m := range desc.Methods {
			name := desc.ServiceName + "/" + m.MethodName
			if own := of("/" + name); own > 0 && own != usual {
				all = append(all, policy.State{Policy: "deadline", Scope: name, After: own.Seconds()})
			}
		}
	}
	return all
}
