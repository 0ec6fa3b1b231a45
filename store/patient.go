package store

import (
	"context"
	"database/sql/driver"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"time"
)

// patient makes connections. While the database is away it tries again after pauses
// with full jitter, one attempt at a time for all callers of the process together, so
// that a database that comes back is not met by a storm.
type patient struct {
	driver.Connector
	fault func(error) Fault
	wait  time.Duration // of one caller

	mu       sync.Mutex    // guards the fields below
	failures int           // since the last success
	last     error         // the last failure
	next     time.Time     // when the next attempt may begin; only while there are failures
	back     chan struct{} // closed by the next success
}

var (
	_ driver.Connector = (*patient)(nil)
	_ io.Closer        = (*patient)(nil)
)

func newPatient(c driver.Connector, fault func(error) Fault, wait time.Duration) *patient {
	return &patient{Connector: c, fault: fault, wait: wait, back: make(chan struct{})}
}

// Connect waits at most as long as one caller may; then its error wraps ErrAway.
func (p *patient) Connect(ctx context.Context) (driver.Conn, error) {
	ctx = looking(ctx)
	bound, cancel := context.WithTimeout(ctx, p.wait)
	defer cancel()
	for {
		if err := p.pause(bound); err != nil {
			return nil, p.giveUp(ctx, err)
		}
		conn, err := p.Connector.Connect(bound)
		switch {
		case err == nil:
			p.succeed()
			return &checked{Conn: conn, bound: p.wait / 4, used: time.Now()}, nil //nolint:mnd // time for another one
		case ctx.Err() != nil:
			return nil, ctx.Err() // which says nothing about the database
		case bound.Err() == nil && p.fault(err) == Other:
			return nil, &failure{err, errUnfit}
		case bound.Err() == nil && p.fault(err) != Away:
			return nil, err
		}
		p.fail(err)
	}
}

// Close closes what it was made of, if that can be.
func (p *patient) Close() error {
	if c, ok := p.Connector.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// pause waits until this caller may try. It is an error if that is after ctx ends.
func (p *patient) pause(ctx context.Context) error {
	for {
		p.mu.Lock()
		until, back := time.Until(p.next), p.back
		if p.failures == 0 || until <= 0 {
			p.next = time.Now().Add(jitter(p.failures)) // for the others
			p.mu.Unlock()
			return ctx.Err()
		}
		p.mu.Unlock()
		if end, ok := ctx.Deadline(); ok && time.Until(end) < until {
			return context.DeadlineExceeded
		}
		timer := time.NewTimer(until)
		select {
		case <-timer.C:
		case <-back:
		case <-ctx.Done():
		}
		timer.Stop()
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

func (p *patient) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.failures++
	p.last = err
	p.next = time.Now().Add(jitter(p.failures))
}

func (p *patient) succeed() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failures > 0 {
		p.failures, p.last = 0, nil
		close(p.back)
		p.back = make(chan struct{})
	}
}

// failure is why connections cannot be made at present; nil: they can, as far as is known.
func (p *patient) failure() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.last
}

func (p *patient) giveUp(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if last := p.failure(); last != nil {
		err = last
	}
	return fmt.Errorf("%w: %w", ErrAway, err)
}

// jitter is a random pause before attempt n+1: "full jitter", as in "Exponential Backoff
// And Jitter" of the AWS Architecture Blog, from 10 ms on and of 1 s at most.
func jitter(n int) time.Duration {
	const base, longest, doublings = 10 * time.Millisecond, time.Second, 7
	return rand.N(min(base<<min(n, doublings), longest))
}
