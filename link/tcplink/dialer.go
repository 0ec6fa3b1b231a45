package tcplink

import (
	"context"
	"crypto/tls"
	"net"
	"net/url"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/metadata"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/call"
)

// dialTimeout bounds the making of a connection, with its preface.
const dialTimeout = 5 * time.Second

// dialer makes the one connection of a conn, whenever there is none.
type dialer struct {
	address string
	tls     *tls.Config     // nil: plain
	every   time.Duration   // of the heart's beats
	ctx     context.Context //nolint:containedctx // ends with the dialer
	cancel  context.CancelFunc
	work    sync.WaitGroup

	authority, agent []string // metadata of every call; nobody changes them

	mu      sync.Mutex // guards the fields below
	current *attempt   // the latest; nil: none yet
	closed  bool
}

// attempt is a connection, or one that is being made.
type attempt struct {
	done   chan struct{} // closed when the fields below are set
	client *client
	err    error
}

var _ call.Dialer = (*dialer)(nil)

func newDialer(u *url.URL, o link.DialOptions, every time.Duration) *dialer {
	d := &dialer{address: u.Host, authority: []string{u.Host}, every: every}
	d.ctx, d.cancel = context.WithCancel(context.Background())
	d.agent = []string{strings.TrimSpace(o.UserAgent + " kerf-tcp")}
	if u.Scheme == secureScheme {
		d.tls = &tls.Config{MinVersion: tls.VersionTLS12}
		if o.TLS != nil {
			d.tls = o.TLS.Clone()
		}
		if d.tls.ServerName == "" {
			d.tls.ServerName = u.Hostname()
		}
	}
	return d
}

func (d *dialer) Secure() bool { return d.tls != nil }

func (d *dialer) Ready(ctx context.Context) error {
	_, err := d.connected(ctx)
	return err
}

func (d *dialer) Open(ctx context.Context, r call.Request) (call.Transport, error) {
	if r.Header == nil {
		r.Header = make(metadata.MD, 2) //nolint:mnd // those below
	}
	r.Header[":authority"] = d.authority
	if r.Authority != "" {
		r.Header[":authority"] = []string{r.Authority}
	}
	r.Header["user-agent"] = d.agent
	for {
		c, err := d.connected(ctx)
		if err != nil {
			return nil, err
		}
		if t := c.open(ctx, r); t != nil {
			return t, nil
		} // it has just been lost, or drains: the next one
	}
}

// connected gives a connection that takes calls, and makes one if need be. Calls
// that come meanwhile share it, or its failure.
func (d *dialer) connected(ctx context.Context) (*client, error) {
	a, err := d.attempt()
	if err != nil {
		return nil, err
	}
	select {
	case <-a.done:
	default:
		select {
		case <-a.done:
		case <-ctx.Done():
			return nil, call.Ended(ctx, link.NeverSent)
		}
	}
	return a.client, a.err
}

func (d *dialer) attempt() (*attempt, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, call.Closed(link.NeverSent)
	}
	if a := d.current; a != nil {
		select {
		case <-a.done:
			if a.client != nil && a.client.usable() {
				return a, nil
			}
		default:
			return a, nil
		}
	}
	a := &attempt{done: make(chan struct{})}
	d.current = a
	d.work.Go(func() { d.make(a) })
	return a, nil
}

func (d *dialer) make(a *attempt) {
	defer close(a.done)
	ctx, cancel := context.WithTimeout(d.ctx, dialTimeout)
	defer cancel()
	c, err := (&net.Dialer{}).DialContext(ctx, "tcp", d.address)
	if err == nil {
		c, err = d.prepare(ctx, c)
	}
	if err != nil {
		a.err = call.Unavailable(link.NeverSent, "%v", err)
		return
	}
	a.client = newClient(c, d.every)
	context.AfterFunc(d.ctx, func() { a.client.end(call.Closed(link.MayHaveRun)) })
	d.work.Go(a.client.work.Wait)
}

func (d *dialer) prepare(ctx context.Context, c net.Conn) (net.Conn, error) {
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	defer stop()
	ready := c
	if d.tls != nil {
		t := tls.Client(c, d.tls)
		if err := t.HandshakeContext(ctx); err != nil {
			_ = c.Close()
			return nil, err
		}
		ready = t
	}
	if err := greet(ready); err != nil {
		_ = c.Close()
		return nil, err
	}
	return ready, nil
}

// Close closes the connection. Calls have ended by then: the conn sees to that.
func (d *dialer) Close() error {
	d.mu.Lock()
	d.closed = true
	d.mu.Unlock()
	d.cancel()
	d.work.Wait()
	return nil
}
