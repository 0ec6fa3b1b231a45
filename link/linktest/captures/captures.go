// Package captures plays what two ends of a link said to each other in an earlier
// version of a wire format: today's server must answer as was answered then, and
// today's client must say what was said then and understand the answers.
package captures

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kerf-go/kerf/link/call/frame"
)

// Part is what one side of a capture sends at once.
type Part struct {
	FromClient bool
	Bytes      []byte
}

// Read reads a capture: lines of "> HEX" from the client and "< HEX" from the server,
// and comments that begin with #. HEX may have spaces; HEX*N is N times the same.
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
		parts = append(parts, Part{direction == ">", decode(t, digits)})
	}
	if lines.Err() != nil || len(parts) == 0 {
		t.Fatal(name, lines.Err())
	}
	return parts
}

// Featured sets all feature bits of one side, which are the bytes 6 and 7 wherever it
// begins with the magic: nobody knows them, nor minds.
func Featured(parts []Part, client bool) []Part {
	for _, p := range parts {
		if p.FromClient == client && bytes.HasPrefix(p.Bytes, []byte("kerf")) {
			p.Bytes[6], p.Bytes[7] = 0xff, 0xff
		}
	}
	return parts
}

func decode(t *testing.T, digits string) []byte {
	t.Helper()
	var all []byte
	for field := range strings.FieldsSeq(digits) {
		field, count, repeated := strings.Cut(field, "*")
		b, err := hex.DecodeString(field)
		times := 1
		if err == nil && repeated {
			times, err = strconv.Atoi(count)
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, bytes.Repeat(b, times)...)
	}
	return all
}

// Same compares frames. An opening has the same in any order, but for what is the
// client's own: its address of the server. Of the caller's time, which passes, up to a
// minute may be missing; and the words of a refusal are the server's own.
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
		case w.Kind == frame.End && w.Flags == refused && len(g.Payload) >= codeLen:
			if g.Kind != w.Kind || g.Flags != w.Flags || g.Call != w.Call ||
				!bytes.Equal(g.Payload[:codeLen], w.Payload[:codeLen]) {
				t.Errorf("\ngot  %+v\nwant %+v", g, w)
			}
		case g.Kind != w.Kind || g.Flags != w.Flags || g.Call != w.Call || !bytes.Equal(g.Payload, w.Payload):
			t.Errorf("\ngot  %+v\nwant %+v", g, w)
		}
		got, want = moreGot, moreWant
	}
	if len(got) > 0 {
		t.Errorf("too much: %x", got)
	}
}

// A frame of kind End that is a refusal has a flag. Its payload begins with the code.
const refused, codeLen = 1, 4

func sameOpening(t *testing.T, f, g frame.Frame) {
	t.Helper()
	o, p := opening(t, f), opening(t, g)
	if f.Flags != g.Flags || f.Call != g.Call || o.Method != p.Method || o.Codec != p.Codec ||
		o.Timeout > p.Timeout || p.Timeout-o.Timeout > min(p.Timeout, time.Minute) || len(o.Header) != len(p.Header) {
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
