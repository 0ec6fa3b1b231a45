package linktest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
)

func shutdownRows() []row {
	return []row{
		{name: "Shutdown lets calls finish, refuses new ones and then ends Serve", run: drains},
		{name: "Shutdown lets streams finish", run: drainsStream, streams: true},
		{name: "Shutdown cancels at its bound", run: bounded},
		{name: "Close of a server ends calls with Unavailable", run: closeServer},
		{name: "Close of a server ends streams with Unavailable", run: closeServerOfStream, streams: true},
		{name: "Shutdown and Close may be repeated", run: stopsTwice},
		{name: "Serve of a server that was closed is an error", run: serveAfterClose},
	}
}

func parse(s *side, rawURL string) *url.URL {
	u, err := url.Parse(rawURL)
	s.must("URL "+rawURL, err)
	return u
}

// refuses repeats calls until one is refused for good. The first ones refused may
// have met the connection while it was closing, when nobody knows whether they ran.
func refuses(s *side, b *bundle) {
	var last error
	err := s.eventually(func() error {
		ctx, cancel := context.WithTimeout(s.ctx, time.Second)
		defer cancel()
		if _, last = b.client.Tell(ctx, text("x")); last == nil {
			return errors.New("calls are still answered")
		}
		s.expectCode("refused", last, codes.Unavailable)
		if !s.oracle && link.Ran(last) != link.NeverSent {
			return fmt.Errorf("refused, but said to be %q: %w", link.Ran(last), last)
		}
		return nil
	})
	s.must("after the stop", err)
	s.ran("refused", last, link.NeverSent)
}

func drains(s *side) {
	running, release := make(chan struct{}), make(chan struct{})
	b := s.serve(exercise{unary: func(ctx context.Context, m *message) (*message, error) {
		close(running)
		s.waitIn(ctx, "release", release)
		s.note("context while draining", ctx.Err())
		return m, nil
	}})
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		reply, err := b.client.Unary(s.ctx, text("x"))
		s.status("call", err)
		s.message("reply", reply)
	}()
	s.await("start of the handler", running)
	go func() {
		defer close(stopped)
		s.code("shutdown", b.Shutdown(s.ctx))
	}()
	refuses(s, b)
	s.note("drained before the call ended", closed(stopped))
	close(release)
	s.await("end of the call", done)
	s.await("end of Shutdown", stopped)
	s.noteServed(b.server)
}

// noteServed notes what Serve returned.
func (s *side) noteServed(srv *server) {
	select {
	case err := <-srv.served:
		s.note("serve failed", err != nil)
	case <-s.ctx.Done():
		s.failf("Serve did not return")
	}
}

func drainsStream(s *side) {
	running := make(chan struct{})
	b := s.serve(exercise{chat: func(stream chatServer) error {
		close(running)
		return receive(stream.Recv, stream.Send)
	}})
	stream, err := b.client.Chat(s.ctx)
	s.must("chat", err)
	s.await("start of the handler", running)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		s.code("shutdown", b.Shutdown(s.ctx))
	}()
	refuses(s, b)
	for range 3 {
		s.code("send", stream.Send(text("x")))
		_, err := stream.Recv()
		s.code("receive", err)
	}
	s.code("close", stream.CloseSend())
	s.drain("chat", stream.Recv)
	s.await("end of Shutdown", stopped)
}

func bounded(s *side) {
	b, w, done := s.running(pendingUnaryMade(s))
	ctx, cancel := context.WithTimeout(s.ctx, 50*time.Millisecond)
	defer cancel()
	s.note("shutdown was cut short", b.Shutdown(ctx) != nil)
	s.await("end of the handler", w.ended)
	s.await("end of the call", done)
}

// pendingUnaryMade is pendingUnary for calls that the server ends. Whether the
// handler's answer still gets through is a matter of chance, so that it may be
// the handler's Canceled or the transport's Unavailable.
func pendingUnaryMade(s *side) func(*bundle) error {
	return func(b *bundle) error {
		_, err := b.client.Unary(s.ctx, text("x"))
		return eitherEnd(err)
	}
}

func eitherEnd(err error) error {
	if status.Code(err) == codes.Canceled {
		return status.Error(codes.Unavailable, "the handler's answer came through")
	}
	return err
}

func closeServer(s *side) {
	b, w, done := s.running(pendingUnaryMade(s))
	s.code("close", b.Close())
	s.await("end of the handler", w.ended)
	s.await("end of the call", done)
	s.noteServed(b.server)
	refuses(s, b)
}

func closeServerOfStream(s *side) {
	b, w, done := s.running(func(b *bundle) error { return eitherEnd(pendingChat(s)(b)) })
	s.code("close", b.Close())
	s.await("end of the handler", w.ended)
	s.await("end of the stream", done)
}

func stopsTwice(s *side) {
	b := s.serve(exercise{})
	_, err := b.client.Unary(s.ctx, text("x"))
	s.status("call", err)
	s.code("shutdown", b.Shutdown(s.ctx))
	s.code("shutdown", b.Shutdown(s.ctx))
	s.code("close", b.Close())
	s.code("close", b.Close())
	s.code("shutdown after Close", b.Shutdown(s.ctx))
	s.noteServed(b.server)
}

func serveAfterClose(s *side) {
	srv := s.listen(s.address(), link.ListenOptions{})
	s.code("close", srv.Close())
	s.start(srv)
	s.noteServed(srv)
}
