package balance

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"
)

// roster is whom calls may go to. It is replaced, never changed, so that a pick takes
// no lock.
type roster struct {
	seats []seat
	alone bool      // there is one endpoint in all: nobody else could be chosen
	slow  bool      // somebody is in slow start
	until time.Time // when time alone changes it; zero: it does not
}

type seat struct {
	*endpoint

	back time.Time // when it came back; zero: it has its full share
}

// choose takes the less busy one of two: of the one whose turn it is, and any other.
func (r *roster) choose(turn *atomic.Uint64, now time.Time, slowStart time.Duration) *endpoint {
	if len(r.seats) == 1 {
		return r.seats[0].endpoint
	}
	i, j := int(turn.Add(1)%uint64(len(r.seats))), rand.IntN(len(r.seats)-1)
	if j >= i {
		j++
	}
	one, other := &r.seats[i], &r.seats[j]
	if other.outstanding.Load() < one.outstanding.Load() {
		one, other = other, one
	}
	if r.slow && rand.Float64() >= share(one.back, now, slowStart) {
		return other.endpoint
	}
	return one.endpoint
}

// share is how much of its due an endpoint takes that came back at a time.
func share(back, now time.Time, slowStart time.Duration) float64 {
	const least = 0.1 // some calls must show that it works
	if back.IsZero() || slowStart <= 0 {
		return 1
	}
	return min(max(float64(now.Sub(back))/float64(slowStart), least), 1)
}

// renew makes the roster from what the endpoints' states are by now, and notes
// has changed; ctx is that of what made it so. The caller holds the lock.
func (b *Balancer) renew(ctx context.Context, now time.Time) {
	if b.closed {
		return
	}
	r := &roster{alone: len(b.all) == 1}
	for _, e := range b.all {
		b.notice(ctx, e, now)
		r.changesAt(e.until())
	}
	for _, e := range b.used() {
		s := seat{endpoint: e}
		if share(e.back, now, b.options.SlowStart) < 1 {
			s.back, r.slow = e.back, true
			r.changesAt(e.back.Add(b.options.SlowStart))
		}
		r.seats = append(r.seats, s)
	}
	b.roster.Store(r)
}

func (r *roster) changesAt(t time.Time) {
	if !t.IsZero() && (r.until.IsZero() || t.Before(r.until)) {
		r.until = t
	}
}

// notice finds out the endpoint's state, and notes an event if it is another.
func (b *Balancer) notice(ctx context.Context, e *endpoint, now time.Time) {
	was := e.state
	if e.state = e.stateAt(now); e.state == was {
		return
	}
	if e.state == OK && (was != PassedOver || e.failures > 0) {
		e.back = now
	}
	if b.options.Observe != nil {
		b.events = append(b.events, untold{ctx, Event{URL: e.url, State: e.state, Until: e.until(), Err: e.reason()}})
	}
}

// used are the endpoints that take calls: the fine ones; else those that could not be
// reached, since who was unhealthy may be back before anybody has looked; else all.
func (b *Balancer) used() []*endpoint {
	for _, states := range [][]State{{OK}, {PassedOver, Unhealthy}} {
		var fine []*endpoint
		for _, e := range b.all {
			if slices.Contains(states, e.state) {
				fine = append(fine, e)
			}
		}
		if len(fine) > 0 {
			return fine
		}
	}
	return b.all
}

// mostEjected is how many may be ejected at the same time; never all of them.
func (b *Balancer) mostEjected() int {
	return max(0, min(int(b.options.MostEjected*float64(len(b.all))), len(b.all)-1))
}

// mayEject tells whether one more may be ejected: only so many, and only while another's
// last call went well.
func (b *Balancer) mayEject(now time.Time) bool {
	ejected, fine := 0, false
	for _, e := range b.all {
		if now.Before(e.ejected) {
			ejected++
		} else if e.failures == 0 && e.unhealthy == nil {
			fine = true
		}
	}
	return fine && ejected < b.mostEjected()
}
