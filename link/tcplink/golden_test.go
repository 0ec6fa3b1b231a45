package tcplink_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
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

// part is what one side of a capture sends before the other has its turn.
type part struct {
	fromClient bool
	bytes      []byte
}

func capture(t *testing.T, name string) []part {
	t.Helper()
	file, err := os.Open(filepath.Join("testdata", "v1", name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	var parts []part
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		direction, digits, _ := strings.Cut(lines.Text(), " ")
		if direction == "#" {
			continue
		}
		b, err := hex.DecodeString(digits)
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, part{direction == ">", b})
	}
	if lines.Err() != nil || len(parts) == 0 {
		t.Fatal(name, lines.Err())
	}
	return parts
}

// captured is the service that answers in the captures.
type captured struct{ pb.UnimplementedExerciseServer }

func (captured) Unary(ctx context.Context, m *pb.Message) (*pb.Message, error) {
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

func (captured) Chat(s pb.Exercise_ChatServer) error {
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

// A server of today answers a client of version 1 as it was answered then.
func TestAServerAnswersAsCaptured(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"unary.txt", "failure.txt", "chat.txt"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := connect(t, serve(t, captured{}))
			for i, p := range capture(t, name) {
				if p.fromClient {
					if _, err := c.Write(p.bytes); err != nil {
						t.Fatal(err)
					}
					continue
				}
				got := make([]byte, len(p.bytes))
				if n, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, p.bytes) {
					t.Fatalf("part %d: %v\ngot  %x\nwant %x", i, err, got[:n], p.bytes)
				}
			}
		})
	}
}

// A client of today says what was said then, and understands the answers.
func TestAClientSpeaksAsCaptured(t *testing.T) {
	t.Parallel()
	hello := &pb.Message{Text: "hello"}
	replay(t, "unary.txt", func(ctx context.Context, client pb.ExerciseClient) {
		var header, trailer metadata.MD
		ctx = metadata.AppendToOutgoingContext(ctx, "key", "1", "key", "2", "key-bin", "\x00\xff")
		m, err := client.Unary(ctx, hello, grpc.Header(&header), grpc.Trailer(&trailer))
		if err != nil || m.GetText() != "hello" || header["key"][1] != "2" || trailer["key-bin"][0] != "\x00\xff" {
			t.Errorf("%v, %v, %v, %v", m, err, header, trailer)
		}
	})
	replay(t, "failure.txt", func(ctx context.Context, client pb.ExerciseClient) {
		_, err := client.Unary(ctx, &pb.Message{})
		s := status.Convert(err)
		if s.Code() != codes.Aborted || s.Message() != "fällt aus\r\n" || len(s.Details()) != 1 ||
			link.Ran(err) != link.Answered {
			t.Errorf("%v, %v", err, s.Details())
		}
	})
	replay(t, "chat.txt", func(ctx context.Context, client pb.ExerciseClient) {
		stream, err := client.Chat(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range []*pb.Message{hello, {}} {
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
	})
}

// replay plays the server of a capture to a client of today.
func replay(t *testing.T, name string, use func(context.Context, pb.ExerciseClient)) {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	played := make(chan struct{})
	go func() {
		defer close(played)
		c, err := l.Accept()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		play(t, c, capture(t, name))
		_, _ = io.Copy(io.Discard, c) // until the client closes
	}()
	conn := dial(t, "tcp://"+l.Addr().String())
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	use(noDeadline{ctx}, pb.NewExerciseClient(conn))
	_ = conn.Close()
	_ = l.Close()
	<-played
}

// noDeadline ends as its parent does, without telling beforehand: the captures have
// no deadlines.
type noDeadline struct{ context.Context }

func (noDeadline) Deadline() (time.Time, bool) { return time.Time{}, false }

func play(t *testing.T, c net.Conn, parts []part) {
	t.Helper()
	for i, p := range parts {
		if !p.fromClient {
			if _, err := c.Write(p.bytes); err != nil {
				t.Error(err)
			}
			continue
		}
		got := p.bytes
		if i > 0 {
			got = readFrame(t, c)
		} else if _, err := io.ReadFull(c, got); err != nil {
			t.Error(err)
		}
		if i > 0 && p.bytes[4] == byte(frame.Open) {
			sameOpening(t, got, p.bytes)
		} else if !bytes.Equal(got, p.bytes) {
			t.Errorf("part %d:\ngot  %x\nwant %x", i, got, p.bytes)
		}
	}
}

const maxPayload = 1 << 20

func readFrame(t *testing.T, c net.Conn) []byte {
	t.Helper()
	const header = 14
	b := make([]byte, header, header+maxPayload)
	_, err := io.ReadFull(c, b)
	if err != nil {
		t.Error(err)
		return nil
	}
	b = b[:header+binary.BigEndian.Uint32(b)]
	if _, err := io.ReadFull(c, b[header:]); err != nil {
		t.Error(err)
	}
	return b
}

// sameOpening compares all but the order of metadata and the address, which no two
// clients share.
func sameOpening(t *testing.T, got, want []byte) {
	t.Helper()
	parse := func(b []byte) (frame.Frame, frame.Opening) {
		f, _, err := frame.Next(b)
		if err != nil {
			t.Error(err)
		}
		o, err := frame.ParseOpening(f)
		if err != nil {
			t.Error(err)
		}
		o.Header[":authority"] = nil
		return f, o
	}
	f, o := parse(got)
	g, p := parse(want)
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
