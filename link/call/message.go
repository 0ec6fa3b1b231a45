package call

import (
	"bytes"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// Message is one message on its way: encoded, or, where an in-process link was
// told so, the very value.
type Message struct {
	plain []byte // encoded: nobody changes it, and nobody else wants the memory
	other *other // nil: plain is all
}

// other is a message that is not plain.
type other struct {
	pieces mem.BufferSlice // encoded, in memory that was lent
	small  []byte          // encoded, in memory that goes along with this struct; nil: it is not small
	shared any             // the very value: there are no pieces
	size   int             // of shared, were it encoded; or of what was not taken in
}

// smalls are those others that hold small messages, with their memory.
var smalls = sync.Pool{New: func() any { return &other{small: make([]byte, 0, 256)} }}

// Encoded wraps bytes that nobody changes any more.
func Encoded(b []byte) Message { return Message{plain: b} }

// TooLarge stands for a message that was not taken in: it is above the limit.
func TooLarge(size int) Message { return Message{other: &other{size: size}} }

// Size is the message's in bytes, encoded.
func (m Message) Size() int {
	switch {
	case m.other == nil:
		return len(m.plain)
	case m.other.size > 0:
		return m.other.size
	}
	return len(m.other.small) + m.other.pieces.Len()
}

// Bytes gives the encoded message in one piece, which outlives Free.
func (m Message) Bytes() []byte {
	switch {
	case m.other == nil:
		return m.plain
	case m.other.small != nil:
		return bytes.Clone(m.other.small)
	}
	return m.other.pieces.Materialize()
}

// View is Bytes without a copy where that is possible: it must not outlive Free.
func (m Message) View() []byte {
	switch {
	case m.other == nil:
		return m.plain
	case m.other.small != nil:
		return m.other.small
	case len(m.other.pieces) == 1:
		return m.other.pieces[0].ReadOnlyData()
	}
	return m.Bytes()
}

func (m Message) buffers() mem.BufferSlice {
	if m.other == nil || m.other.small != nil {
		return mem.BufferSlice{mem.SliceBuffer(m.View())}
	}
	return m.other.pieces
}

// Free gives back what was lent.
func (m Message) Free() {
	switch {
	case m.other == nil:
	case m.other.small != nil:
		smalls.Put(m.other)
	default:
		m.other.pieces.Free()
	}
}

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
		return Message{other: &other{shared: v, size: proto.Size(m)}}, nil
	}
	if v == nil {
		return Message{}, nil
	}
	m, err := marshal(codec, v)
	if err != nil {
		return Message{}, status.Errorf(codes.Internal, "grpc: error while marshaling: %v", err)
	}
	return m, nil
}

func marshal(codec encoding.CodecV2, v any) (Message, error) {
	if p, ok := codec.(protoCodec); ok {
		if m, small, err := p.marshalSmall(v); small {
			return m, err
		}
	}
	data, err := codec.Marshal(v)
	return Message{other: &other{pieces: data}}, err
}

func unmarshal(codec encoding.CodecV2, m Message, v any) error {
	if _, ok := codec.(protoCodec); ok && (m.other == nil || m.other.small != nil) {
		if v, ok := v.(proto.Message); ok {
			return proto.Unmarshal(m.View(), v)
		}
	}
	return codec.Unmarshal(m.buffers(), v)
}

// codecByName finds how messages of a content subtype are encoded; "" is proto.
func codecByName(name string) encoding.CodecV2 {
	if name == "" {
		name = "proto"
	}
	if c := encoding.GetCodecV2(name); c != nil {
		if isProto(c) {
			return protoCodec{}
		}
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
