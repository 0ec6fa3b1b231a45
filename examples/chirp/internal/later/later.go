// Package later makes a program speak as a later version of Chirp may: every message
// that it sends has a field which today's messages do not know. Tests run such
// programs against today's.
package later

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// field is one that no message of Chirp has.
const field = 1000

// Client adds the field to requests.
func Client(
	ctx context.Context, method string, request, reply any, cc *grpc.ClientConn,
	invoke grpc.UnaryInvoker, opts ...grpc.CallOption,
) error {
	return invoke(ctx, method, with(request), reply, cc, opts...)
}

// Server adds the field to answers.
func Server(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	answer, err := handle(ctx, request)
	if err != nil {
		return nil, err
	}
	return with(answer), nil
}

// Sent tells whether a message comes from such a program.
func Sent(message proto.Message) bool {
	number, _, n := protowire.ConsumeField(message.ProtoReflect().GetUnknown())
	return n > 0 && number == field
}

func with(message any) any {
	m, ok := message.(proto.Message)
	if !ok {
		return message
	}
	m = proto.Clone(m)
	unknown := protowire.AppendTag(m.ProtoReflect().GetUnknown(), field, protowire.BytesType)
	m.ProtoReflect().SetUnknown(protowire.AppendString(unknown, "of a later version"))
	return m
}
