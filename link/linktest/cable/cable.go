// Package cable lets tests cut a connection as a pulled cable does: nothing passes
// any more, and nobody is told.
package cable

import (
	"net"
	"sync"
	"testing"
)

// Cable forwards the TCP connections made to Addr.
type Cable struct {
	net.Listener
	to  string
	cut chan struct{}

	mu    sync.Mutex // guards conns
	conns []net.Conn
}

// New lays a cable to an address. It lasts until the test ends.
func New(t *testing.T, to string) *Cable {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &Cable{Listener: l, to: to, cut: make(chan struct{})}
	var work sync.WaitGroup
	work.Go(func() { c.accept(&work) })
	t.Cleanup(func() {
		_ = l.Close()
		c.Break()
		work.Wait()
	})
	return c
}

// Cut lets nothing pass any more, in either direction.
func (c *Cable) Cut() { close(c.cut) }

// Break closes all connections, as a process does that dies.
func (c *Cable) Break() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.conns {
		_ = conn.Close()
	}
	c.conns = nil
}

func (c *Cable) accept(work *sync.WaitGroup) {
	for {
		near, err := c.Accept()
		if err != nil {
			return
		}
		far, err := new(net.Dialer).Dial("tcp", c.to)
		if err != nil {
			_ = near.Close()
			continue
		}
		c.mu.Lock()
		c.conns = append(c.conns, near, far)
		c.mu.Unlock()
		work.Go(func() { c.forward(near, far) })
		work.Go(func() { c.forward(far, near) })
	}
}

func (c *Cable) forward(from, to net.Conn) {
	buffer := make([]byte, 1<<16) //nolint:mnd // any size will do
	for {
		n, err := from.Read(buffer)
		select {
		case <-c.cut:
			return
		default:
		}
		if err != nil {
			_ = to.Close()
			return
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}
