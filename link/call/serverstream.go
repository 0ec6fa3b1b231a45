package call

import (
	"context"
	"errors"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/internal/bounded"
)

var (
	errHeaderSent = status.Error(codes.Internal, "transport: the header has been sent already")
	errReturned   = status.Error(codes.Internal, "transport: the handler has returned")
)

// serverStream is a handler's end of one call of any kind.
type serverStream struct {
	ctx              context.Context //nolint:containedctx // the call's own
	tr               ServerTransport
	method           *method
	incoming         metadata.MD // nobody changes it
	codec            encoding.CodecV2
	maxRecv, maxSend int
	stats            *statsHandlers
	received         bool // one message has come; only the receiver touches it
	headers
}

var (
	_ grpc.ServerStream          = (*serverStream)(nil)
	_ grpc.ServerTransportStream = transportStream{}
)

func (s *serverStream) Context() context.Context { return s.ctx }

func (s *serverStream) SetHeader(md metadata.MD) error {
	if md.Len() == 0 {
		return nil
	}
	if err := Validate(md); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sent || s.ended {
		return errHeaderSent
	}
	s.header = metadata.Join(s.header, md)
	dropReserved(s.header)
	return nil
}

func (s *serverStream) SendHeader(md metadata.MD) error {
	if err := s.SetHeader(md); err != nil {
		return err
	}
	return s.flushHeader(true)
}

func (s *serverStream) SetTrailer(md metadata.MD) {
	if md.Len() == 0 || Validate(md) != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trailer = metadata.Join(s.trailer, md)
	dropReserved(s.trailer)
}

// flushHeader sends the header unless it was; first demands that it was not. Once
// the handler has returned, the transport is not its own any more.
func (s *serverStream) flushHeader(first bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return errReturned
	}
	if s.sent {
		if first {
			return errHeaderSent
		}
		return nil
	}
	s.sent = true
	s.stats.handle(s.ctx, func() stats.RPCStats { return &stats.OutHeader{Header: s.header} })
	return s.tr.SendHeader(s.header)
}

func (s *serverStream) SendMsg(v any) error {
	if err := bounded.Told(s.ctx); err != nil {
		return s.broken(err)
	}
	m, err := seal(s.tr, s.codec, v, s.maxSend)
	if err != nil {
		return s.fail(err)
	}
	size := m.Size()
	if err := s.flushHeader(false); err != nil {
		return err
	}
	if err := s.tr.Send(m); err != nil {
		return s.broken(err)
	}
	s.mu.Lock()
	s.replied = true
	s.mu.Unlock()
	s.stats.out(s.ctx, v, size)
	return nil
}

// recvRequest is the decode function that a unary handler is given.
func (s *serverStream) recvRequest(v any) error {
	err := s.recv(v)
	if errors.Is(err, io.EOF) {
		return s.fail(status.Error(codes.Internal,
			"cardinality violation: received no request message from non-client-streaming RPC"))
	}
	return err
}

func (s *serverStream) RecvMsg(v any) error {
	if s.method.desc.ClientStreams {
		return s.recv(v)
	}
	if s.received {
		return io.EOF
	}
	s.received = true
	if err := s.recvRequest(v); err != nil {
		return err
	}
	extra, err := s.tr.Recv()
	if err == nil {
		extra.Free()
		return s.fail(status.Error(codes.Internal,
			"cardinality violation: received multiple request messages for non-client-streaming RPC"))
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return s.broken(err)
}

func (s *serverStream) recv(v any) error {
	m, err := s.tr.Recv()
	if errors.Is(err, io.EOF) {
		return io.EOF
	}
	if err != nil {
		return s.broken(err)
	}
	defer m.Free()
	size, err := decode(s.codec, m, v, s.maxRecv)
	if _, plain := s.codec.(jsonCodec); plain && status.Code(err) == codes.Internal {
		// Conns encode JSON right: this was written by somebody who can mend it.
		err = status.Errorf(codes.InvalidArgument, "the body is not the message that %s takes: %s",
			s.method.full, status.Convert(err).Message())
	}
	if err != nil {
		return s.fail(err)
	}
	s.stats.in(s.ctx, v, size)
	return nil
}

// fail makes err the call's end, whatever the handler says later: grpc-go too
// tells the caller of a broken stream at once.
func (s *serverStream) fail(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed == nil {
		s.failed = err
	}
	return err
}

// broken is what a handler is told when the caller is gone.
func (s *serverStream) broken(err error) error {
	if s.ctx.Err() != nil {
		return status.FromContextError(s.ctx.Err()).Err()
	}
	return status.Convert(err).Err()
}

// end closes the stream for the handler, and tells what the caller gets. A header
// that was set and never sent goes ahead of a failure too.
func (s *serverStream) end(st *status.Status) End {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	if s.failed != nil {
		st = status.Convert(s.failed)
	}
	if st == nil && !s.replied && !s.method.streamsBack() {
		st = status.New(codes.Internal, noResponse)
	}
	if !s.sent && s.header.Len() > 0 {
		s.sent = true
		if err := s.tr.SendHeader(s.header); err != nil && st == nil {
			st = status.Convert(err)
		}
	}
	return End{Trailer: s.trailer, Status: st}
}

// transportStream is the same stream as grpc.SetHeader and its like want it.
type transportStream struct{ s *serverStream }

func (t transportStream) Method() string                  { return t.s.method.full }
func (t transportStream) SetHeader(md metadata.MD) error  { return t.s.SetHeader(md) }
func (t transportStream) SendHeader(md metadata.MD) error { return t.s.SendHeader(md) }

func (t transportStream) SetTrailer(md metadata.MD) error {
	if err := Validate(md); err != nil {
		return err
	}
	t.s.SetTrailer(md)
	return nil
}
