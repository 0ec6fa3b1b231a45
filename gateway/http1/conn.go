package http1

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
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
	parts  int   // that have been written since nothing could be left that the server had not read
	laden  bool  // a body was sent, of which the server may have left something unread
	asked  *exchange
	failed error // why no more of it comes

	peek peek
}

func newConn(c net.Conn, t *Transport, s server, era int) *conn {
	made := &conn{Conn: c, transport: t, server: s, era: era}
	made.reader, made.writer = bufio.NewReader(made), bufio.NewWriter(made)
	if over, ok := c.(*tls.Conn); ok {
		c = over.NetConn()
	}
	if raw, ok := c.(syscall.Conn); ok {
		if socket, err := raw.SyscallConn(); err == nil {
			made.peek.at(socket)
		}
	}
	return made
}

// Read reads as much as a header may have, and then without a limit.
func (c *conn) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, errHeaderSize
	}
	p = p[:min(int64(len(p)), c.left)]
	n, err := c.Conn.Read(p)
	if n == 0 && errors.Is(err, os.ErrDeadlineExceeded) && c.asked.lasts() {
		n, err = c.Conn.Read(p)
	}
	c.left -= int64(n)
	c.begun = c.begun || n > 0
	c.failed = err
	return n, err
}

// broke tells whether an answer cannot be read because its connection has failed or ended.
func (c *conn) broke(err error) bool {
	return c.failed != nil && (errors.Is(err, c.failed) || errors.Is(err, io.ErrUnexpectedEOF))
}

// Write sends a part of a request. The first finds room: whoever has answered a request that had
// no body has read it.
func (c *conn) Write(p []byte) (int, error) {
	if c.parts++; c.parts > 1 {
		c.asked.watch()
	}
	return c.Conn.Write(p)
}

// ask begins with a request.
func (c *conn) ask(e *exchange) {
	c.left, c.begun, c.failed, c.asked = math.MaxInt64, false, nil, e
	if !c.laden {
		c.parts = 0
	}
	c.laden = c.laden || hasBody(e.request)
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
	return ok && decrypted(over) || c.peek.pending()
}

// decrypted tells whether a connection holds bytes that it has read already.
func decrypted(c *tls.Conn) bool {
	if c.SetReadDeadline(time.Unix(1, 0)) != nil { // nothing more is read
		return true
	}
	_, err := c.Read(make([]byte, 1))
	return !errors.Is(err, os.ErrDeadlineExceeded) || c.SetReadDeadline(time.Time{}) != nil
}
