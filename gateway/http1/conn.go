package http1

import (
	"bufio"
	"crypto/tls"
	"errors"
	"math"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"
)

// conn is a connection to a server. One request at a time has it.
type conn struct {
	net.Conn
	transport *Transport
	server    server
	era       int       // of the transport, in which it was made
	since     time.Time // it is idle
	used      bool      // by a request before this one

	reader *bufio.Reader
	writer *bufio.Writer
	left   int64 // of what may be read now
	begun  bool  // some of the answer has come

	socket syscall.RawConn // nil: it cannot be seen what has come
}

func newConn(c net.Conn, t *Transport, s server, era int) *conn {
	made := &conn{Conn: c, transport: t, server: s, era: era}
	made.reader, made.writer = bufio.NewReader(made), bufio.NewWriter(c)
	if over, ok := c.(*tls.Conn); ok {
		c = over.NetConn()
	}
	if raw, ok := c.(syscall.Conn); ok {
		made.socket, _ = raw.SyscallConn() // nil if it fails
	}
	return made
}

// Read reads as much as a header may have, and then without a limit.
func (c *conn) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, errHeaderSize
	}
	n, err := c.Conn.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	c.begun = c.begun || n > 0
	return n, err
}

// ask begins with a request.
func (c *conn) ask() {
	c.left, c.begun = math.MaxInt64, false
	if most := c.transport.MaxHeaderSize; most > 0 {
		c.left = most
	}
}

// stale tells whether a request that failed may be sent again: its connection was closed
// while nobody used it, and it does no harm if it arrives twice (RFC 9110, 9.2.1).
func (c *conn) stale(r *http.Request, err error) bool {
	if !c.used || c.begun || r.Context().Err() != nil || errors.Is(err, os.ErrDeadlineExceeded) || hasBody(r) {
		return false
	}
	switch r.Method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	}
	return false
}

// unread tells whether anything has come on an idle connection: its end, or bytes that
// answer nothing.
func (c *conn) unread() bool {
	over, ok := c.Conn.(*tls.Conn)
	return ok && decrypted(over) || c.socket == nil || pending(c.socket)
}

// decrypted tells whether a connection holds bytes that it has read already.
func decrypted(c *tls.Conn) bool {
	if c.SetReadDeadline(time.Unix(1, 0)) != nil { // nothing more is read
		return true
	}
	_, err := c.Read(make([]byte, 1))
	return !errors.Is(err, os.ErrDeadlineExceeded) || c.SetReadDeadline(time.Time{}) != nil
}
