package tcplink

import (
	"context"
	"crypto/tls"
	"net"
	"net/url"
	"time"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/call"
	"github.com/kerf-go/kerf/link/call/redial"
)

// dialer makes the connections of a conn.
type dialer struct {
	*redial.Keeper[*client]
	call.Identity
	address string
	tls     *tls.Config   // nil: plain
	every   time.Duration // of the heart's beats
}

var (
	_ call.Dialer = (*dialer)(nil)
	_ call.Ender  = (*dialer)(nil)
)

func newDialer(u *url.URL, o link.DialOptions, every time.Duration) *dialer {
	d := &dialer{address: u.Host, every: every, Identity: call.NewIdentity(u.Host, o.UserAgent, "kerf-tcp")}
	d.Keeper = redial.New(d.connect)
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
	_, err := d.Get(ctx)
	return err
}

func (d *dialer) Open(ctx context.Context, r call.Request) (call.Transport, error) {
	r.Header = d.Header(r)
	for {
		c, err := d.Get(ctx)
		if err != nil {
			return nil, err
		}
		if t := c.open(ctx, r); t != nil {
			return t, nil
		} // it has just been lost, or drains: the next one
	}
}

func (d *dialer) connect(ctx context.Context) (*client, error) {
	c, err := (&net.Dialer{}).DialContext(ctx, "tcp", d.address)
	if err == nil {
		c, err = d.prepare(ctx, c)
	}
	if err != nil {
		return nil, err
	}
	return newClient(c, d.every), nil
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
	d.Keeper.Close()
	return nil
}
