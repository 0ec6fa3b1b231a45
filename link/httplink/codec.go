package httplink

import (
	"bytes"
	"fmt"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"
)

// raw is an encoded message: encoding is link/call's, the same for every link.
type raw struct{ data []byte }

// rawCodec lets raw messages pass under a codec's name. The protocols' own
// messages, such as gRPC's status, are really encoded.
type rawCodec struct{ name string }

var _ connect.Codec = rawCodec{}

func (c rawCodec) Name() string { return c.name }

func (c rawCodec) Marshal(v any) ([]byte, error) {
	switch v := v.(type) {
	case *raw:
		return v.data, nil
	case proto.Message:
		return proto.Marshal(v)
	}
	return nil, fmt.Errorf("cannot encode a %T", v)
}

func (c rawCodec) Unmarshal(data []byte, v any) error {
	switch v := v.(type) {
	case *raw:
		v.data = bytes.Clone(data) // the buffer is connect's
		return nil
	case proto.Message:
		return proto.Unmarshal(data, v)
	}
	return fmt.Errorf("cannot decode a %T", v)
}

// codecHeader names the codec of messages whose content type says proto and which
// only the two ends understand: a codec forced by a call option.
const codecHeader = "Kerf-Codec"

// The codecs that content types name.
const (
	protoName = "proto"
	jsonName  = "json"
)

// wireName is the codec that the content type names.
func wireName(codec string) string {
	if codec == jsonName {
		return jsonName
	}
	return protoName
}
