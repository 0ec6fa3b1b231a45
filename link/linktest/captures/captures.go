// Package captures plays what two ends of a link said to each other in an earlier
// version of a wire format: today's server must answer as was answered then, and
// today's client must say what was said then and understand the answers.
package captures

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/call/frame"
	pb "github.com/kerf-go/kerf/link/linktest/v1"
)

// Part is what one side of a capture sends at once.
type Part struct {
	FromClient bool
	Bytes      []byte
}

// Read reads a capture: lines of "> HEX" from the client and "< HEX" from the server,
// and comments that begin with #.
func Read(t *testing.T, folder, name string) []Part {
	t.Helper()
	text, err := fs.ReadFile(os.DirFS(folder), name)
	if err != nil {
		t.Fatal(err)
	}
	var parts []Part
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		direction, digits, _ := strings.Cut(lines.Text(), " ")
		if direction == "#" {
			continue
		}
		b, err := hex.DecodeString(digits)
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, Part{direction == ">", b})
	}
	if lines.Err() != nil || len(parts) == 0 {
		t.Fatal(name, lines.Err())
	}
	return parts
}

// Service answers in the captures.
type Service struct{ pb.UnimplementedExerciseServer }

// Unary echoes, with the keys "key" as header and "key-bin" as trailer; without a text
// it fails.
func (Service) Unary(ctx context.Context, m *pb.Message) (*pb.Message, error) {
	if m.GetText() == "" {
		s, err := status.New(codes.Aborted, "fällt aus\r\n").WithDetails(wrapperspb.String("why"))
		if err != nil {
			return nil, err
		}
		return nil, s.Err()
	}
	md, _ := metadata.FromIncomingContext(ctx)
	return m, errors.Join(grpc.SetHeader(ctx, metadata.MD{"key": md["key"]}),
		grpc.SetTrailer(ctx, metadata.MD{"key-bin": md["key-bin"]}))
}

// Chat echoes.
func (Service) Chat(s pb.Exercise_ChatServer) error {
	for {
		m, err := s.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = s.Send(m)
		}
		if err != nil {
			return err
		}
	}
}

// Uses are the captures by file, and what the client of each did.
func Uses() map[string]func(context.Context, *testing.T, pb.ExerciseClient) {
	return map[string]func(context.Context, *testing.T, pb.ExerciseClient){
		"unary.txt": unary, "failure.txt": failure, "chat.txt": chat,
	}
}

// Without is a context as captures have it: without a deadline that a call could tell.
func Without(ctx context.Context) context.Context { return noDeadline{ctx} }

func unary(ctx context.Context, t *testing.T, client pb.ExerciseClient) {
	t.Helper()
	var header, trailer metadata.MD
	ctx = metadata.AppendToOutgoingContext(ctx, "key", "1", "key", "2", "key-bin", "\x00\xff")
	m, err := client.Unary(ctx, &pb.Message{Text: "hello"}, grpc.Header(&header), grpc.Trailer(&trailer))
	if err != nil || m.GetText() != "hello" || header["key"][1] != "2" || trailer["key-bin"][0] != "\x00\xff" {
		t.Errorf("%v, %v, %v, %v", m, err, header, trailer)
	}
}

func failure(ctx context.Context, t *testing.T, client pb.ExerciseClient) {
	t.Helper()
	_, err := client.Unary(ctx, &pb.Message{})
	s := status.Convert(err)
	if s.Code() != codes.Aborted || s.Message() != "fällt aus\r\n" || len(s.Details()) != 1 ||
		link.Ran(err) != link.Answered {
		t.Errorf("%v, %v", err, s.Details())
	}
}

func chat(ctx context.Context, t *testing.T, client pb.ExerciseClient) {
	t.Helper()
	stream, err := client.Chat(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []*pb.Message{{Text: "hello"}, {}} {
		if err := stream.Send(m); err != nil {
			t.Fatal(err)
		}
		if got, err := stream.Recv(); err != nil || got.GetText() != m.GetText() {
			t.Errorf("%v, %v", got, err)
		}
	}
	if err := stream.CloseSend(); err != nil {
		t.Error(err)
	}
	if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
}

// noDeadline ends as its parent does, without telling beforehand: the captures have
// no deadlines.
type noDeadline struct{ context.Context } //nolint:containedctx // the one that it hides

func (noDeadline) Deadline() (time.Time, bool) { return time.Time{}, false }

// Same compares frames. An opening has the same in any order, but for what is the
// client's own: its address of the server.
func Same(t *testing.T, got, want []byte) {
	t.Helper()
	for len(want) > 0 {
		g, moreGot, err := frame.Next(got)
		if err != nil {
			t.Errorf("%v:\ngot  %x\nwant %x", err, got, want)
			return
		}
		w, moreWant, err := frame.Next(want)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case w.Kind == frame.Open && g.Kind == frame.Open:
			sameOpening(t, g, w)
		case g.Kind != w.Kind || g.Flags != w.Flags || g.Call != w.Call || !bytes.Equal(g.Payload, w.Payload):
			t.Errorf("\ngot  %+v\nwant %+v", g, w)
		}
		got, want = moreGot, moreWant
	}
	if len(got) > 0 {
		t.Errorf("too much: %x", got)
	}
}

func sameOpening(t *testing.T, f, g frame.Frame) {
	t.Helper()
	o, p := opening(t, f), opening(t, g)
	if f.Flags != g.Flags || f.Call != g.Call || o.Method != p.Method || o.Codec != p.Codec || o.Timeout != p.Timeout ||
		len(o.Header) != len(p.Header) {
		t.Errorf("got  %+v\nwant %+v", o, p)
	}
	for key, values := range p.Header {
		if strings.Join(values, "|") != strings.Join(o.Header[key], "|") {
			t.Errorf("%s: got %q, want %q", key, o.Header[key], values)
		}
	}
}

func opening(t *testing.T, f frame.Frame) frame.Opening {
	t.Helper()
	o, err := frame.ParseOpening(f)
	if err != nil {
		t.Error(err)
		return o
	}
	o.Header[":authority"] = nil
	return o
}
