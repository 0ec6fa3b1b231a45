package call

import (
	"bytes"
	"testing"
	"unsafe"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/emptypb"

	linktestv1 "github.com/kerf-go/kerf/link/linktest/v1"
)

// full is a message with every sort of field, and one that it does not know.
func full(tb testing.TB) *linktestv1.Message {
	tb.Helper()
	packed, err := anypb.New(&emptypb.Empty{})
	if err != nil {
		tb.Fatal(err)
	}
	m := &linktestv1.Message{
		Text: "text", Payload: []byte("payload"), Number: 7, Tags: []string{"a", "b"},
		Counts: map[string]int64{"x": 1}, Nested: &linktestv1.Message{Text: "nested"}, Any: packed,
		Maybe: proto.Int32(0), Choice: &linktestv1.Message_Right{Right: 3},
	}
	m.ProtoReflect().SetUnknown([]byte{0xf8, 0x3e, 0x01}) // field 1007
	return m
}

func TestASharedMessageIsTheSameMemory(t *testing.T) {
	t.Parallel()
	from := full(t)
	to := &linktestv1.Message{Text: "old", Tags: []string{"old"}, Choice: &linktestv1.Message_Left{Left: "old"}}
	if err := share(from, to); err != nil {
		t.Fatal(err)
	}
	if !proto.Equal(from, to) {
		t.Errorf("got %v, want %v", to, from)
	}
	if unsafe.SliceData(from.GetPayload()) != unsafe.SliceData(to.GetPayload()) || from.GetNested() != to.GetNested() ||
		unsafe.SliceData(from.GetTags()) != unsafe.SliceData(to.GetTags()) {
		t.Error("it was copied")
	}
	to.Number = 8
	if from.GetNumber() != 7 {
		t.Error("the message itself is the same one, not a shallow copy")
	}
}

func TestSharingWithADynamicMessageCopies(t *testing.T) {
	t.Parallel()
	from := full(t)
	to := dynamicpb.NewMessage(from.ProtoReflect().Descriptor())
	if err := share(from, to); err != nil {
		t.Fatal(err)
	}
	back := &linktestv1.Message{}
	if err := share(to, back); err != nil {
		t.Fatal(err)
	}
	if !proto.Equal(from, back) {
		t.Errorf("got %v, want %v", back, from)
	}
}

func TestSharingWhatIsNoMessage(t *testing.T) {
	t.Parallel()
	for _, c := range [][2]any{{"text", &linktestv1.Message{}}, {&linktestv1.Message{}, "text"}} {
		if err := share(c[0], c[1]); status.Code(err) != codes.Internal {
			t.Errorf("share(%T, %T) gives %v", c[0], c[1], err)
		}
	}
	to := full(t)
	if err := share((*linktestv1.Message)(nil), to); err != nil || !proto.Equal(to, &linktestv1.Message{}) {
		t.Errorf("a nil message arrives as %v, %v", to, err)
	}
}

func TestTheLimitOfAMessageIsExact(t *testing.T) {
	t.Parallel()
	codec := codecByName("")
	encoded, err := proto.Marshal(full(t))
	if err != nil {
		t.Fatal(err)
	}
	size, err := decode(codec, Encoded(encoded), &linktestv1.Message{}, len(encoded))
	if err != nil || size != len(encoded) {
		t.Errorf("at the limit: %d, %v", size, err)
	}
	_, err = decode(codec, Encoded(encoded), &linktestv1.Message{}, len(encoded)-1)
	if status.Code(err) != codes.ResourceExhausted {
		t.Errorf("above the limit: %v", err)
	}
}

// FuzzDecode: whatever arrives, decoding gives what package proto gives, and a
// status if that is an error.
func FuzzDecode(f *testing.F) {
	encoded, err := proto.Marshal(full(f))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(encoded)
	f.Add(encoded[:len(encoded)-2])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		got, want := full(t), &linktestv1.Message{}
		_, err := decode(codecByName("proto"), Encoded(bytes.Clone(data)), got, 1<<20)
		wantErr := proto.Unmarshal(data, want)
		switch {
		case wantErr != nil:
			if status.Code(err) != codes.Internal {
				t.Errorf("got %v, want Internal for %v", err, wantErr)
			}
		case err != nil || !proto.Equal(got, want):
			t.Errorf("got %v, %v; want %v", got, err, want)
		}
	})
}

// FuzzJSON: what the codec reads it writes, and reads again as the same.
func FuzzJSON(f *testing.F) {
	codec := codecByName("json")
	first, err := codec.Marshal(full(f))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(first.Materialize())
	f.Add([]byte(`{"text":"é😀","unknown":[1,{}],"number":"9007199254740993","right":0}`))
	f.Add([]byte(`{"any":{"@type":"type.googleapis.com/google.protobuf.Empty","value":{}}}`))
	f.Add([]byte(`{"payload":"AA==",`))
	f.Fuzz(func(t *testing.T, data []byte) {
		got := full(t)
		if err := unmarshal(codec, Encoded(data), got); err != nil {
			return
		}
		written, err := codec.Marshal(got)
		if err != nil {
			t.Fatalf("%v was read and cannot be written: %v", got, err)
		}
		again := &linktestv1.Message{}
		if err := codec.Unmarshal(written, again); err != nil || !proto.Equal(got, again) {
			t.Errorf("%v, %v; want %v", again, err, got)
		}
	})
}

func TestJSONTakesOnlyMessages(t *testing.T) {
	t.Parallel()
	codec := codecByName("json")
	if _, err := codec.Marshal("text"); err == nil {
		t.Error("text was marshalled")
	}
	var s string
	if err := unmarshal(codec, Encoded([]byte("{}")), &s); err == nil {
		t.Error("text was unmarshalled")
	}
}
