package seam

import (
	"context"
	"errors"
	"io"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
)

// clientStream ends its call when the stream ends: by an error or the end of a
// receive, by the single answer of a method that streams none, or because OnFinish says
// so, when its context or conn has ended and nobody receives.
type clientStream struct {
	grpc.ClientStream
	call    call
	cancel  context.CancelFunc
	answers bool // the callee may send more than one message
	ended   atomic.Bool
}

var _ grpc.ClientStream = (*clientStream)(nil)

func (s *clientStream) end(code codes.Code) {
	s.finish(code)
	s.cancel()
}

func (s *clientStream) finish(code codes.Code) {
	if s.ended.CompareAndSwap(false, true) {
		s.call.end(code)
	}
}

func (s *clientStream) Header() (metadata.MD, error) {
	md, err := s.ClientStream.Header()
	if err != nil {
		s.end(codeOf(err))
	}
	return md, err
}

func (s *clientStream) SendMsg(message any) error {
	err := s.ClientStream.SendMsg(message)
	switch {
	case err == nil:
		s.call.request(message)
	case !errors.Is(err, io.EOF): // EOF: RecvMsg will tell the status
		s.end(codeOf(err))
	}
	return err
}

func (s *clientStream) CloseSend() error {
	err := s.ClientStream.CloseSend()
	if err != nil {
		s.end(codeOf(err))
	}
	return err
}

func (s *clientStream) RecvMsg(message any) error {
	err := s.ClientStream.RecvMsg(message)
	switch {
	case err == nil:
		s.call.response(message)
		if !s.answers {
			s.end(codes.OK)
		}
	case errors.Is(err, io.EOF):
		s.end(codes.OK)
	default:
		s.end(codeOf(err))
	}
	return err
}
