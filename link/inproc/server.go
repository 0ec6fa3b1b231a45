package inproc

import (
	"context"
	"fmt"
	"sync"
	"time"

	"google.golang.org/grpc/peer"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/call"
)

type server struct {
	*call.Table
	name string
	peer *peer.Peer

	ctx     context.Context //nolint:containedctx // parent of every call's, ends with the server
	cancel  context.CancelFunc
	serving chan struct{} // closed by Serve
	stopped chan struct{} // closed when no more calls are taken

	mu      sync.Mutex // guards the fields below
	started bool
	stops   bool
	calls   []*exchange   // that run, in no order
	waiting []worker      // for work, the warmest last
	idle    chan struct{} // closed once stops and nothing runs
	next    time.Time     // when expire looks for calls whose time is over; zero: never
	timer   *time.Timer   // for that; nil: no call had to end so
}

var _ link.Server = (*server)(nil)

func newServer(name string, o link.ListenOptions) *server {
	s := &server{
		Table: call.NewTable(o), name: name, peer: peerOf(name),
		serving: make(chan struct{}), stopped: make(chan struct{}), idle: make(chan struct{}),
	}
	s.ctx, s.cancel = context.WithCancel(peer.NewContext(context.Background(), s.peer))
	return s
}

func (s *server) URL() string { return "inproc://" + s.name }

// Serve lets calls in, and waits for the end.
func (s *server) Serve() error {
	if err := s.Seal(); err != nil {
		_ = s.Close()
		return err
	}
	s.mu.Lock()
	late := s.started || s.stops
	s.started = true
	s.mu.Unlock()
	if late {
		return fmt.Errorf("serve %s: it has been served or closed already", s.URL())
	}
	close(s.serving)
	<-s.stopped
	return nil
}

// Shutdown refuses new calls and waits for those that run; when ctx ends first,
// their contexts end.
func (s *server) Shutdown(ctx context.Context) error {
	s.refuse()
	var err error
	select {
	case <-s.idle:
	case <-ctx.Done():
		err = fmt.Errorf("shutdown %s: calls still run: %w", s.URL(), ctx.Err())
	}
	s.end()
	return err
}

// Close ends every call at once. Handlers that ignore their context run on.
func (s *server) Close() error {
	s.refuse()
	s.end()
	return nil
}

func (s *server) refuses() bool {
	select {
	case <-s.stopped:
		return true
	default:
		return false
	}
}

func (s *server) refuse() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stops {
		return
	}
	s.stops = true
	forget(s)
	close(s.stopped)
	for _, w := range s.waiting {
		close(w)
	}
	s.waiting = nil
	if len(s.calls) == 0 {
		close(s.idle)
	}
}

// end ends the contexts of all calls.
func (s *server) end() {
	s.cancel()
	s.cut(func(*exchange) bool { return true })
}

func (s *server) cut(which func(*exchange) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range s.calls {
		if which(x) {
			x.cut()
		}
	}
}

// enlist and strike keep the list of calls, under the lock.
func (s *server) enlist(x *exchange) {
	x.at = len(s.calls)
	s.calls = append(s.calls, x)
	if !x.until.IsZero() && (s.next.IsZero() || x.until.Before(s.next)) {
		s.expireAt(x.until)
	}
}

func (s *server) strike(x *exchange) {
	last := len(s.calls) - 1
	s.calls[x.at] = s.calls[last]
	s.calls[x.at].at = x.at
	s.calls[last] = nil
	s.calls = s.calls[:last]
}

// expire ends the calls whose time is over. One timer does for all of them: most are long
// answered when it comes to them.
func (s *server) expire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, next := time.Now(), time.Time{}
	for _, x := range s.calls {
		switch {
		case x.until.IsZero():
		case !now.Before(x.until):
			x.cut()
		case next.IsZero() || x.until.Before(next):
			next = x.until
		}
	}
	if s.next = next; next.IsZero() {
		return
	}
	if soonest := now.Add(expirePause); next.Before(soonest) {
		next = soonest
	}
	s.expireAt(next)
}

// expirePause keeps many calls that end late, one after the other, from being looked through for
// each of them.
const expirePause = time.Millisecond

// expireAt sets when expire comes next, under the lock.
func (s *server) expireAt(t time.Time) {
	s.next = t
	if s.timer == nil {
		s.timer = time.AfterFunc(time.Until(t), s.expire)
		return
	}
	s.timer.Reset(time.Until(t))
}
