package httplink

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"
)

// conn is a connection whose peer must go on taking what it is sent. HTTP/1.1 has no
// heartbeats, which would tell a peer that is slow from one that is gone.
type conn struct {
	net.Conn

	patience time.Duration // with a peer that takes nothing
}

// Write renews the deadline as long as anything gets through. One that is over while
// nothing is written does no harm.
func (c conn) Write(p []byte) (n int, err error) {
	for {
		if err := c.SetWriteDeadline(time.Now().Add(c.patience)); err != nil {
			return n, err
		}
		m, err := c.Conn.Write(p[n:])
		n += m
		if err == nil || !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
		if m == 0 {
			_ = c.Close() // so that nobody takes leave, which would take as long again
			return n, fmt.Errorf("the peer has not read for %v: %w", c.patience, err)
		}
	}
}

// CloseWrite is for net/http, which ends a connection so that its last answer is read.
func (c conn) CloseWrite() error {
	if half, ok := c.Conn.(closeWriter); ok {
		return half.CloseWrite()
	}
	return nil
}

type closeWriter interface{ CloseWrite() error }

var _ closeWriter = conn{}

// listener takes connections as conns.
type listener struct {
	net.Listener

	patience time.Duration
}

func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return conn{c, l.patience}, nil
}

// dialing makes conns.
func dialing(patience time.Duration) func(context.Context, string, string) (net.Conn, error) {
	dialer := net.Dialer{Timeout: dialTimeout}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dialer.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return conn{c, patience}, nil
	}
}
