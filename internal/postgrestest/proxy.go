package postgrestest

import (
	"context"
	"net"
	"sync"
	"testing"
)

// Proxy forwards connections to a server, until it is told otherwise.
type Proxy struct {
	Address string

	server   string
	listener net.Listener
	running  sync.WaitGroup

	mu     sync.Mutex // guards the fields below
	open   chan struct{}
	onSent func(text []byte) (forward, cut bool)
	conns  map[net.Conn]bool
	holed  map[net.Conn]bool
	closed bool
}

// NewProxy starts a proxy, which ends with the test.
func NewProxy(t *testing.T, server string) *Proxy {
	t.Helper()
	return NewProxyAt(t, "127.0.0.1:0", server)
}

// NewProxyAt starts one at an address.
func NewProxyAt(t *testing.T, address, server string) *Proxy {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{
		Address: l.Addr().String(), server: server, listener: l, open: closedChannel(), conns: make(map[net.Conn]bool),
		holed: make(map[net.Conn]bool),
	}
	p.running.Go(p.accept)
	t.Cleanup(func() {
		p.Heal()
		p.mu.Lock()
		p.closed = true
		p.mu.Unlock()
		_ = l.Close()
		p.Cut()
		p.running.Wait()
	})
	return p
}

func closedChannel() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}

// Hole swallows whatever is sent from now on, in both directions, as a network does that
// drops packets: nobody is told.
func (p *Proxy) Hole() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open = make(chan struct{})
}

// HoleOld swallows what is sent on the connections there are, but not on later ones.
func (p *Proxy) HoleOld() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		p.holed[c] = true
	}
}

// Heal lets through what was sent in the meantime, as repeated packets would.
func (p *Proxy) Heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.open:
	default:
		close(p.open)
	}
}

// Cut breaks the connections there are.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		_ = c.Close()
	}
}

// OnSent lets a test look at what clients send before the server gets it, and cut the
// connection then; nil: no more.
func (p *Proxy) OnSent(f func(text []byte) (forward, cut bool)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.onSent = f
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := new(net.Dialer).DialContext(context.Background(), "tcp", p.server)
		if err != nil {
			_ = client.Close()
			continue
		}
		if !p.keep(client, server) {
			return
		}
		p.running.Go(func() { p.carry(client, server, true) })
		p.running.Go(func() { p.carry(server, client, false) })
	}
}

// keep remembers connections for Cut; not when the proxy has ended.
func (p *Proxy) keep(all ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range all {
		if p.closed {
			_ = c.Close()
		}
		p.conns[c] = true
	}
	return !p.closed
}

func (p *Proxy) carry(from, to net.Conn, sent bool) {
	defer func() {
		_ = from.Close()
		_ = to.Close()
	}()
	buffer := make([]byte, 32<<10) //nolint:mnd // a usual size
	for {
		n, err := from.Read(buffer)
		p.mu.Lock()
		open, look, holed := p.open, p.onSent, p.holed[from]
		p.mu.Unlock()
		<-open
		forward, cut := !holed, false
		if sent && look != nil {
			forward, cut = look(buffer[:n])
		}
		if forward {
			if _, e := to.Write(buffer[:n]); e != nil {
				return
			}
		}
		if err != nil || cut {
			return
		}
	}
}
