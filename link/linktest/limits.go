package linktest

import (
	"context"
	"fmt"

	"google.golang.org/grpc"

	"github.com/kerf-go/kerf/link"
)

func limitRows() []row {
	const most = link.DefaultMaxRecv
	return []row{
		{
			name: "MaxCallRecvMsgSize takes a reply of its size and refuses a longer one",
			run:  callLimit(grpc.MaxCallRecvMsgSize),
		},
		{
			name: "MaxCallSendMsgSize takes a request of its size and refuses a longer one",
			run:  callLimit(grpc.MaxCallSendMsgSize),
		},
		{name: "a limit of zero given to a call refuses all but empty messages", run: zeroLimit},
		{name: "limits hold for the messages of a stream", run: streamLimits, streams: true},
		{name: "limits of the server hold for the messages of a stream", run: serverStreamLimits, streams: true},
		{name: "the caller takes a reply of 4 MiB and no more", run: replyOfDefault, message: most},
		{name: "the server takes a request of 4 MiB and no more", run: requestOfDefault, message: most},
		{name: "limits of the conn hold, and those of a call beat them", run: connLimits},
		{name: "limits of the server hold both ways", run: serverLimits},
	}
}

func callLimit(option func(int) grpc.CallOption) func(*side) {
	return func(s *side) {
		b := s.serve(exercise{})
		for _, size := range []int{99, 100, 101} {
			_, err := b.client.Unary(s.ctx, sized(size), option(100))
			s.code(fmt.Sprint(size, " bytes"), err)
		}
	}
}

func zeroLimit(s *side) {
	b := s.serve(exercise{})
	for _, m := range []*message{{}, text("x")} {
		_, err := b.client.Unary(s.ctx, m, grpc.MaxCallRecvMsgSize(0))
		s.code("receive", err)
		_, err = b.client.Unary(s.ctx, m, grpc.MaxCallSendMsgSize(0))
		s.code("send", err)
	}
}

func streamLimits(s *side) {
	b := s.serve(exercise{})
	for _, option := range []grpc.CallOption{grpc.MaxCallRecvMsgSize(100), grpc.MaxCallSendMsgSize(100)} {
		heading := fmt.Sprintf("%T", option)
		stream, err := b.client.Chat(s.ctx, option)
		s.must("chat", err)
		for _, size := range []int{100, 101} {
			err := stream.Send(sized(size))
			s.code(heading+" send", err)
			if err == nil {
				_, err = stream.Recv()
				s.code(heading+" receive", err)
			}
		}
	}
}

func serverStreamLimits(s *side) {
	b := s.serveWith(exercise{chat: func(stream chatServer) error {
		return receive(stream.Recv, func(m *message) error {
			err := stream.Send(sized(int(m.GetNumber())))
			s.code(fmt.Sprint("send ", m.GetNumber(), " bytes"), err)
			return err
		})
	}}, link.ListenOptions{MaxRecv: 200, MaxSend: 100}, link.DialOptions{})
	for _, sizes := range [][]int{{100, 101}, {0, 200, 201}} {
		stream, err := b.client.Chat(s.ctx)
		s.must("chat", err)
		for _, size := range sizes {
			m := &message{Number: int64(size)}
			if size >= 200 {
				m = sized(size)
			}
			s.code("send", stream.Send(m))
			reply, err := stream.Recv()
			s.code(fmt.Sprint("receive ", size, " bytes"), err)
			s.message("reply", reply)
		}
	}
}

func replyOfDefault(s *side) {
	b := s.serve(exercise{unary: func(_ context.Context, m *message) (*message, error) {
		return sized(int(m.GetNumber())), nil
	}})
	for _, size := range []int{link.DefaultMaxRecv, link.DefaultMaxRecv + 1} {
		_, err := b.client.Unary(s.ctx, &message{Number: int64(size)})
		s.code(fmt.Sprint(size, " bytes"), err)
	}
}

func requestOfDefault(s *side) {
	b := s.serve(exercise{unary: func(context.Context, *message) (*message, error) { return text("y"), nil }})
	for _, size := range []int{link.DefaultMaxRecv, link.DefaultMaxRecv + 1} {
		_, err := b.client.Unary(s.ctx, sized(size))
		s.code(fmt.Sprint(size, " bytes"), err)
	}
}

func connLimits(s *side) {
	b := s.serveWith(exercise{}, link.ListenOptions{}, link.DialOptions{MaxRecv: 200, MaxSend: 300})
	for _, size := range []int{200, 201, 300, 301} {
		_, err := b.client.Unary(s.ctx, sized(size))
		s.code(fmt.Sprint("conn, ", size, " bytes"), err)
		_, err = b.client.Unary(s.ctx, sized(size), grpc.MaxCallRecvMsgSize(400))
		s.code(fmt.Sprint("call receives more, ", size, " bytes"), err)
		_, err = b.client.Unary(s.ctx, sized(size), grpc.MaxCallRecvMsgSize(400), grpc.MaxCallSendMsgSize(400))
		s.code(fmt.Sprint("call sends more, ", size, " bytes"), err)
	}
}

func serverLimits(s *side) {
	reply := exercise{unary: func(_ context.Context, m *message) (*message, error) {
		return sized(int(m.GetNumber())), nil
	}}
	b := s.serveWith(reply, link.ListenOptions{MaxRecv: 200, MaxSend: 100}, link.DialOptions{})
	for _, size := range []int{100, 101} {
		_, err := b.client.Unary(s.ctx, &message{Number: int64(size)})
		s.code(fmt.Sprint("reply of ", size, " bytes"), err)
	}
	for _, size := range []int{200, 201} {
		m := sized(size - 2)
		m.Number = 10 // two bytes more
		_, err := b.client.Unary(s.ctx, m)
		s.code(fmt.Sprint("request of ", size, " bytes"), err)
	}
}
