package udplink

import (
	"context"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/call"
)

// mostGreeting is how long a server may leave hello without an answer.
const mostGreeting = 4 * time.Second

// greeting is a hello that is under way. Its times are guarded by the client's lock.
type greeting struct {
	nonce uint64
	began time.Time
	next  time.Time // when to say it again
	pause time.Duration

	done chan struct{} // closed when err is set
	err  error         // why the server takes no calls; nil: it does
}

func (g *greeting) end(err error) {
	if err != nil {
		g.err = neverSent(err)
	}
	close(g.done)
}

// ready waits until the server is known to be there. known is false when the client
// has ended.
func (c *client) ready(ctx context.Context) (known bool, err error) {
	c.mu.Lock()
	ended := c.err != nil
	var g *greeting
	if !ended && !c.isFresh(time.Now()) {
		g = c.greet(time.Now())
	}
	c.mu.Unlock()
	if g == nil {
		return !ended, nil
	}
	select {
	case <-g.done:
		return g.err == nil, g.err
	case <-ctx.Done():
		return false, call.Ended(ctx, link.NeverSent)
	}
}

func (c *client) fresh() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err == nil && c.isFresh(time.Now())
}

// isFresh tells whether a call may leave without a greeting. What has not been heard
// of for a while may have been started anew, and a call of the old epoch would be
// lost. The caller holds the lock.
func (c *client) isFresh(now time.Time) bool {
	return now.Sub(c.welcomed) < refresh && now.Sub(c.heard) < c.dialer.every/2
}

// greet says hello, unless that is under way. The caller holds the lock.
func (c *client) greet(now time.Time) *greeting {
	if c.greeting == nil {
		c.greeting = &greeting{
			nonce: random(), began: now, next: now, pause: firstPause / 2, done: make(chan struct{}),
		}
		c.arm(now)
	}
	return c.greeting
}

// repeat is what to send if it is time to say hello again.
func (g *greeting) repeat(limit int, now time.Time) []byte {
	if now.Before(g.next) {
		return nil
	}
	g.pause = min(2*g.pause, mostPause)
	g.next = now.Add(g.pause)
	d := datagram{kind: hello, version: newest, oldest: oldest, nonce: g.nonce, limit: uint16(limit)}
	return d.append(make([]byte, 0, limit))
}

// welcome takes in the answer to hello.
func (c *client) welcome(d datagram, now time.Time) {
	c.mu.Lock()
	g := c.greeting
	if g == nil || g.nonce != d.nonce {
		c.mu.Unlock()
		return
	}
	c.greeting = nil
	err := c.judge(d)
	var lost []*asking
	if err == nil {
		lost = c.settle(d, g, now)
	}
	c.mu.Unlock()
	g.end(err)
	for _, a := range lost {
		a.losef("udp://%s was started anew", c.dialer.address)
	}
}

// judge tells whether calls may be sent.
func (c *client) judge(d datagram) error {
	switch {
	case d.version < oldest || d.oldest > newest || d.version < d.oldest:
		return status.Errorf(codes.Unavailable,
			"udp://%s speaks versions %d to %d of Kerf's UDP format, and this program %d to %d",
			c.dialer.address, d.oldest, d.version, oldest, newest)
	case d.flags&flagStopping != 0:
		return status.Errorf(codes.Unavailable, "the server of udp://%s is stopping", c.dialer.address)
	}
	return nil
}

// settle takes on what the server said of itself. It gives the calls that a server
// has seen which is no more: another must not run them. The caller holds the lock.
func (c *client) settle(d datagram, g *greeting, now time.Time) (lost []*asking) {
	refused := c.welcomed.IsZero() // repeats, at least
	for _, a := range c.calls {
		switch {
		case d.epoch != c.head.epoch:
			lost = append(lost, a)
		case refused:
			a.next = now
			c.arm(now)
		}
	}
	c.head.epoch, c.head.cookie = d.epoch, d.cookie
	c.limit = min(c.dialer.limit, int(d.limit))
	c.pause = min(max(firstPause, 2*now.Sub(g.began)), mostPause)
	c.welcomed, c.heard = now, now
	return lost
}
