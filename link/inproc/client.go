package inproc

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/call"
)

type dialer struct {
	name   string
	shared func(method string) bool // nil: none is
	header metadata.MD              // what a transport adds
	bells  sync.Pool                // of unary calls
	closed chan struct{}
	once   sync.Once              // closes closed
	latest atomic.Pointer[server] // that was found under the name

	mu      sync.Mutex // guards servers
	servers []*server  // that may have calls of this dialer
}

var (
	_ call.Dialer = (*dialer)(nil)
	_ call.Ender  = (*dialer)(nil)
)

func newDialer(name string, o link.DialOptions) *dialer {
	agent := "kerf-inproc"
	if o.UserAgent != "" {
		agent = o.UserAgent + " " + agent
	}
	return &dialer{name: name, shared: o.Shared, closed: make(chan struct{}), header: metadata.MD{
		":authority": {name}, "content-type": {"application/grpc"}, "user-agent": {agent},
	}}
}

func (d *dialer) Secure() bool    { return true }
func (d *dialer) EndsUnary() bool { return true }

func (d *dialer) Close() error {
	d.once.Do(func() { close(d.closed) })
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range d.servers {
		s.cut(func(x *exchange) bool { return x.dialer == d })
	}
	return nil
}

func (d *dialer) isClosed() bool {
	select {
	case <-d.closed:
		return true
	default:
		return false
	}
}

// server finds who listens under the name; nil: nobody.
func (d *dialer) server() *server {
	if s := d.latest.Load(); s != nil && !s.refuses() {
		return s
	}
	s := find(d.name)
	if s == nil {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.servers = slices.DeleteFunc(d.servers, func(old *server) bool { return old == s || old.ctx.Err() != nil })
	d.servers = append(d.servers, s)
	d.latest.Store(s)
	return s
}

// bell lends a channel with room for one token.
func (d *dialer) bell() chan struct{} {
	if c, ok := d.bells.Get().(chan struct{}); ok {
		return c
	}
	return make(chan struct{}, 1)
}

func (d *dialer) Ready(context.Context) error {
	if find(d.name) == nil {
		return d.nobody()
	}
	return nil
}

func (d *dialer) nobody() error {
	return call.Unavailable(link.NeverSent, "no server is listening on inproc://%s", d.name)
}

// Open finds the server, and waits while it listens and does not serve yet.
func (d *dialer) Open(ctx context.Context, r call.Request) (call.Transport, error) {
	s := d.server()
	if s == nil {
		return nil, d.nobody() // though one may have come meanwhile
	}
	select {
	case <-s.serving:
	default:
		select {
		case <-s.serving:
		case <-s.stopped:
		case <-d.closed:
			return nil, call.Closed(link.NeverSent)
		case <-ctx.Done():
			return nil, call.Ended(ctx, link.NeverSent)
		}
	}
	if r.Unary {
		return newUnary(ctx, d, s, r), nil
	}
	return startStream(ctx, d, s, r)
}

func stopping(s *server) error {
	return call.Unavailable(link.NeverSent, "the server of inproc://%s is stopping", s.name)
}

// incoming is the request as the server gets it, with what a transport adds.
func (d *dialer) incoming(r call.Request) call.Incoming {
	in := call.Incoming{Method: r.Method, Header: r.Header, Codec: r.Codec}
	if r.Header == nil && r.Authority == "" {
		in.Header = d.header
		return in
	}
	if r.Header == nil {
		in.Header = make(metadata.MD, len(d.header))
	}
	maps.Copy(in.Header, d.header)
	if r.Authority != "" {
		in.Header[":authority"] = []string{r.Authority}
	}
	return in
}

func peerOf(name string) *peer.Peer {
	return &peer.Peer{Addr: address(name), LocalAddr: address(name), AuthInfo: authInfo{
		credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity},
	}}
}

type address string

func (address) Network() string  { return "inproc" }
func (a address) String() string { return string(a) }

// authInfo says that what stays in the process is private.
type authInfo struct{ credentials.CommonAuthInfo }

func (authInfo) AuthType() string { return "inproc" }
