// Package redial keeps the one connection that a conn's calls share.
package redial

import (
	"context"
	"sync"
	"time"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/call"
)

// dialTimeout bounds the making of a connection.
const dialTimeout = 5 * time.Second

// Keeper holds the one connection of a conn, and makes another when that takes no
// more calls. It is safe for concurrent use.
type Keeper[C connection] struct {
	connect func(ctx context.Context) (C, error)
	ctx     context.Context //nolint:containedctx // ends with Close
	cancel  context.CancelFunc
	work    sync.WaitGroup // one for each attempt, and for each connection

	mu      sync.Mutex // guards the fields below
	current *attempt[C]
	closed  bool
}

// connection is what a link makes.
type connection interface {
	Usable() bool // calls may begin
	End()         // soon, with the calls that are left, which end with call.Closed
	Wait()        // until it has ended
}

// attempt is a connection, or one that is being made.
type attempt[C connection] struct {
	done chan struct{} // closed when the fields below are set
	made C
	err  error
}

// New makes one that connects when it is first asked to.
func New[C connection](connect func(ctx context.Context) (C, error)) *Keeper[C] {
	r := &Keeper[C]{connect: connect}
	r.ctx, r.cancel = context.WithCancel(context.Background()) //nolint:gosec // Close calls it
	return r
}

// Get gives a connection that takes calls, and makes one if need be. Calls that come
// meanwhile share it, or its failure.
func (r *Keeper[C]) Get(ctx context.Context) (C, error) {
	a, err := r.attempt()
	if err != nil {
		return *new(C), err
	}
	select {
	case <-a.done:
	default:
		select {
		case <-a.done:
		case <-ctx.Done():
			return *new(C), call.Ended(ctx, link.NeverSent)
		}
	}
	return a.made, a.err
}

// Now gives the connection if there is one that takes calls. It waits for nothing.
func (r *Keeper[C]) Now() (c C, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.current == nil || !r.current.usable() {
		return c, false
	}
	return r.current.made, true
}

// usable tells whether it has been made and takes calls.
func (a *attempt[C]) usable() bool {
	select {
	case <-a.done:
		return a.err == nil && a.made.Usable()
	default:
		return false
	}
}

func (r *Keeper[C]) attempt() (*attempt[C], error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, call.Closed(link.NeverSent)
	}
	if a := r.current; a != nil {
		select {
		case <-a.done:
			if a.err == nil && a.made.Usable() {
				return a, nil
			}
		default:
			return a, nil
		}
	}
	a := &attempt[C]{done: make(chan struct{})}
	r.current = a
	r.work.Go(func() { r.make(a) })
	return a, nil
}

func (r *Keeper[C]) make(a *attempt[C]) {
	defer close(a.done)
	ctx, cancel := context.WithTimeout(r.ctx, dialTimeout)
	defer cancel()
	made, err := r.connect(ctx)
	switch {
	case r.ctx.Err() != nil && err != nil:
		a.err = call.Closed(link.NeverSent)
		return
	case err != nil:
		a.err = call.Unavailable(link.NeverSent, "%v", err)
		return
	}
	a.made = made
	stop := context.AfterFunc(r.ctx, made.End)
	r.work.Go(func() {
		made.Wait()
		stop()
	})
}

// EndsUnary tells that a connection ends its calls itself, with call.Closed: see
// call.Ender.
func (*Keeper[C]) EndsUnary() bool { return true }

// Close ends every connection, and waits for that.
func (r *Keeper[C]) Close() {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.cancel()
	r.work.Wait()
}
