package balance

import (
	"context"
	"time"
)

// State is whether an endpoint takes calls, and why not.
type State string

// The states of an endpoint; of several that hold, the first of this list is told.
const (
	Unhealthy  State = "unhealthy"
	Ejected    State = "ejected"
	PassedOver State = "passed over"
	OK         State = "ok"
)

// Status is how an endpoint stands.
type Status struct {
	URL         string    `json:"url"`
	Outstanding int       `json:"outstanding"` // calls that run
	State       State     `json:"state"`
	Until       time.Time `json:"until,omitzero"` // zero: OK, or until a health check is answered
	Reason      string    `json:"reason,omitempty"`
	Ejections   int       `json:"ejections"` // so far
	Share       float64   `json:"share"`     // of what is its due: 1, less in slow start, 0 if it is not OK
}

// Event is a change of an endpoint's state. OK means that it is back.
type Event struct {
	URL   string
	State State
	Until time.Time // as in Status
	Err   error     // the failure that is the reason; nil if it is back
}

// untold is an event on its way to the observer.
type untold struct {
	ctx   context.Context //nolint:containedctx // of the call that found the change, while it waits to be told
	event Event
}

// Snapshot tells how the endpoints stand, in the order of their URLs. Those that are left,
// whose last calls are running, are not told.
func (b *Balancer) Snapshot() []Status {
	b.mu.Lock()
	defer b.unlock()
	now := time.Now()
	b.renew(b.checks, now)
	all := make([]Status, 0, len(b.all))
	for _, e := range b.all {
		s := Status{
			URL: e.url, Outstanding: int(e.outstanding.Load()), State: e.state, Until: e.until(),
			Ejections: e.ejections,
		}
		if e.state == OK {
			s.Share = share(e.back, now, b.options.SlowStart)
		}
		if err := e.reason(); err != nil {
			s.Reason = err.Error()
		}
		all = append(all, s)
	}
	return all
}

// unlock gives the lock back, and tells what has changed meanwhile: in order, and with no
// lock held. If somebody is just telling, that one tells this too.
func (b *Balancer) unlock() {
	for !b.telling && len(b.events) > 0 {
		events := b.events
		b.events, b.telling = nil, true
		b.mu.Unlock()
		for _, e := range events {
			b.options.Observe(e.ctx, e.event)
		}
		b.mu.Lock()
		b.telling = false
	}
	b.mu.Unlock()
}
