package udplink

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/call"
	"github.com/kerf-go/kerf/link/call/frame"
	"github.com/kerf-go/kerf/link/call/redial"
)

const (
	// mostParting is how many one way calls of a conn may wait for a server that is
	// looked for.
	mostParting = 256
	// partingWait is how long they do.
	partingWait = 5 * time.Second
)

// dialer makes the sockets of a conn, one at a time.
type dialer struct {
	*redial.Keeper[*client]
	call.Identity
	address string
	limit   int           // bytes of a datagram
	every   time.Duration // of the heart's beats
	id      uint64        // tells the server whose calls these are
	numbers numbers

	parting chan struct{} // a token for each one way call that waits
	parted  sync.Once
}

var (
	_ call.Dialer = (*dialer)(nil)
	_ call.Ender  = (*dialer)(nil)
)

func newDialer(u *url.URL, o link.DialOptions, limit int, every time.Duration) *dialer {
	d := &dialer{
		address: u.Host, limit: limit, every: every, id: random(),
		Identity: call.NewIdentity(u.Host, o.UserAgent, "kerf-udp"),
		parting:  make(chan struct{}, mostParting),
	}
	d.Keeper = redial.New(d.connect)
	return d
}

func (*dialer) Secure() bool { return false }

func (d *dialer) Ready(ctx context.Context) error {
	for {
		c, err := d.Get(ctx)
		if err != nil {
			return err
		}
		if known, err := c.ready(ctx); known || err != nil {
			return err
		} // it has just been lost: the next one
	}
}

func (d *dialer) Open(ctx context.Context, r call.Request) (call.Transport, error) {
	if r.Desc.ClientStreams || r.Desc.ServerStreams {
		return nil, link.Mark(status.Newf(codes.Unimplemented,
			"%s streams, which udp://%s cannot carry", r.Method, d.address), link.NeverSent)
	}
	r.Header = d.Header(r)
	if r.Unary && r.Wait == link.Sent {
		return frame.NewCaller(ctx, &telling{letter: newLetter(ctx), dialer: d}, d.numbers.tell(), r), nil
	}
	return d.ask(ctx, r)
}

func (d *dialer) ask(ctx context.Context, r call.Request) (call.Transport, error) {
	for {
		c, err := d.Get(ctx)
		if err != nil {
			return nil, err
		}
		known, err := c.ready(ctx)
		if err != nil {
			return nil, err
		}
		if known {
			return c.open(ctx, r)
		}
	}
}

// connect makes a socket and greets the server.
func (d *dialer) connect(ctx context.Context) (*client, error) {
	address, err := resolve(ctx, d.address)
	if err != nil {
		return nil, err
	}
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(address))
	if err != nil {
		return nil, err
	}
	c := newClient(d, conn)
	if _, err := c.ready(ctx); err != nil {
		c.End()
		c.Wait()
		return nil, errors.New(status.Convert(err).Message())
	}
	return c, nil
}

// resolve chooses as net.ListenPacket does: of several addresses one of IPv4.
func resolve(ctx context.Context, hostPort string) (netip.AddrPort, error) {
	host, port, err := net.SplitHostPort(hostPort)
	if err != nil {
		return netip.AddrPort{}, err
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return netip.AddrPort{}, err
	}
	all, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return netip.AddrPort{}, err
	}
	at := max(0, slices.IndexFunc(all, func(a netip.Addr) bool { return a.Unmap().Is4() }))
	return netip.AddrPortFrom(all[at].Unmap(), uint16(number)), nil
}

// Close closes the socket. Calls have ended by then: the conn sees to that.
func (d *dialer) Close() error {
	d.Keeper.Close()
	d.parted.Do(func() {
		for range mostParting {
			d.parting <- struct{}{}
		}
	})
	return nil
}
