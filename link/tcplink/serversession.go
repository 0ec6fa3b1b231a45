package tcplink

import (
	"context"
	"fmt"
	"net"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link/call/frame"
)

const (
	// maxCalls is how many calls of one connection may run at once.
	maxCalls = 1 << 16
	// farewell is how long a client may take to close a connection that has no more
	// calls: what it sent meanwhile is refused in words.
	farewell = time.Second
)

// serverSession is the server's end of a connection.
type serverSession struct {
	*session
	server *server
	ctx    context.Context //nolint:containedctx // parent of its calls', ends with it
	calls  frame.Calls[uint64, *frame.Callee]
}

func newServerSession(s *server, c net.Conn) *serverSession {
	ss := &serverSession{session: newSession(c), server: s}
	ctx, cancel := context.WithCancel(s.ctx)
	ss.ctx = peer.NewContext(ctx, ss.peer)
	ss.handle = ss.take
	ss.lost = func(error) { cancel() }
	ss.start(s.every)
	return ss
}

func (s *serverSession) take(f frame.Frame) error {
	switch f.Kind { //nolint:exhaustive // all others are a call's
	case frame.Pong:
		return nil
	case frame.Open:
		return s.open(f)
	}
	if callee, ok := s.calls.Get(f.Call); ok {
		return callee.Handle(f)
	}
	return nil // it crossed the end of its call
}

func (s *serverSession) open(f frame.Frame) error {
	o, err := frame.ParseOpening(f)
	if err != nil {
		return err
	}
	if _, twice := s.calls.Get(f.Call); twice {
		return fmt.Errorf("call %d was opened twice", f.Call)
	}
	if s.calls.Count() >= maxCalls {
		s.Push(frame.AppendRefusal(nil, f.Call, status.Newf(codes.ResourceExhausted,
			"more than %d calls on one connection", maxCalls)))
		return nil
	}
	callee := frame.NewCallee(s.ctx, s, f.Call, o, s.server.Table)
	if !s.calls.Add(f.Call, callee) {
		s.Push(frame.AppendRefusal(nil, f.Call, status.Newf(codes.Unavailable,
			"the server of %s is stopping", s.server.url)))
		return nil
	}
	go callee.Run() // Shutdown waits for it: Forget is its end
	return nil
}

// Forget closes a connection that takes no more calls with the last one.
func (s *serverSession) Forget(id uint64) {
	if s.calls.Remove(id) {
		s.leave()
	}
}

// drain lets no more calls begin.
func (s *serverSession) drain() {
	running := s.calls.Close()
	s.Push(frame.Append(nil, frame.Frame{Kind: frame.GoAway}))
	if len(running) == 0 {
		s.leave()
	}
}

// leave closes the connection once the client has, or soon.
func (s *serverSession) leave() { time.AfterFunc(farewell, s.finish) }
