package validate

import (
	"context"
	"errors"
	"fmt"

	"buf.build/go/protovalidate"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

// Rules checks messages by the buf.validate annotations of their protos. It is safe for
// concurrent use.
type Rules struct{ validator protovalidate.Validator }

// NewRules makes the rules of messages ready, and fails if one of them is wrong.
func NewRules(messages ...protoreflect.MessageDescriptor) (*Rules, error) {
	v, err := protovalidate.New(protovalidate.WithMessageDescriptors(messages...), protovalidate.WithDisableLazy())
	if err != nil {
		return nil, err
	}
	for _, m := range messages {
		var wrong *protovalidate.CompilationError
		if err := v.Validate(dynamicpb.NewMessage(m)); errors.As(err, &wrong) {
			return nil, fmt.Errorf("rules of %s: %w", m.FullName(), wrong)
		}
	}
	return &Rules{v}, nil
}

// Check tells what is wrong with a message.
func (r *Rules) Check(m proto.Message) error {
	err := r.validator.Validate(m)
	if err == nil {
		return nil
	}
	var invalid *protovalidate.ValidationError
	if !errors.As(err, &invalid) {
		return status.Errorf(codes.Internal, "the rules of %s cannot be applied",
			m.ProtoReflect().Descriptor().FullName())
	}
	var all []*errdetails.BadRequest_FieldViolation
	for _, v := range invalid.Violations {
		if len(all) == mostViolations {
			break
		}
		all = append(all, &errdetails.BadRequest_FieldViolation{
			Field: protovalidate.FieldPathString(v.Proto.GetField()), Description: v.Proto.GetMessage(),
			Reason: v.Proto.GetRuleId(),
		})
	}
	return refusal("the request breaks its rules: "+invalid.Violations[0].String(), all)
}

// Conn is a conn whose calls send nothing that breaks the rules: that never leaves.
func (r *Rules) Conn(next grpc.ClientConnInterface) grpc.ClientConnInterface { return &conn{r, next} }

type conn struct {
	rules *Rules
	next  grpc.ClientConnInterface
}

func (c *conn) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	if err := c.rules.check(args); err != nil {
		return err
	}
	return c.next.Invoke(ctx, method, args, reply, opts...)
}

// NewStream checks each message of a stream before it is sent. One that breaks the rules fails
// SendMsg, and the stream goes on.
func (c *conn) NewStream(
	ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption,
) (grpc.ClientStream, error) {
	s, err := c.next.NewStream(ctx, desc, method, opts...)
	if err != nil {
		return nil, err
	}
	return &stream{s, c.rules}, nil
}

type stream struct {
	grpc.ClientStream

	rules *Rules
}

func (s *stream) SendMsg(m any) error {
	if err := s.rules.check(m); err != nil {
		return err
	}
	return s.ClientStream.SendMsg(m)
}

func (r *Rules) check(m any) error {
	message, ok := m.(proto.Message)
	if !ok {
		return status.Errorf(codes.Internal, "%T is no message", m)
	}
	return r.Check(message)
}
