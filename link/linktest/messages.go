package linktest

import (
	"context"
	"fmt"
	"math"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/emptypb"

	linktestv1 "github.com/kerf-go/kerf/link/linktest/v1"
)

func messageRows() []row {
	return []row{
		{name: "every sort of field arrives and comes back", run: everyField, message: 4 << 10},
		{name: "absent, zero and empty fields are told apart as grpc tells them", run: presence},
		{name: "every sort of field passes a stream", run: everyFieldOfStream, streams: true},
		{name: "a message of 1 MiB arrives whole and comes back", run: bigMessage, message: 1 << 20},
		{name: "messages of 1 MiB pass a stream", run: bigOfStream, streams: true, message: 1 << 20},
		{name: "fields that nobody knows survive", run: unknownFields},
		{name: "a reply may be read as another type", run: otherType},
		{name: "Invoke replaces what was in the reply", run: invokeReplaces},
		{name: "RecvMsg of the caller replaces what was in the message", run: recvReplaces, streams: true},
		{name: "RecvMsg of the handler replaces what was in the message", run: handlerRecvReplaces, streams: true},
		{name: "a nil reply of a handler is an empty message", run: nilReply},
		{name: "a nil request is treated as grpc treats it", run: nilRequest},
	}
}

// fields are messages that between them have every sort of field.
func fields() []*message {
	deep := text("bottom")
	for range 50 {
		deep = &message{Nested: deep}
	}
	packed, _ := anypb.New(&message{Text: "packed", Counts: map[string]int64{"a": 1}})
	counts := make(map[string]int64)
	for i := range 100 {
		counts[fmt.Sprint("key ", i)] = int64(i) - 50
	}
	return []*message{
		{},
		text("\u6f22\u5b57 ä 🦔 \x00 \u200d"),
		{Payload: []byte(everyByte())},
		{Number: math.MinInt64},
		{Number: math.MaxInt64},
		{Number: -1},
		{Tags: []string{"b", "a", "", "b"}},
		{Counts: counts},
		{Counts: map[string]int64{"": 0}},
		deep,
		{Any: packed},
		{Any: &anypb.Any{}},
		{Any: &anypb.Any{TypeUrl: "x/unknown.Type", Value: []byte{8, 1}}},
		{Maybe: proto.Int32(0)},
		{Maybe: proto.Int32(-7)},
		{Choice: &linktestv1.Message_Left{}},
		{Choice: &linktestv1.Message_Left{Left: "l"}},
		{Choice: &linktestv1.Message_Right{}},
		{Choice: &linktestv1.Message_Right{Right: -1}},
	}
}

func everyField(s *side) {
	b := s.serve(exercise{unary: func(_ context.Context, m *message) (*message, error) {
		s.message("arrived", m)
		return m, nil
	}})
	for _, m := range fields() {
		reply, err := b.client.Unary(s.ctx, m)
		s.code("call", err)
		s.message("reply", reply)
		s.note("unchanged", proto.Equal(m, reply))
	}
}

func presence(s *side) {
	note := func(heading string, m *message) {
		s.note(heading, m.GetPayload() == nil, m.GetTags() == nil, m.GetCounts() == nil, m.GetNested() == nil,
			m.GetAny() == nil, m.Maybe == nil, m.GetChoice() == nil)
	}
	b := s.serve(exercise{unary: func(_ context.Context, m *message) (*message, error) {
		note("arrived", m)
		return m, nil
	}})
	for _, m := range []*message{
		{},
		{Payload: []byte{}, Tags: []string{}, Counts: map[string]int64{}, Nested: &message{}, Any: &anypb.Any{}},
		{Maybe: proto.Int32(0), Choice: &linktestv1.Message_Right{}},
	} {
		reply, err := b.client.Unary(s.ctx, m)
		s.must("call", err)
		note("reply", reply)
	}
}

func everyFieldOfStream(s *side) {
	b := s.serve(exercise{})
	stream, err := b.client.Chat(s.ctx)
	s.must("chat", err)
	for _, m := range fields() {
		s.code("send", stream.Send(m))
		reply, err := stream.Recv()
		s.code("receive", err)
		s.message("reply", reply)
		s.note("unchanged", proto.Equal(m, reply))
	}
}

func bigMessage(s *side) {
	b := s.serve(exercise{unary: func(_ context.Context, m *message) (*message, error) {
		s.note("arrived whole", proto.Equal(m, sized(1<<20)))
		return m, nil
	}})
	reply, err := b.client.Unary(s.ctx, sized(1<<20))
	s.status("call", err)
	s.note("came back whole", proto.Equal(reply, sized(1<<20)))
}

func bigOfStream(s *side) {
	b := s.serve(exercise{})
	stream, err := b.client.Chat(s.ctx)
	s.must("chat", err)
	for range 5 {
		s.code("send", stream.Send(sized(1<<20)))
		reply, err := stream.Recv()
		s.code("receive", err)
		s.note("came back whole", proto.Equal(reply, sized(1<<20)))
	}
}

// newer is a message with fields of a later version of the schema.
func newer() *message {
	m := &message{Text: "known", Nested: &message{}}
	raw := protowire.AppendTag(nil, 1000, protowire.BytesType)
	raw = protowire.AppendString(raw, "unknown")
	raw = protowire.AppendTag(raw, 1001, protowire.VarintType)
	raw = protowire.AppendVarint(raw, 42)
	m.ProtoReflect().SetUnknown(raw)
	m.GetNested().ProtoReflect().SetUnknown(raw)
	return m
}

func unknownFields(s *side) {
	b := s.serve(exercise{unary: func(_ context.Context, m *message) (*message, error) {
		s.message("arrived", m)
		return m, nil
	}})
	reply, err := b.client.Unary(s.ctx, newer())
	s.status("call", err)
	s.message("reply", reply)
}

func otherType(s *side) {
	b := s.serve(exercise{})
	reply := new(emptypb.Empty)
	err := b.conn.Invoke(s.ctx, linktestv1.Exercise_Unary_FullMethodName, text("x"), reply)
	s.status("call", err)
	s.message("reply", reply)
}

// used is a message with something in every field.
func used() *message {
	const old = "old"
	return &message{
		Text: old, Payload: []byte(old), Number: 1, Tags: []string{old}, Counts: map[string]int64{old: 1},
		Nested: text(old), Any: &anypb.Any{TypeUrl: old}, Maybe: proto.Int32(1),
		Choice: &linktestv1.Message_Left{Left: old},
	}
}

func invokeReplaces(s *side) {
	b := s.serve(exercise{})
	for _, m := range []*message{{}, text("new"), {Tags: []string{"new"}, Counts: map[string]int64{"new": 2}}} {
		reply := used()
		s.code("call", b.conn.Invoke(s.ctx, linktestv1.Exercise_Unary_FullMethodName, m, reply))
		s.message("reply", reply)
	}
}

func recvReplaces(s *side) {
	b := s.serve(exercise{})
	stream, err := b.client.Chat(s.ctx)
	s.must("chat", err)
	reply := used()
	for _, m := range []*message{{Tags: []string{"new"}}, text("new"), {}} {
		s.code("send", stream.Send(m))
		s.code("receive", stream.RecvMsg(reply))
		s.message("reply", reply)
	}
}

func handlerRecvReplaces(s *side) {
	b := s.serve(exercise{chat: func(stream chatServer) error {
		m := used()
		for stream.RecvMsg(m) == nil {
			if err := stream.Send(m); err != nil {
				return err
			}
		}
		return nil
	}})
	stream, err := b.client.Chat(s.ctx)
	s.must("chat", err)
	for _, m := range []*message{{Tags: []string{"new"}}, text("new"), {}} {
		s.code("send", stream.Send(m))
	}
	s.must("close", stream.CloseSend())
	s.drain("chat", stream.Recv)
}

func nilReply(s *side) {
	var none *message
	b := s.serve(exercise{unary: func(context.Context, *message) (*message, error) { return none, nil }})
	reply := used()
	err := b.conn.Invoke(s.ctx, linktestv1.Exercise_Unary_FullMethodName, text("x"), reply, grpc.StaticMethod())
	s.code("call", err)
	s.message("reply", reply)
}

func nilRequest(s *side) {
	b := s.serve(exercise{})
	reply, err := b.client.Unary(s.ctx, nil)
	s.code("typed nil", err)
	s.message("reply", reply)
	s.code("untyped nil", b.conn.Invoke(s.ctx, linktestv1.Exercise_Unary_FullMethodName, nil, new(message)))
}
