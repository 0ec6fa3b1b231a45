package udplink

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/call"
)

// Link is the UDP link. The zero value is ready to use.
type Link struct {
	heartbeat time.Duration // 0: defaultHeartbeat; tests have no time for that
}

const (
	// defaultHeartbeat is how often each end of a call that runs is asked for a sign
	// of life.
	defaultHeartbeat = 2 * time.Second
	// mostSilent is how many heartbeats may be lost before a peer counts as gone.
	mostSilent = 10

	// usualDatagram is what every path of the Internet carries in one piece.
	usualDatagram = 1200
	leastDatagram = 512
	mostDatagram  = 65_507 // what UDP over IPv4 allows

	// mostMessage is what the usual datagram holds of a call whose method has no name
	// and which has no metadata: 66 bytes are frames around the message.
	mostMessage = usualDatagram - callLen - 66
)

var _ link.Link = Link{}

// Scheme is "udp".
func (Link) Scheme() string { return "udp" }

// Capabilities are calls with one message either way, which fit into a datagram of
// the usual size with their metadata.
func (Link) Capabilities() link.Capabilities { return link.Capabilities{MaxMessage: mostMessage} }

// Dial makes a conn to udp://host:port. With ?datagram=N, 512 to 65507, it takes and
// sends datagrams of so many bytes if the server does; the usual limit is 1200.
func (l Link) Dial(u *url.URL, o link.DialOptions) (link.Conn, error) {
	limit, err := check(u)
	if err != nil {
		return nil, fmt.Errorf("dial %q: %w", u, err)
	}
	return call.NewConn(newDialer(u, o, limit, l.every()), u, o)
}

// Listen takes a UDP address. ?datagram=N is as for Dial, and part of the server's
// URL.
func (l Link) Listen(ctx context.Context, u *url.URL, o link.ListenOptions) (link.Server, error) {
	limit, err := check(u)
	if err != nil {
		return nil, fmt.Errorf("listen on %q: %w", u, err)
	}
	return listen(ctx, u, o, limit, l.every())
}

func (l Link) every() time.Duration { return cmp.Or(l.heartbeat, defaultHeartbeat) }

// check gives the limit of datagrams that a URL asks for.
func check(u *url.URL) (limit int, err error) {
	if u.Scheme != "udp" {
		return 0, fmt.Errorf("scheme is %q: write udp://host:port", u.Scheme)
	}
	if u.Hostname() == "" || u.Port() == "" {
		return 0, errors.New("no host or no port: write udp://host:port")
	}
	limit = usualDatagram
	for key, values := range u.Query() {
		if key != "datagram" {
			return 0, fmt.Errorf("%q in the query: only datagram is known, as in udp://host:port?datagram=8192", key)
		}
		limit, err = strconv.Atoi(values[0])
		if err != nil || len(values) > 1 || limit < leastDatagram || limit > mostDatagram {
			return 0, fmt.Errorf("datagram is %q: choose one number of bytes from %d to %d, or leave it out for %d",
				values, leastDatagram, mostDatagram, usualDatagram)
		}
	}
	return limit, nil
}
