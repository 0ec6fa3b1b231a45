package run

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

	"github.com/kerf-go/kerf/balance"
	"github.com/kerf-go/kerf/link"
)

// addressWait bounds the wait for a process that has not told its address yet.
const addressWait = 5 * time.Second

// remote is a conn to a service in another process: to its replicas, wherever they are
// at the time of a call.
type remote struct {
	directory *Directory
	process   string
	scheme    func(method string) string
	dial      func(url string) (link.Conn, error)
	options   balance.Options
	lanes     atomic.Pointer[map[string]*lane] // by scheme; replaced, never changed

	mu     sync.Mutex // guards closed, and that lanes is replaced by one at a time
	closed bool
}

var _ link.Conn = (*remote)(nil)

func newRemote(d *Directory, process string, scheme func(string) string, dial func(string) (link.Conn, error)) *remote {
	r := &remote{directory: d, process: process, scheme: scheme, dial: func(url string) (link.Conn, error) {
		conn, err := dial(url)
		if err != nil {
			return nil, fmt.Errorf("process %s: %w", process, err)
		}
		return conn, nil
	}}
	r.lanes.Store(&map[string]*lane{})
	return r
}

// Invoke calls once, unless the call never left because its address was given up in
// that very moment.
func (r *remote) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	for {
		c, err := r.pick(ctx, method, opts...)
		if err != nil {
			return err
		}
		err = c.Invoke(ctx, method, args, reply, opts...)
		if err == nil || !r.moved(c.URL(), method, err) {
			return err
		}
	}
}

func (r *remote) NewStream(
	ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption,
) (grpc.ClientStream, error) {
	c, err := r.pick(ctx, method)
	if err != nil {
		return nil, err
	}
	var once sync.Once
	done := func(err error) { once.Do(func() { c.Done(err) }) }
	// Before the caller's own, which end the span that may get events of this.
	stream, err := c.Conn().NewStream(ctx, desc, method, slices.Concat([]grpc.CallOption{grpc.OnFinish(done)}, opts)...)
	if err != nil {
		done(err)
	}
	return stream, err
}

// moved tells of a call that was never sent, to an address where nobody is any more,
// while the process has another.
func (r *remote) moved(url, method string, err error) bool {
	if link.Ran(err) != link.NeverSent || status.Code(err) != codes.Unavailable {
		return false
	}
	urls, _ := r.directory.lookup(r.process, r.scheme(method))
	return len(urls) > 0 && !slices.Contains(urls, url)
}

// pick chooses the replica of a call, which ends with Done. It waits for a process that
// has no address yet.
func (r *remote) pick(ctx context.Context, method string, opts ...grpc.CallOption) (balance.Call, error) {
	scheme := r.scheme(method)
	l := (*r.lanes.Load())[scheme]
	if l == nil {
		var err error
		if l, err = r.open(scheme); err != nil {
			return balance.Call{}, err
		}
	}
	for !l.fresh() {
		if _, err := r.directory.await(ctx, r.process, scheme, addressWait); err != nil {
			return balance.Call{}, err
		}
		l.refresh(r.directory, r.process)
	}
	return l.Pick(ctx, opts...)
}

// open gives the lane of a scheme, which it makes at the first time.
func (r *remote) open(scheme string) (*lane, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, link.Mark(status.New(codes.Canceled, "the conn is closed: its process stops"), link.NeverSent)
	}
	lanes := *r.lanes.Load()
	if l := lanes[scheme]; l != nil {
		return l, nil
	}
	l := &lane{scheme: scheme, Balancer: balance.New(r.dial, r.options)}
	lanes = maps.Clone(lanes)
	lanes[scheme] = l
	r.lanes.Store(&lanes)
	return l, nil
}

// endpoints tells how the replicas stand, by the links that were used so far.
func (r *remote) endpoints() []balance.Status {
	var all []balance.Status
	lanes := *r.lanes.Load()
	for _, scheme := range slices.Sorted(maps.Keys(lanes)) {
		all = append(all, lanes[scheme].Snapshot()...)
	}
	return all
}

// Close ends all calls.
func (r *remote) Close() error {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	lanes := *r.lanes.Load()
	errs := make([]error, 0, len(lanes))
	for _, l := range lanes {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}
