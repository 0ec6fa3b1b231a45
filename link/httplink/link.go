package httplink

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/call"
)

// Link is the HTTP link. The zero value is ready to use.
type Link struct {
	// Tests have no time for the defaults, which 0 stands for.
	heartbeat, patience time.Duration
}

// defaultHeartbeat is how long an HTTP/2 connection may be silent before its peer is
// asked for a sign of life, and how long that may take to answer; then every call on
// it ends with Unavailable.
const defaultHeartbeat = 10 * time.Second

// defaultPatience is how long a peer may take nothing of what it is sent before the
// connection is closed.
const defaultPatience = 30 * time.Second

func (l Link) pings() *http.HTTP2Config {
	return &http.HTTP2Config{SendPingTimeout: l.heartbeat, PingTimeout: l.heartbeat}
}

func (l Link) complete() Link {
	return Link{cmp.Or(l.heartbeat, defaultHeartbeat), cmp.Or(l.patience, defaultPatience)}
}

var _ link.Link = Link{}

// Scheme is "http"; the link takes "https" URLs as well.
func (Link) Scheme() string { return "http" }

// Capabilities are all there are.
func (Link) Capabilities() link.Capabilities { return link.Capabilities{Streams: true} }

// Dial makes a conn to http://host:port or https://host:port. The query may say
// http=1 for HTTP/1.1, and codec=json for messages in JSON.
func (l Link) Dial(u *url.URL, o link.DialOptions) (link.Conn, error) {
	if err := check(u); err != nil {
		return nil, fmt.Errorf("dial %q: %w", u, err)
	}
	o, err := withCodec(u.Query().Get("codec"), o)
	if err != nil {
		return nil, fmt.Errorf("dial %q: %w", u, err)
	}
	d, err := newDialer(u, o, l.complete())
	if err != nil {
		return nil, fmt.Errorf("dial %q: %w", u, err)
	}
	return call.NewConn(d, u, o)
}

// Listen takes a TCP address. https needs ListenOptions.TLS.
func (l Link) Listen(ctx context.Context, u *url.URL, o link.ListenOptions) (link.Server, error) {
	if err := check(u); err != nil {
		return nil, fmt.Errorf("listen on %q: %w", u, err)
	}
	return listen(ctx, u, o, l.complete())
}

const secureScheme = "https"

func check(u *url.URL) error {
	if u.Scheme != "http" && u.Scheme != secureScheme {
		return fmt.Errorf("scheme is %q: write http://host:port or https://host:port", u.Scheme)
	}
	if u.Host == "" {
		return fmt.Errorf("no host: write %s://host:port", u.Scheme)
	}
	return nil
}
