package policy

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/kerf-go/kerf/balance"
)

// State is what one policy is about now.
type State struct {
	Policy string `json:"policy"`

	// Scope is what of the callee the policy is for: Scope of its settings; of a hedge or a
	// fallback the method, "package.Service/Method". "": all. Of a replica it is the URL.
	Scope string `json:"scope,omitempty"`

	State   string  `json:"state,omitempty"`         // of a breaker; of a replica, as in package balance
	Kind    string  `json:"kind,omitempty"`          // of a fallback: as in DegradedKey
	Running int     `json:"running,omitempty"`       // of a bulkhead, an admission or a replica: calls under way
	Waiting int     `json:"waiting,omitempty"`       // of a bulkhead
	Limit   int     `json:"limit,omitempty"`         // of calls under way
	Budget  int     `json:"budget,omitempty"`        // retries in hand
	Callers int     `json:"callers,omitempty"`       // of a rate: that have called
	After   float64 `json:"after_seconds,omitempty"` // until a hedge is sent (0: too few calls are known) or a deadline
}

// States tells what the policies are about now, in the order of their names and scopes.
func (o *Outbound) States() []State {
	o.mu.Lock()
	defer o.mu.Unlock()
	var all []State
	for scope, b := range o.bulkheads {
		all = append(all, State{
			Policy: "bulkhead", Scope: scope, Running: int(b.running.Load()), Waiting: int(b.waiting.Load()),
			Limit: b.settings.Calls,
		})
	}
	for scope, b := range o.breakers {
		all = append(all, State{Policy: "breaker", Scope: scope, State: b.now()})
	}
	if o.budget != nil {
		all = append(all, State{Policy: "retry", Budget: int(o.budget.held.Load() / oneRetry)})
	}
	for _, g := range o.guards {
		if g.slow != nil {
			all = append(all, State{Policy: "hedge", Scope: g.name(), After: g.hedgeAfter().Seconds()})
		}
		if g.fallback != nil {
			all = append(all, State{Policy: "fallback", Scope: g.name(), Kind: g.fallback.kind()})
		}
	}
	return sorted(all)
}

// States tells what the policies are about now, in the order of their names and scopes.
func (i *Inbound) States() []State {
	i.mu.Lock()
	defer i.mu.Unlock()
	all := make([]State, 0, len(i.admissions)+len(i.rates))
	for scope, a := range i.admissions {
		a.mu.Lock()
		all = append(all, State{Policy: "admission", Scope: scope, Running: a.running, Limit: int(a.limit)})
		a.mu.Unlock()
	}
	for scope, r := range i.rates {
		r.mu.Lock()
		all = append(all, State{Policy: "rate", Scope: scope, Callers: len(r.callers)})
		r.mu.Unlock()
	}
	return sorted(all)
}

// Replicas tells how the endpoints of a balancer stand, as states of the policy "balance".
func Replicas(found []balance.Status) []State {
	all := make([]State, 0, len(found))
	for _, e := range found {
		all = append(all, State{Policy: "balance", Scope: e.URL, State: string(e.State), Running: e.Outstanding})
	}
	return all
}

// Replica tells of what a balancer has told, as an event of the policy "balance".
func (o Observer) Replica(ctx context.Context, e balance.Event) {
	o(ctx, Event{Policy: "balance", What: string(e.State), Scope: e.URL, Err: e.Err})
}

func sorted(all []State) []State {
	slices.SortStableFunc(all, func(a, b State) int {
		return cmp.Or(cmp.Compare(a.Policy, b.Policy), cmp.Compare(a.Scope, b.Scope))
	})
	return all
}

// name is the method's, as a scope.
func (g *guard) name() string { return strings.TrimPrefix(g.settings.Method, "/") }
