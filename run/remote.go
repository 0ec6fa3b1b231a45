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

	mu     sync.Mutex // guards the fields below
	lanes  map[string]*lane
	left   map[*lane]struct{} // to addresses where nobody is any more, with calls that go on
	closed bool
}

var _ link.Conn = (*remote)(nil)

func newRemote(d *Directory, process string, scheme func(string) string, dial func(string) (link.Conn, error)) *remote {
	return &remote{
		directory: d, process: process, scheme: scheme, dial: dial,
		lanes: make(map[string]*lane), left: make(map[*lane]struct{}),
	}
}

// Invoke calls once, unless the call never left because its address was given up in
// that very moment.
func (r *remote) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	for {
		l, err := r.pick(ctx, method)
		if err != nil {
			return err
		}
		err = l.conn.Invoke(ctx, method, args, reply, opts...)
		r.done(l)
		if err == nil || !r.moved(l, method, err) {
			return err
		}
	}
}

func (r *remote) NewStream(
	ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption,
) (grpc.ClientStream, error) {
	l, err := r.pick(ctx, method)
	if err != nil {
		return nil, err
	}
	ended := sync.OnceFunc(func() { r.done(l) })
	opts = append(slices.Clip(opts), grpc.OnFinish(func(error) { ended() }))
	stream, err := l.conn.NewStream(ctx, desc, method, opts...)
	if err != nil {
		ended()
	}
	return stream, err
}

// moved tells of a call that was never sent, to an address where nobody is any more,
// while the process has another.
func (r *remote) moved(l *lane, method string, err error) bool {
	if link.Ran(err) != link.NeverSent || status.Code(err) != codes.Unavailable {
		return false
	}
	urls, _ := r.directory.lookup(r.process, r.scheme(method))
	return len(urls) > 0 && !slices.Contains(urls, l.url)
}

// pick gives the lane of a call, which ends with done.
func (r *remote) pick(ctx context.Context, method string) (*lane, error) {
	urls, err := r.directory.await(ctx, r.process, r.scheme(method), addressWait)
	if err != nil {
		return nil, err
	}
	url := urls[r.next.Add(1)%uint64(len(urls))]
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, link.Mark(status.New(codes.Canceled, "the conn is closed: its process stops"), link.NeverSent)
	}
	l := r.lanes[url]
	if l == nil {
		conn, err := r.dial(url)
		if err != nil {
			return nil, link.Mark(status.Newf(codes.Unavailable, "dial process %s: %v", r.process, err), link.NeverSent)
		}
		r.forget()
		l = &lane{url: url, conn: conn}
		r.lanes[url] = l
	}
	l.calls.Add(1)
	return l, nil
}

// Close ends all calls.
func (r *remote) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	var errs []error
	for _, l := range slices.Concat(slices.Collect(maps.Values(r.lanes)), slices.Collect(maps.Keys(r.left))) {
		if err := l.conn.Close(); err != nil {
			errs = append(errs, fmt.Errorf("close %s: %w", l.url, err))
		}
	}
	return errors.Join(errs...)
}
