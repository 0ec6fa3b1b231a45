package call

import (
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// decode fills v, replacing whatever it held, and gives the encoded size.
func decode(codec encoding.CodecV2, m Message, v any, limit int) (size int, err error) {
	size = m.Size()
	if size > limit {
		return size, status.Errorf(codes.ResourceExhausted,
			"grpc: received message larger than max (%d vs. %d)", size, limit)
	}
	if m.other != nil && m.other.shared != nil {
		return size, share(m.other.shared, v)
	}
	if err := unmarshal(codec, m, v); err != nil {
		return size, status.Errorf(codes.Internal, "grpc: failed to unmarshal the received message: %v", err)
	}
	return size, nil
}

// share makes v a shallow copy of the message from: what both point to is the
// same memory, which nobody may change any more.
func share(from, v any) error {
	src, err := protoMessage(from)
	if err != nil {
		return status.Errorf(codes.Internal, "share message: %v", err)
	}
	dst, err := protoMessage(v)
	if err != nil {
		return status.Errorf(codes.Internal, "share message: %v", err)
	}
	proto.Reset(dst)
	if !src.ProtoReflect().IsValid() {
		return nil
	}
	if src.ProtoReflect().Type() != dst.ProtoReflect().Type() { // one side is dynamic
		b, err := proto.Marshal(src)
		if err == nil {
			err = proto.Unmarshal(b, dst)
		}
		if err != nil {
			return status.Errorf(codes.Internal, "share message: %v", err)
		}
		return nil
	}
	to := dst.ProtoReflect()
	src.ProtoReflect().Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		to.Set(field, value)
		return true
	})
	to.SetUnknown(src.ProtoReflect().GetUnknown())
	return nil
}
