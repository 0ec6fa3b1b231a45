package inproc

import (
	"context"
	"io"

	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/call"
)

// unary is both ends of one call made by Invoke. The worker writes the fields of
// the answer and then closes done; the caller reads them only after that.
type unary struct {
	ctx    context.Context //nolint:containedctx // the caller's
	server *server
	in     call.Incoming
	shared bool

	serverCtx context.Context //nolint:containedctx // the handler's
	cancel    context.CancelFunc
	request   call.Message
	asked     bool // the handler has taken the request
	taken     int  // replies that the caller has taken

	done    chan struct{}
	header  metadata.MD
	replies []call.Message // one, unless the method streams: two are enough to see that
	end     call.End
}

var (
	_ call.Transport       = (*unary)(nil)
	_ call.ServerTransport = unaryServer{}
)

func newUnary(ctx context.Context, s *server, in call.Incoming, shared bool) *unary {
	return &unary{ctx: ctx, server: s, in: in, shared: shared, done: make(chan struct{})}
}

func (u *unary) Share() bool      { return u.shared }
func (u *unary) CloseSend() error { return nil }
func (u *unary) Peer() *peer.Peer { return peerOf(u.server.name) }

func (u *unary) Send(m call.Message) error {
	if !u.server.enter() {
		m.Free()
		return stopping(u.server)
	}
	u.request = m
	u.serverCtx, u.cancel = serverContext(u.ctx, u.server)
	u.server.workers.start(u)
	return nil
}

// run is the worker's part.
func (u *unary) run() {
	defer u.server.leave()
	defer u.cancel()
	defer close(u.done)
	u.end = exited // what holds if the handler ends its goroutine
	u.end = u.server.Table.Serve(u.serverCtx, u.in, unaryServer{u})
}

func (u *unary) Recv() (call.Message, error) {
	select {
	case <-u.done:
	case <-u.ctx.Done():
	case <-u.server.ctx.Done():
	}
	if !u.answered() {
		cancelAfter(u.ctx, u.cancel)
		return call.Message{}, lost(u.ctx, u.server)
	}
	if u.taken < len(u.replies) {
		u.taken++
		return u.replies[u.taken-1], nil
	}
	if u.end.Status != nil {
		return call.Message{}, link.Mark(u.end.Status, link.Answered)
	}
	return call.Message{}, io.EOF
}

func (u *unary) Header() (metadata.MD, error) {
	if !u.answered() {
		return nil, call.Ended(u.ctx, link.MayHaveRun)
	}
	return u.header, nil
}

func (u *unary) Trailer() metadata.MD {
	if !u.answered() {
		return nil
	}
	return u.end.Trailer
}

func (u *unary) answered() bool {
	select {
	case <-u.done:
		return true
	default:
		return false
	}
}

// unaryServer is the handler's end.
type unaryServer struct{ u *unary }

func (s unaryServer) Share() bool { return s.u.shared }

func (s unaryServer) Recv() (call.Message, error) {
	if s.u.asked {
		return call.Message{}, io.EOF
	}
	s.u.asked = true
	return s.u.request, nil
}

func (s unaryServer) SendHeader(header metadata.MD) error {
	s.u.header = header
	return nil
}

func (s unaryServer) Send(m call.Message) error {
	const enough = 2
	if len(s.u.replies) == enough {
		m.Free()
		return io.EOF
	}
	s.u.replies = append(s.u.replies, m)
	return nil
}
