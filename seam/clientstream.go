package seam

import (
	"context"
	"errors"
	"io"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/kerf-go/kerf/internal/bounded"
	"github.com/kerf-go/kerf/policy"
)

// clientStream ends its call when the stream ends: by an error or the end of a
// receive, by the single answer of a method that streams none, or because OnFinish says
// so, when its context or conn has ended and nobody receives.
type clientStream struct {
	grpc.ClientStream
	call    call
	own     *bounded.Context // of the stream
	watch   *policy.Watch
	answers bool        // the callee may send more than one message
	fares   func(error) // tells the breaker, once
	told    atomic.Bool // it was
	failed  func(error) // is told of what the stream ended with
	ended   atomic.Bool
}

var _ grpc.ClientStream = (*clientStream)(nil)

func (s *clientStream) end(err error) {
	s.finish(err)
	s.own.Cancel()
}

func (s *clientStream) finish(err error) {
	if !s.ended.CompareAndSwap(false, true) {
		return
	}
	s.watch.Stop()
	if err != nil {
		s.failed(err)
	}
	s.tell(err)
	s.call.end(codeOf(err))
}

// idle ends a stream on which nothing goes any more.
func (s *clientStream) idle() {
	s.told.Store(true) // the callee may have had nothing to tell
	s.end(context.DeadlineExceeded)
}

// tell is for the first message, or an end without any.
func (s *clientStream) tell(err error) {
	if !s.told.Load() && s.told.CompareAndSwap(false, true) {
		s.fares(err)
	}
}

func (s *clientStream) Header() (metadata.MD, error) {
	md, err := s.ClientStream.Header()
	if err != nil {
		err = s.watch.Cause(err)
		s.end(err)
	}
	return md, err
}

func (s *clientStream) SendMsg(message any) error {
	err := s.watch.Cause(s.ClientStream.SendMsg(message))
	switch {
	case err == nil:
		s.watch.Message()
		s.call.request(message)
	case !errors.Is(err, io.EOF): // EOF: RecvMsg will tell the status
		s.end(err)
	}
	return err
}

func (s *clientStream) CloseSend() error {
	err := s.watch.Cause(s.ClientStream.CloseSend())
	if err != nil {
		s.end(err)
	}
	return err
}

func (s *clientStream) RecvMsg(message any) error {
	err := s.watch.Cause(s.ClientStream.RecvMsg(message))
	switch {
	case err == nil:
		s.watch.Message()
		s.call.response(message)
		s.tell(nil)
		if !s.answers {
			s.end(nil)
		}
	case errors.Is(err, io.EOF):
		s.end(nil)
	default:
		s.end(err)
	}
	return err
}
