package linktest

import (
	"context"
	"errors"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
)

// What link.Ran says of statuses that cases elsewhere make is noted there: of
// nobody listening, closed conns, passed deadlines, refusing servers, panics.
func outcomeRows() []row {
	return []row{
		{name: "an error of a handler was answered", run: ranAnswered},
		{name: "an error of the handler of a stream was answered", run: ranAnsweredStream, streams: true},
		{name: "a call that ends at its deadline while it runs may have run", run: ranDeadline},
		{name: "a call that its caller cancels while it runs may have run", run: ranCancelled},
		{name: "a request that is too long was never sent", run: ranTooLong},
		{name: "a stream whose message cannot be sent may have run", run: ranCannotSend, streams: true},
		{name: "a reply that is too long may have run", run: ranReplyTooLong},
		{name: "a call whose server closes while it runs may have run", run: ranClosed},
		{name: "the outcome of a call is not seen in its status", run: outcomeHidden},
	}
}

func ranAnswered(s *side) {
	answers := []error{
		errRefused(), errors.New("plain"), status.Error(codes.Unavailable, "u"), withDetails(text("d")), nil,
	}
	b := s.serve(exercise{unary: func(_ context.Context, m *message) (*message, error) {
		return m, answers[m.GetNumber()]
	}})
	for i := range answers {
		_, err := b.client.Unary(s.ctx, &message{Number: int64(i)})
		s.ran("call", err, link.Answered)
	}
}

func ranAnsweredStream(s *side) {
	b := s.serve(exercise{download: func(_ *message, stream downloadServer) error {
		s.code("send", stream.Send(text("x")))
		return errRefused()
	}})
	stream, err := b.client.Download(s.ctx, text("x"))
	s.must("download", err)
	_, err = stream.Recv()
	s.code("first", err)
	_, err = stream.Recv()
	s.ran("end", err, link.Answered)
}

func ranDeadline(s *side) {
	b := s.serve(exercise{unary: func(ctx context.Context, _ *message) (*message, error) {
		<-ctx.Done()
		return nil, status.FromContextError(ctx.Err()).Err()
	}})
	_, err := b.client.Tell(s.ctx, text("connect"))
	s.must("connect", err)
	ctx, cancel := context.WithTimeout(s.ctx, 100*time.Millisecond)
	defer cancel()
	_, err = b.client.Unary(ctx, text("x"))
	// Only NeverSent would be wrong for sure: the handler's own answer may win.
	s.note("may have run", codeOf(err), s.oracle || link.Ran(err) != link.NeverSent)
}

func ranCancelled(s *side) {
	cancels(s, func(ctx context.Context, b *bundle) error {
		_, err := b.client.Unary(ctx, text("x"))
		s.ran("outcome", err, link.MayHaveRun)
		return err
	})
}

func ranTooLong(s *side) {
	b := s.serve(exercise{})
	_, err := b.client.Unary(s.ctx, sized(100), grpc.MaxCallSendMsgSize(50))
	s.ran("call", err, link.NeverSent)
}

// ranCannotSend: the handler has begun long before.
func ranCannotSend(s *side) {
	for what, m := range map[string]*message{
		"too long": sized(101), "no UTF-8": text("\xff"), "after CloseSend": text("x"),
	} {
		w := s.watch()
		stream, err := s.serve(w.handlers()).client.Chat(s.ctx, grpc.MaxCallSendMsgSize(100))
		s.must("chat", err)
		s.await("start of the handler", w.running)
		if what == "after CloseSend" {
			s.code("close", stream.CloseSend())
		}
		s.ran(what, stream.Send(m), link.MayHaveRun)
		s.await("end of the handler", w.ended)
	}
}

func ranReplyTooLong(s *side) {
	b := s.serve(exercise{})
	_, err := b.client.Unary(s.ctx, sized(100), grpc.MaxCallRecvMsgSize(50))
	s.note("call", codeOf(err), link.Ran(err) != link.NeverSent)
}

func ranClosed(s *side) {
	b, w, done := s.running(func(b *bundle) error {
		_, err := b.client.Unary(s.ctx, text("x"))
		s.note("may have run", link.Ran(err) != link.NeverSent)
		return eitherEnd(err)
	})
	s.code("close", b.Close())
	s.await("end of the handler", w.ended)
	s.await("end of the call", done)
}

func outcomeHidden(s *side) {
	b := s.serve(exercise{unary: func(context.Context, *message) (*message, error) { return nil, errRefused() }})
	_, err := b.client.Unary(s.ctx, text("x"))
	s.note("details", len(status.Convert(err).Details()))
	s.note("text", err)
}
