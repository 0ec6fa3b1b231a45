package linktest

import (
	"context"

	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/anypb"
)

func copyRows() []row {
	return []row{
		{name: "a request changed by the handler is not changed for the caller", run: handlerChangesRequest},
		{name: "a request changed by a caller that gave up is not changed for the handler", run: callerChangesRequest},
		{name: "a reply changed by its handler later is not changed for the caller", run: handlerChangesReply},
		{name: "a reply that handler and caller both keep is two replies", run: bothChangeReply},
		{name: "a message changed after it was sent arrives as it was", run: senderChangesMessage, streams: true},
		{
			name: "a message changed by the handler after it was sent arrives as it was", run: handlerChangesMessage,
			streams: true,
		},
	}
}

// shape is a message with everything that a shallow copy would share.
func shape() *message {
	return &message{
		Text: "as sent", Payload: []byte("as sent"), Tags: []string{"as sent"}, Counts: map[string]int64{"as sent": 1},
		Nested: text("as sent"), Any: &anypb.Any{Value: []byte("as sent")},
	}
}

// spoil changes all of a shape in place.
func spoil(m *message) {
	m.Text = "spoiled"
	for i := range m.GetPayload() {
		m.Payload[i] = 'x'
	}
	for i := range m.GetTags() {
		m.Tags[i] = "spoiled"
	}
	if m.GetCounts() != nil {
		m.Counts["spoiled"] = 2
	}
	if m.GetNested() != nil {
		m.Nested.Text = "spoiled"
	}
	if m.GetAny() != nil {
		copy(m.GetAny().GetValue(), "xxxxxxx")
	}
}

func handlerChangesRequest(s *side) {
	b := s.serve(exercise{unary: func(_ context.Context, m *message) (*message, error) {
		spoil(m)
		return text("y"), nil
	}})
	request := shape()
	_, err := b.client.Unary(s.ctx, request)
	s.status("call", err)
	s.message("request", request)
}

func callerChangesRequest(s *side) {
	running, gaveUp, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
	b := s.serve(exercise{unary: func(_ context.Context, m *message) (*message, error) {
		defer close(ended)
		close(running)
		s.waitIn(s.ctx, "caller gives up", gaveUp)
		s.message("request", m)
		return m, nil
	}})
	ctx, cancel := context.WithCancel(s.ctx)
	go func() {
		<-running
		cancel()
	}()
	request := shape()
	_, err := b.client.Unary(ctx, request)
	cancel()
	s.code("call", err)
	spoil(request)
	close(gaveUp)
	s.await("end of the handler", ended)
}

func handlerChangesReply(s *side) {
	kept := make(chan *message, 1)
	b := s.serve(exercise{unary: func(context.Context, *message) (*message, error) {
		m := shape()
		kept <- m
		return m, nil
	}})
	reply, err := b.client.Unary(s.ctx, text("x"))
	s.status("call", err)
	spoil(<-kept)
	s.message("reply", reply)
}

// bothChangeReply has a handler that answers every call with one and the same message.
func bothChangeReply(s *side) {
	cached := shape()
	b := s.serve(exercise{unary: func(context.Context, *message) (*message, error) { return cached, nil }})
	for range 3 {
		reply, err := b.client.Unary(s.ctx, text("x"))
		s.status("call", err)
		s.message("reply", reply)
		if reply != nil {
			spoil(reply)
		}
	}
	s.message("cached", cached)
}

func senderChangesMessage(s *side) {
	release := make(chan struct{})
	b := s.serve(exercise{chat: func(stream chatServer) error {
		s.waitIn(stream.Context(), "release", release)
		m, err := stream.Recv()
		s.code("receive", err)
		s.message("message", m)
		return status.FromContextError(err).Err()
	}})
	stream, err := b.client.Chat(s.ctx)
	s.must("chat", err)
	m := shape()
	s.code("send", stream.Send(m))
	spoil(m)
	close(release)
	s.drain("chat", stream.Recv)
	s.message("the sender's", m)
}

func handlerChangesMessage(s *side) {
	b := s.serve(exercise{download: func(_ *message, stream downloadServer) error {
		m := shape()
		for range 3 {
			s.code("send", stream.Send(m))
			m.Number++
			m.Payload[0]++
			m.Counts["as sent"]++
		}
		spoil(m)
		return nil
	}})
	stream, err := b.client.Download(s.ctx, text("x"))
	s.must("download", err)
	s.drain("download", stream.Recv)
}
