package gateway

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// preface is what a connection of HTTP/2 begins with (RFC 9113, 3.4).
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

const (
	mostResets = 500                    // more streams of a connection that were reset than ended well
	lingerTime = 500 * time.Millisecond // for an answer to be read before the connection is reset
	lingerSize = 256 << 10
)

// poison is read in place of a head that is refused: it makes net/http answer with 400,
// after the answers to the requests before. An error alone would break those off, or be
// taken for the end of the connection if it came before 4 bytes.
const poison = "\x00\x00\x00\x00"

// conn is a client's connection. What is read of HTTP/1 is checked for its framing.
type conn struct {
	net.Conn
	of    *conns
	stall time.Duration // after which a client that takes nothing of an answer is given up

	begun   bool
	first   []byte // what begin or departure has read and Read has not given yet
	whole   bool   // a request has come whole since the read before
	framing framing
	bad     error // the violation, after what is left of poison
	poison  string
	refused atomic.Bool // bad is set
	midway  atomic.Bool // a request has not been read whole
	opaque  atomic.Bool // HTTP/2, or upgraded: what is read is no HTTP/1
	late    atomic.Bool // a head that has begun was waited for in vain

	tls       func() *tls.ConnectionState
	resets    atomic.Int64
	departure departure
}

func newConn(c net.Conn, of *conns, stall time.Duration) *conn {
	made := &conn{Conn: c, of: of, stall: stall, tls: func() *tls.ConnectionState { return nil }}
	if over, ok := c.(*tls.Conn); ok {
		made.tls = sync.OnceValue(func() *tls.ConnectionState {
			state := over.ConnectionState()
			return &state
		})
	}
	return made
}

func (c *conn) Read(p []byte) (n int, err error) {
	if c.bad != nil {
		return c.poisoned(p)
	}
	if c.whole { // so this read is to find out whether the client leaves
		c.whole = false
		c.departure.begin(c)
		return 0, nil
	}
	if !c.begun {
		c.begun = true
		if c.bad = c.begin(); c.bad != nil {
			c.late.Store(len(c.first) > 0 && errors.Is(c.bad, os.ErrDeadlineExceeded))
			return 0, c.bad
		}
	}
	if n = copy(p, c.first); n > 0 {
		c.first = c.first[n:]
	} else {
		n, err = c.Conn.Read(p)
	}
	if n == 0 || c.opaque.Load() {
		begun := c.framing.inHead() && !c.framing.between()
		c.late.Store(begun && errors.Is(err, os.ErrDeadlineExceeded))
		return n, err
	}
	c.late.Store(false)
	if n, c.bad = c.framing.accept(p[:n]); c.bad == nil {
		c.whole = c.framing.between()
		c.midway.Store(!c.whole)
		return n, err
	}
	c.refused.Store(true)
	if c.framing.inHead() {
		c.poison = poison
		c.refuse(http.StatusBadRequest, c.bad) // of others, the request is known already
	}
	if n > 0 {
		return n, nil
	}
	return c.poisoned(p)
}

func (c *conn) poisoned(p []byte) (int, error) {
	if c.poison == "" {
		return 0, c.bad
	}
	n := copy(p, c.poison)
	c.poison = c.poison[n:]
	return n, nil
}

// begin reads until it is clear whether the client speaks HTTP/2. A preface that is not
// whole net/http would take for a request.
func (c *conn) begin() error {
	c.first = make([]byte, 0, len(preface))
	for len(c.first) < len(preface) && string(c.first) == preface[:len(c.first)] {
		n, err := c.Conn.Read(c.first[len(c.first):cap(c.first)])
		c.first = c.first[:len(c.first)+n]
		if err != nil {
			return err
		}
	}
	c.opaque.Store(string(c.first) == preface)
	return nil
}

func (c *conn) refuse(code int, reason error) {
	if c.of.refuse != nil {
		c.of.refuse(c.RemoteAddr(), code, reason)
	}
}

func (c *conn) Write(p []byte) (int, error) {
	if code, text := ownRefusal(p); code > 0 && !c.opaque.Load() && !c.refused.Load() {
		reason := errors.New(text)
		if c.late.Swap(false) { // within a line, which then has no end
			reason = errHeaderTime
		}
		c.refuse(code, reason)
	}
	if err := c.SetWriteDeadline(time.Now().Add(c.stall)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

// CloseWrite lets net/http wait for a client that still sends.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// ownRefusal reads an answer that net/http gives by itself, to a head that it does not take; 0: it is
// none. Those of handlers have a date.
func ownRefusal(p []byte) (code int, text string) {
	const version = "HTTP/1.1 "
	if len(p) <= len(version) || p[len(version)] != '4' && p[len(version)] != '5' {
		return 0, ""
	}
	line, rest, _ := bytes.Cut(p, []byte("\r\n"))
	const header = "Content-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"
	if len(line) < len(version)+3 || !bytes.HasPrefix(line, []byte(version)) || !bytes.HasPrefix(rest, []byte(header)) {
		return 0, ""
	}
	text = string(line[len(version):])
	code, _ = strconv.Atoi(text[:3])
	return code, text
}

var errHeaderTime = errors.New("the headers took too long to arrive")

// Close ends the connection. A client that may not have sent all is given the time to read
// the answer: closing with bytes unread would reset the connection, and lose it.
func (c *conn) Close() error {
	if c.late.Swap(false) && !c.of.ending.Load() {
		c.refuse(http.StatusRequestTimeout, errHeaderTime)
	}
	unread := (c.departure.stop(c) || c.midway.Swap(false) || c.refused.Load()) && !c.opaque.Load()
	if unread && !c.of.ending.Load() && c.CloseWrite() == nil {
		_ = c.SetReadDeadline(time.Now().Add(lingerTime))
		_, _ = io.CopyN(io.Discard, c.Conn, lingerSize)
	}
	c.of.closed(c)
	if c.departure.leave != nil { // else no request has come
		defer c.departure.leave()
	}
	return c.Conn.Close()
}

// ended notes how a stream of HTTP/2 has ended. A client that begins streams only to reset
// them is left.
func (c *conn) ended(reset bool) {
	switch {
	case reset:
		if c.resets.Add(1) > mostResets {
			_ = c.Close()
		}
	case c.resets.Load() > 0:
		c.resets.Add(-1)
	}
}

type connKey struct{}

// serve answers the requests of connections that newConn made.
func serve(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, ok := r.Context().Value(connKey{}).(*conn)
		if !ok {
			next.ServeHTTP(w, r)
			return
		}
		r.TLS = c.tls()
		if r.ProtoMajor != 2 { //nolint:mnd // HTTP/2
			next.ServeHTTP(w, r)
			return
		}
		out := &streamWriter{w, http.NewResponseController(w), c.stall}
		next.ServeHTTP(out, r)
		_ = out.bound() // what has been written and not sent; the time ends with the stream
		c.ended(r.Context().Err() != nil)
	})
}

// streamWriter answers on a stream of HTTP/2, whose client may let nothing come though its
// connection is well: then the stream is reset.
type streamWriter struct {
	http.ResponseWriter
	control *http.ResponseController
	stall   time.Duration
}

// Unwrap lets http.ResponseController do the rest.
func (w *streamWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *streamWriter) Write(p []byte) (int, error) {
	defer w.bound()()
	return w.ResponseWriter.Write(p)
}

// FlushError sends what has been written.
func (w *streamWriter) FlushError() error {
	defer w.bound()()
	return w.control.Flush()
}

// bound has the stream reset if it does not end, and free is not called, within the time.
func (w *streamWriter) bound() (free func()) {
	_ = w.control.SetWriteDeadline(time.Now().Add(w.stall))
	return func() { _ = w.control.SetWriteDeadline(time.Time{}) }
}

// conns are the connections of a server that have been upgraded. net/http does not
// know of them any more.
type conns struct {
	refuse   func(client net.Addr, code int, reason error) // is told of requests that nobody sees; may be nil
	ending   atomic.Bool                                   // nobody is given more time
	mu       sync.Mutex
	upgraded map[*conn]bool // guarded by mu
	change   chan struct{}  // closed when the last is gone; nil: nobody waits
}

// state is for http.Server's ConnState.
func (s *conns) state(c net.Conn, state http.ConnState) {
	if c, ok := c.(*conn); ok && state == http.StateHijacked {
		c.opaque.Store(true)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.upgraded[c] = true
	}
}

func (s *conns) closed(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.upgraded, c)
	if len(s.upgraded) == 0 && s.change != nil {
		close(s.change)
		s.change = nil
	}
}

// end waits for the upgraded connections to end, and closes them when ctx ends.
func (s *conns) end(ctx context.Context, logger *slog.Logger) {
	s.mu.Lock()
	gone := make(chan struct{})
	if len(s.upgraded) == 0 {
		close(gone)
	} else {
		s.change = gone
	}
	s.mu.Unlock()
	select {
	case <-gone:
		return
	case <-ctx.Done():
	}
	s.mu.Lock()
	var left []*conn
	for c := range s.upgraded {
		left = append(left, c)
	}
	s.mu.Unlock()
	logger.Warn("upgraded connections are closed, since the drain time is over", "connections", len(left))
	for _, c := range left {
		_ = c.Close()
	}
}

// connListener makes a conn of each connection.
type connListener struct {
	net.Listener
	of    *conns
	stall time.Duration
}

func (l *connListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return newConn(c, l.of, l.stall), nil
}
