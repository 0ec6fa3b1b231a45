package seam

import (
	"context"
	"time"
)

// What a handler keeps of its own time when it calls on: a twentieth, and no more
// than 50 ms, which is ample for an answer within a data centre.
const (
	marginShare = 20
	marginMost  = 50 * time.Millisecond
)

type inboundKey struct{}

// inbound is what a context of a handler knows of the call that it answers.
type inbound struct {
	deadline time.Time
}

// bound shortens a call to at most the timeout (0: none) and, within a handler, to
// its caller's deadline less the margin.
func bound(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	given, limited := ctx.Deadline()
	now := time.Now()
	end := given
	if timeout > 0 && (!limited || end.Sub(now) > timeout) {
		end, limited = now.Add(timeout), true
	}
	// A context that was freed from the inbound deadline owes it no margin.
	if in, ok := ctx.Value(inboundKey{}).(inbound); ok && !given.IsZero() && !given.After(in.deadline) {
		if kept := in.deadline.Add(-margin(in.deadline.Sub(now))); kept.Before(end) {
			end = kept
		}
	}
	if !limited || end.Equal(given) {
		return ctx, func() {}
	}
	return context.WithDeadline(ctx, end)
}

func margin(left time.Duration) time.Duration {
	return min(max(left, 0)/marginShare, marginMost)
}
