package chirptext_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/kerf-go/kerf/examples/chirp/chirptext"
)

const family = "👨‍👩‍👧‍👦" // one character, 25 bytes

const (
	post        = chirptext.Post
	displayName = chirptext.DisplayName
	bio         = chirptext.Bio
)

func TestCheckKeeps(t *testing.T) {
	t.Parallel()
	families, letters := strings.Repeat(family, 141), strings.Repeat("x", 141)
	for name, test := range map[string]struct {
		kind       chirptext.Kind
		text, want string
	}{
		"an ordinary post":              {post, "hello, world", "hello, world"},
		"141 letters":                   {post, letters, letters},
		"141 families":                  {post, families, families},
		"141 letters with accents":      {post, strings.Repeat("e\u0301", 141), strings.Repeat("é", 141)},
		"markup, which is text":         {post, "<script>alert(1)</script>", "<script>alert(1)</script>"},
		"white space around a post":     {post, " \t\r\n hi \u3000\n", "hi"},
		"line breaks of every system":   {post, "a\r\nb\rc\u2028d\u2029e\u0085f", "a\nb\nc\nd\ne\nf"},
		"ten line breaks":               {post, "a\n\n\n\n\n\n\n\n\n\nb", "a\n\n\n\n\n\n\n\n\n\nb"},
		"the plain marks of direction":  {post, "\u200fשלום\u200e", "\u200fשלום\u200e"},
		"the flag of Scotland":          {post, "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "🏴󠁧󠁢󠁳󠁣󠁴󠁿"},
		"an empty display name":         {displayName, "", ""},
		"a display name nobody sees":    {displayName, " \u200b\u3164 ", ""},
		"50 characters of display name": {displayName, strings.Repeat("ß", 50), strings.Repeat("ß", 50)},
		"160 characters of bio":         {bio, strings.Repeat("☃", 160), strings.Repeat("☃", 160)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := chirptext.Check(test.kind, test.text)
			if err != nil || got != test.want {
				t.Errorf("got %q, %v; want %q", got, err, test.want)
			}
		})
	}
}

func TestCheckRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		kind chirptext.Kind
		text string
		want string // in the message
	}{
		"142 characters":                   {post, strings.Repeat("x", 142), "142 characters: at most 141"},
		"142 families":                     {post, strings.Repeat(family, 142), "142 characters"},
		"an enormous text":                 {post, strings.Repeat("x", 1<<20), "too long"},
		"nothing":                          {post, "", "blank"},
		"white space":                      {post, " \n\t\u3000", "blank"},
		"characters that nobody sees":      {post, "\u200b\u2060\u3164\u2800\ufe0f", "blank"},
		"an accent alone":                  {post, "\u0301", "blank"},
		"broken UTF-8":                     {post, "a\xffb", "valid UTF-8"},
		"half of a surrogate pair":         {post, "a\xed\xa0\x80b", "valid UTF-8"},
		"a NUL":                            {post, "a\x00b", "U+0000"},
		"an escape":                        {post, "a\x1b[31mb", "U+001B"},
		"a tab between words":              {post, "a\tb", "U+0009"},
		"a C1 control":                     {post, "a\u009bb", "U+009B"},
		"a noncharacter":                   {post, "a\ufffeb", "U+FFFE"},
		"an override of direction":         {post, "a\u202eb", "U+202E"},
		"an isolate of direction":          {post, "a\u2067b\u2069", "U+2067"},
		"eleven line breaks":               {post, "a" + strings.Repeat("\n", 11) + "b", "11 line breaks"},
		"a tower of accents":               {post, "ok z" + strings.Repeat("\u0335", 16), "character 4"},
		"51 characters of display name":    {displayName, strings.Repeat("x", 51), "at most 50"},
		"a display name on two lines":      {displayName, "a\nb", "U+000A"},
		"161 characters of bio":            {bio, strings.Repeat("x", 161), "at most 160"},
		"a bio on two lines":               {bio, "a\r\nb", "U+000A"},
		"a bio that turns the page around": {bio, "\u202ebio", "U+202E"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := chirptext.Check(test.kind, test.text)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %q, %v; want an error with %q", got, err, test.want)
			}
		})
	}
}

func TestCountCountsWhatReadersSee(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		"": 0, "\u3000a\u3000": 1, "héllo": 5, "he\u0301llo": 5, family: 1, "🇩🇪🇫🇷": 2, "a\r\nb": 3, "각": 1, "a\xffb": 3,
	} {
		if got := chirptext.Count(text); got != want {
			t.Errorf("Count(%q) = %d, want %d", text, got, want)
		}
	}
}

func FuzzCheck(f *testing.F) {
	for _, s := range []string{
		"hello", " \r\n", family, "e\u0301\u202e", "\xff", "a\nb", "\u1100\u1161\u11a8", "\u0344",
	} {
		f.Add(s, 0)
	}
	f.Fuzz(func(t *testing.T, text string, kind int) {
		k := chirptext.Kind(uint(kind) % 3)
		kept, err := chirptext.Check(k, text)
		if err != nil {
			if kept != "" {
				t.Fatalf("a refused text gave %q", kept)
			}
			return
		}
		if !utf8.ValidString(kept) || !norm.NFC.IsNormalString(kept) {
			t.Errorf("kept %q, which is not composed UTF-8", kept)
		}
		if n := chirptext.Count(kept); n > k.Max() || len(kept) > n*32 {
			t.Errorf("kept %q: %d characters in %d bytes", kept, n, len(kept))
		}
		if again, err := chirptext.Check(k, kept); err != nil || again != kept {
			t.Errorf("kept %q, but checking that gave %q, %v", kept, again, err)
		}
		if kept != "" && chirptext.Count(kept) != chirptext.Count(text) {
			t.Errorf("%q counts %d, kept %q counts %d", text, chirptext.Count(text), kept, chirptext.Count(kept))
		}
	})
}
