package natslink

import (
	"context"
	"errors"
	"net/url"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/call"
	"github.com/kerf-go/kerf/link/call/receipt"
	"github.com/kerf-go/kerf/link/call/redial"
)

// dialer makes the connections of a conn.
type dialer struct {
	*redial.Keeper[*client]
	call.Identity
	url      *url.URL
	settings nats.Options
	every    time.Duration // of the pulse
}

var (
	_ call.Dialer = (*dialer)(nil)
	_ call.Queuer = (*dialer)(nil)
	_ call.Ender  = (*dialer)(nil)

	_ receipt.Answerer = (*dialer)(nil)
)

func newDialer(u *url.URL, o link.DialOptions, every time.Duration) *dialer {
	d := &dialer{url: u, settings: settings(u, o.TLS, every), every: every}
	d.Identity = call.NewIdentity(subjectOf(u), o.UserAgent, "kerf-nats")
	d.settings.AllowReconnect = false // the keeper does it, and calls see it
	d.Keeper = redial.New(func(context.Context) (*client, error) { return newClient(d) })
	return d
}

// Durable tells that requests may be accepted.
func (*dialer) Durable() bool { return true }

// Answers tells that it knows what has become of them.
func (*dialer) Answers() bool { return true }

func (d *dialer) Secure() bool { return d.settings.Secure }

// Ready asks the server for a sign of life, or any of the subject.
func (d *dialer) Ready(ctx context.Context) error {
	c, err := d.Get(ctx)
	if err != nil {
		return err
	}
	if err = probe(ctx, c.broker, c.first); errors.Is(err, nats.ErrNoResponders) {
		return c.nobody()
	}
	if err != nil {
		return call.Unavailable(link.NeverSent, "%v", err)
	}
	return nil
}

func (d *dialer) Open(ctx context.Context, r call.Request) (call.Transport, error) {
	r.Header = d.Header(r)
	for {
		c, err := d.Get(ctx)
		if err != nil {
			return nil, err
		}
		switch {
		case r.Receipt != "":
			return &question{client: c, ctx: ctx, receipt: r.Receipt}, nil
		case r.Wait == link.Accepted:
			return newDeposit(ctx, c, r)
		}
		opened := c.open(ctx, r)
		switch {
		case opened == nil: // the connection has just been lost: the next one
		case r.Unary:
			return opened.caller, nil
		default:
			return opened.begun(ctx)
		}
	}
}

// Close closes the connection. Calls have ended by then: the conn sees to that.
func (d *dialer) Close() error {
	d.Keeper.Close()
	return nil
}
