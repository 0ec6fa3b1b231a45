package inproc

import (
	"context"
	"errors"
	"io"
	"sync"

	"google.golang.org/grpc/metadata"

	"github.com/kerf-go/kerf/link/call"
)

var errWait = errors.New("nothing to read yet")

// stream is both ends of one streaming call. headed is closed when header is set.
type stream struct {
	exchange
	serverCtx context.Context //nolint:containedctx // the handler's
	cancel    context.CancelFunc
	unwatch   func() bool

	toServer, toClient *pipe

	header     metadata.MD
	headed     chan struct{}
	headedOnce sync.Once
	done       chan struct{} // closed when the call has ended
}

var (
	_ call.Transport       = (*stream)(nil)
	_ call.ServerTransport = streamServer{}
)

func startStream(ctx context.Context, d *dialer, to *server, r call.Request) (call.Transport, error) {
	s := &stream{
		toServer: newPipe(), toClient: newPipe(), headed: make(chan struct{}), done: make(chan struct{}),
	}
	s.prepare(ctx, d, to, r)
	s.serverCtx, s.cancel = serverContext(s.ctx, s.server)
	s.unwatch = context.AfterFunc(s.ctx, func() { cancelAfter(s.ctx, s.cancel) })
	if !s.server.start(s) {
		s.unwatch()
		s.cancel()
		return nil, stopping(to)
	}
	return s, nil
}

func (s *stream) run() {
	defer s.cancel()
	defer s.unwatch()
	defer s.finish()
	s.handle(s.serverCtx, streamServer{s})
}

func (s *stream) finish() {
	s.becomes(ended)
	close(s.done)
}

// serverContext is the context of a call on the server's side: it has the
// caller's deadline and none of its values.
func serverContext(ctx context.Context, s *server) (context.Context, context.CancelFunc) {
	if deadline, ok := ctx.Deadline(); ok {
		return context.WithDeadline(s.ctx, deadline)
	}
	return context.WithCancel(s.ctx)
}

// cancelAfter ends the server's context because the caller's has ended. When it
// was the deadline that ended it, the server's has the same, and tells so itself.
func cancelAfter(ctx context.Context, cancel context.CancelFunc) {
	if _, bounded := ctx.Deadline(); bounded && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return
	}
	cancel()
}

func (s *stream) Send(m call.Message) error {
	// The handler's context ends with the call, whichever side ends it.
	if s.serverCtx.Err() != nil || !s.toServer.put(m, s.serverCtx.Done()) {
		m.Free()
		return io.EOF
	}
	return nil
}

func (s *stream) CloseSend() error {
	s.toServer.close()
	return nil
}

func (s *stream) Recv() (call.Message, error) {
	for {
		if s.ctx.Err() != nil {
			return call.Message{}, s.lost()
		}
		ended := s.ended() // asked first: what was sent before the end is in the pipe by then
		m, err := s.toClient.get()
		if err == nil {
			return m, nil
		}
		if ended {
			return call.Message{}, s.status()
		}
		select {
		case <-s.toClient.readable:
		case <-s.done:
		case <-s.ctx.Done():
		case <-s.server.ctx.Done():
			if !s.ended() {
				return call.Message{}, s.lost()
			}
		}
	}
}

func (s *stream) Header() (metadata.MD, error) {
	select {
	case <-s.headed:
		return s.header, nil
	default:
	}
	select {
	case <-s.headed:
		return s.header, nil
	case <-s.done:
	case <-s.ctx.Done():
	case <-s.server.ctx.Done():
	}
	select {
	case <-s.headed:
		return s.header, nil
	case <-s.done:
		return nil, nil //nolint:nilnil // the call ended without a header: Recv tells why
	default:
		return nil, s.lost()
	}
}

// streamServer is the handler's end.
type streamServer struct{ s *stream }

func (t streamServer) Share() bool { return t.s.shared }

func (t streamServer) Recv() (call.Message, error) {
	for {
		if t.s.serverCtx.Err() != nil {
			return call.Message{}, t.s.serverCtx.Err()
		}
		m, err := t.s.toServer.get()
		if !errors.Is(err, errWait) {
			return m, err
		}
		select {
		case <-t.s.toServer.readable:
		case <-t.s.serverCtx.Done():
		}
	}
}

func (t streamServer) SendHeader(header metadata.MD) error {
	if header == nil {
		header = metadata.MD{} // nil tells that there is none
	}
	t.s.headedOnce.Do(func() {
		t.s.header = header
		close(t.s.headed)
	})
	return nil
}

func (t streamServer) Send(m call.Message) error {
	if t.s.serverCtx.Err() != nil || !t.s.toClient.put(m, t.s.serverCtx.Done()) {
		m.Free()
		return context.Cause(t.s.serverCtx)
	}
	return nil
}
