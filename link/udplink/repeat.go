package udplink

import (
	"time"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/call"
)

// arm has the timer fire at a time at the latest. The caller holds the lock.
func (c *client) arm(at time.Time) {
	if c.armed.IsZero() || at.Before(c.armed) {
		c.armed = at
		c.timer.Reset(time.Until(at))
	}
}

// repeat sends again what has got no answer, and gives up what gets none.
func (c *client) repeat() {
	defer c.timer.Stop()
	for {
		select {
		case <-c.closed:
			return
		case <-c.timer.C:
			packets, lost, err := c.due(time.Now())
			for _, b := range packets {
				if err == nil {
					err = c.write(b)
				}
			}
			for _, a := range lost {
				a.losef("udp://%s was silent for %v", c.dialer.address, mostSilent*c.dialer.every)
			}
			if err != nil {
				c.fail(err)
			}
		}
	}
}

// due gives what is to be sent now, and the calls that are lost. An error is the end.
func (c *client) due(now time.Time) (packets [][]byte, lost []*asking, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.armed = time.Time{}
	for _, a := range c.calls {
		if a.silent(now, mostSilent*c.dialer.every) {
			lost = append(lost, a)
			c.welcomed = time.Time{}
			continue
		}
		if b := a.repeat(c.head, now, c.dialer.every); b != nil {
			packets = append(packets, b)
		}
		c.arm(a.next)
	}
	if len(c.calls) > 0 && now.Sub(c.welcomed) > refresh {
		c.greet(now)
	}
	if g := c.greeting; g != nil {
		if now.Sub(g.began) > mostGreeting {
			return nil, lost, call.Unavailable(link.MayHaveRun,
				"udp://%s did not answer within %v", c.dialer.address, mostGreeting)
		}
		if b := g.repeat(c.dialer.limit, now); b != nil {
			packets = append(packets, b)
		}
		c.arm(g.next)
	}
	return packets, lost, nil
}
