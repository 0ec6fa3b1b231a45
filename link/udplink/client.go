package udplink

import (
	"context"
	"errors"
	"net"
	"sync"
	"syscall"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/call"
	"github.com/kerf-go/kerf/link/call/frame"
)

const (
	// firstPause is how long a call or hello waits before it is repeated, or twice as
	// long as hello took if that is more.
	firstPause = 100 * time.Millisecond
	// mostPause is how long hello waits at most.
	mostPause = time.Second
	// refresh is how old a cookie may be that calls leave with.
	refresh = cookieLife / 2
)

// client is the client's end of a socket, and what it knows of the server.
type client struct {
	dialer *dialer
	conn   *net.UDPConn
	peer   *peer.Peer
	timer  *time.Timer
	closed chan struct{}  // closed at the end
	work   sync.WaitGroup // reader and repeater

	mu       sync.Mutex // guards the fields below, and asking where it says so
	calls    map[uint64]*asking
	greeting *greeting // the one under way; nil: none
	head     datagram  // of calls: what the server said last
	welcomed time.Time // when that was; zero: never, or it is out of date
	heard    time.Time // when it last said anything
	limit    int       // bytes of a datagram that both take
	pause    time.Duration
	armed    time.Time // when timer fires; zero: never
	err      error     // why it ended; nil: it has not
}

func newClient(d *dialer, conn *net.UDPConn) *client {
	_ = conn.SetReadBuffer(roomy)
	c := &client{
		dialer: d, conn: conn, peer: &peer.Peer{Addr: conn.RemoteAddr(), LocalAddr: conn.LocalAddr()},
		timer: time.NewTimer(time.Hour), closed: make(chan struct{}), calls: make(map[uint64]*asking),
		head:  datagram{kind: calls, version: newest, client: d.id, limit: uint16(d.limit)},
		limit: d.limit, pause: firstPause,
	}
	c.work.Go(c.read)
	c.work.Go(c.repeat)
	return c
}

// Usable tells whether calls may begin.
func (c *client) Usable() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err == nil
}

// End gives up the calls that are left, and closes the socket.
func (c *client) End() {
	c.mu.Lock()
	left := make([][]byte, 0, len(c.calls))
	for _, a := range c.calls {
		left = append(left, cancelling(c.head, a.number))
	}
	c.mu.Unlock()
	for _, b := range left {
		_, _ = c.conn.Write(b)
	}
	c.fail(call.Closed(link.MayHaveRun))
}

// Wait waits until it has ended.
func (c *client) Wait() { c.work.Wait() }

// fail ends it, with its calls.
func (c *client) fail(err error) {
	if _, ok := status.FromError(err); !ok {
		err = call.Unavailable(link.MayHaveRun, "%v", err)
	}
	c.mu.Lock()
	if c.err != nil {
		c.mu.Unlock()
		return
	}
	c.err = err
	g, lost := c.greeting, c.calls
	c.greeting, c.calls = nil, nil
	c.mu.Unlock()
	close(c.closed)
	_ = c.conn.Close()
	if g != nil {
		g.end(err)
	}
	for _, a := range lost {
		a.caller.Lose(err, link.MayHaveRun)
	}
}

// open begins a call.
func (c *client) open(ctx context.Context, r call.Request) (call.Transport, error) {
	a := &asking{letter: newLetter(ctx), client: c, number: c.dialer.numbers.ask()}
	if a.number == 0 {
		return nil, link.Mark(status.Newf(codes.ResourceExhausted,
			"%d calls wait for udp://%s already", mostSlots, c.dialer.address), link.NeverSent)
	}
	a.caller = frame.NewCaller(ctx, a, a.number, r)
	a.caller.Open()
	return a.caller, nil
}

// ask sends a call for the first time.
func (c *client) ask(a *asking) error {
	now := time.Now()
	c.mu.Lock()
	err := c.err
	if err == nil {
		err = a.fits(c.limit)
	}
	if err != nil {
		c.mu.Unlock()
		return neverSent(err)
	}
	a.address(c.head)
	a.heard, a.pause, a.next = now, c.pause, now.Add(c.pause)
	c.calls[a.number] = a
	c.arm(a.next)
	c.mu.Unlock()
	return c.write(a.packet)
}

// tell sends a call that nobody answers.
func (c *client) tell(l *letter) error {
	c.mu.Lock()
	err := c.err
	if err == nil {
		err = l.fits(c.limit)
	}
	head := c.head
	c.mu.Unlock()
	if err != nil {
		return neverSent(err)
	}
	return c.write(l.again(head, time.Now()))
}

// write sends a datagram. That nobody listens is what the system has heard of an
// earlier one. After any other error the server is greeted anew.
func (c *client) write(b []byte) error {
	sending()
	_, err := c.conn.Write(b)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ECONNREFUSED):
		c.fail(err)
	default:
		c.mu.Lock()
		c.welcomed = time.Time{}
		c.mu.Unlock()
	}
	return call.Unavailable(link.NeverSent, "%v", err)
}

func neverSent(err error) error { return link.Mark(status.Convert(err), link.NeverSent) }

// cancel tells the server that nobody waits for a call any more.
func (c *client) cancel(a *asking) {
	c.mu.Lock()
	head, sent := c.head, c.err == nil && !a.heard.IsZero()
	c.mu.Unlock()
	if sent {
		_, _ = c.conn.Write(cancelling(head, a.number))
	}
}

// forget lets go of a call that is over.
func (c *client) forget(a *asking) {
	c.mu.Lock()
	twice := a.over
	a.over = true
	delete(c.calls, a.number)
	c.mu.Unlock()
	if !twice {
		c.dialer.numbers.over(a.number)
	}
}

func (c *client) read() {
	buffer := make([]byte, mostDatagram+1)
	for {
		n, err := c.conn.Read(buffer)
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				err = call.Closed(link.MayHaveRun)
			}
			c.fail(err)
			return
		}
		received()
		c.take(buffer[:n])
	}
}
