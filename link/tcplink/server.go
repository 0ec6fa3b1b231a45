package tcplink

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"sync"
	"time"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/call"
)

type server struct {
	*call.Table
	listener net.Listener
	log      *slog.Logger
	url      string
	every    time.Duration
	ctx      context.Context //nolint:containedctx // parent of every call's, ends with the server
	cancel   context.CancelFunc
	refused  chan struct{} // closed when no more calls are taken
	drained  chan struct{} // closed when Shutdown or Close is through
	stop     sync.Once
	work     sync.WaitGroup // one for each connection

	mu       sync.Mutex // guards the fields below
	sessions map[*serverSession]struct{}
	served   bool
}

var _ link.Server = (*server)(nil)

func listen(ctx context.Context, u *url.URL, o link.ListenOptions, every time.Duration) (*server, error) {
	if u.Scheme == secureScheme && o.TLS == nil {
		return nil, fmt.Errorf("listen on %q: tls+tcp needs a certificate in ListenOptions.TLS", u)
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", u.Host)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", u, err)
	}
	bound := &url.URL{Scheme: u.Scheme, Host: l.Addr().String()}
	if u.Scheme == secureScheme {
		l = tls.NewListener(l, o.TLS.Clone())
	}
	s := &server{
		Table: call.NewTable(o), listener: l, log: cmp.Or(o.Logger, slog.Default()), url: bound.String(), every: every,
		refused: make(chan struct{}), drained: make(chan struct{}), sessions: make(map[*serverSession]struct{}),
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s, nil
}

func (s *server) URL() string { return s.url }

// Serve takes connections until the end.
func (s *server) Serve() error {
	if err := s.Seal(); err != nil {
		_ = s.Close()
		return err
	}
	s.mu.Lock()
	late := s.served
	s.served = true
	s.mu.Unlock()
	select {
	case <-s.refused:
		late = true
	default:
	}
	if late {
		return fmt.Errorf("serve %s: it has been served or closed already", s.url)
	}
	err := s.accept()
	<-s.drained
	return err
}

func (s *server) accept() error {
	for {
		c, err := s.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if passing, ok := errors.AsType[interface {
			error
			Temporary() bool
		}](err); ok && passing.Temporary() {
			s.log.Warn("no connection taken", "url", s.url, "error", err)
			s.pause()
			continue
		}
		if err != nil {
			_ = s.Close()
			return fmt.Errorf("serve %s: %w", s.url, err)
		}
		s.work.Go(func() { s.serve(c) })
	}
}

// pause waits for what passes, such as having too many open files.
func (s *server) pause() {
	timer := time.NewTimer(50 * time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.refused:
	}
}

// serve is one connection's life.
func (s *server) serve(c net.Conn) {
	stop := context.AfterFunc(s.ctx, func() { _ = c.Close() })
	defer stop()
	if err := greet(c); err != nil {
		_ = c.Close()
		return
	}
	session := newServerSession(s, c)
	s.mu.Lock()
	s.sessions[session] = struct{}{}
	s.mu.Unlock()
	select {
	case <-s.refused:
		session.drain()
	default:
	}
	session.work.Wait()
	s.mu.Lock()
	delete(s.sessions, session)
	s.mu.Unlock()
}

// Shutdown refuses new calls, waits for those that run, and ends them when ctx
// does.
func (s *server) Shutdown(ctx context.Context) error {
	var err error
	s.stop.Do(func() {
		s.refuse()
		done := make(chan struct{})
		go func() {
			s.work.Wait()
			close(done)
		}()
		select {
		case <-done:
		case <-ctx.Done():
			err = fmt.Errorf("shutdown %s: calls still run: %w", s.url, ctx.Err())
		}
		s.cancel()
		<-done
		close(s.drained)
	})
	<-s.drained
	return err
}

// Close ends every call at once. Handlers that ignore their context run on.
func (s *server) Close() error {
	s.cancel()
	s.stop.Do(func() {
		s.refuse()
		s.work.Wait()
		close(s.drained)
	})
	return nil
}

func (s *server) refuse() {
	close(s.refused)
	_ = s.listener.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	for session := range s.sessions {
		session.drain()
	}
}
