package balance

import (
	"math/rand/v2"
	"slices"
	"sync"

	"google.golang.org/grpc"
)

// Elsewhere is the call option that all attempts of one call share: each goes to an endpoint
// to which none before it went, as long as there is one that takes calls. So a retry leaves
// the endpoint that has failed, and a hedge the one that is slow. Its zero value is that of a
// call without an attempt. A pointer to it is safe for concurrent use. Links ignore it.
type Elsewhere struct {
	grpc.EmptyCallOption

	mu    sync.Mutex // guards been
	been  []*endpoint
	first [2]*endpoint // of been, to allocate once
}

// choose gives the least busy endpoint where no attempt has been; at first, and when there is
// none, the one that any call would go to.
func (e *Elsewhere) choose(seats []seat, usually func() *endpoint) *endpoint {
	e.mu.Lock()
	defer e.mu.Unlock()
	chosen := e.other(seats)
	if chosen == nil {
		chosen = usually()
	}
	if e.been == nil {
		e.been = e.first[:0]
	}
	e.been = append(e.been, chosen)
	return chosen
}

// other takes nobody's turn: the endpoint that has failed would else be next again.
func (e *Elsewhere) other(seats []seat) *endpoint {
	if len(e.been) == 0 {
		return nil
	}
	var other *endpoint
	for i, n := rand.IntN(len(seats)), 0; n < len(seats); n++ {
		s := seats[(i+n)%len(seats)].endpoint
		if !slices.Contains(e.been, s) && (other == nil || s.outstanding.Load() < other.outstanding.Load()) {
			other = s
		}
	}
	return other
}

// elsewhereOf finds the option of a call; nil: it has none.
func elsewhereOf(opts []grpc.CallOption) *Elsewhere {
	for _, o := range opts {
		if e, ok := o.(*Elsewhere); ok {
			return e
		}
	}
	return nil
}
