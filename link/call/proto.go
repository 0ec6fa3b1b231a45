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

// marshalSmall encodes a message for which buffers are not worth it, if it is one.
func (protoCodec) marshalSmall(v any) (b []byte, small bool, err error) {
	m, ok := v.(proto.Message)
	if !ok || !mem.IsBelowBufferPoolingThreshold(proto.Size(m)) {
		return nil, false, nil
	}
	b, err = proto.MarshalOptions{UseCachedSize: true}.Marshal(m) // the size was asked for above
	return b, true, err
}
