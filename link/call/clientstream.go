package call

import (
	"context"
	"errors"
	"io"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
)

// clientStream is a caller's end of one call of any kind.
type clientStream struct {
	options
	ctx     context.Context         //nolint:containedctx // the call's own
	cancel  context.CancelCauseFunc // nil: the context is the caller's
	unwatch func() bool             // stops watching for the conn's end
	tr      Transport
	desc    *grpc.StreamDesc
	stats   *statsHandlers

	sentLast bool   // only the sender touches it
	received bool   // a message has come; the receiver's, as the next
	end      error  // what the receiver was told last, once that was the end
	guard    *guard // nil: Invoke's, which stays on one goroutine's stack
}

// guard is for streams, whose end may be told by several goroutines.
type guard struct {
	receiving sync.Mutex // guards received and end
	finishing sync.Once
}

var _ grpc.ClientStream = (*clientStream)(nil)

// watch makes the call's context its own, and ends it when the conn is closed.
func (s *clientStream) watch(closed context.Context) {
	ctx, cancel := context.WithCancelCause(s.ctx)
	s.ctx, s.cancel = ctx, cancel
	s.unwatch = context.AfterFunc(closed, func() { cancel(errClosing) })
}

func (s *clientStream) Context() context.Context { return s.ctx }

func (s *clientStream) Header() (metadata.MD, error) {
	header, err := s.tr.Header()
	if err != nil {
		s.finish(err)
		return nil, nil //nolint:nilnil // as in grpc-go: RecvMsg tells why there is none
	}
	return header, nil
}

func (s *clientStream) Trailer() metadata.MD { return s.tr.Trailer() }

func (s *clientStream) CloseSend() error {
	if s.sentLast {
		return nil
	}
	s.sentLast = true
	if err := s.tr.CloseSend(); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return nil // what went wrong is for RecvMsg to tell
}

func (s *clientStream) SendMsg(v any) error {
	if s.sentLast {
		err := s.mark(status.Error(codes.Internal, "SendMsg called after CloseSend"))
		s.finish(err)
		return err
	}
	m, err := seal(s.tr, s.codec, v, s.maxSend)
	if err != nil {
		err = s.mark(err)
		if s.desc == unaryDesc {
			_ = s.tr.CloseSend() // nobody else ends the call, and letGo asks for its header
		}
		s.finish(err)
		return err
	}
	size := m.Size()
	err = s.tr.Send(m)
	if err == nil {
		s.stats.out(s.ctx, v, size)
	}
	if s.desc.ClientStreams {
		return s.sendFailure(err)
	}
	if err := s.CloseSend(); err != nil {
		return err
	}
	if errors.Is(err, io.EOF) {
		return nil // RecvMsg tells why
	}
	return s.sendFailure(err)
}

// mark is for errors found before a message was sent. The handler of a stream does
// not wait for one.
func (s *clientStream) mark(err error) error {
	if s.desc.ClientStreams {
		return link.Mark(status.Convert(err), link.MayHaveRun)
	}
	return unsent(err)
}

func (s *clientStream) sendFailure(err error) error {
	if err != nil && !errors.Is(err, io.EOF) {
		s.finish(err)
	}
	return err
}

// exchange makes a unary call. It may be made again if nobody has seen it.
func (s *clientStream) exchange(request, reply any) error {
	s.sentLast, s.received, s.end = false, false, nil
	if err := s.SendMsg(request); err != nil {
		return err
	}
	return s.RecvMsg(reply)
}

func (s *clientStream) RecvMsg(v any) error {
	if s.guard != nil {
		s.guard.receiving.Lock()
		defer s.guard.receiving.Unlock()
	}
	if s.end != nil {
		return s.end
	}
	err := s.recv(v)
	if err == nil && s.desc.ServerStreams {
		return nil
	}
	if err == nil {
		err = s.onlyOne()
	}
	s.end = err
	if err == nil {
		s.end = io.EOF
	}
	s.finish(err)
	return err
}

// recv takes the next message. The end of a call that had to answer and did not
// is an error.
func (s *clientStream) recv(v any) error {
	m, err := s.tr.Recv()
	if errors.Is(err, io.EOF) {
		if !s.desc.ServerStreams && !s.received {
			return link.Mark(status.New(codes.Internal, noResponse), link.Answered)
		}
		return io.EOF
	}
	if err != nil {
		return err
	}
	defer m.Free()
	if !s.received {
		s.received = true
		s.tellHeader()
	}
	size, err := decode(s.codec, m, v, s.maxRecv)
	if err != nil {
		return link.Mark(status.Convert(err), link.Answered)
	}
	s.stats.in(s.ctx, v, size)
	return nil
}

// onlyOne makes sure that a call with one answer ended with it.
func (s *clientStream) onlyOne() error {
	extra, err := s.tr.Recv()
	if err == nil {
		extra.Free()
		return link.Mark(status.New(codes.Internal, "cardinality violation: expected <EOF> for non "+
			"server-streaming RPCs, but received another message"), link.Answered)
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// abandon ends a stream whose context, or conn, has ended. Somebody who receives
// comes first, and tells the end better.
func (s *clientStream) abandon() {
	s.guard.receiving.Lock()
	defer s.guard.receiving.Unlock()
	s.finish(Ended(s.ctx, link.MayHaveRun))
}

// finish ends a stream, once. Invoke ends its calls itself.
func (s *clientStream) finish(err error) {
	if s.guard != nil {
		s.guard.finishing.Do(func() { s.letGo(err) })
	}
}

// letGo fills in what the options asked for, and keeps nothing.
func (s *clientStream) letGo(err error) {
	if errors.Is(err, io.EOF) {
		err = nil
	}
	if s.cancel != nil {
		s.unwatch()
		s.cancel(nil) // before the header is asked for: it must not wait
	}
	if s.tr != nil {
		s.fill()
		s.stats.handle(s.ctx, func() stats.RPCStats {
			return &stats.InTrailer{Client: true, Trailer: s.tr.Trailer()}
		})
	}
	_ = s.options.finish(err)
	s.stats.end(s.ctx, err)
}

func (s *clientStream) tellHeader() {
	s.stats.handle(s.ctx, func() stats.RPCStats {
		header, _ := s.tr.Header() // it came before the message
		return &stats.InHeader{Client: true, Header: header}
	})
}

func (s *clientStream) fill() {
	if len(s.headers) > 0 {
		header, _ := s.tr.Header()
		for _, to := range s.headers {
			*to = header
		}
	}
	if s.trailer != nil {
		*s.trailer = s.tr.Trailer()
	}
	for _, to := range s.trailers {
		*to = s.tr.Trailer()
	}
	for _, to := range s.peers {
		if p := s.tr.Peer(); p != nil {
			*to = *p
		}
	}
}

// finish tells who asked that the call has ended, and returns the error.
func (o *options) finish(err error) error {
	for _, f := range o.onFinish {
		f(err)
	}
	return err
}
