package linktest

import (
	"context"
	"errors"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"

	"github.com/kerf-go/kerf/link"
)

func codecRows() []row {
	return []row{
		{name: "the content subtype proto is taken", run: subtype("proto")},
		{name: "the content subtype json is taken", run: subtype("json")},
		{name: "a content subtype without a codec is refused", run: unknownSubtype},
		{name: "a forced codec encodes the request and decodes the reply", run: forcedCodec},
		{name: "a forced codec of the newer kind encodes the request and decodes the reply", run: forcedCodecV2},
		{name: "a forced codec of the oldest kind encodes the request and decodes the reply", run: customCodec},
		{name: "a forced codec that cannot encode fails the call", run: encodeFails},
		{name: "a forced codec that cannot decode fails the call", run: decodeFails},
		{name: "a compressor that is installed does no harm", run: compressors(gzip.Name, encoding.Identity)},
		{
			name: "a compressor that is not installed fails the call before it is sent",
			run:  compressors("linktest-nothing"),
		},
	}
}

func subtype(name string) func(*side) {
	return func(s *side) {
		reply, err := s.serve(exercise{}).client.Unary(s.ctx, text("x"), grpc.CallContentSubtype(name))
		s.status("call", err)
		s.note("reply", reply.GetText())
	}
}

func unknownSubtype(s *side) {
	_, err := s.serve(exercise{}).client.Unary(s.ctx, text("x"), grpc.CallContentSubtype("linktest-nothing"))
	s.code("call", err)
}

func compressors(names ...string) func(*side) {
	return func(s *side) {
		client := s.serve(exercise{unary: func(_ context.Context, m *message) (*message, error) {
			s.note("handled")
			return m, nil
		}}).client
		for _, name := range names {
			reply, err := client.Unary(s.ctx, text("x"), grpc.UseCompressor(name))
			s.status("call", err)
			s.note("reply", reply.GetText())
			if err != nil {
				s.ran("outcome", err, link.NeverSent)
			}
		}
	}
}

// oldCodec speaks proto, counts, and fails when told to.
type oldCodec struct {
	encoded, decoded     atomic.Bool
	encodeErr, decodeErr error
}

var _ encoding.Codec = (*oldCodec)(nil)

func (*oldCodec) Name() string   { return "proto" }
func (*oldCodec) String() string { return "proto" } // its name in the oldest interface

func (c *oldCodec) Marshal(v any) ([]byte, error) {
	c.encoded.Store(true)
	m, ok := v.(proto.Message)
	if c.encodeErr != nil || !ok {
		return nil, c.encodeErr
	}
	return proto.Marshal(m)
}

func (c *oldCodec) Unmarshal(data []byte, v any) error {
	c.decoded.Store(true)
	m, ok := v.(proto.Message)
	if c.decodeErr != nil || !ok {
		return c.decodeErr
	}
	return proto.Unmarshal(data, m)
}

// newCodec is oldCodec in grpc's newer interface.
type newCodec struct{ *oldCodec }

var _ encoding.CodecV2 = newCodec{}

func (c newCodec) Marshal(v any) (mem.BufferSlice, error) {
	data, err := c.oldCodec.Marshal(v)
	return mem.BufferSlice{mem.SliceBuffer(data)}, err
}

func (c newCodec) Unmarshal(data mem.BufferSlice, v any) error {
	return c.oldCodec.Unmarshal(data.Materialize(), v)
}

// slowCodec decodes one message, and not before it is let.
type slowCodec struct {
	newCodec

	decoding, release chan struct{}
}

func (c slowCodec) Unmarshal(data mem.BufferSlice, v any) error {
	close(c.decoding)
	<-c.release
	return c.newCodec.Unmarshal(data, v)
}

func forcedCodec(s *side) {
	c := &oldCodec{}
	reply, err := s.serve(exercise{}).client.Unary(s.ctx, text("x"), grpc.ForceCodec(c))
	s.status("call", err)
	s.message("reply", reply)
	s.note("codec used", c.encoded.Load(), c.decoded.Load())
}

func forcedCodecV2(s *side) {
	c := &oldCodec{}
	reply, err := s.serve(exercise{}).client.Unary(s.ctx, text("x"), grpc.ForceCodecV2(newCodec{c}))
	s.status("call", err)
	s.message("reply", reply)
	s.note("codec used", c.encoded.Load(), c.decoded.Load())
}

func customCodec(s *side) {
	c := &oldCodec{}
	//nolint:staticcheck // deprecated, and in use
	reply, err := s.serve(exercise{}).client.Unary(s.ctx, text("x"), grpc.CallCustomCodec(c))
	s.status("call", err)
	s.message("reply", reply)
	s.note("codec used", c.encoded.Load(), c.decoded.Load())
}

func encodeFails(s *side) {
	c := &oldCodec{encodeErr: errors.New("cannot encode")}
	_, err := s.serve(exercise{}).client.Unary(s.ctx, text("x"), grpc.ForceCodec(c))
	s.code("call", err)
}

func decodeFails(s *side) {
	c := &oldCodec{decodeErr: errors.New("cannot decode")}
	_, err := s.serve(exercise{}).client.Unary(s.ctx, text("x"), grpc.ForceCodec(c))
	s.code("call", err)
}
