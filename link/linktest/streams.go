package linktest

import (
	"context"
	"fmt"
	"sync"

	"google.golang.org/grpc/metadata"
)

func streamRows() []row {
	return []row{
		{name: "an upload is answered once", run: upload, streams: true},
		{name: "a download sends as many messages as it likes, none too", run: download, streams: true},
		{name: "a chat alternates", run: chatAlternates, streams: true},
		{name: "a chat where the handler speaks first", run: handlerFirst, streams: true},
		{name: "a stream begins before its first message", run: beginsBefore, streams: true},
		{
			name: "after half-close the handler sees the end and the caller keeps receiving",
			run:  halfClose, streams: true,
		},
		{name: "CloseSend twice does no harm", run: closeTwice, streams: true},
		{name: "1000 messages both ways at once keep their order", run: manyMessages, streams: true},
		{name: "100 streams at once keep apart", run: manyStreams, streams: true},
	}
}

func upload(s *side) {
	b := s.serve(exercise{upload: func(stream uploadServer) error {
		err := receive(stream.Recv, func(m *message) error {
			s.message("arrived", m)
			return nil
		})
		s.code("arrived", err)
		return stream.SendAndClose(text("thanks"))
	}})
	for _, count := range []int64{3, 0} {
		stream, err := b.client.Upload(s.ctx)
		s.must("upload", err)
		for i := range count {
			s.code("send", stream.Send(&message{Number: i}))
		}
		reply, err := stream.CloseAndRecv()
		s.status("upload", err)
		s.message("reply", reply)
	}
}

func download(s *side) {
	b := s.serve(exercise{})
	for _, count := range []int64{3, 0, 1} {
		stream, err := b.client.Download(s.ctx, &message{Number: count})
		s.must("download", err)
		s.drain("download", stream.Recv)
	}
}

func chatAlternates(s *side) {
	b := s.serve(exercise{})
	stream, err := b.client.Chat(s.ctx)
	s.must("chat", err)
	for i := range int64(100) {
		s.code("send", stream.Send(&message{Number: i}))
		m, err := stream.Recv()
		s.code("receive", err)
		s.message("reply", m)
	}
	s.code("close", stream.CloseSend())
	s.drain("chat", stream.Recv)
}

func handlerFirst(s *side) {
	b := s.serve(exercise{chat: func(stream chatServer) error {
		for i := range int64(5) {
			if err := stream.Send(&message{Number: i}); err != nil {
				return err
			}
			m, err := stream.Recv()
			s.code("receive", err)
			s.message("answer", m)
		}
		return nil
	}})
	stream, err := b.client.Chat(s.ctx)
	s.must("chat", err)
	for range 5 {
		m, err := stream.Recv()
		s.code("question", err)
		m.Text = "answer"
		s.code("send", stream.Send(m))
	}
	s.drain("chat", stream.Recv)
}

func beginsBefore(s *side) {
	w := s.watch()
	b := s.serve(w.handlers())
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	_, err := b.client.Chat(ctx)
	s.must("chat", err)
	s.await("start of the handler", w.running)
	cancel()
	s.await("end of the handler", w.ended)
}

func halfClose(s *side) {
	ended := make(chan struct{})
	b := s.serve(exercise{chat: func(stream chatServer) error {
		err := receive(stream.Recv, func(*message) error { return nil })
		s.code("end", err)
		_, err = stream.Recv()
		s.code("receive again", err)
		s.waitIn(stream.Context(), "close returns", ended)
		for i := range int64(10) {
			if err := stream.Send(&message{Number: i}); err != nil {
				return err
			}
		}
		return nil
	}})
	stream, err := b.client.Chat(s.ctx)
	s.must("chat", err)
	s.code("send", stream.Send(text("x")))
	s.code("close", stream.CloseSend())
	close(ended)
	s.drain("chat", stream.Recv)
}

func closeTwice(s *side) {
	b := s.serve(exercise{})
	stream, err := b.client.Chat(s.ctx)
	s.must("chat", err)
	s.code("send", stream.Send(text("x")))
	s.code("close", stream.CloseSend())
	s.code("close", stream.CloseSend())
	s.drain("chat", stream.Recv)
	s.code("close after the end", stream.CloseSend())
}

// converse sends count numbers and receives the same, at the same time.
func converse(s *side, b *bundle, label string, count int64) {
	stream, err := b.client.Chat(metadata.AppendToOutgoingContext(s.ctx, "label", label))
	if err != nil {
		s.failf("chat %s: %v", label, err)
		return
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		for i := range count {
			if err := stream.Send(&message{Number: i, Text: label}); err != nil {
				s.failf("chat %s: send %d: %v", label, i, err)
			}
		}
		s.code("close", stream.CloseSend())
	})
	var next int64
	err = receive(stream.Recv, func(m *message) error {
		if m.GetNumber() != next || m.GetText() != label {
			return fmt.Errorf("message %d: got %v", next, m)
		}
		next++
		return nil
	})
	s.code("end", err)
	s.note("received in order", next)
}

func manyMessages(s *side) { converse(s, s.serve(exercise{}), "only", 1000) }

func manyStreams(s *side) {
	b := s.serve(exercise{})
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() { converse(s, b, fmt.Sprint("stream ", i), 20) })
	}
	wg.Wait()
}
