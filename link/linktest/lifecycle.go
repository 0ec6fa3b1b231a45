package linktest

import (
	"context"
	"errors"
	"strings"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/kerf-go/kerf/link"
	linktestv1 "github.com/kerf-go/kerf/link/linktest/v1"
)

func lifecycleRows() []row {
	return []row{
		{name: "a conn is dialled without a server", run: lazyDial},
		{name: "the URL of a server tells the real address", run: realURL},
		{name: "an address is taken once", run: takenAddress},
		{name: "a call before Serve is answered by it", run: beforeServe},
		{name: "a server that comes back is found again", run: comesBack},
		{name: "closing the conn ends pending calls with Canceled", run: closeEndsCalls},
		{name: "closing the conn ends pending streams with Canceled", run: closeEndsStreams, streams: true},
		{name: "a call on a closed conn is Canceled", run: callAfterClose},
		{name: "a stream on a closed conn is Canceled", run: streamAfterClose, streams: true},
		{name: "closing a conn twice does no harm", run: closeConnTwice},
		{name: "closing one conn leaves the others alone", run: closeOne},
	}
}

func lazyDial(s *side) {
	conn := s.dial(s.vacant(), link.DialOptions{})
	s.code("close", conn.Close())
}

func realURL(s *side) {
	b := s.serve(exercise{})
	s.note("port 0", strings.HasSuffix(b.URL(), ":0"))
	again := linktestv1.NewExerciseClient(s.dial(b.URL(), link.DialOptions{}))
	_, err := again.Unary(s.ctx, text("x"))
	s.status("call", err)
}

func takenAddress(s *side) {
	b := s.serve(exercise{})
	u := parse(s, b.URL())
	second, err := s.subject.Link.Listen(s.ctx, u, link.ListenOptions{})
	s.note("refused", err != nil)
	if err == nil {
		s.code("close", second.Close())
	}
	_, err = b.client.Unary(s.ctx, text("x"))
	s.status("call of the first", err)
}

func beforeServe(s *side) {
	srv := s.listen(s.address(), link.ListenOptions{})
	linktestv1.RegisterExerciseServer(srv, exercise{})
	client := linktestv1.NewExerciseClient(s.dial(srv.URL(), link.DialOptions{}))
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		_, err := client.Unary(s.ctx, text("x"))
		s.status("call", err)
	}()
	s.note("waits", pause(s.ctx, 30*time.Millisecond) && !closed(answered))
	s.start(srv)
	s.await("answer", answered)
}

func comesBack(s *side) {
	b := s.serve(exercise{})
	_, err := b.client.Unary(s.ctx, text("x"))
	s.status("first", err)
	s.code("close", b.Close())
	err = s.eventually(func() error {
		if _, err := b.client.Unary(s.ctx, text("x")); err != nil {
			s.expectCode("meanwhile", err, codes.Unavailable)
			return nil
		}
		return errStillAnswers
	})
	s.must("meanwhile", err)
	s.serveAt(b.URL())
	err = s.eventually(func() error {
		_, err := b.client.Unary(s.ctx, text("x"))
		return err
	})
	s.status("again", err)
}

var errStillAnswers = errors.New("the server still answers")

// running starts a call whose handler runs until its context ends.
func (s *side) running(call func(*bundle) error) (b *bundle, w watch, done chan struct{}) {
	w = s.watch()
	b = s.serve(w.handlers())
	done = make(chan struct{})
	go func() {
		defer close(done)
		s.code("call", call(b))
	}()
	s.await("start of the handler", w.running)
	return b, w, done
}

func pendingUnary(s *side) func(*bundle) error {
	return func(b *bundle) error {
		_, err := b.client.Unary(s.ctx, text("x"))
		return err
	}
}

func pendingChat(s *side) func(*bundle) error {
	return func(b *bundle) error {
		stream, err := b.client.Chat(s.ctx)
		if err == nil {
			_, err = stream.Recv()
		}
		return err
	}
}

func closeEndsCalls(s *side) {
	b, w, done := s.running(pendingUnary(s))
	s.code("close", b.conn.Close())
	s.await("end of the call", done)
	s.await("end of the handler", w.ended)
}

func closeEndsStreams(s *side) {
	b, w, done := s.running(pendingChat(s))
	s.code("close", b.conn.Close())
	s.await("end of the stream", done)
	s.await("end of the handler", w.ended)
}

func callAfterClose(s *side) {
	b := s.serve(exercise{})
	s.code("close", b.conn.Close())
	_, err := b.client.Unary(s.ctx, text("x"))
	s.ran("call", err, link.NeverSent)
}

func streamAfterClose(s *side) {
	b := s.serve(exercise{})
	s.code("close", b.conn.Close())
	_, err := b.client.Chat(s.ctx)
	s.ran("chat", err, link.NeverSent)
}

func closeConnTwice(s *side) {
	b := s.serve(exercise{})
	s.code("close", b.conn.Close())
	_ = b.conn.Close()
	_, err := b.client.Unary(s.ctx, text("x"))
	s.code("call", err)
}

func closeOne(s *side) {
	b, w, done := s.running(pendingUnary(s))
	other := linktestv1.NewExerciseClient(s.dial(b.URL(), link.DialOptions{}))
	s.code("close", b.conn.Close())
	s.await("end of the call", done)
	s.await("end of the handler", w.ended)
	_, err := other.Tell(context.WithoutCancel(s.ctx), text("x"))
	s.status("call on the other", err)
}
