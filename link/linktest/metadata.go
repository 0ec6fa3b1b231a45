package linktest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

func metadataRows() []row {
	return []row{
		{name: "metadata of the caller arrives, several values in order", run: metadataArrives},
		{name: "binary metadata carries every byte, empty values and several", run: binaryMetadata},
		{name: "binary metadata comes back in header and trailer", run: binaryMetadataBack},
		{
			name: "binary metadata comes back in header and trailer of a stream",
			run:  binaryMetadataOfStream, streams: true,
		},
		{name: "metadata values keep spaces, commas, quotes and percent signs", run: oddValues},
		{name: "much metadata arrives", run: muchMetadata, message: 16 << 10},
		{name: "keys are lower case whatever the caller wrote", run: upperCaseKeys},
		{name: "an upper-case key in a bare map is treated as grpc treats it", run: rawUpperCase},
		{name: "illegal characters in metadata are refused", run: illegalMetadata},
		{name: "reserved keys cannot be forged by the caller", run: forgedByCaller},
		{name: "reserved keys cannot be forged by the handler", run: forgedByHandler},
		{name: "metadata changed by the handler is not changed for the caller", run: metadataNotShared},
		{name: "metadata of a stream arrives", run: metadataOfStream, streams: true},
	}
}

// noteMetadata notes what arrives.
func noteMetadata(s *side) exercise {
	return exercise{unary: func(ctx context.Context, m *message) (*message, error) {
		md, _ := metadata.FromIncomingContext(ctx)
		s.metadata("arrived", md)
		return m, nil
	}}
}

func metadataArrives(s *side) {
	b := s.serve(noteMetadata(s))
	ctx := metadata.AppendToOutgoingContext(s.ctx, "key", "2", "other", "x", "key", "1", "key", "3", "key", "1")
	_, err := b.client.Unary(ctx, text("x"))
	s.status("call", err)
	_, err = b.client.Unary(s.ctx, text("x"))
	s.status("call without", err)
}

// everyByte has each of the 256.
func everyByte() string {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	return string(all)
}

func binaryMetadata(s *side) {
	b := s.serve(noteMetadata(s))
	ctx := metadata.AppendToOutgoingContext(s.ctx,
		"all-bin", everyByte(), "few-bin", "", "few-bin", "\x00", "few-bin", "\xff\xfe", "few-bin", "a,b")
	_, err := b.client.Unary(ctx, text("x"))
	s.status("call", err)
}

func binaryMetadataBack(s *side) {
	md := metadata.Pairs("all-bin", everyByte(), "few-bin", "", "few-bin", "\x00", "few-bin", "a,b")
	b := s.serve(exercise{unary: func(ctx context.Context, m *message) (*message, error) {
		s.code("header", grpc.SetHeader(ctx, md))
		s.code("trailer", grpc.SetTrailer(ctx, md))
		return m, nil
	}})
	var header, trailer metadata.MD
	_, err := b.client.Unary(s.ctx, text("x"), grpc.Header(&header), grpc.Trailer(&trailer))
	s.status("call", err)
	s.metadata("header", header)
	s.metadata("trailer", trailer)
}

func binaryMetadataOfStream(s *side) {
	md := metadata.Pairs("all-bin", everyByte(), "few-bin", "", "few-bin", "\x00", "few-bin", "a,b")
	b := s.serve(exercise{chat: func(stream chatServer) error {
		s.code("send header", stream.SendHeader(md))
		stream.SetTrailer(md)
		return errRefused()
	}})
	stream, err := b.client.Chat(s.ctx)
	s.must("chat", err)
	s.header(stream)
	s.drain("chat", stream.Recv)
	s.metadata("trailer", stream.Trailer())
}

func oddValues(s *side) {
	b := s.serve(noteMetadata(s))
	ctx := metadata.AppendToOutgoingContext(s.ctx,
		"odd", "a b  c",
		"odd", "a,b, c", "odd", `"quoted" and 'so'`, "odd", "100%, %41", "odd", "", "odd", "~!@#$^&*()_+;=?")
	_, err := b.client.Unary(ctx, text("x"))
	s.status("call", err)
}

func muchMetadata(s *side) {
	b := s.serve(noteMetadata(s))
	const keys = 100
	more := append(make([]string, 0, 2+2*keys), "long", strings.Repeat("x", 8<<10))
	for i := range keys {
		more = append(more, fmt.Sprint("key-", i), strings.Repeat("y", i))
	}
	ctx := metadata.AppendToOutgoingContext(s.ctx, more...)
	_, err := b.client.Unary(ctx, text("x"))
	s.status("call", err)
}

func upperCaseKeys(s *side) {
	b := s.serve(noteMetadata(s))
	ctx := metadata.AppendToOutgoingContext(s.ctx, "Upper", "1", "UPPER", "2", "upper", "3", "Some-Bin", "\x01")
	_, err := b.client.Unary(ctx, text("x"))
	s.status("call", err)
}

func rawUpperCase(s *side) {
	b := s.serve(noteMetadata(s))
	_, err := b.client.Unary(metadata.NewOutgoingContext(s.ctx, metadata.MD{"Upper": {"1"}}), text("x"))
	s.code("call", err)
}

func illegalMetadata(s *side) {
	b := s.serve(noteMetadata(s))
	call := func(key, value string) {
		md := metadata.MD{key: {value}}
		_, err := b.client.Unary(metadata.NewOutgoingContext(s.ctx, md), text("x"))
		s.code(fmt.Sprintf("call with %q", md), err)
	}
	for _, key := range []string{"", "a b", "a:b", "a/b", "ä", "a\nb", "a\x00"} {
		call(key, "value")
	}
	for _, value := range []string{"line\nfeed", "zero\x00", "ä", "\x7f", "tab\t", "\xff"} {
		call("sound", value)
	}
}

// reserved keys each have a value that says so.
func reserved() metadata.MD {
	return metadata.Pairs(
		"grpc-status", "13", "grpc-message", "forged", "grpc-encoding", "forged", "grpc-message-type", "forged",
		"grpc-timeout", "1n", "te", "forged", "content-type", "forged", "user-agent", "forged",
		"honest", "yes",
	)
}

// noteForged notes the keys that arrived with a forged value.
func (s *side) noteForged(heading string, md metadata.MD) {
	forged := reserved()
	for _, key := range slices.Sorted(maps.Keys(md)) {
		if slices.ContainsFunc(forged[key], func(v string) bool { return slices.Contains(md[key], v) }) {
			s.note(heading, key)
		}
	}
}

func forgedByCaller(s *side) {
	b := s.serve(exercise{unary: func(ctx context.Context, m *message) (*message, error) {
		md, _ := metadata.FromIncomingContext(ctx)
		s.noteForged("arrived", md)
		return m, nil
	}})
	reply, err := b.client.Unary(metadata.NewOutgoingContext(s.ctx, reserved()), text("x"))
	s.status("call", err)
	s.message("reply", reply)
	for _, key := range []string{":path", ":authority", ":status"} {
		md := metadata.MD{key: {"forged"}}
		_, err := b.client.Unary(metadata.NewOutgoingContext(s.ctx, md), text("x"))
		s.code("call with "+key, err)
	}
}

func forgedByHandler(s *side) {
	b := s.serve(exercise{unary: func(ctx context.Context, m *message) (*message, error) {
		s.code("header", grpc.SetHeader(ctx, reserved()))
		s.code("trailer", grpc.SetTrailer(ctx, reserved()))
		return m, nil
	}})
	var header, trailer metadata.MD
	reply, err := b.client.Unary(s.ctx, text("x"), grpc.Header(&header), grpc.Trailer(&trailer))
	s.status("call", err)
	s.message("reply", reply)
	s.noteForged("header", header)
	s.noteForged("trailer", trailer)
}

func metadataNotShared(s *side) {
	kept := metadata.Pairs("above", "1")
	b := s.serve(exercise{unary: func(ctx context.Context, m *message) (*message, error) {
		md, _ := metadata.FromIncomingContext(ctx)
		s.code("header", grpc.SetHeader(ctx, kept))
		if len(md["key"]) == 1 {
			md["key"][0] = "changed"
		}
		return m, nil
	}})
	out := metadata.Pairs("key", "mine")
	var header metadata.MD
	_, err := b.client.Unary(metadata.NewOutgoingContext(s.ctx, out), text("x"), grpc.Header(&header))
	s.status("call", err)
	s.metadata("the caller's", out)
	kept["above"][0] = "changed"
	s.metadata("header", header)
}

func metadataOfStream(s *side) {
	b := s.serve(exercise{chat: func(stream chatServer) error {
		md, _ := metadata.FromIncomingContext(stream.Context())
		s.metadata("arrived", md)
		return nil
	}})
	ctx := metadata.AppendToOutgoingContext(s.ctx, "Key", "1", "key", "2", "all-bin", everyByte())
	stream, err := b.client.Chat(ctx)
	s.must("chat", err)
	s.drain("chat", stream.Recv)
}
