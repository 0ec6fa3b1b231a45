package tcplink

import (
	"bytes"
	"testing"
)

// FuzzPreface reads any bytes: a preface that passes is written as it was, and shares a
// version with this program.
func FuzzPreface(f *testing.F) {
	f.Add(preface{newest, oldest, features}.bytes())
	f.Add(preface{newest: newest + 1, oldest: oldest, features: 1}.bytes())
	f.Add(preface{newest: newest + 2, oldest: newest + 1}.bytes())
	f.Add([]byte("GET / HT"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := parsePreface(b)
		if err != nil {
			return
		}
		if again := p.bytes(); !bytes.Equal(again, b) {
			t.Fatalf("%x is written as %x", b, again)
		}
		if max(p.oldest, oldest) > min(p.newest, newest) {
			t.Fatalf("%+v passes, and has no version in common with this program", p)
		}
	})
}

func TestAPrefaceOfALaterReleaseIsTaken(t *testing.T) {
	t.Parallel()
	want := preface{newest: newest + 1, oldest: oldest, features: 1 << 15}
	if got, err := parsePreface(want.bytes()); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
}
