package frame

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/call"
)

func TestWhatIsWrittenIsRead(t *testing.T) {
	t.Parallel()
	frames := []Frame{
		{Kind: Close, Call: 1},
		{Kind: kindPiece, Flags: 7, Call: 1<<64 - 1, Payload: []byte("piece")},
		{Kind: kindPiece, Payload: make([]byte, maxPayload)},
	}
	var b []byte
	for _, f := range frames {
		b = Append(b, f)
	}
	for _, want := range frames {
		got, rest, err := Next(b)
		if err != nil || got.Kind != want.Kind || got.Flags != want.Flags || got.Call != want.Call ||
			!bytes.Equal(got.Payload, want.Payload) {
			t.Errorf("%v: got %+v", err, got)
		}
		b = rest
	}
	if _, _, err := Next(b); !errors.Is(err, ErrShort) {
		t.Errorf("at the end: %v", err)
	}
}

func TestAFrameThatIsNotCompleteIsShort(t *testing.T) {
	t.Parallel()
	whole := AppendNumber(nil, Ping, 5)
	for n := range whole {
		if _, _, err := Next(whole[:n]); !errors.Is(err, ErrShort) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	if _, _, err := Next([]byte{0, 16, 0, 1, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0}); err == nil || errors.Is(err, ErrShort) {
		t.Errorf("a frame above the limit: %v", err)
	}
}

func TestAnOpeningIsReadAsWritten(t *testing.T) {
	t.Parallel()
	for _, want := range openings() {
		f, _, err := Next(want.Append(nil, 5))
		if err != nil {
			t.Fatal(err)
		}
		got, err := ParseOpening(f)
		if err != nil {
			t.Fatal(err)
		}
		if got.Timeout != want.Timeout || got.Method != want.Method || got.Codec != want.Codec ||
			got.Unary != want.Unary || got.OneWay != want.OneWay || !sameMetadata(got.Header, want.Header) {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
	}
}

func TestAnOpeningWithMetadataThatCannotBeIsRefused(t *testing.T) {
	t.Parallel()
	for _, md := range []metadata.MD{{"Upper": {"x"}}, {"key": {"\x00"}}, {"": {"x"}}} {
		f, _, err := Next(Opening{Method: "/a/b", Header: md}.Append(nil, 1))
		if err == nil {
			_, err = ParseOpening(f)
		}
		if err == nil {
			t.Errorf("%v passes", md)
		}
	}
}

func TestAnEndIsReadAsWritten(t *testing.T) {
	t.Parallel()
	for _, want := range ends(t) {
		f, _, err := Next(AppendEnd(nil, 5, want))
		if err != nil {
			t.Fatal(err)
		}
		got, err := parseEnd(f)
		if err != nil {
			t.Fatal(err)
		}
		if !proto.Equal(got.Status.Proto(), want.Status.Proto()) || !sameMetadata(got.Trailer, want.Trailer) {
			t.Errorf("got  %v\nwant %v", got, want)
		}
	}
}

func TestAnEndThatFitsNoFrameSaysSo(t *testing.T) {
	t.Parallel()
	f, rest, err := Next(AppendEnd(nil, 5, call.End{Trailer: metadata.Pairs("key", string(make([]byte, maxPayload)))}))
	if err != nil || len(rest) > 0 {
		t.Fatal(err, len(rest))
	}
	if end, err := parseEnd(f); err != nil || end.Status.Code() != codes.Internal {
		t.Errorf("%v, %v", end.Status, err)
	}
}

func openings() []Opening {
	return []Opening{
		{},
		{Timeout: time.Second, Method: "/a.v1.B/C", Codec: "json", Unary: true},
		{Timeout: 1<<63 - 1, Method: "?", OneWay: true, Header: metadata.MD{
			"key": {"2", "1", ""}, "other": {"x"}, "some-bin": {"\x00\xff"},
			":authority": {"a"}, "user-agent": {"b", "c"},
		}},
	}
}

func ends(tb testing.TB) []call.End {
	tb.Helper()
	detail, err := anypb.New(wrapperspb.String("detail"))
	if err != nil {
		tb.Fatal(err)
	}
	return []call.End{
		{},
		{Trailer: metadata.Pairs("a", "1", "a", "2", "b-bin", "\x00")},
		{Status: status.New(codes.Aborted, "ü\r\n")},
		{Status: status.FromProto(&spb.Status{Code: 77, Details: []*anypb.Any{detail, {}, detail}})},
	}
}

func sameMetadata(a, b metadata.MD) bool {
	for key := range a {
		if !slices.Equal(a[key], b[key]) {
			return false
		}
	}
	return len(a) == len(b)
}

// forgetful is a wire that counts the calls that are over.
type forgetful struct {
	nowhere
	over int
}

func (w *forgetful) Forget(uint64) { w.over++ }

func TestAUnaryCallWhoseMessageNeverComesIsGivenUp(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w := &forgetful{}
	c := NewCaller(ctx, w, 1, call.Request{Method: "/a/b", Desc: &grpc.StreamDesc{}, Unary: true})
	c.Open()
	if err := c.CloseSend(); err != nil || w.over != 1 {
		t.Errorf("%v: the wire was told %d times that the call is over", err, w.over)
	}
	if _, err := c.Recv(); link.Ran(err) != link.NeverSent {
		t.Errorf("%v, %v", err, link.Ran(err))
	}
}

func TestTheTimeThatIsLeftCanBeChanged(t *testing.T) {
	t.Parallel()
	o := Opening{Timeout: time.Second, Method: "/a/b"}
	b := o.Append(nil, 1)
	SetTimeout(b, time.Minute)
	f, _, err := Next(b)
	if err == nil {
		o, err = ParseOpening(f)
	}
	if err != nil || o.Timeout != time.Minute || o.Method != "/a/b" {
		t.Errorf("%v: %+v", err, o)
	}
}

// A peer that is more generous than numbers go, and the end, both let writers go on.
func TestCreditHasNoTop(t *testing.T) {
	t.Parallel()
	o := newOutbox()
	for range 3 {
		if err := o.grant(Frame{Kind: kindCredit, Payload: []byte{255, 255, 255, 255}}); err != nil {
			t.Fatal(err)
		}
		o.release()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		if err := o.spend(ctx, 1); err != nil {
			t.Fatal(err)
		}
		cancel()
	}
}
