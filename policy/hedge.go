package policy

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/kerf-go/kerf/link"
)

// try is one of the two attempts of a hedged call, with a reply and what else callers
// want to know, so that the loser writes nothing of the winner's.
type try struct {
	told
	reply  proto.Message
	took   time.Duration
	err    error
	panics any // what it has panicked with
	second bool
}

// hedged makes a call, and makes it once more if it is slow. The first good answer counts,
// and ends the other attempt, for which it waits, as the request is the caller's again; of
// two failures, the first counts.
func (g *guard) hedged(
	ctx context.Context, method string, request, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker,
	opts []grpc.CallOption,
) error {
	after := g.hedgeAfter()
	into, ok := reply.(proto.Message)
	if after == 0 || !ok {
		began := time.Now()
		err := invoke(ctx, method, request, reply, cc, opts...)
		if err == nil {
			g.slow.add(time.Since(began))
		}
		return err
	}
	raced, cancel := context.WithCancel(ctx)
	defer cancel()
	tries := make(chan *try, 2) //nolint:mnd // the two
	start := func(second bool) {
		t := &try{reply: into.ProtoReflect().New().Interface(), second: second}
		go t.run(tries, func() error { return invoke(raced, method, request, t.reply, cc, t.instead(opts)...) })
	}
	start(false)
	timer := time.NewTimer(after)
	defer timer.Stop()
	var best *try
	for under := 1; under > 0; { // a failure that comes before the timer is for the retries
		select {
		case <-timer.C:
			if ctx.Err() == nil && g.paid(ctx, method) {
				start(true)
				under++
			}
		case t := <-tries:
			under--
			if best != nil {
				best.err = ofAll(link.Ran(t.err), best.err)
			}
			if best = better(best, t); best.err == nil || best.panics != nil {
				cancel()
			}
			g.learn(t, best)
		}
	}
	return g.take(ctx, method, best, into, opts)
}

// hedgeAfter is when a call is slow; 0: nobody knows yet.
func (g *guard) hedgeAfter() time.Duration {
	if after := g.settings.Hedge.After; after != 0 {
		return after
	}
	return g.slow.after()
}

// paid tells whether the budget allows the second attempt, and tells of either.
func (g *guard) paid(ctx context.Context, method string) bool {
	ok, what := g.budget.withdraw(), "sent"
	if !ok {
		what = "exhausted"
	}
	g.out.observe(ctx, Event{Policy: "hedge", What: what, Scope: g.name(), Method: method})
	return ok
}

// better is the one of two attempts that counts: one that panicked, else one that is good,
// else the first that ended.
func better(best, t *try) *try {
	if best == nil || best.panics == nil && (t.panics != nil || best.err != nil && t.err == nil) {
		return t
	}
	return best
}

// learn keeps how long the first attempt of a good call took. One that was beaten is a slow
// one and counts too, or else calls would seem to become ever faster, and more of them slow.
func (g *guard) learn(t, best *try) {
	if !t.second && best.err == nil {
		g.slow.add(t.took)
	}
}

// take gives the caller what the better attempt has got.
func (g *guard) take(ctx context.Context, method string, best *try, into proto.Message, opts []grpc.CallOption) error {
	if best.panics != nil {
		panic(best.panics) //nolint:forbidigo // it is an interceptor's, and passes by
	}
	best.tell(opts)
	if best.err != nil {
		return best.err
	}
	if best.second {
		g.out.observe(ctx, Event{Policy: "hedge", What: "won", Scope: g.name(), Method: method})
	}
	proto.Reset(into)
	proto.Merge(into, best.reply)
	return nil
}

// run makes the attempt. A panic is for the goroutine of the caller, where a barrier may be.
func (t *try) run(tries chan<- *try, call func() error) {
	began := time.Now()
	t.err = status.Error(codes.Internal, "an interceptor has ended the goroutine of a call")
	defer func() {
		if cause := recover(); cause != nil {
			t.panics = fmt.Sprintf("%v\n\n%s", cause, debug.Stack())
		}
		t.took = time.Since(began)
		tries <- t
	}()
	t.err = call()
}
