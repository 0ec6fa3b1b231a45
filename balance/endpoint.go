package balance

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
)

// endpoint is one replica: its conn, the calls on it, and what is known of it.
type endpoint struct {
	url         string
	balancer    *Balancer
	outstanding atomic.Int64
	left        atomic.Bool  // it is no endpoint any more: it takes no further calls
	doubted     atomic.Bool  // a call has failed since the last that was answered
	heard       atomic.Int64 // calls that were answered
	attempts    attempts

	conn   atomic.Pointer[link.Conn] // nil: not dialled yet
	mu     sync.Mutex                // guards dialling and closed
	closed bool

	// What is below is guarded by the balancer's lock.

	state      State
	failures   int       // in a row
	failure    error     // the last
	unreached  time.Time // when it last could not be reached
	passedOver time.Time // until then
	ejected    time.Time // until then
	ejections  int
	inARow     int       // ejections, of which each came soon after the one before
	back       time.Time // when it came or came back; zero: it was there from the start
	unhealthy  error     // nil: healthy, or not known
	stopChecks context.CancelFunc
}

// begin counts a call, unless the endpoint was left in that very moment.
func (e *endpoint) begin() bool {
	e.outstanding.Add(1)
	if !e.left.Load() {
		return true
	}
	e.end()
	return false
}

// end ends a call, and with the last one an endpoint that was left.
func (e *endpoint) end() {
	if e.outstanding.Add(-1) == 0 && e.left.Load() {
		e.balancer.closeLeft(e)
	}
}

// connect gives the conn, which it dials at the first time. A mistake is tried again.
func (e *endpoint) connect() (link.Conn, error) {
	if conn := e.conn.Load(); conn != nil {
		return *conn, nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, errClosed()
	}
	if conn := e.conn.Load(); conn != nil {
		return *conn, nil
	}
	conn, err := e.balancer.dial(e.url)
	if err != nil {
		return nil, link.Mark(status.Newf(codes.Unavailable, "dial %s: %v", e.url, err), link.NeverSent)
	}
	e.conn.Store(&conn)
	return conn, nil
}

func (e *endpoint) close() error {
	e.mu.Lock()
	was := e.closed
	e.closed = true
	e.mu.Unlock()
	if conn := e.conn.Load(); conn != nil && !was {
		return (*conn).Close()
	}
	return nil
}

// stateAt is the endpoint's state; the caller holds the balancer's lock, as for the rest.
func (e *endpoint) stateAt(now time.Time) State {
	switch {
	case e.unhealthy != nil:
		return Unhealthy
	case now.Before(e.ejected):
		return Ejected
	case now.Before(e.passedOver):
		return PassedOver
	}
	return OK
}

// until is when time alone ends the state; zero: it does not.
func (e *endpoint) until() time.Time {
	switch e.state {
	case Ejected:
		return e.ejected
	case PassedOver:
		return e.passedOver
	case Unhealthy, OK:
	}
	return time.Time{}
}

func (e *endpoint) reason() error {
	switch e.state {
	case Unhealthy:
		return e.unhealthy
	case Ejected, PassedOver:
		return e.failure
	case OK:
	}
	return nil
}

// failed counts a failure, and ejects the endpoint if that is due and allowed.
func (e *endpoint) failed(err error, unreachable bool, now time.Time) {
	b := e.balancer
	e.failure = err
	e.failures++
	e.doubted.Store(true)
	if unreachable {
		e.unreached = now
	}
	if unreachable && len(b.all) > 1 && !now.Before(e.passedOver) {
		e.passedOver = now.Add(b.options.PassOver)
	}
	if b.options.Ejection < 0 || e.failures < b.options.Failures || now.Before(e.ejected) || !b.mayEject(now) {
		return
	}
	const forgotten = 5 // times the longest ejection: what was longer ago does not make the next one longer
	if now.Sub(e.ejected) > forgotten*b.options.MaxEjection {
		e.inARow = 0
	}
	e.ejections++
	e.inARow++
	e.ejected = now.Add(min(time.Duration(e.inARow)*b.options.Ejection, b.options.MaxEjection))
	e.failures = 0
}

// answered forgets the failures. An ejection goes on: what answers now was sent before. So
// does the passing over if the call began before the endpoint could not be reached: one
// that drains still answers, and takes no more. A zero time counts as after it.
func (e *endpoint) answered(began time.Time) {
	e.failures = 0
	if !began.IsZero() && began.Before(e.unreached) {
		return
	}
	e.passedOver = time.Time{}
	e.doubted.Store(false)
}
