package linktest

import (
	"context"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/call/receipt"
)

func waitRows() []row {
	return []row{
		{name: "a call that is only sent answers empty and runs once", run: onlySent},
		{name: "a call that is to be accepted is, or is refused at once", run: onlyAccepted},
		{name: "a question about an accepted request runs nothing", run: onlyAsked},
	}
}

func onlySent(s *side) {
	ran := make(chan struct{}, 2) //nolint:mnd // room for one too many
	b := s.serve(exercise{tell: func(context.Context, *message) (*emptypb.Empty, error) {
		ran <- struct{}{}
		return &emptypb.Empty{}, nil
	}})
	_, err := b.client.Tell(s.ctx, text("x"), link.WithWait(link.Sent))
	s.status("call", err)
	s.await("the call", ran)
	again, cancel := context.WithTimeout(s.ctx, 100*time.Millisecond) //nolint:mnd // a second one would come at once
	defer cancel()
	select {
	case <-ran:
		s.failf("the call ran twice")
	case <-again.Done():
	}
}

// onlyAccepted: grpc-go, which does not know the option, answers.
func onlyAccepted(s *side) {
	ran := make(chan struct{}, 1)
	b := s.serve(exercise{tell: func(context.Context, *message) (*emptypb.Empty, error) {
		ran <- struct{}{}
		return &emptypb.Empty{}, nil
	}})
	_, err := b.client.Tell(s.ctx, text("x"), link.WithWait(link.Accepted))
	if s.oracle || s.subject.Link.Capabilities().Durable {
		s.note("as it should be", err == nil)
		s.await("the call", ran)
		return
	}
	s.note("as it should be", status.Code(err) == codes.Unimplemented && link.Ran(err) == link.NeverSent)
}

// onlyAsked: grpc-go, which knows neither option, answers.
func onlyAsked(s *side) {
	ran := make(chan struct{}, 1)
	b := s.serve(exercise{tell: func(context.Context, *message) (*emptypb.Empty, error) {
		ran <- struct{}{}
		return &emptypb.Empty{}, nil
	}})
	_, err := b.client.Tell(s.ctx, text("x"), link.WithWait(link.Accepted), receipt.Ask("1.1.eA"))
	want := codes.Unimplemented
	if s.subject.Link.Capabilities().Durable {
		want = codes.NotFound // nothing has been accepted
	}
	s.note("as it should be", s.oracle || status.Code(err) == want && len(ran) == 0)
}
