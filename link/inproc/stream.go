package inproc

import (
	"context"
	"errors"
	"io"
	"sync"

	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/call"
)

var errWait = errors.New("nothing to read yet")

// stream is both ends of one streaming call. The worker writes end and then
// closes done; headed is closed when header is set.
type stream struct {
	ctx    context.Context //nolint:containedctx // the caller's
	server *server
	in     call.Incoming
	shared bool

	serverCtx context.Context //nolint:containedctx // the handler's
	cancel    context.CancelFunc
	unwatch   func() bool

	toServer, toClient *pipe

	header     metadata.MD
	headed     chan struct{}
	headedOnce sync.Once
	end        call.End
	done       chan struct{}
}

var (
	_ call.Transport       = (*stream)(nil)
	_ call.ServerTransport = streamServer{}
)

func startStream(ctx context.Context, s *server, in call.Incoming, shared bool) *stream {
	st := &stream{
		ctx: ctx, server: s, in: in, shared: shared,
		toServer: newPipe(), toClient: newPipe(),
		headed: make(chan struct{}), done: make(chan struct{}),
	}
	st.serverCtx, st.cancel = serverContext(ctx, s)
	st.unwatch = context.AfterFunc(ctx, func() { cancelAfter(ctx, st.cancel) })
	s.workers.start(st)
	return st
}

// run is the worker's part.
func (s *stream) run() {
	defer s.server.leave()
	defer s.cancel()
	defer s.unwatch()
	defer close(s.done)
	s.end = exited // what holds if the handler ends its goroutine
	s.end = s.server.Table.Serve(s.serverCtx, s.in, streamServer{s})
}

func (s *stream) Share() bool      { return s.shared }
func (s *stream) Peer() *peer.Peer { return peerOf(s.server.name) }

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
			return call.Message{}, lost(s.ctx, s.server)
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
				return call.Message{}, lost(s.ctx, s.server)
			}
		}
	}
}

func (s *stream) status() error {
	if s.end.Status != nil {
		return link.Mark(s.end.Status, link.Answered)
	}
	return io.EOF
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
		return nil, lost(s.ctx, s.server)
	}
}

func (s *stream) Trailer() metadata.MD {
	if !s.ended() {
		return nil
	}
	return s.end.Trailer
}

func (s *stream) ended() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
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
