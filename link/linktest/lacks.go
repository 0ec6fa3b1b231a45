package linktest

import (
	"context"
	"fmt"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"

	"github.com/kerf-go/kerf/link"
)

// atOnce is how soon a call ends that asks for what the link lacks: machines are slow,
// but none waits for a peer.
const atOnce = 2 * time.Second

// refuses makes a call that the link cannot carry. It fails at once, and is never sent.
func (s *side) refuses(what string, want codes.Code, call func() error) {
	began := time.Now()
	err := call()
	s.expectCode(what, err, want)
	if took := time.Since(began); took > atOnce {
		s.failf("%s: took %v to be refused", what, took)
	}
	if !s.subject.plain && link.Ran(err) != link.NeverSent {
		s.failf("%s: %v, said to be %q", what, err, link.Ran(err))
	}
}

// unasked fails the case when a handler runs.
func (s *side) unasked() exercise {
	return exercise{
		unary: func(_ context.Context, m *message) (*message, error) {
			s.failf("the handler ran")
			return m, nil
		},
		download: func(*message, downloadServer) error {
			s.failf("the handler of a stream ran")
			return nil
		},
	}
}

func refusesStreams(s *side) {
	b := s.serve(s.unasked())
	s.refuses("chat on a link without streams", codes.Unimplemented, func() error {
		stream, err := b.client.Chat(s.ctx)
		if err == nil {
			_, err = stream.Recv()
		}
		return err
	})
	s.refuses("download on a link without streams", codes.Unimplemented, func() error {
		stream, err := b.client.Download(s.ctx, text("x"))
		if err == nil {
			_, err = stream.Recv()
		}
		return err
	})
}

// refusesMessage asks for more than most bytes: in the request, in its metadata, in
// the answer, around which there may be less than around a request.
func refusesMessage(s *side, most int) {
	b := s.serve(s.unasked())
	s.refuses("long message", codes.ResourceExhausted, func() error {
		_, err := b.client.Unary(s.ctx, sized(most+1))
		s.tellsLimit("long message", err)
		return err
	})
	s.refuses("long metadata", codes.ResourceExhausted, func() error {
		_, err := b.client.Unary(metadata.AppendToOutgoingContext(s.ctx, "long", strings.Repeat("x", most)), text("x"))
		s.tellsLimit("long metadata", err)
		return err
	})
	b = s.serve(exercise{unary: func(context.Context, *message) (*message, error) { return sized(2 * most), nil }})
	_, err := b.client.Unary(s.ctx, text("x"))
	s.expectCode("long answer", err, codes.ResourceExhausted)
	s.tellsLimit("long answer", err)
}

// tellsLimit looks for a number in the error.
func (s *side) tellsLimit(what string, err error) {
	if !strings.ContainsAny(fmt.Sprint(err), "123456789") {
		s.failf("%s: the error does not tell the limit: %v", what, err)
	}
}
