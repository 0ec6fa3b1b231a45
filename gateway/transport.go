package gateway

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/kerf-go/kerf/gateway/http1"
)

const (
	dialTimeout  = 5 * time.Second
	tlsTimeout   = 5 * time.Second
	idlePerHost  = 1024 // connections kept; net/http's default of 2 would dial for most requests
	idleTimeout  = 90 * time.Second
	answerHeader = 256 << 10
)

// transport sends requests to the servers of an upstream: over HTTP/2 to those that speak
// it with TLS, over HTTP/1.1 to all others.
type transport struct {
	one    http1.Transport
	two    http.Transport
	dialer net.Dialer
	roots  *x509.CertPool // nil: the system's

	mu     sync.Mutex
	speaks map[string]bool // guarded by mu; whether a host speaks HTTP/2, as far as is known
}

const protocol1, protocol2 = "http/1.1", "h2" // as TLS names them

// newTransport makes one whose servers have a time to begin with an answer.
func newTransport(header time.Duration, roots *x509.CertPool) *transport {
	t := &transport{dialer: net.Dialer{Timeout: dialTimeout}, roots: roots, speaks: make(map[string]bool)}
	t.one = http1.Transport{
		Dial:    t.dial,
		MaxIdle: idlePerHost, IdleTime: idleTimeout, HeaderTime: header, MaxHeaderSize: answerHeader,
	}
	t.two = http.Transport{
		DialTLSContext: t.dialTwo, Protocols: new(http.Protocols),
		IdleConnTimeout: idleTimeout, ResponseHeaderTimeout: header, MaxResponseHeaderBytes: answerHeader,
		DisableCompression: true, // what the client asks for is what it gets
	}
	t.two.Protocols.SetHTTP2(true)
	return t
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != schemeHTTPS || r.Header["Upgrade"] != nil { // which is of HTTP/1.1
		return t.one.RoundTrip(r)
	}
	two, err := t.speaksTwo(r.Context(), r.URL.Host)
	switch {
	case err != nil:
		if r.Body != nil {
			_ = r.Body.Close()
		}
		return nil, err
	case two:
		response, err := t.two.RoundTrip(r)
		if err == nil && response.StatusCode < http.StatusContinue {
			_ = response.Body.Close()
			return nil, fmt.Errorf("%w: the status %d", http1.ErrMalformed, response.StatusCode)
		}
		return response, late(err)
	}
	return t.one.RoundTrip(r)
}

// late tells of an answer that has not begun in time as the client of HTTP/1.1 does. That nobody was
// there to be asked is another matter.
func late(err error) error {
	var timeout net.Error
	var dial *net.OpError
	if errors.As(err, &timeout) && timeout.Timeout() && (!errors.As(err, &dial) || dial.Op != "dial") &&
		!errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%w: %w", context.DeadlineExceeded, err)
	}
	return err
}

// speaksTwo finds out whether a host speaks HTTP/2, by a connection that is for nothing else.
func (t *transport) speaksTwo(ctx context.Context, host string) (bool, error) {
	t.mu.Lock()
	two, known := t.speaks[host]
	t.mu.Unlock()
	if known {
		return two, nil
	}
	c, err := t.dialTLS(ctx, http1.Address(schemeHTTPS, host), protocol2, protocol1)
	if err != nil {
		return false, err
	}
	two = c.ConnectionState().NegotiatedProtocol == protocol2
	_ = c.Close() // nothing was sent
	t.mu.Lock()
	defer t.mu.Unlock()
	t.speaks[host] = two
	return two, nil
}

func (t *transport) dial(ctx context.Context, scheme, address string) (net.Conn, error) {
	if scheme == schemeHTTPS {
		return t.dialTLS(ctx, address, protocol1)
	}
	return t.dialer.DialContext(ctx, "tcp", address)
}

// dialTwo connects over HTTP/2. A server that does not speak it any more is asked anew.
func (t *transport) dialTwo(ctx context.Context, _, address string) (net.Conn, error) {
	c, err := t.dialTLS(ctx, address, protocol2, protocol1)
	if err != nil || c.ConnectionState().NegotiatedProtocol == protocol2 {
		return c, err
	}
	_ = c.Close()
	t.mu.Lock()
	defer t.mu.Unlock()
	clear(t.speaks)
	return nil, &net.OpError{Op: "dial", Net: "tcp", Err: fmt.Errorf("%s does not speak HTTP/2 any more", address)}
}

// dialTLS connects to who speaks one of protocols. What fails before, fails to connect.
func (t *transport) dialTLS(ctx context.Context, address string, protocols ...string) (*tls.Conn, error) {
	c, err := t.dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	host, _, _ := net.SplitHostPort(address)
	over := tls.Client(c, &tls.Config{
		ServerName: host, RootCAs: t.roots, NextProtos: protocols, MinVersion: tls.VersionTLS12,
	})
	ctx, cancel := context.WithTimeout(ctx, tlsTimeout)
	defer cancel()
	if err := over.HandshakeContext(ctx); err != nil {
		_ = c.Close()
		return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: c.RemoteAddr(), Err: err}
	}
	return over, nil
}

func (t *transport) CloseIdleConnections() {
	t.one.CloseIdleConnections()
	t.two.CloseIdleConnections()
}
