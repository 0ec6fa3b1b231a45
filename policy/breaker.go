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

const (
	closed   = "closed"
	open     = "open"
	halfOpen = "half-open"
)

func newBreaker(b Breaker, changed func(ctx context.Context, state string)) *breaker {
	b = b.withDefaults()
	return &breaker{settings: b, changed: changed, born: time.Now(), state: closed, calls: newWindow(b)}
}

// enter lets a call pass, whose end is then to be recorded.
func (b *breaker) enter(ctx context.Context, method string) (turn, error) {
	b.mu.Lock()
	if b.state == closed {
		defer b.mu.Unlock()
		return b.turn, nil
	}
	now := time.Now()
	due := !now.Before(b.until)
	if !due && (b.state == open || b.taken >= b.settings.Probes) {
		defer b.mu.Unlock()
		return 0, b.refusal(method, b.until.Sub(now))
	}
	told := func() { b.mu.Unlock() }
	if due {
		told = b.become(ctx, halfOpen, now)
	}
	b.taken++
	t := b.turn
	told()
	return t, nil
}

// pass lets a stream pass unless the breaker is open and will stay so for a while.
func (b *breaker) pass(method string) (turn, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if left := time.Until(b.until); b.state == open && left > 0 {
		return 0, b.refusal(method, left)
	}
	return b.turn, nil
}

func (b *breaker) refusal(method string, left time.Duration) error {
	why := fmt.Sprintf("the next attempt is due in %v", left.Round(time.Millisecond))
	if b.state == halfOpen {
		why = "it is being probed"
	}
	return link.Mark(status.Newf(codes.Unavailable,
		"%s was not called: too many calls of its service have failed, and %s (breaker)", method, why), link.NeverSent)
}

// record takes note of how a call ended that began in a turn. The ctx is the call's.
func (b *breaker) record(ctx context.Context, t turn, v verdict) {
	b.mu.Lock()
	told := func() { b.mu.Unlock() }
	defer func() { told() }()
	switch {
	case t != b.turn:
	case b.state == closed:
		if b.count(v) {
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
func (b *breaker) recordStream(ctx context.Context, t turn, v verdict) {
	b.mu.Lock()
	told := func() { b.mu.Unlock() }
	defer func() { told() }()
	switch {
	case t != b.turn || v == unclear:
	case b.state == closed:
		if b.count(v) {
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
func (b *breaker) count(v verdict) bool {
	if v == unclear {
		return false
	}
	at := time.Since(b.born)
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

// verdictOf: what its caller gave up says nothing.
func verdictOf(code codes.Code) verdict {
	switch {
	case Blames(code):
		return bad
	case code == codes.Canceled:
		return unclear
	}
	return good
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
