package inproc

import (
	"context"
	"fmt"
	"sync"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/call"
)

type server struct {
	*call.Table
	name    string
	workers workers

	ctx     context.Context //nolint:containedctx // parent of every call's, ends with the server
	cancel  context.CancelFunc
	serving chan struct{} // closed by Serve
	stopped chan struct{} // closed when no more calls are taken

	mu      sync.Mutex // guards the fields below
	started bool
	stops   bool
	running int
	idle    chan struct{} // closed once stops and nothing runs
}

var _ link.Server = (*server)(nil)

func newServer(name string, o link.ListenOptions) *server {
	s := &server{
		Table: call.NewTable(o), name: name, workers: newWorkers(),
		serving: make(chan struct{}), stopped: make(chan struct{}), idle: make(chan struct{}),
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
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
	s.cancel()
	return err
}

// Close ends every call at once. Handlers that ignore their context run on.
func (s *server) Close() error {
	s.refuse()
	s.cancel()
	return nil
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
	s.workers.stop()
	if s.running == 0 {
		close(s.idle)
	}
}

// enter counts a call in, unless the server stops.
func (s *server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stops {
		return false
	}
	s.running++
	return true
}

func (s *server) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running--
	if s.stops && s.running == 0 {
		close(s.idle)
	}
}
