package udplink

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/call"
)

const (
	// roomy is the buffer asked of the system for datagrams that wait to be read. It
	// may give less.
	roomy = 1 << 20
	// farewell is how long a server that stops stays for callers whose answer was
	// lost: they ask again.
	farewell = 500 * time.Millisecond
)

type server struct {
	*call.Table
	conn   *net.UDPConn
	url    string
	limit  int           // bytes of a datagram
	every  time.Duration // of the heart's beats
	epoch  uint64        // another one with each start
	jar    *jar          // the reader's
	memory *memory
	ctx    context.Context //nolint:containedctx // parent of every call's, ends with the server
	cancel context.CancelFunc

	drained chan struct{} // closed when Shutdown or Close is through
	stop    sync.Once

	mu     sync.Mutex // guards served
	served bool
}

var _ link.Server = (*server)(nil)

func listen(
	ctx context.Context, u *url.URL, o link.ListenOptions, limit int, every time.Duration,
) (*server, error) {
	l, err := new(net.ListenConfig).ListenPacket(ctx, "udp", u.Host)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", u, err)
	}
	conn := l.(*net.UDPConn) //nolint:forcetypeassert // the network is udp
	_ = conn.SetReadBuffer(roomy)
	bound := &url.URL{Scheme: u.Scheme, Host: conn.LocalAddr().String()}
	if limit != usualDatagram {
		bound.RawQuery = "datagram=" + strconv.Itoa(limit)
	}
	s := &server{
		Table: call.NewTable(o), conn: conn, url: bound.String(), limit: limit, every: every,
		epoch: random(), jar: newJar(time.Now()), memory: newMemory(), drained: make(chan struct{}),
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s, nil
}

// random is a number that nobody can guess.
func random() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return binary.BigEndian.Uint64(b[:])
}

func (s *server) URL() string { return s.url }

// Serve answers until the end.
func (s *server) Serve() error {
	if err := s.Seal(); err != nil {
		_ = s.Close()
		return err
	}
	s.mu.Lock()
	late := s.served || s.memory.stopping()
	s.served = true
	s.mu.Unlock()
	if late {
		return fmt.Errorf("serve %s: it has been served or closed already", s.url)
	}
	var work sync.WaitGroup
	work.Go(s.sweep)
	err := s.read()
	if err != nil {
		_ = s.Close()
		err = fmt.Errorf("serve %s: %w", s.url, err)
	}
	<-s.drained
	work.Wait()
	return err
}

// read takes datagrams in turn. Some systems report as an error of reading that an
// earlier datagram did not reach its receiver.
func (s *server) read() error {
	const mostErrors = 1000 // in a row
	buffer := make([]byte, mostDatagram+1)
	for failed := 0; ; {
		n, from, err := s.conn.ReadFromUDPAddrPort(buffer)
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil
		case err == nil:
			received()
			failed = 0
			s.write(s.take(time.Now(), from, buffer[:n]), from)
		default:
			if failed++; failed > mostErrors {
				return err
			}
		}
	}
}

// write sends a datagram. Whether it arrives nobody knows anyway.
func (s *server) write(b []byte, to netip.AddrPort) {
	if b != nil {
		sending()
		_, _ = s.conn.WriteToUDPAddrPort(b, to)
	}
}

// sweep ends calls whose callers are gone, and forgets callers.
func (s *server) sweep() {
	ticker := time.NewTicker(s.every)
	defer ticker.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case now := <-ticker.C:
			for _, x := range s.memory.sweep(now, mostSilent*s.every) {
				x.giveUp()
			}
		}
	}
}

// Shutdown refuses new calls, waits for those that run, and ends them when ctx
// does.
func (s *server) Shutdown(ctx context.Context) error {
	var err error
	s.stop.Do(func() {
		idle, busy := s.memory.stop()
		if err = s.drain(ctx, idle, busy); err != nil {
			err = fmt.Errorf("shutdown %s: calls still run: %w", s.url, err)
		}
		s.end()
	})
	<-s.drained
	return err
}

func (s *server) drain(ctx context.Context, idle <-chan struct{}, busy bool) error {
	select {
	case <-idle:
	case <-ctx.Done():
		return ctx.Err()
	}
	if !busy {
		return nil
	}
	timer := time.NewTimer(farewell)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done(): // all calls have ended
	}
	return nil
}

// Close ends every call at once. Handlers that ignore their context run on.
func (s *server) Close() error {
	s.cancel()
	s.stop.Do(func() {
		s.memory.stop()
		s.end()
	})
	return nil
}

// end tells the callers that are left that no answer will come.
func (s *server) end() {
	for _, x := range s.memory.running() {
		s.write(x.note(gone), x.at())
	}
	s.cancel()
	_ = s.conn.Close()
	close(s.drained)
}
