package linktest

import (
	"context"
	"errors"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/kerf-go/kerf/link"
	linktestv1 "github.com/kerf-go/kerf/link/linktest/v1"
)

func endRows() []row {
	return []row{
		{name: "SendMsg after the end of a stream is EOF, and RecvMsg tells why", run: sendAfterEnd, streams: true},
		{name: "SendMsg after CloseSend is an error", run: sendAfterClose, streams: true},
		{name: "RecvMsg after a good end repeats it", run: recvAfterEnd(nil), streams: true},
		{name: "RecvMsg after a failure repeats an end", run: recvAfterEnd(errRefused()), streams: true},
		{name: "a handler that ends early ends an upload in mid flow", run: endsEarly, streams: true},
		{name: "messages before a failure arrive before it", run: failsLate, streams: true},
		{name: "a second response to an upload is Internal", run: secondResponse, streams: true},
		{name: "an upload that ends well without a response is an error", run: noResponse, streams: true},
		{name: "an upload that fails after its response fails", run: failsAfterResponse, streams: true},
		{name: "a unary call of a method that streams is treated as grpc treats it", run: unaryOfStream, streams: true},
		{name: "a stream of a unary method is treated as grpc treats it", run: streamOfUnary, streams: true},
	}
}

func sendAfterEnd(s *side) {
	b := s.serve(exercise{chat: func(stream chatServer) error {
		stream.SetTrailer(metadata.Pairs("below", "1"))
		return errRefused()
	}})
	stream, err := b.client.Chat(s.ctx)
	s.must("chat", err)
	s.note("send", s.sendUntilError(stream))
	s.note("send again", errors.Is(stream.Send(text("x")), io.EOF))
	s.drain("chat", stream.Recv)
	s.metadata("trailer", stream.Trailer())
}

// sendUntilError sends as a caller does who has not noticed the end yet.
func (s *side) sendUntilError(stream interface{ Send(m *message) error }) error {
	for {
		if err := stream.Send(text("x")); err != nil {
			return err
		}
		if s.ctx.Err() != nil {
			return errors.New("every message was taken")
		}
	}
}

func sendAfterClose(s *side) {
	b := s.serve(exercise{})
	stream, err := b.client.Chat(s.ctx)
	s.must("chat", err)
	s.code("close", stream.CloseSend())
	s.code("send", stream.Send(text("x")))
}

func recvAfterEnd(answer error) func(*side) {
	return func(s *side) {
		b := s.serve(exercise{chat: func(stream chatServer) error {
			s.code("send", stream.Send(text("x")))
			return answer
		}})
		stream, err := b.client.Chat(s.ctx)
		s.must("chat", err)
		for range 4 {
			_, err = stream.Recv()
			s.status("receive", err)
		}
	}
}

func endsEarly(s *side) {
	b := s.serve(exercise{upload: func(stream uploadServer) error {
		_, err := stream.Recv()
		s.code("receive", err)
		return stream.SendAndClose(text("enough"))
	}})
	stream, err := b.client.Upload(s.ctx)
	s.must("upload", err)
	s.note("send", s.sendUntilError(stream))
	reply := new(message)
	s.status("receive", stream.RecvMsg(reply))
	s.message("reply", reply)
}

func failsLate(s *side) {
	b := s.serve(exercise{download: func(m *message, stream downloadServer) error {
		for i := range m.GetNumber() {
			if err := stream.Send(&message{Number: i}); err != nil {
				return err
			}
		}
		stream.SetTrailer(metadata.Pairs("below", "1"))
		return withDetails(text("detail"))
	}})
	for _, count := range []int64{1, 100} {
		stream, err := b.client.Download(s.ctx, &message{Number: count})
		s.must("download", err)
		s.drain("download", stream.Recv)
		s.metadata("trailer", stream.Trailer())
	}
}

func secondResponse(s *side) {
	b := s.serve(exercise{upload: func(stream uploadServer) error {
		s.code("first", stream.SendMsg(text("first")))
		_ = stream.SendMsg(text("second"))
		return nil
	}})
	stream, err := b.client.Upload(s.ctx)
	s.must("upload", err)
	_, err = stream.CloseAndRecv()
	s.code("upload", err)
}

func noResponse(s *side) {
	b := s.serve(exercise{upload: func(uploadServer) error { return nil }})
	stream, err := b.client.Upload(s.ctx)
	s.must("upload", err)
	_, err = stream.CloseAndRecv()
	s.code("upload", err)
}

func failsAfterResponse(s *side) {
	b := s.serve(exercise{upload: func(stream uploadServer) error {
		s.code("response", stream.SendMsg(text("good")))
		return errRefused()
	}})
	stream, err := b.client.Upload(s.ctx)
	s.must("upload", err)
	reply, err := stream.CloseAndRecv()
	s.status("upload", err)
	s.message("reply", reply)
}

// unaryOfStream calls a service where a stream's handler sits under a name that
// the caller believes to be unary.
func unaryOfStream(s *side) {
	desc := grpc.ServiceDesc{
		ServiceName: linktestv1.Exercise_ServiceDesc.ServiceName,
		HandlerType: (*any)(nil),
		Streams: []grpc.StreamDesc{{
			StreamName: "Unary", ServerStreams: true,
			Handler: func(_ any, stream grpc.ServerStream) error {
				m := new(message)
				if err := stream.RecvMsg(m); err != nil {
					return err
				}
				for i := range m.GetNumber() {
					if err := stream.SendMsg(&message{Number: i}); err != nil {
						return nil //nolint:nilerr // the caller has had enough
					}
				}
				return nil
			},
		}},
	}
	b := s.serveAll(link.ListenOptions{}, link.DialOptions{}, func(r grpc.ServiceRegistrar) {
		r.RegisterService(&desc, struct{}{})
	})
	for _, responses := range []int64{0, 1, 2} {
		_, err := b.client.Unary(s.ctx, &message{Number: responses})
		s.note("responses and code", responses, codeOf(err))
	}
}

// streamOfUnary calls as proxies do, for which every method is a stream.
func streamOfUnary(s *side) {
	b := s.serve(exercise{unary: func(_ context.Context, m *message) (*message, error) {
		if m.GetText() == "fail" {
			return nil, errRefused()
		}
		return m, nil
	}})
	for _, t := range []string{"answer", "fail"} {
		stream, err := b.conn.NewStream(s.ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true},
			linktestv1.Exercise_Unary_FullMethodName)
		s.must("stream", err)
		s.code("send", stream.SendMsg(text(t)))
		s.code("close", stream.CloseSend())
		for range 2 {
			reply := new(message)
			s.status(t, stream.RecvMsg(reply))
			s.message(t, reply)
		}
	}
}
