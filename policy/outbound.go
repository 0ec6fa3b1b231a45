package policy

import (
	"cmp"
	"context"
	"sync"

	"google.golang.org/grpc"
)

// Outbound holds what the methods share through which one caller calls one callee: its
// bulkheads, its breakers and its budget. It is safe for concurrent use.
type Outbound struct {
	observe Observer

	mu        sync.Mutex // guards the fields below
	bulkheads map[string]*bulkhead
	breakers  map[string]*breaker
	budget    *budget
	guards    []*guard        // of methods with a hedge or a fallback
	hosts     map[string]bool // of HTTP upstreams that have scopes of their own
}

// Observer is told what policies do. ctx is that of the call which made them do it. It must
// not block.
type Observer func(ctx context.Context, e Event)

// Event is something that a policy did.
type Event struct {
	// Policy is "bulkhead", "breaker", "retry", "hedge", "fallback", "balance", "idle", "admission" or "rate".
	Policy string
	// What it did: "refused", "open", "half-open", "closed", "again", "exhausted", "sent", "won",
	// "answered" or "ended"; of a replica, its state as in package balance.
	What   string
	Scope  string // of the policy, as in State
	Method string // "/package.Service/Method"; "" if a breaker has changed, which is for many
	Caller string // whom a rate has refused; "" of other policies
	Err    error  // why; may be nil
}

// NewOutbound makes the policies of a caller towards a callee. observe may be nil.
func NewOutbound(observe Observer) *Outbound {
	if observe == nil {
		observe = func(context.Context, Event) {}
	}
	return &Outbound{
		observe: observe, bulkheads: map[string]*bulkhead{}, breakers: map[string]*breaker{}, hosts: map[string]bool{},
	}
}

// Method gives the policies of one method as an interceptor, the first of them outermost:
// fallback, bulkhead, breaker, retry, hedge. Of several methods with a policy of one scope,
// the first says what that is.
func (o *Outbound) Method(s Settings) grpc.UnaryClientInterceptor { return o.guard(s).unary }

func (o *Outbound) guard(s Settings) *guard {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.guardLocked(s)
}

func (o *Outbound) guardLocked(s Settings) *guard {
	g := &guard{out: o, settings: s}
	if s.Bulkhead != nil {
		g.bulkhead = share(o.bulkheads, s.Bulkhead.Scope, func() *bulkhead { return newBulkhead(*s.Bulkhead) })
	}
	if s.Breaker != nil {
		g.breaker = o.breakerOf(*s.Breaker)
	}
	hedges := s.Hedge != nil && s.Idempotent
	if s.Retry != nil {
		g.retry = s.Retry.withDefaults()
	}
	if s.Retry != nil || hedges {
		if o.budget == nil {
			o.budget = newBudget()
		}
		g.retry.Budget = cmp.Or(g.retry.Budget, Retry{}.withDefaults().Budget)
		g.budget = o.budget
	}
	if hedges {
		g.slow = &durations{}
	}
	if s.Fallback != nil {
		g.fallback = newFallback(*s.Fallback)
		if s.Fallback.Method != "" {
			of := cmp.Or(s.Fallback.Policies, &s)
			g.other = o.guardLocked(Settings{Method: s.Fallback.Method, Bulkhead: of.Bulkhead, Breaker: of.Breaker})
		}
	}
	if hedges || s.Fallback != nil {
		o.guards = append(o.guards, g)
	}
	return g
}

// Stream gives what guards the streams of one method; nil: nothing does.
func (o *Outbound) Stream(s Settings) *StreamGuard {
	if s.Breaker == nil && s.Idle == nil {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	g := &StreamGuard{out: o, idle: s.Idle}
	if s.Breaker != nil {
		g.scope, g.breaker = s.Breaker.Scope, o.breakerOf(*s.Breaker)
	}
	return g
}

func (o *Outbound) breakerOf(b Breaker) *breaker {
	return share(o.breakers, b.Scope, func() *breaker {
		return newBreaker(b, func(ctx context.Context, state string) {
			o.observe(ctx, Event{Policy: "breaker", What: state, Scope: b.Scope})
		})
	})
}

// mostHosts bounds what is kept for hosts, since others may have a say in which are asked.
const mostHosts = 100

// scopeOf is the scope of an HTTP host: its own; "": there are too many.
func (o *Outbound) scopeOf(host string) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.hosts[host] {
		if len(o.hosts) >= mostHosts {
			return ""
		}
		o.hosts[host] = true
	}
	return host
}

func share[T any](all map[string]*T, scope string, create func() *T) *T {
	if all[scope] == nil {
		all[scope] = create()
	}
	return all[scope]
}
