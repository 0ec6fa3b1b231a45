package call

import (
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	// The registry of codecs must know "proto".
	_ "google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// Message is one message on its way: encoded, or, where an in-process link was
// told so, the very value.
type Message struct {
	Data   mem.BufferSlice
	Shared any // set: Data is empty
	size   int // of Shared, were it encoded; or of what was not taken in
}

// Size is the message's in bytes, encoded.
func (m Message) Size() int {
	if m.size > 0 {
		return m.size
	}
	return m.Data.Len()
}

// TooLarge stands for a message that was not taken in: it is above the limit.
func TooLarge(size int) Message { return Message{size: size} }

// Bytes gives the encoded message in one piece.
func (m Message) Bytes() []byte { return m.Data.Materialize() }

// Free lets go of the buffers.
func (m Message) Free() { m.Data.Free() }

// Encoded wraps bytes that nobody changes any more.
func Encoded(b []byte) Message { return Message{Data: mem.BufferSlice{mem.SliceBuffer(b)}} }

// seal makes the message that a transport carries of v: the very value if it
// shares, else encoded. Either way it keeps to the limit.
func seal(tr any, codec encoding.CodecV2, v any, limit int) (Message, error) {
	m, err := encode(codec, v, tr)
	if err != nil {
		return Message{}, err
	}
	if size := m.Size(); size > limit {
		m.Free()
		return Message{}, tooLarge(size, limit)
	}
	return m, nil
}

func encode(codec encoding.CodecV2, v, tr any) (Message, error) {
	if sharer, ok := tr.(Sharer); ok && sharer.Share() {
		m, err := protoMessage(v)
		if err != nil {
			return Message{}, status.Errorf(codes.Internal, "share message: %v", err)
		}
		return Message{Shared: v, size: proto.Size(m)}, nil
	}
	if v == nil {
		return Message{}, nil
	}
	data, err := codec.Marshal(v)
	if err != nil {
		return Message{}, status.Errorf(codes.Internal, "grpc: error while marshaling: %v", err)
	}
	return Message{Data: data}, nil
}

// codecByName finds how messages of a content subtype are encoded; "" is proto.
func codecByName(name string) encoding.CodecV2 {
	if name == "" {
		name = "proto"
	}
	if c := encoding.GetCodecV2(name); c != nil {
		return c
	}
	if c := encoding.GetCodec(name); c != nil {
		return oldCodec{c, name}
	}
	if name == (jsonCodec{}).Name() {
		return jsonCodec{}
	}
	return nil
}

// oldCodec lets codecs of grpc's first two interfaces be used as one of its third.
type oldCodec struct {
	plain interface {
		Marshal(v any) ([]byte, error)
		Unmarshal(data []byte, v any) error
	}
	name string
}

func (c oldCodec) Name() string { return c.name }

func (c oldCodec) Marshal(v any) (mem.BufferSlice, error) {
	b, err := c.plain.Marshal(v)
	if err != nil {
		return nil, err
	}
	return mem.BufferSlice{mem.SliceBuffer(b)}, nil
}

func (c oldCodec) Unmarshal(data mem.BufferSlice, v any) error {
	return c.plain.Unmarshal(data.Materialize(), v)
}
