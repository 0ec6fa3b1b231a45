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

	"github.com/kerf-go/kerf/link"
)

// addressWait bounds the wait for a process that has not told its address yet.
const addressWait = 5 * time.Second

// remote is a conn to a service in another process: to each of its replicas in
// turn, wherever they are at the time of a call.
type remote struct {
	directory *Directory
	process   string
	scheme    func(method string) string
	dial      func(url string) (link.Conn, error)
	next      atomic.Uint64

	mu     sync.Mutex           // guards the fields below
	conns  map[string]link.Conn // by URL
	closed bool
}

var _ link.Conn = (*remote)(nil)

func (r *remote) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	conn, err := r.pick(ctx, method)
	if err != nil {
		return err
	}
	return conn.Invoke(ctx, method, args, reply, opts...)
}

func (r *remote) NewStream(
	ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption,
) (grpc.ClientStream, error) {
	conn, err := r.pick(ctx, method)
	if err != nil {
		return nil, err
	}
	return conn.NewStream(ctx, desc, method, opts...)
}

func (r *remote) pick(ctx context.Context, method string) (link.Conn, error) {
	urls, err := r.addresses(ctx, r.scheme(method))
	if err != nil {
		return nil, err
	}
	url := urls[r.next.Add(1)%uint64(len(urls))]
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, link.Mark(status.New(codes.Canceled, "the conn is closed: its process stops"), link.NeverSent)
	}
	if conn := r.conns[url]; conn != nil {
		return conn, nil
	}
	conn, err := r.dial(url)
	if err != nil {
		return nil, link.Mark(status.Newf(codes.Unavailable, "dial process %s: %v", r.process, err), link.NeverSent)
	}
	r.forget()
	r.conns[url] = conn
	return conn, nil
}

// forget closes the conns to addresses that nobody listens on any more. The
// caller holds the lock.
func (r *remote) forget() {
	urls, _ := r.directory.lookup(r.process, anyScheme)
	for url, conn := range r.conns {
		if !slices.Contains(urls, url) {
			_ = conn.Close() // its calls have failed already
			delete(r.conns, url)
		}
	}
}

// addresses waits, in bounds, for a process that is just starting.
func (r *remote) addresses(ctx context.Context, scheme string) ([]string, error) {
	urls, changed := r.directory.lookup(r.process, scheme)
	if len(urls) > 0 {
		return urls, nil
	}
	timer := time.NewTimer(addressWait)
	defer timer.Stop()
	for {
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, link.Mark(status.FromContextError(ctx.Err()), link.NeverSent)
		case <-timer.C:
			return nil, link.Mark(status.Newf(codes.Unavailable,
				"process %s has no address: it has not started", r.process), link.NeverSent)
		}
		if urls, changed = r.directory.lookup(r.process, scheme); len(urls) > 0 {
			return urls, nil
		}
	}
}

func (r *remote) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	var errs []error
	for url, conn := range maps.All(r.conns) {
		if err := conn.Close(); err != nil {
			errs = append(errs, fmt.Errorf("close %s: %w", url, err))
		}
	}
	return errors.Join(errs...)
}
