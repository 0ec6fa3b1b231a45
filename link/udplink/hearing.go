package udplink

import (
	"time"

	"github.com/kerf-go/kerf/link/call/frame"
)

// take receives a datagram.
func (c *client) take(b []byte) {
	d, err := parse(b)
	now := time.Now()
	switch {
	case err != nil:
	case d.kind == welcome:
		c.welcome(d, now)
	case d.client != c.dialer.id:
	case d.kind == stale:
		c.refused(now)
	default:
		c.told(d, now)
	}
}

// refused takes in that a call was not taken: what the client knows is out of date.
func (c *client) refused(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Sub(c.welcomed) > c.dialer.every/2 { // not for each of many, and not for ever
		c.welcomed = time.Time{}
		c.greet(now)
	}
}

// told takes in what the server says of a call.
func (c *client) told(d datagram, now time.Time) {
	if d.kind == answer {
		f, _, err := frame.Next(d.frames)
		if err != nil {
			return
		}
		d.call = f.Call
	}
	a := c.hear(d, now)
	switch {
	case a == nil:
	case d.kind == gone:
		a.losef("udp://%s has no answer", c.dialer.address)
	case d.kind == answer:
		err := feed(d.frames, d.call, a.caller.Handle)
		if c.waits(a) {
			a.losef("udp://%s answered what makes no sense: %v", c.dialer.address, err)
		}
	}
}

// hear finds the call that is spoken of; nil: it is over, or of an old epoch.
func (c *client) hear(d datagram, now time.Time) *asking {
	c.mu.Lock()
	defer c.mu.Unlock()
	if d.epoch != c.head.epoch {
		return nil
	}
	c.heard = now
	a := c.calls[d.call]
	if a != nil {
		a.heard = now
	}
	return a
}

func (c *client) waits(a *asking) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !a.over
}
