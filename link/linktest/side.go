package linktest

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/kerf-go/kerf/link"
	linktestv1 "github.com/kerf-go/kerf/link/linktest/v1"
)

// A side is where one row runs: over the oracle or over the subject.
type side struct {
	ctx     context.Context //nolint:containedctx // lives as long as one run of a case
	subject Subject
	oracle  bool
	record  *record

	mu       sync.Mutex // guards cleanups
	cleanups []func()
}

// A bundle is a server and a conn to it.
type bundle struct {
	*server
	conn   link.Conn
	client linktestv1.ExerciseClient
}

// A server is one that serves until the case ends.
type server struct {
	link.Server
	served chan error // what Serve returned
}

// serve makes a server with the given handlers, and a conn to it.
func (s *side) serve(e exercise) *bundle {
	return s.serveWith(e, link.ListenOptions{}, link.DialOptions{})
}

func (s *side) serveWith(e exercise, l link.ListenOptions, d link.DialOptions) *bundle {
	return s.serveAll(l, d, func(r grpc.ServiceRegistrar) { linktestv1.RegisterExerciseServer(r, e) })
}

// serveAll serves what register registers.
func (s *side) serveAll(
	l link.ListenOptions, d link.DialOptions, register func(grpc.ServiceRegistrar),
) *bundle {
	srv := s.listen(s.address(), l)
	register(srv)
	s.start(srv)
	conn := s.dial(srv.URL(), d)
	return &bundle{server: srv, conn: conn, client: linktestv1.NewExerciseClient(conn)}
}

func (s *side) address() *url.URL {
	u, err := s.subject.address()
	s.must("address", err)
	return u
}

// listen takes an address, and tries again for a while when it is still in use.
func (s *side) listen(u *url.URL, o link.ListenOptions) *server {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	var made link.Server
	err := s.eventually(func() error {
		var err error
		made, err = s.subject.Link.Listen(s.ctx, u, o)
		return err
	})
	s.must("listen on "+u.String(), err)
	s.onEnd(func() { _ = made.Close() })
	return &server{Server: made, served: make(chan error, 1)}
}

func (s *side) start(srv *server) {
	go func() { srv.served <- srv.Serve() }()
}

func (s *side) dial(rawURL string, o link.DialOptions) link.Conn {
	u, err := url.Parse(rawURL)
	s.must("URL "+rawURL, err)
	conn, err := s.subject.Link.Dial(u, o)
	s.must("dial "+rawURL, err)
	s.onEnd(func() { _ = conn.Close() })
	return conn
}

// eventually repeats do until it succeeds, for two seconds at most.
func (s *side) eventually(do func() error) error {
	ctx, cancel := context.WithTimeout(s.ctx, 2*time.Second)
	defer cancel()
	for {
		err := do()
		if err == nil || !pause(ctx, 10*time.Millisecond) {
			return err
		}
	}
}

// await waits for a signal, and ends the case without it.
func (s *side) await(what string, signal <-chan struct{}) {
	select {
	case <-signal:
	case <-s.ctx.Done():
		s.failf("%s did not happen", what)
		runtime.Goexit()
	}
}

// must ends the case when its own needs are not met. Only the case's goroutine
// may call it.
func (s *side) must(what string, err error) {
	if err != nil {
		s.failf("%s: %v", what, err)
		runtime.Goexit()
	}
}

func (s *side) failf(format string, args ...any) { s.record.fail(fmt.Sprintf(format, args...)) }

func (s *side) onEnd(do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cleanups = append(s.cleanups, do)
}

func (s *side) cleanUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.cleanups {
		s.cleanups[len(s.cleanups)-1-i]()
	}
}

// rescue turns a panic of a link into a failure of the case.
func (s *side) rescue() {
	if p := recover(); p != nil {
		s.failf("panics: %v\n%s", p, debug.Stack())
	}
}

// pause tells whether the time passed before ctx ended.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// waitIn is await for handlers, which must end with their context.
func (s *side) waitIn(ctx context.Context, what string, signal <-chan struct{}) {
	select {
	case <-signal:
	case <-ctx.Done():
		s.failf("in the handler: %s did not happen before %v", what, ctx.Err())
	}
}

func closed(signal <-chan struct{}) bool {
	select {
	case <-signal:
		return true
	default:
		return false
	}
}

// serveAt serves plain handlers at a URL that was in use before.
func (s *side) serveAt(rawURL string) {
	u, err := url.Parse(rawURL)
	s.must("URL "+rawURL, err)
	srv := s.listen(u, link.ListenOptions{})
	linktestv1.RegisterExerciseServer(srv, exercise{})
	s.start(srv)
}

// drain notes every message and the end of a stream.
func (s *side) drain(heading string, recv func() (*message, error)) {
	for {
		m, err := recv()
		if err != nil {
			s.status(heading, err)
			return
		}
		s.message(heading, m)
	}
}
