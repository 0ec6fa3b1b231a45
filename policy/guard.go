package policy

import (
	"context"
	"math/rand/v2"
	"strconv"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/balance"
	"github.com/kerf-go/kerf/link"
)

// guard is the policies of one method.
type guard struct {
	out      *Outbound
	settings Settings
	bulkhead *bulkhead // nil: off, as all below
	breaker  *breaker
	retry    Retry   // without attempts: off
	budget   *budget // of retries and hedges
	slow     *durations
	fallback *fallback
	other    *guard // of the fallback's method; nil: it has none
}

func (g *guard) unary(
	ctx context.Context, method string, request, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker,
	given ...grpc.CallOption,
) error {
	opts := withoutFinish(given)
	first, cancel := g.fallback.first(ctx)
	defer cancel()
	err := g.guarded(first, method, request, reply, cc, invoke, opts)
	if g.fallback != nil {
		err = g.fall(ctx, method, request, reply, cc, invoke, opts, err)
	}
	finish(given, err)
	return err
}

// guarded is a call behind bulkhead and breaker.
func (g *guard) guarded(
	ctx context.Context, method string, request, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker,
	opts []grpc.CallOption,
) error {
	if g.bulkhead != nil {
		if err := g.bulkhead.enter(ctx, method); err != nil {
			return g.refused(ctx, "bulkhead", g.settings.Bulkhead.Scope, method, err)
		}
		defer g.bulkhead.leave()
	}
	if g.breaker == nil {
		return g.attempts(ctx, method, request, reply, cc, invoke, opts)
	}
	entry, err := g.breaker.enter(ctx, method)
	if err != nil {
		return g.refused(ctx, "breaker", g.settings.Breaker.Scope, method, err)
	}
	v := unclear // if an interceptor's panic passes by
	defer func() { g.breaker.record(ctx, entry, v) }()
	err = g.attempts(ctx, method, request, reply, cc, invoke, opts)
	v = g.breaker.judge(&entry, err)
	return err
}

func (g *guard) refused(ctx context.Context, policy, scope, method string, err error) error {
	g.out.observe(ctx, Event{Policy: policy, What: "refused", Scope: scope, Method: method, Err: err})
	return err
}

// attempts makes the call, and repeats it where that is safe and paid for.
func (g *guard) attempts(
	ctx context.Context, method string, request, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker,
	opts []grpc.CallOption,
) error {
	if g.budget == nil {
		return invoke(ctx, method, request, reply, cc, opts...)
	}
	g.budget.deposit(g.retry.Budget)
	trailer, opts, last := g.series(opts)
	pause := g.retry.Backoff
	ran := link.NeverSent // what is known of the attempts before
	for n := 1; ; n++ {
		if n >= g.retry.Attempts {
			opts = last
		}
		err := ofAll(ran, g.attempt(ctx, method, request, reply, cc, invoke, opts))
		if err == nil || n >= g.retry.Attempts || !g.repeatable(ctx, err) {
			return err
		}
		wait, next, again := g.pushback(*trailer, pause)
		if !again || !g.affords(ctx, method, wait, err) {
			return err
		}
		if !sleep(ctx, wait) {
			if !balance.GivenUp(err) {
				g.budget.restore()
			}
			return link.Mark(status.FromContextError(ctx.Err()), link.Ran(err))
		}
		g.out.observe(ctx, Event{Policy: "retry", What: "again", Method: method, Err: err})
		forget(opts)
		pause, ran = next, link.Ran(err)
	}
}

// series is what the attempts of one call share, in one piece of memory that is as small as can be:
// where the trailer of each comes, the options of all but the last, and those of the last.
func (g *guard) series(given []grpc.CallOption) (trailer *metadata.MD, opts, last []grpc.CallOption) {
	if !g.settings.Idempotent { // it leaves only who cannot be reached, whom all pass over
		s := new(struct {
			trailer metadata.MD
			opts    [2]grpc.CallOption // one of the caller's, and that of the trailer
		})
		opts = append(append(s.opts[:0], given...), grpc.Trailer(&s.trailer))
		return &s.trailer, opts, opts
	}
	s := new(struct {
		trailer   metadata.MD
		elsewhere balance.Elsewhere
		opts      [4]grpc.CallOption // one of the caller's, and three of the attempts
	})
	last = append(append(s.opts[:0], given...), grpc.Trailer(&s.trailer), &s.elsewhere)
	return &s.trailer, append(last, balance.Repeatable()), last
}

// ofAll makes the error of the last attempt tell of the whole call: it was never sent only if
// none of its attempts was.
func ofAll(before link.Outcome, err error) error {
	if before == link.NeverSent || link.Ran(err) != link.NeverSent {
		return err
	}
	return link.Mark(status.Convert(err), link.MayHaveRun)
}

// attempt makes the call once, or twice if it is hedged.
func (g *guard) attempt(
	ctx context.Context, method string, request, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker,
	opts []grpc.CallOption,
) error {
	if g.retry.Timeout > 0 && g.settings.Idempotent {
		bounded, cancel := context.WithTimeout(ctx, g.retry.Timeout)
		defer cancel()
		ctx = bounded
	}
	if g.slow != nil {
		return g.hedged(ctx, method, request, reply, cc, invoke, opts)
	}
	return invoke(ctx, method, request, reply, cc, opts...)
}

// repeatable tells whether a failed call may be made again.
func (g *guard) repeatable(ctx context.Context, err error) bool {
	if ctx.Err() != nil || !g.settings.Idempotent && link.Ran(err) != link.NeverSent {
		return false
	}
	code := status.Code(err)
	return code == codes.Unavailable || code == codes.DeadlineExceeded && g.retry.Timeout > 0
}

// affords tells whether time and the budget allow another attempt after a pause. One that
// was given up at a dead replica costs nothing: the others have done no work for the call
// yet, so it is no more for them than it would have been, and once only for each death.
func (g *guard) affords(ctx context.Context, method string, pause time.Duration, err error) bool {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= pause || pause > longestPause {
		return false
	}
	if balance.GivenUp(err) || g.budget.withdraw() {
		return true
	}
	g.out.observe(ctx, Event{Policy: "retry", What: "exhausted", Method: method, Err: err})
	return false
}

// longestPause is for callers without a deadline, whom a callee must not send to sleep.
const longestPause = time.Minute

// pushback is how long the callee wants the next attempt to wait, or else a part of the
// pause, and the pause after that one, which begins anew if the callee has said something;
// false: it wants none (gRFC A6).
func (g *guard) pushback(trailer metadata.MD, pause time.Duration) (wait, next time.Duration, again bool) {
	values := trailer[link.PushbackKey]
	if len(values) == 0 {
		return rand.N(pause + 1), min(2*pause, g.retry.Most), true
	}
	ms, err := strconv.ParseUint(values[0], 10, 31)
	return time.Duration(ms) * time.Millisecond, g.retry.Backoff, err == nil && len(values) == 1
}

func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
