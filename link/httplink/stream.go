package httplink

import (
	"context"
	"errors"
	"io"

	"connectrpc.com/connect"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/call"
)

// stream is the client's end of a streaming call of any kind: on the wire all
// look like a stream in both directions.
type stream struct {
	*exchange
	stream *connect.BidiStreamForClient[raw, raw]
}

var _ call.Transport = (*stream)(nil)

// openStream sends the header, and returns once the request has a connection.
func openStream(ctx context.Context, d *dialer, r call.Request) (call.Transport, error) {
	if d.http1 && r.Desc.ClientStreams && r.Desc.ServerStreams {
		return nil, link.Mark(status.Newf(codes.Unimplemented,
			"%s streams in both directions, which HTTP/1.1 cannot: dial without http=1", r.Method), link.NeverSent)
	}
	e := newExchange(ctx, d)
	failed := make(chan struct{})
	s := &stream{
		exchange: e,
		stream:   d.client(r).CallBidiStream(withFailure(e.ctx, failed)),
	}
	d.setHeader(s.stream.RequestHeader(), r)
	if err := s.stream.Send(nil); err != nil && !errors.Is(err, io.EOF) {
		return nil, fromConnect(ctx, err, e.isConnected())
	}
	select {
	case <-e.connected:
		return s, nil
	case <-failed:
	case <-ctx.Done():
	}
	if e.isConnected() {
		return s, nil
	}
	if ctx.Err() != nil {
		return nil, call.Ended(ctx, link.NeverSent)
	}
	_, err := s.stream.Receive()
	return nil, fromConnect(ctx, err, false)
}

func (s *stream) Send(m call.Message) error {
	defer m.Free()
	err := s.stream.Send(&raw{data: m.Bytes()})
	if err != nil {
		return io.EOF // Recv tells why
	}
	return nil
}

func (s *stream) CloseSend() error { return s.stream.CloseRequest() }

func (s *stream) Recv() (call.Message, error) {
	m, err := s.stream.Receive()
	if err == nil {
		return call.Encoded(m.data), nil
	}
	if s.ctx.Err() == nil && errors.Is(err, io.EOF) {
		return call.Message{}, io.EOF
	}
	return call.Message{}, fromConnect(s.ctx, err, s.isConnected())
}

func (s *stream) Header() (metadata.MD, error) {
	header := s.stream.ResponseHeader()
	if s.ctx.Err() != nil && len(header) == 0 {
		return nil, call.Ended(s.ctx, link.MayHaveRun)
	}
	if header.Get(endHeader) != "" {
		return nil, nil //nolint:nilnil // the call ended without a header: Recv tells why
	}
	return readMetadata(header), nil
}

func (s *stream) Trailer() metadata.MD { return readMetadata(s.stream.ResponseTrailer()) }
