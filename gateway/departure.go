package gateway

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"
)

// departureAfter is how long a request of HTTP/1 has been worked on when somebody begins to look
// whether its client is still there.
const departureAfter = 10 * time.Millisecond

// departure notices that a client leaves before it is answered. net/http looks for that with a
// read of its own, in a goroutine, which it has to stop again when the answer is there: for an
// answer that is there soon that is a good part of the work. So that read is answered with nothing
// (see conn.Read), and is only made once the request has lasted a while.
type departure struct {
	leave context.CancelFunc // ends the requests of the connection

	mu     sync.Mutex    // guards what follows
	timer  *time.Timer   // nil: not once begun
	begun  bool          // and not stopped
	looked chan struct{} // gets one when a look is over
}

// begin has somebody look in a while.
func (d *departure) begin(c *conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.begun = true
	if d.timer != nil {
		d.timer.Reset(departureAfter)
		return
	}
	d.looked = make(chan struct{}, 1)
	d.timer = time.AfterFunc(departureAfter, func() { d.look(c) })
}

// look waits for what comes: an end, or a byte of the next request.
func (d *departure) look(c *conn) {
	var b [1]byte
	n, err := c.Conn.Read(b[:])
	c.first = append(c.first, b[:n]...)
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		d.leave()
	}
	d.looked <- struct{}{}
}

// stop ends a look, if there is one, before somebody else reads or sets a time for it. It is true
// if there was one to come, so that nobody has seen yet what the client has sent since.
func (d *departure) stop(c *conn) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.begun {
		return false
	}
	d.begun = false
	if !d.timer.Stop() {
		_ = c.Conn.SetReadDeadline(time.Unix(1, 0))
		<-d.looked
	}
	return true
}

// SetReadDeadline is what net/http calls before each read that is for the next request.
func (c *conn) SetReadDeadline(t time.Time) error {
	c.departure.stop(c)
	return c.Conn.SetReadDeadline(t)
}

// SetDeadline is what net/http calls before it gives a connection away.
func (c *conn) SetDeadline(t time.Time) error {
	c.departure.stop(c)
	return c.Conn.SetDeadline(t)
}
