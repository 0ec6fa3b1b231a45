package balance

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
)

// Balancer picks an endpoint for each call. It is safe for concurrent use. Close ends it.
type Balancer struct {
	dial    func(url string) (link.Conn, error)
	options Options
	roster  atomic.Pointer[roster] // nil: closed
	turn    atomic.Uint64

	checks   context.Context //nolint:containedctx // of every health check
	cancel   context.CancelFunc
	checking sync.WaitGroup

	mu      sync.Mutex             // guards the fields below, and what endpoints say it does
	since   time.Time              // when the first of all came
	all     []*endpoint            // in the order of their URLs
	left    map[*endpoint]struct{} // with calls that go on
	closed  bool
	events  []untold // not yet
	telling bool     // somebody tells them
}

// New makes a Balancer without endpoints: Update names them. dial makes the conn to one
// when it is first used; it must do no I/O.
func New(dial func(url string) (link.Conn, error), o Options) *Balancer {
	b := &Balancer{dial: dial, options: o.withDefaults(), left: make(map[*endpoint]struct{})}
	b.checks, b.cancel = context.WithCancel(context.Background())
	b.roster.Store(&roster{})
	return b
}

// Update says which endpoints there are from now on. Calls that run on others go on, and
// their conns are closed with the last. A URL twice is one endpoint.
func (b *Balancer) Update(urls []string) {
	urls = slices.Compact(slices.Sorted(slices.Values(urls)))
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return
	}
	now := time.Now()
	gone := b.replace(urls, now)
	b.capEjections(now)
	b.watchAll()
	b.renew(b.checks, now)
	for _, e := range gone {
		b.left[e] = struct{}{}
		e.stopWatching()
		e.left.Store(true) // only now: who finds it so picks from the new roster
	}
	b.unlock()
	for _, e := range gone {
		if e.outstanding.Load() == 0 {
			b.closeLeft(e)
		}
	}
}

// replace keeps the endpoints that stay, makes the new ones, and gives those that are gone.
func (b *Balancer) replace(urls []string, now time.Time) (gone []*endpoint) {
	before := make(map[string]*endpoint, len(b.all))
	for _, e := range b.all {
		before[e.url] = e
	}
	if len(b.all) == 0 {
		b.since = now
	}
	all := make([]*endpoint, 0, len(urls))
	for _, url := range urls {
		e := before[url]
		delete(before, url)
		if e == nil {
			e = &endpoint{url: url, balancer: b, state: OK}
			if len(b.all) > 0 && now.Sub(b.since) >= b.options.SlowStart {
				e.back = now
			}
		}
		all = append(all, e)
	}
	b.all = all
	return slices.Collect(maps.Values(before))
}

// capEjections takes back those that are too many for fewer endpoints, the next to end first.
func (b *Balancer) capEjections(now time.Time) {
	var ejected []*endpoint
	for _, e := range b.all {
		if now.Before(e.ejected) {
			ejected = append(ejected, e)
		}
	}
	slices.SortFunc(ejected, func(x, y *endpoint) int { return x.ejected.Compare(y.ejected) })
	for _, e := range ejected[:max(0, len(ejected)-b.mostEjected())] {
		e.ejected = now
	}
}

// Pick chooses an endpoint for a call, which ends with its Done; ctx is the call's. Its error, if there is no
// endpoint or none that can be dialled, is Unavailable; after Close it is Canceled. Either
// way the call was never sent. Of the call's options it knows Elsewhere.
func (b *Balancer) Pick(ctx context.Context, opts ...grpc.CallOption) (Call, error) {
	for {
		r := b.roster.Load()
		if r == nil {
			return Call{}, errClosed()
		}
		if len(r.seats) == 0 {
			return Call{}, link.Mark(status.New(codes.Unavailable, "there is no endpoint"), link.NeverSent)
		}
		c := b.choose(ctx, r, opts)
		if !c.endpoint.begin() {
			continue
		}
		conn, err := c.endpoint.connect()
		if err != nil {
			c.Done(err)
			return Call{}, err
		}
		c.conn = conn
		return c, nil
	}
}

// choose asks for the time only if it matters.
func (b *Balancer) choose(ctx context.Context, r *roster, opts []grpc.CallOption) Call {
	if r.alone {
		return Call{ctx: ctx, endpoint: r.seats[0].endpoint}
	}
	now := time.Now()
	if !r.until.IsZero() && !now.Before(r.until) {
		r = b.again(ctx, r, now)
	}
	usually := func() *endpoint { return r.choose(&b.turn, now, b.options.SlowStart) }
	if e := elsewhereOf(opts); e != nil {
		return Call{ctx: ctx, endpoint: e.choose(r.seats, usually), began: now}
	}
	return Call{ctx: ctx, endpoint: usually(), began: now}
}

// again renews a roster whose time is up.
func (b *Balancer) again(ctx context.Context, r *roster, now time.Time) *roster {
	b.mu.Lock()
	defer b.unlock()
	if b.roster.Load() == r {
		b.renew(ctx, now)
	}
	if fresh := b.roster.Load(); fresh != nil && len(fresh.seats) > 0 {
		return fresh
	}
	return r // closed, or left by all: its conns say so
}

// closeLeft closes an endpoint that was left, after its last call.
func (b *Balancer) closeLeft(e *endpoint) {
	b.mu.Lock()
	delete(b.left, e)
	b.mu.Unlock()
	_ = e.close() // nobody calls through it any more
}

// Close ends all calls and health checks, and waits for the latter. Its error tells which
// conns did not close well.
func (b *Balancer) Close() error {
	b.mu.Lock()
	all := slices.AppendSeq(slices.Clone(b.all), maps.Keys(b.left))
	b.closed, b.all, b.left = true, nil, nil
	b.roster.Store(nil)
	b.mu.Unlock()
	b.cancel()
	var errs []error
	for _, e := range all {
		if err := e.close(); err != nil {
			errs = append(errs, fmt.Errorf("close %s: %w", e.url, err))
		}
	}
	b.checking.Wait()
	return errors.Join(errs...)
}

func errClosed() error {
	return link.Mark(status.New(codes.Canceled, "the conn is closed: its process stops"), link.NeverSent)
}
