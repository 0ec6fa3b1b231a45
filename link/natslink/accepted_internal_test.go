package natslink

import (
	"bytes"
	"encoding/hex"
	"os"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/metadata"

	"github.com/kerf-go/kerf/link/call/frame"
)

// accepted1 is the request that the capture of version 1 has.
func accepted1() (frame.Opening, []byte) {
	return frame.Opening{
		Timeout: 5 * time.Second, Method: "/kerf.linktest.v1.Exercise/Tell", Codec: "proto",
		Header: metadata.Pairs("key", "1", "key", "2"), OneWay: true,
	}, []byte("\n\x05hello")
}

// A queue may hold what a release before this one has accepted.
func TestAnAcceptedRequestIsAsCaptured(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/v1/accepted.txt")
	if err != nil {
		t.Fatal(err)
	}
	_, digits, _ := strings.Cut(string(text), "> ")
	captured, err := hex.DecodeString(strings.TrimSpace(digits))
	if err != nil {
		t.Fatal(err)
	}
	o, m := accepted1()
	if got := writeAccepted(o, m); !bytes.Equal(got, captured) {
		t.Errorf("got  %x\nwant %x", got, captured)
	}
	read, message, err := parseAccepted(captured)
	if err != nil || !bytes.Equal(message.Bytes(), m) || read.Method != o.Method || read.Timeout != o.Timeout ||
		read.Codec != o.Codec || strings.Join(read.Header["key"], " ") != "1 2" || !read.OneWay {
		t.Errorf("%v: %+v, %q", err, read, message.Bytes())
	}
}

// FuzzAccepted reads anything that may be in a queue: what passes is written as it was.
func FuzzAccepted(f *testing.F) {
	o, m := accepted1()
	f.Add(writeAccepted(o, m))
	f.Add(appendPreface(nil, 0))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		o, m, err := parseAccepted(b)
		if err != nil {
			return
		}
		again, message, err := parseAccepted(writeAccepted(o, m.Bytes()))
		if err != nil || again.Method != o.Method || !bytes.Equal(message.Bytes(), m.Bytes()) {
			t.Fatalf("%v: %+v is read as %+v", err, o, again)
		}
	})
}
