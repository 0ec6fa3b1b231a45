package rate

import (
	"context"
	"errors"
	"time"

	"github.com/kerf-go/kerf/internal/mistake"
)

// Limit is how often something is allowed.
type Limit struct {
	Requests int           // in each Per, evenly spread
	Per      time.Duration // at least a millisecond
	Burst    int           // at once, after a pause; 0: as many as Requests
}

// Check tells what is wrong with a limit.
func (l Limit) Check() error {
	switch {
	case l.Requests <= 0:
		return mistake.At(errors.New("requests must be 1 or more"), "requests")
	case l.Per < time.Millisecond:
		return mistake.At(errors.New("per must be 1ms or more"), "per")
	case l.Burst < 0:
		return mistake.At(errors.New("burst must be 1 or more, or left out"), "burst")
	case l.interval() < time.Microsecond:
		return mistake.At(errors.New("more than a million requests in a second are not told apart"), "requests")
	case l.interval() > longest/time.Duration(l.burst()):
		late := errors.New("a burst must come back within a year")
		if l.Burst == 0 {
			return mistake.At(late, "per")
		}
		return mistake.At(late, "burst")
	}
	return nil
}

const longest = 365 * 24 * time.Hour

func (l Limit) burst() int {
	if l.Burst == 0 {
		return l.Requests
	}
	return l.Burst
}

// interval is the time in which one more request is allowed, in whole microseconds, which
// is what Redis counts in.
func (l Limit) interval() time.Duration {
	return (l.Per / time.Duration(l.Requests)).Truncate(time.Microsecond)
}

// window is the time in which a whole burst comes back.
func (l Limit) window() time.Duration { return l.interval() * time.Duration(l.burst()) }

// share is a part of a limit, of at least one request.
func (l Limit) share(part float64) Limit {
	l.Burst = max(1, int(float64(l.burst())*part))
	l.Per = time.Duration(float64(l.Per) / part)
	return l
}

// Decision is what becomes of one request.
type Decision struct {
	Allowed   bool
	Remaining int           // requests that would be allowed at once after this one
	Reset     time.Duration // until the whole burst is allowed again
	Retry     time.Duration // until the next is allowed; 0 if this one is
}

// Store counts the requests of each key. It is safe for concurrent use.
type Store interface {
	// Take counts a request, unless it is too much. It does not fail: a store that cannot
	// count has another to do so.
	Take(ctx context.Context, key string) Decision
	Limit() Limit
	Close() error
}

// decide tells of a request that was made when the burst was missing `missing`, the time
// in which what is used of it comes back.
func (l Limit) decide(missing time.Duration) Decision {
	after := missing + l.interval()
	if over := after - l.window(); over > 0 {
		return Decision{Reset: missing, Retry: over}
	}
	return Decision{Allowed: true, Remaining: int((l.window() - after) / l.interval()), Reset: after}
}
