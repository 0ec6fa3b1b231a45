package fleet

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

func TestLines(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", maxLine)
	for name, row := range map[string]struct {
		in   string
		want []string // "+" begins a part
	}{
		"whole lines":                  {"a\nb\n", []string{"a", "b"}},
		"an empty line":                {"\na\n", []string{"", "a"}},
		"a line without an end":        {"a\nb", []string{"a", "b"}},
		"the line end of Windows":      {"a\r\nb\r\n", []string{"a", "b"}},
		"a separator amid a line":      {"a\x1eb\n", []string{"a", "\x1eb"}},
		"a separator at the beginning": {"\x1ea\n\x1eb\n", []string{"\x1ea", "\x1eb"}},
		"a line of exactly the bound":  {long + "\n", []string{long}},
		"a line above the bound":       {long + "a\nb\n", []string{long, "+a", "b"}},
		"twice the bound exactly":      {long + long + "\nb\n", []string{long, "+" + long, "b"}},
		"no end, then an event":        {long + "a\x1eb\n", []string{long, "+a", "\x1eb"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, size := range []int{1, 7, len(row.in)} {
				if got := cut(row.in, size); !slices.Equal(got, row.want) {
					t.Errorf("in pieces of %d: %.200q", size, got)
				}
			}
		})
	}
}

func cut(in string, size int) []string {
	var got []string
	l := &lines{emit: func(line []byte, part bool) {
		if part {
			got = append(got, "+"+string(line))
			return
		}
		got = append(got, string(line))
	}}
	for chunk := range slices.Chunk([]byte(in), size) {
		_, _ = l.Write(chunk)
	}
	l.flush()
	return got
}

func FuzzLinesLoseNothing(f *testing.F) {
	f.Add([]byte("a\nb\x1ec"), 1)
	f.Add([]byte(strings.Repeat("x", maxLine+1)), 1000)
	f.Fuzz(func(t *testing.T, in []byte, size int) {
		if size < 1 {
			return
		}
		in = bytes.ReplaceAll(in, []byte("\r"), nil)
		var got []byte
		l := &lines{emit: func(line []byte, _ bool) {
			if len(line) > maxLine {
				t.Errorf("a line of %d bytes", len(line))
			}
			got = append(got, line...)
		}}
		for chunk := range slices.Chunk(in, size) {
			_, _ = l.Write(chunk)
		}
		l.flush()
		if want := bytes.ReplaceAll(in, []byte("\n"), nil); !bytes.Equal(got, want) {
			t.Errorf("%q became %q", want, got)
		}
	})
}
