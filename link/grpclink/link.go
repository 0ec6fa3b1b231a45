package grpclink

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/kerf-go/kerf/link"
)

// Link is the gRPC link. The zero value is ready to use.
type Link struct {
	heartbeat time.Duration // 0: defaultHeartbeat; tests have no time for that
}

// defaultHeartbeat is how long a connection may be silent before its peer is asked
// for a sign of life, and how long that may take to answer; then every call on it
// ends with Unavailable. grpc-go's clients ask no more often.
const defaultHeartbeat = 10 * time.Second

var _ link.Link = Link{}

// Scheme is "grpc"; the link takes "grpcs" URLs as well.
func (Link) Scheme() string { return "grpc" }

// Capabilities are all there are.
func (Link) Capabilities() link.Capabilities { return link.Capabilities{Streams: true} }

// Dial makes a conn to grpc://host:port or grpcs://host:port. The query may say
// heartbeat=DURATION, as in heartbeat=5m.
func (l Link) Dial(u *url.URL, o link.DialOptions) (link.Conn, error) {
	if err := check(u); err != nil {
		return nil, fmt.Errorf("dial %q: %w", u, err)
	}
	every, err := l.heartbeatOf(u)
	if err != nil {
		return nil, fmt.Errorf("dial %q: %w", u, err)
	}
	return dial(u, o, every)
}

// Listen takes a TCP address. grpcs needs ListenOptions.TLS.
func (l Link) Listen(ctx context.Context, u *url.URL, o link.ListenOptions) (link.Server, error) {
	if err := check(u); err != nil {
		return nil, fmt.Errorf("listen on %q: %w", u, err)
	}
	return listen(ctx, u, o, cmp.Or(l.heartbeat, defaultHeartbeat))
}

func (l Link) heartbeatOf(u *url.URL) (time.Duration, error) {
	text := u.Query().Get("heartbeat")
	if text == "" {
		return cmp.Or(l.heartbeat, defaultHeartbeat), nil
	}
	every, err := time.ParseDuration(text)
	if err != nil || every < defaultHeartbeat {
		return 0, fmt.Errorf("heartbeat=%s: write %s or more, such as heartbeat=5m", text, defaultHeartbeat)
	}
	return every, nil
}

func check(u *url.URL) error {
	if u.Scheme != "grpc" && u.Scheme != "grpcs" {
		return fmt.Errorf("scheme is %q: write grpc://host:port or grpcs://host:port", u.Scheme)
	}
	if u.Hostname() == "" || u.Port() == "" {
		return fmt.Errorf("no host or no port: write %s://host:port", u.Scheme)
	}
	if u.User != nil || u.Path != "" {
		return fmt.Errorf("more than a host and a port: write %s://host:port", u.Scheme)
	}
	for key := range u.Query() {
		if key != "heartbeat" {
			return fmt.Errorf("%q in the query: only heartbeat is known, as in heartbeat=5m", key)
		}
	}
	return nil
}
