package policy

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
)

// Inbound holds what the methods of one service share when they are called: its admission
// and its rates. It is safe for concurrent use.
type Inbound struct {
	observe Observer

	mu         sync.Mutex // guards the maps
	admissions map[string]*admission
	rates      map[string]*rates
}

// NewInbound makes the policies of a service that is called. observe may be nil.
func NewInbound(observe Observer) *Inbound {
	if observe == nil {
		observe = func(context.Context, Event) {}
	}
	return &Inbound{observe: observe, admissions: map[string]*admission{}, rates: map[string]*rates{}}
}

// Method gives the policies of one method. Of several methods with a policy of one scope,
// the first says what that is.
func (i *Inbound) Method(s Settings) *Gate {
	i.mu.Lock()
	defer i.mu.Unlock()
	g := &Gate{in: i, settings: s}
	if s.Admission != nil {
		g.admission = share(i.admissions, s.Admission.Scope, func() *admission { return newAdmission(*s.Admission) })
	}
	if s.Rate != nil && s.Rate.Calls > 0 {
		g.rates = share(i.rates, s.Rate.Scope, func() *rates { return newRates(*s.Rate) })
	}
	return g
}

// Gate lets calls of one method in.
type Gate struct {
	in        *Inbound
	settings  Settings
	admission *admission // nil: off
	rates     *rates     // nil: off
	usual     usual
}

// Enter takes a call of a caller in, or refuses it with ResourceExhausted, telling the
// caller by metadata when to come again. began is when it came. A call that was taken in
// ends with Leave. A stream, which may last, is bounded by rates alone.
func (g *Gate) Enter(ctx context.Context, caller, method string, stream bool, began time.Time) error {
	if g.rates != nil {
		if wait := g.rates.take(caller, began); wait > 0 {
			e := Event{Policy: "rate", Scope: g.settings.Rate.Scope, Method: method, Caller: caller}
			return g.refuse(ctx, e, wait, fmt.Sprintf(
				"%s calls it more than %g times in a second", caller, g.settings.Rate.Calls))
		}
	}
	if g.admission != nil && !stream && !g.admission.enter() {
		e := Event{Policy: "admission", Scope: g.settings.Admission.Scope, Method: method}
		return g.refuse(ctx, e, comeAgain/2+rand.N(comeAgain),
			"its service has more calls under way than it can do with")
	}
	return nil
}

// comeAgain is about when a service that sheds load may be asked again: the next look at
// its limit has been by then.
const comeAgain = 2 * lookEvery

// Leave ends a call that was taken in at began, which is no stream. Failures say nothing of
// how long the method takes; of callers who did not wait for the end, only the patient do.
func (g *Gate) Leave(began time.Time, took time.Duration, code codes.Code) {
	if g.admission != nil {
		g.admission.leave(&g.usual, took, began.Add(took), saysOf(code))
	}
}

func (g *Gate) refuse(ctx context.Context, e Event, wait time.Duration, why string) error {
	e.What, e.Err = "refused", status.Errorf(codes.ResourceExhausted, "%s is refused: %s (%s)", e.Method, why, e.Policy)
	ms := strconv.FormatInt(max(1, wait.Milliseconds()), 10)
	_ = grpc.SetTrailer(ctx, metadata.Pairs(link.PushbackKey, ms)) // without one, the status alone must do
	g.in.observe(ctx, e)
	return e.Err
}

// rates are the buckets of a method's callers.
type rates struct {
	settings Rate

	mu      sync.Mutex // guards callers
	callers map[string]*rate.Limiter
}

// mostBuckets bounds the callers that are told apart: those beyond share one bucket.
const mostBuckets = 1000

func newRates(r Rate) *rates {
	return &rates{settings: r.withDefaults(), callers: map[string]*rate.Limiter{}}
}

// take gives how long the caller must wait; 0: it may call.
func (r *rates) take(caller string, now time.Time) time.Duration {
	r.mu.Lock()
	if len(r.callers) >= mostBuckets && r.callers[caller] == nil {
		caller = ""
	}
	bucket := r.callers[caller]
	if bucket == nil {
		bucket = rate.NewLimiter(rate.Limit(r.settings.Calls), r.settings.Burst)
		r.callers[caller] = bucket
	}
	r.mu.Unlock()
	if bucket.AllowN(now, 1) {
		return 0
	}
	missing := 1 - bucket.TokensAt(now)
	return max(time.Duration(missing/r.settings.Calls*float64(time.Second)), time.Millisecond)
}
