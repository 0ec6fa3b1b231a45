package call

import (
	"reflect"

	"google.golang.org/grpc/encoding"
	grpcproto "google.golang.org/grpc/encoding/proto" // the registry of codecs must know it
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"
)

// protoCodec stands for grpc-go's own codec of protobuf, whose small messages can
// take a shorter way: they are plain bytes, without buffers to lend and give back.
type protoCodec struct{}

var _ encoding.CodecV2 = protoCodec{}

// isProto tells grpc-go's own codec from one that was registered in its place.
func isProto(c encoding.CodecV2) bool {
	t := reflect.TypeOf(c)
	return t.Kind() == reflect.Pointer && t.Elem().PkgPath() == "google.golang.org/grpc/encoding/proto"
}

func (protoCodec) Name() string { return grpcproto.Name }

func (protoCodec) Marshal(v any) (mem.BufferSlice, error) {
	return encoding.GetCodecV2(grpcproto.Name).Marshal(v)
}

func (protoCodec) Unmarshal(data mem.BufferSlice, v any) error {
	return encoding.GetCodecV2(grpcproto.Name).Unmarshal(data, v)
}

// marshalSmall encodes a message for which grpc's buffers are not worth it, if it is one.
func (protoCodec) marshalSmall(v any) (m Message, small bool, err error) {
	p, ok := v.(proto.Message)
	if !ok || !mem.IsBelowBufferPoolingThreshold(proto.Size(p)) {
		return Message{}, false, nil
	}
	o := smalls.Get().(*other)
	known := proto.MarshalOptions{UseCachedSize: true} // the size was asked for above
	o.small, err = known.MarshalAppend(o.small[:0], p)
	return Message{other: o}, true, err
}
