package frame

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/peer"
	"google.golang.org/protobuf/proto"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/call"
	linktestv1 "github.com/kerf-go/kerf/link/linktest/v1"
)

// nowhere is a wire that swallows what is sent.
type nowhere struct{}

func (nowhere) Write(context.Context, []byte) error { return nil }
func (nowhere) Push([]byte)                         {}
func (nowhere) Forget(uint64)                       {}
func (nowhere) Peer() *peer.Peer                    { return nil }

func seed(f *testing.F) {
	f.Helper()
	for _, o := range openings() {
		f.Add(o.Append(nil, 1))
	}
	for _, end := range ends(f) {
		f.Add(AppendEnd(nil, 1, end))
	}
	f.Add(AppendNumber(Append(nil, Frame{Kind: kindPiece, Call: 1, Payload: []byte("x")}), Ping, 1))
	f.Add(Append(Append(nil, Frame{Kind: kindHeader, Call: 1, Payload: make([]byte, 4)}),
		Frame{Kind: kindData, Call: 1, Payload: []byte{0, 0, 0, 2, 'a'}}))
	f.Add(Append(nil, Frame{Kind: kindCredit, Call: 1, Payload: []byte{255, 255, 255, 255}}))
}

// FuzzFrames reads frames of any bytes: those that pass are written as they were.
func FuzzFrames(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		for {
			read, rest, err := Next(b)
			if err != nil {
				return
			}
			if again := Append(nil, read); !bytes.Equal(again, b[:len(b)-len(rest)]) {
				t.Fatalf("%x is written as %x", b[:len(b)-len(rest)], again)
			}
			if o, err := ParseOpening(read); err == nil {
				same(t, o, read)
			}
			if end, err := parseEnd(read); err == nil && len(read.Payload) < maxPayload/3 { // U+FFFD has 3 bytes
				sameEnd(t, end, read)
			}
			b = rest
		}
	})
}

func same(t *testing.T, o Opening, read Frame) {
	t.Helper()
	f, _, err := Next(o.Append(nil, read.Call))
	if err != nil {
		t.Fatal(err)
	}
	again, err := ParseOpening(f)
	if err != nil || again.Method != o.Method || again.Timeout != o.Timeout || !sameMetadata(again.Header, o.Header) {
		t.Fatalf("%v: %+v is read as %+v", err, o, again)
	}
}

func sameEnd(t *testing.T, end call.End, read Frame) {
	t.Helper()
	f, _, err := Next(AppendEnd(nil, read.Call, end))
	if err != nil {
		t.Fatal(err)
	}
	again, err := parseEnd(f)
	if err != nil || !proto.Equal(again.Status.Proto(), end.Status.Proto()) ||
		!sameMetadata(again.Trailer, end.Trailer) {
		t.Fatalf("%v: %+v is read as %+v", err, end, again)
	}
}

// FuzzCaller hands any frames to a client's end of a call: what it holds stays
// bounded.
func FuzzCaller(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		c := NewCaller(ctx, nowhere{}, 1, call.Request{Method: "/a/b", Desc: &grpc.StreamDesc{}, MaxRecv: 1 << 10})
		c.Open()
		feed(t, b, c.Handle, &c.in)
	})
}

// FuzzCallee does the same at the server's end.
func FuzzCallee(f *testing.F) {
	seed(f)
	table := call.NewTable(link.ListenOptions{})
	linktestv1.RegisterExerciseServer(table, linktestv1.UnimplementedExerciseServer{})
	f.Fuzz(func(t *testing.T, b []byte) {
		c := NewCallee(t.Context(), nowhere{}, 1, Opening{Method: linktestv1.Exercise_Unary_FullMethodName}, table)
		feed(t, b, c.Handle, &c.in)
		c.ctx.End(context.Canceled)
		c.Run()
	})
}

func feed(t *testing.T, b []byte, handle func(Frame) error, in *inbox) {
	t.Helper()
	for {
		f, rest, err := Next(b)
		if err != nil {
			if !errors.Is(err, ErrShort) && len(b) < headerLen {
				t.Fatal(err)
			}
			return
		}
		if handle(f) != nil {
			return
		}
		held := len(in.partial)
		for _, m := range in.queue {
			held += m.Size()
		}
		if held > window+maxPayload {
			t.Fatalf("%d bytes are held", held)
		}
		b = rest
	}
}
