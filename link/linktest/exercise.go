package linktest

import (
	"context"
	"errors"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	linktestv1 "github.com/kerf-go/kerf/link/linktest/v1"
)

// Short names, because nearly every case has them.
type (
	message        = linktestv1.Message
	uploadServer   = grpc.ClientStreamingServer[message, message]
	downloadServer = grpc.ServerStreamingServer[message]
	chatServer     = grpc.BidiStreamingServer[message, message]
)

// exercise is the service that cases fill with their handlers. Without one,
// Unary and Chat echo, Upload counts, Download sends as many as it is asked for,
// Tell answers.
type exercise struct {
	linktestv1.UnimplementedExerciseServer

	unary    func(context.Context, *message) (*message, error)
	upload   func(uploadServer) error
	download func(*message, downloadServer) error
	chat     func(chatServer) error
	tell     func(context.Context, *message) (*emptypb.Empty, error)
}

var _ linktestv1.ExerciseServer = exercise{}

func (e exercise) Unary(ctx context.Context, in *message) (*message, error) {
	if e.unary != nil {
		return e.unary(ctx, in)
	}
	return in, nil
}

func (e exercise) Tell(ctx context.Context, in *message) (*emptypb.Empty, error) {
	if e.tell != nil {
		return e.tell(ctx, in)
	}
	return &emptypb.Empty{}, nil
}

func (e exercise) Upload(stream uploadServer) error {
	if e.upload != nil {
		return e.upload(stream)
	}
	var count int64
	err := receive(stream.Recv, func(*message) error { count++; return nil })
	if err != nil {
		return err
	}
	return stream.SendAndClose(&message{Number: count})
}

func (e exercise) Download(in *message, stream downloadServer) error {
	if e.download != nil {
		return e.download(in, stream)
	}
	for i := range in.GetNumber() {
		if err := stream.Send(&message{Number: i}); err != nil {
			return err
		}
	}
	return nil
}

func (e exercise) Chat(stream chatServer) error {
	if e.chat != nil {
		return e.chat(stream)
	}
	return receive(stream.Recv, stream.Send)
}

// receive hands on every message until the end, which is no error.
func receive(recv func() (*message, error), each func(*message) error) error {
	for {
		m, err := recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := each(m); err != nil {
			return err
		}
	}
}

// text is a message that is all one text.
func text(t string) *message { return &message{Text: t} }

// sized is a message of exactly so many bytes on the wire: 8 or more, and none of
// the few sizes that a longer length prefix skips.
func sized(size int) *message {
	m := &message{Payload: make([]byte, size)}
	m.Payload = m.GetPayload()[:size-(proto.Size(m)-size)]
	for proto.Size(m) < size {
		m.Payload = append(m.GetPayload(), 0)
	}
	for i := range m.GetPayload() {
		m.Payload[i] = byte(i * i)
	}
	return m
}
