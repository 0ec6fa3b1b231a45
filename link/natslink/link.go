package natslink

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/call"
)

// Link is the NATS link. The zero value is ready to use.
type Link struct {
	heartbeat time.Duration // 0: defaultHeartbeat; tests have no time for that
	backoff   time.Duration // 0: defaultBackoff
	silence   time.Duration // 0: defaultSilence
}

// defaultHeartbeat is how long an end of a call hears nothing before it asks the
// other for a sign of life. Who is gone is known within the deadline of a plan's calls,
// early enough for another attempt: nobody else tells that the server of a call was killed.
const defaultHeartbeat = 500 * time.Millisecond

// defaultBackoff is the pause after an accepted request's first failure. It doubles
// with each further one.
const defaultBackoff = 500 * time.Millisecond

// defaultSilence is how long a server may be silent about a request that it has taken
// before another one gets it.
const defaultSilence = 20 * time.Second

var _ link.Link = Link{}

// Scheme is "nats"; the link takes "tls+nats" URLs as well.
func (Link) Scheme() string { return "nats" }

// Capabilities are all there are.
func (Link) Capabilities() link.Capabilities {
	return link.Capabilities{Streams: true, Durable: true, Broker: true}
}

// Dial makes a conn to the servers of nats://host:port/subject, or to one of them by the
// URL that it tells.
func (l Link) Dial(u *url.URL, o link.DialOptions) (link.Conn, error) {
	if err := check(u); err != nil {
		return nil, fmt.Errorf("dial %q: %w", u.Redacted(), err)
	}
	return call.NewConn(newDialer(u, o, l.every()), u, o)
}

// Listen takes its share of the calls of a subject, once it serves. By the URL that a server
// has told it takes that one's place, who must be gone.
func (l Link) Listen(ctx context.Context, u *url.URL, o link.ListenOptions) (link.Server, error) {
	err := check(u)
	if err == nil {
		var s *server
		if s, err = listen(ctx, u, o, l); err == nil {
			return s, nil
		}
	}
	return nil, fmt.Errorf("listen on %q: %w", u.Redacted(), err)
}

func (l Link) every() time.Duration { return cmp.Or(l.heartbeat, defaultHeartbeat) }
func (l Link) pause() time.Duration { return cmp.Or(l.backoff, defaultBackoff) }
func (l Link) quiet() time.Duration { return cmp.Or(l.silence, defaultSilence) }
