package policy

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
)

// breaker refuses calls to a callee that fails.
//
//	        too many failures              Open has passed
//	closed ------------------->  open  ---------------------> half-open
//	   ^                          ^  one probe fails              |  |
//	   |                          +-------------------------------+  |
//	   +--------------------- all probes succeed --------------------+
//
// How a call ended counts only in the state in which it began: what was under way when the
// breaker opened is no probe. A probe of which nothing is learned makes room for another,
// and those that hang for as long as Open do so too.
type breaker struct {
	settings Breaker
	changed  func(ctx context.Context, state string)
	born     time.Time

	mu    sync.Mutex // guards the fields below
	state string
	turn  turn
	until time.Time // open: since then probes may pass; half-open: others may
	taken int       // half-open: probes that are under way or have succeeded
	good  int       // half-open: those that have succeeded
	calls window

	telling sync.Mutex // is taken before mu is given back, so that changes are told in their order
}

// turn counts the changes of a breaker's state.
type turn int

// entry is a call that passes, whose end is to be recorded.
type entry struct {
	turn turn
	at   time.Duration // since the breaker was made: when it passed, or when it failed
}

const (
	closed   = "closed"
	open     = "open"
	halfOpen = "half-open"
)

func newBreaker(b Breaker, changed func(ctx context.Context, state string)) *breaker {
	b = b.withDefaults()
	return &breaker{settings: b, changed: changed, born: time.Now(), state: closed, calls: newWindow(b)}
}

// enter lets a call pass.
func (b *breaker) enter(ctx context.Context, method string) (entry, error) {
	at := time.Since(b.born)
	b.mu.Lock()
	if b.state == closed {
		defer b.mu.Unlock()
		return entry{b.turn, at}, nil
	}
	now := time.Now()
	due := !now.Before(b.until)
	if !due && (b.state == open || b.taken >= b.settings.Probes) {
		defer b.mu.Unlock()
		return entry{}, b.refusal(method, b.until.Sub(now))
	}
	told := func() { b.mu.Unlock() }
	if due {
		told = b.become(ctx, halfOpen, now)
	}
	b.taken++
	t := b.turn
	told()
	return entry{t, at}, nil
}

// pass lets a stream pass unless the breaker is open and will stay so for a while.
func (b *breaker) pass(method string) (entry, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if left := time.Until(b.until); b.state == open && left > 0 {
		return entry{}, b.refusal(method, left)
	}
	return entry{b.turn, time.Since(b.born)}, nil
}

func (b *breaker) refusal(method string, left time.Duration) error {
	why := fmt.Sprintf("the next attempt is due in %v", left.Round(time.Millisecond))
	if b.state == halfOpen {
		why = "it is being probed"
	}
	return link.Mark(status.Newf(codes.Unavailable,
		"%s was not called: too many calls of its service have failed, and %s (breaker)", method, why), link.NeverSent)
}

// judge tells what the end of a call says. The clock is looked at for failures alone.
func (b *breaker) judge(e *entry, err error) verdict {
	if err == nil {
		return good
	}
	now := time.Since(b.born)
	took := now - e.at
	e.at = now
	return verdictOf(err, took)
}

// record takes note of how a call ended. The ctx is the call's.
func (b *breaker) record(ctx context.Context, e entry, v verdict) {
	b.mu.Lock()
	told := func() { b.mu.Unlock() }
	defer func() { told() }()
	switch {
	case e.turn != b.turn:
	case b.state == closed:
		if b.count(e.at, v) {
			told = b.become(ctx, open, time.Now())
		}
	case b.state == halfOpen && v == bad:
		told = b.become(ctx, open, time.Now())
	case b.state == halfOpen && v == unclear:
		b.taken--
	case b.state == halfOpen:
		if b.good++; b.good >= b.settings.Probes {
			told = b.become(ctx, closed, time.Now())
		}
	}
}

// recordStream is record for streams. They are no probes, since nobody knows when they will
// end; but where nothing else is called they show that the callee is back, or is not.
func (b *breaker) recordStream(ctx context.Context, e entry, v verdict) {
	b.mu.Lock()
	told := func() { b.mu.Unlock() }
	defer func() { told() }()
	switch {
	case e.turn != b.turn || v == unclear:
	case b.state == closed:
		if b.count(e.at, v) {
			told = b.become(ctx, open, time.Now())
		}
	case b.state == open && v == good && !time.Now().Before(b.until):
		told = b.become(ctx, closed, time.Now())
	case b.state == open && v == bad && !time.Now().Before(b.until):
		b.until = time.Now().Add(b.delay()) // as it was open already, nothing is told
		b.turn++
	}
}

// count counts a call, and tells whether there are too many failures.
func (b *breaker) count(at time.Duration, v verdict) bool {
	if v == unclear {
		return false
	}
	b.calls.add(at, v == bad)
	if v == good {
		return false
	}
	calls, failures := b.calls.sum(at)
	return calls >= b.settings.Calls && float64(failures) >= b.settings.Failures*float64(calls)
}

// become changes the state because of a call; what it gives back unlocks mu, and tells of
// the change.
func (b *breaker) become(ctx context.Context, state string, now time.Time) func() {
	was := b.state
	b.state, b.turn, b.taken, b.good = state, b.turn+1, 0, 0
	b.until = now.Add(b.delay())
	if state == closed {
		b.calls = newWindow(b.settings)
	}
	if state == was { // other probes, as the last ones hang
		return b.mu.Unlock
	}
	b.telling.Lock()
	return func() {
		b.mu.Unlock()
		defer b.telling.Unlock()
		b.changed(ctx, state)
	}
}

// delay is Open, spread a little, so that callers do not come back all at once.
func (b *breaker) delay() time.Duration {
	const spread = 0.1
	return time.Duration(float64(b.settings.Open) * (1 - spread + 2*spread*rand.Float64()))
}

func (b *breaker) now() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.state
}

// verdict is what a call's end says of the callee.
type verdict int

const (
	unclear verdict = iota
	good
	bad
)

// shortest is the time in which a callee that is fine may not answer either: what is left to a page
// that has waited for another callee first. A plan may well have deadlines of less than those of
// package balance, which takes 100 ms.
const shortest = 10 * time.Millisecond

// verdictOf: what its caller gave up, or could not send, says nothing.
func verdictOf(err error, took time.Duration) verdict {
	code := status.Code(err)
	if code == codes.Unknown {
		code = status.FromContextError(err).Code()
	}
	switch {
	case code == codes.Canceled, code == codes.DeadlineExceeded && took < shortest, isOwn(code, err):
		return unclear
	case Blames(code):
		return bad
	}
	return good
}

// isOwn tells of a failure that is the caller's own: what was never sent although somebody could be
// reached, such as a message that cannot be encoded.
func isOwn(code codes.Code, err error) bool {
	return code != codes.Unavailable && code != codes.DeadlineExceeded && link.Ran(err) == link.NeverSent
}

// Blames tells of the codes for which the callee is to blame, by OpenTelemetry's
// conventions for servers.
func Blames(code codes.Code) bool {
	switch code { //nolint:exhaustive // the others are the caller's fault, or nobody's
	case codes.Unknown, codes.DeadlineExceeded, codes.Unimplemented, codes.Internal, codes.Unavailable, codes.DataLoss:
		return true
	}
	return false
}
