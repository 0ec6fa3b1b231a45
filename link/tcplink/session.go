package tcplink

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/call"
	"github.com/kerf-go/kerf/link/call/frame"
)

// session is one connection at either end.
type session struct {
	writer
	conn   net.Conn
	peer   *peer.Peer
	work   sync.WaitGroup // the session's own goroutines
	heard  atomic.Bool    // something came since the last heartbeat
	ended  sync.Once
	handle func(frame.Frame) error // a frame that is some call's
	lost   func(error)             // told once, when nothing more can come
}

func newSession(c net.Conn) *session {
	return &session{writer: newWriter(), conn: c, peer: peerOf(c)}
}

func peerOf(c net.Conn) *peer.Peer {
	p := &peer.Peer{Addr: c.RemoteAddr(), LocalAddr: c.LocalAddr()}
	if t, ok := c.(*tls.Conn); ok {
		p.AuthInfo = credentials.TLSInfo{
			State:          t.ConnectionState(),
			CommonAuthInfo: credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity},
		}
	}
	return p
}

func (s *session) Peer() *peer.Peer { return s.peer }

// start reads, writes and listens for the peer's heart until the session ends.
func (s *session) start(every time.Duration) {
	s.work.Go(func() { s.end(s.run(s.conn)) })
	s.work.Go(func() { s.end(s.read()) })
	s.work.Go(func() { s.end(s.beat(every)) })
}

// end closes the connection and tells the calls, once.
func (s *session) end(err error) {
	if err == nil || errors.Is(err, io.EOF) {
		err = errors.New("the connection was closed")
	}
	if _, ok := status.FromError(err); !ok {
		err = call.Unavailable(link.MayHaveRun, "%s: %v", s.conn.RemoteAddr(), err)
	}
	err = s.fail(err)
	_ = s.conn.Close()
	s.ended.Do(func() { s.lost(err) })
}

const readBuffer = 32 << 10

// read takes the connection's frames apart.
func (s *session) read() error {
	buffer := make([]byte, readBuffer)
	have := 0
	for {
		n, err := s.conn.Read(buffer[have:])
		if err != nil {
			return err
		}
		s.heard.Store(true)
		left, err := s.frames(buffer[:have+n])
		if err != nil {
			return err
		}
		have = len(left)
		if have == len(buffer) { // one frame fills it: the limit is Next's
			buffer = slices.Grow(buffer, len(buffer))
			buffer = buffer[:cap(buffer)]
		} else {
			copy(buffer, left)
		}
	}
}

func (s *session) frames(b []byte) (left []byte, err error) {
	for {
		f, rest, err := frame.Next(b)
		if errors.Is(err, frame.ErrShort) {
			return b, nil
		}
		if err == nil {
			err = s.dispatch(f)
		}
		if err != nil {
			return nil, err
		}
		b = rest
	}
}

func (s *session) dispatch(f frame.Frame) error {
	if f.Kind != frame.Ping {
		return s.handle(f)
	}
	n, err := frame.Number(f)
	if err == nil {
		s.Push(frame.AppendNumber(nil, frame.Pong, n))
	}
	return err
}

// beat asks a silent peer for a sign of life, and gives it up without one.
func (s *session) beat(every time.Duration) error {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for asked := false; ; {
		select {
		case <-ticker.C:
		case <-s.closed:
			return nil
		}
		switch {
		case s.stuck():
			return errors.New("the peer does not read")
		case s.heard.Swap(false):
			asked = false
		case asked:
			return fmt.Errorf("the peer was silent for %v", 2*every)
		default:
			asked = true
			s.Push(frame.AppendNumber(nil, frame.Ping, 0))
		}
	}
}
