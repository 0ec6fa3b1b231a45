//go:build unix

package faults_test

import (
	"context"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// proxy stands between two processes, and does to their packets what a bad network does.
type proxy struct {
	url      string // where it is reached
	upstream string // host:port behind it
	late     atomic.Int64
	work     sync.WaitGroup

	mu     sync.Mutex // guards the fields below
	conns  map[net.Conn]struct{}
	closed bool
}

// newProxy makes one in front of a process, until the test ends.
func newProxy(t *testing.T, target string) *proxy {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{upstream: u.Host, conns: make(map[net.Conn]struct{})}
	var stop func() error
	if u.Scheme == "udp" {
		u.Host, stop = p.listenUDP(t)
	} else {
		u.Host, stop = p.listenTCP(t)
	}
	p.url = u.String()
	t.Cleanup(func() {
		_ = stop()
		p.mu.Lock()
		p.closed = true
		p.mu.Unlock()
		p.cut()
		p.work.Wait()
	})
	return p
}

func (p *proxy) listenTCP(t *testing.T) (address string, stop func() error) {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.work.Go(func() {
		for {
			down, err := l.Accept()
			if err != nil {
				return
			}
			p.join(down)
		}
	})
	return l.Addr().String(), l.Close
}

// join connects a caller with the process behind.
func (p *proxy) join(down net.Conn) {
	up, err := new(net.Dialer).Dial("tcp", p.upstream)
	if err != nil {
		reset(down)
		return
	}
	if !p.keep(down) || !p.keep(up) {
		reset(down)
		reset(up)
		return
	}
	p.work.Go(func() { p.carry(down, up) })
	p.work.Go(func() { p.carry(up, down) })
}

// keep remembers a connection, so that it can be cut.
func (p *proxy) keep(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.conns[c] = struct{}{}
	return true
}

// piece is what was read, and when it is to be written.
type piece struct {
	data []byte
	due  time.Time
}

// carry takes bytes from one end to the other, late if that is so, but in order.
func (p *proxy) carry(from, to net.Conn) {
	pieces := make(chan piece, 1<<10)
	p.work.Go(func() {
		defer func() { _ = to.Close() }()
		for one := range pieces {
			pause(context.Background(), time.Until(one.due))
			if _, err := to.Write(one.data); err != nil {
				break
			}
		}
		for range pieces {
			continue // the rest is lost
		}
	})
	defer close(pieces)
	for {
		b := make([]byte, 16<<10)
		n, err := from.Read(b)
		if err != nil {
			return
		}
		pieces <- piece{b[:n], time.Now().Add(time.Duration(p.late.Load()))}
	}
}

// cut breaks what is connected, as a router does that has lost its memory: TCP gets a
// reset at both ends; datagrams come from another port from now on.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		reset(c)
	}
	clear(p.conns)
}

func reset(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = c.Close()
}

func (p *proxy) listenUDP(t *testing.T) (address string, stop func() error) {
	t.Helper()
	l, err := new(net.ListenConfig).ListenPacket(context.Background(), "udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ways := make(map[string]net.Conn)
	p.work.Go(func() {
		b := make([]byte, 64<<10)
		for {
			n, from, err := l.ReadFrom(b)
			if err != nil {
				return
			}
			up := ways[from.String()]
			if up == nil || !p.has(up) {
				if up, err = new(net.Dialer).Dial("udp", p.upstream); err != nil || !p.keep(up) {
					return
				}
				ways[from.String()] = up
				p.work.Go(func() { p.answers(up, l, from) })
			}
			p.later(b[:n], func(b []byte) { _, _ = up.Write(b) })
		}
	})
	return l.LocalAddr().String(), l.Close
}

func (p *proxy) has(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, ok := p.conns[c]
	return ok
}

func (p *proxy) answers(up net.Conn, l net.PacketConn, to net.Addr) {
	b := make([]byte, 64<<10)
	for p.has(up) {
		n, err := up.Read(b)
		if err == nil { // else nobody listens there now
			p.later(b[:n], func(b []byte) { _, _ = l.WriteTo(b, to) })
		}
	}
}

// later carries a datagram; some may overtake others.
func (p *proxy) later(b []byte, carry func([]byte)) {
	late := time.Duration(p.late.Load())
	if late == 0 {
		carry(b)
		return
	}
	b = append([]byte(nil), b...)
	time.AfterFunc(late, func() { carry(b) })
}
