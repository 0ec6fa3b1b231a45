package seam

import (
	"sync"
	"sync/atomic"

	"github.com/kerf-go/kerf/policy"
)

// tally counts what policies did since the process began, by scopes, which are too many to
// be labels of metrics.
type tally struct {
	counts sync.Map // of *atomic.Int64, by happening
}

// happening is an event of one policy.
type happening struct {
	of    scoped
	event string
}

// scoped names a policy between a caller and a callee.
type scoped struct {
	caller, callee, policy, scope string
}

func (t *tally) add(of scoped, event string) {
	key := happening{of, event}
	n, ok := t.counts.Load(key)
	if !ok {
		n, _ = t.counts.LoadOrStore(key, new(atomic.Int64))
	}
	n.(*atomic.Int64).Add(1) //nolint:forcetypeassert // nothing else is stored
}

// all gives the counts by policies, and then by events.
func (t *tally) all() map[scoped]map[string]int64 {
	all := map[scoped]map[string]int64{}
	t.counts.Range(func(key, n any) bool {
		h := key.(happening) //nolint:forcetypeassert // nothing else is stored
		if all[h.of] == nil {
			all[h.of] = map[string]int64{}
		}
		all[h.of][h.event] = n.(*atomic.Int64).Load() //nolint:forcetypeassert // nothing else is stored
		return true
	})
	return all
}

// states joins what policies are about with what they did. Of some, such as the barrier for
// panics, only the latter is known.
func (t *tally) states(now []PolicyState) []PolicyState {
	counts := t.all()
	for i, s := range now {
		of := scoped{s.Caller, s.Callee, s.Policy, s.Scope}
		now[i].Events = counts[of]
		delete(counts, of)
	}
	for of, events := range counts {
		state := policy.State{Policy: of.policy, Scope: of.scope}
		now = append(now, PolicyState{of.caller, of.callee, state, events})
	}
	return now
}
