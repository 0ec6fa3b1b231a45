package seam

import (
	"context"
	"errors"
	"io"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// clientStream ends its call when the stream ends: by an error or the end of a
// receive, by the single answer of a method that streams none, by its context,
// which is how a stream is abandoned, or when its conn says so, which may be closed.
type clientStream struct {
	grpc.ClientStream
	call    call
	cancel  context.CancelFunc
	unwatch func() bool
	answers bool // the callee may send more than one message
	ended   atomic.Bool
}

var _ grpc.ClientStream = (*clientStream)(nil)

// watch ends the call with its context, even if nobody receives any more.
func (s *clientStream) watch(ctx context.Context) {
	s.unwatch = context.AfterFunc(ctx, func() { s.finish(status.FromContextError(ctx.Err()).Code()) })
}

func (s *clientStream) end(code codes.Code) {
	if s.unwatch != nil {
		s.unwatch()
	}
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
