// Package http1 is a client of HTTP/1.1 (RFC 9112) whose requests are written, and whose
// answers are read, by the goroutine that makes them.
//
// net/http gives each connection two goroutines of its own. That costs a proxy two changes
// of goroutines for a request, and leaves a moment in which an answer that nobody asked for
// is taken for the next one's. Here a connection is only used again if nothing has come on it
// since its last answer ended.
package http1

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"
)

// Transport makes requests. Its fields are not changed once it is in use. It is safe for
// concurrent use.
type Transport struct {
	// Dial connects to a server, with TLS if the scheme is https. The address has a port.
	Dial func(ctx context.Context, scheme, address string) (net.Conn, error)

	MaxIdle       int           // connections kept for each server; 0: none
	IdleTime      time.Duration // after which a connection is kept no longer; 0: it is kept
	HeaderTime    time.Duration // for an answer's header, once the request is written; 0: no limit
	MaxHeaderSize int64         // bytes of an answer's header, those of 1xx before it included

	mu    sync.Mutex
	idle  map[server][]*conn // guarded by mu; the one used last is the last
	sweep *time.Timer        // guarded by mu; nil: nothing is idle
	era   int                // guarded by mu; how often CloseIdleConnections was called
}

var _ http.RoundTripper = (*Transport)(nil)

// server is where connections lead.
type server struct{ scheme, host string }

// Address is where to connect to for a URL's scheme, http or https, and host.
func Address(scheme, host string) string {
	u := url.URL{Host: host}
	port := u.Port()
	switch {
	case port != "":
	case scheme == "https":
		port = "443"
	default:
		port = "80"
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// RoundTrip implements http.RoundTripper. A request without a body whose method is safe is
// sent again if its connection turns out to be one that the server has closed.
//
// Its errors are those of net/http's transport in kind: of a dial a *net.OpError, of a header
// that takes too long one that is a timeout, of a connection that ends io.EOF or
// io.ErrUnexpectedEOF, and that of the request's context if it has ended. An answer that cannot be
// read is ErrMalformed, as is its body.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	for {
		c, err := t.take(r)
		if err != nil {
			if r.Body != nil {
				_ = r.Body.Close()
			}
			return nil, err
		}
		e := exchange{conn: c, request: r}
		response, err := e.do()
		if err == nil {
			return response, nil
		}
		if !c.stale(r, err) {
			return nil, err
		}
	}
}

// take gives a connection that is idle, or a new one.
func (t *Transport) take(r *http.Request) (*conn, error) {
	if r.Context().Err() != nil {
		return nil, context.Cause(r.Context())
	}
	s := server{r.URL.Scheme, r.URL.Host}
	for c := t.pop(s); c != nil; c = t.pop(s) {
		if !c.unread() {
			c.used = true
			return c, nil
		}
		_ = c.Close()
	}
	t.mu.Lock()
	era := t.era
	t.mu.Unlock()
	made, err := t.Dial(r.Context(), s.scheme, Address(s.scheme, s.host))
	if err != nil {
		return nil, err
	}
	return newConn(made, t, s, era), nil
}

func (t *Transport) pop(s server) *conn {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := t.idle[s]
	if len(all) == 0 {
		return nil
	}
	last := len(all) - 1
	c := all[last]
	all[last] = nil
	t.idle[s] = all[:last]
	return c
}

// put keeps a connection for further requests.
func (t *Transport) put(c *conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.idle[c.server]) >= t.MaxIdle || c.era != t.era {
		go c.Close() //nolint:errcheck // with TLS it says goodbye, for which nobody waits
		return
	}
	if t.idle == nil {
		t.idle = make(map[server][]*conn)
	}
	c.since = time.Now()
	t.idle[c.server] = append(t.idle[c.server], c)
	if t.sweep == nil && t.IdleTime > 0 {
		t.sweep = time.AfterFunc(t.IdleTime, t.closeOld)
	}
}

// closeOld closes what has been idle for too long, and comes again when more is due.
func (t *Transport) closeOld() {
	old, wait := t.popOld(time.Now())
	for _, c := range old {
		_ = c.Close()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sweep = nil
	if len(t.idle) > 0 {
		t.sweep = time.AfterFunc(wait, t.closeOld)
	}
}

// popOld gives what has been idle for too long, and how long nothing more will have been.
func (t *Transport) popOld(now time.Time) (old []*conn, wait time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	wait = t.IdleTime
	for s, all := range t.idle {
		n := 0
		for n < len(all) && now.Sub(all[n].since) >= t.IdleTime {
			n++
		}
		old = append(old, all[:n]...)
		if n == len(all) {
			delete(t.idle, s)
			continue
		}
		t.idle[s] = slices.Delete(all, 0, n)
		wait = min(wait, t.IdleTime-now.Sub(all[0].since))
	}
	return old, wait
}

// CloseIdleConnections closes the connections that are not in use, and lets those that are
// end with their requests.
func (t *Transport) CloseIdleConnections() {
	t.mu.Lock()
	idle := t.idle
	t.idle = nil
	t.era++
	t.mu.Unlock()
	for _, all := range idle {
		for _, c := range all {
			_ = c.Close()
		}
	}
}

// ErrMalformed is the error of an answer that is no HTTP/1, whose header is too large, or which
// changes to a protocol that nobody asked for.
var ErrMalformed = errors.New("http1: the answer cannot be read")

var errHeaderSize = fmt.Errorf("%w: the header of the answer is too large", ErrMalformed)

// malformed is the error of an answer for what was found in it. There may be much in it.
func malformed(err error) error { return fmt.Errorf("%w: %.200s", ErrMalformed, err.Error()) }

// timeout is that of an answer's header.
type timeout struct{}

func (timeout) Error() string     { return "http1: the header of the answer took too long" }
func (timeout) Timeout() bool     { return true }
func (timeout) Temporary() bool   { return true }
func (timeout) Is(err error) bool { return err == context.DeadlineExceeded }
