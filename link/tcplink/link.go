package tcplink

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/call"
)

// Link is the TCP link. The zero value is ready to use.
type Link struct {
	heartbeat time.Duration // 0: defaultHeartbeat; tests have no time for that
}

// defaultHeartbeat is how long a connection may be silent before the peer is asked
// for a sign of life, and how long that may take.
const defaultHeartbeat = 10 * time.Second

var _ link.Link = Link{}

// Scheme is "tcp"; the link takes "tls+tcp" URLs as well.
func (Link) Scheme() string { return "tcp" }

// Capabilities are all but a durable queue.
func (Link) Capabilities() link.Capabilities { return link.Capabilities{Streams: true} }

// Dial makes a conn to tcp://host:port or tls+tcp://host:port.
func (l Link) Dial(u *url.URL, o link.DialOptions) (link.Conn, error) {
	if err := check(u); err != nil {
		return nil, fmt.Errorf("dial %q: %w", u, err)
	}
	return call.NewConn(newDialer(u, o, l.every()), u, o)
}

// Listen takes a TCP address. tls+tcp needs ListenOptions.TLS.
func (l Link) Listen(ctx context.Context, u *url.URL, o link.ListenOptions) (link.Server, error) {
	if err := check(u); err != nil {
		return nil, fmt.Errorf("listen on %q: %w", u, err)
	}
	return listen(ctx, u, o, l.every())
}

func (l Link) every() time.Duration { return cmp.Or(l.heartbeat, defaultHeartbeat) }

const secureScheme = "tls+tcp"

func check(u *url.URL) error {
	if u.Scheme != "tcp" && u.Scheme != secureScheme {
		return fmt.Errorf("scheme is %q: write tcp://host:port or tls+tcp://host:port", u.Scheme)
	}
	if u.Hostname() == "" || u.Port() == "" {
		return fmt.Errorf("no host or no port: write %s://host:port", u.Scheme)
	}
	if u.User != nil || u.Path != "" || u.RawQuery != "" {
		return fmt.Errorf("more than a host and a port: write %s://host:port", u.Scheme)
	}
	return nil
}
