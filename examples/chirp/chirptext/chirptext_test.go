package chirptext_test

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/kerf-go/kerf/examples/chirp/chirptext"
)

const family = "👨‍👩‍👧‍👦" // one character, 25 bytes

func TestCheckKeeps(t *testing.T) {
	t.Parallel()
	families := strings.Repeat(family, 141)
	for name, test := range map[string]struct {
		kind       chirptext.Kind
		text, want string
	}{
		"an ordinary post":                          {chirptext.Post, "hello, world", "hello, world"},
		"141 letters":                               {chirptext.Post, strings.Repeat("x", 141), strings.Repeat("x", 141)},
		"141 families":                              {chirptext.Post, families, families},
		"141 letters with accents, composed":        {chirptext.Post, strings.Repeat("e\u0301", 141), strings.Repeat("é", 141)},
		"markup, which is text":                     {chirptext.Post, "<script>alert(1)</script>", "<script>alert(1)</script>"},
		"white space around a post":                 {chirptext.Post, " \t\r\n hi \u3000\n", "hi"},
		"line breaks of every system as one":        {chirptext.Post, "a\r\nb\rc\u2028d\u2029e\u0085f", "a\nb\nc\nd\ne\nf"},
		"ten line breaks":                           {chirptext.Post, "a\n\n\n\n\n\n\n\n\n\nb", "a\n\n\n\n\n\n\n\n\n\nb"},
		"the plain marks of right-to-left writing":  {chirptext.Post, "\u200fשלום\u200e", "\u200fשלום\u200e"},
		"the flag of Scotland":                      {chirptext.Post, "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "🏴󠁧󠁢󠁳󠁣󠁴󠁿"},
		"an empty display name":                     {chirptext.DisplayName, "", ""},
		"a display name without anything to see":    {chirptext.DisplayName, " \u200b\u3164 ", ""},
		"50 characters of display name":             {chirptext.DisplayName, strings.Repeat("ß", 50), strings.Repeat("ß", 50)},
		"160 characters of bio":                     {chirptext.Bio, strings.Repeat("☃", 160), strings.Repeat("☃", 160)},
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
		"142 characters":                   {chirptext.Post, strings.Repeat("x", 142), "142 characters: at most 141"},
		"142 families":                     {chirptext.Post, strings.Repeat(family, 142), "142 characters"},
		"an enormous text":                 {chirptext.Post, strings.Repeat("x", 1<<20), "too long"},
		"nothing":                          {chirptext.Post, "", "blank"},
		"white space":                      {chirptext.Post, " \n\t\u3000", "blank"},
		"characters that nobody sees":      {chirptext.Post, "\u200b\u2060\u3164\u2800\ufe0f", "blank"},
		"an accent alone":                  {chirptext.Post, "\u0301", "blank"},
		"broken UTF-8":                     {chirptext.Post, "a\xffb", "valid UTF-8"},
		"half of a surrogate pair":         {chirptext.Post, "a\xed\xa0\x80b", "valid UTF-8"},
		"a NUL":                            {chirptext.Post, "a\x00b", "U+0000"},
		"an escape":                        {chirptext.Post, "a\x1b[31mb", "U+001B"},
		"a tab between words":              {chirptext.Post, "a\tb", "U+0009"},
		"a C1 control":                     {chirptext.Post, "a\u009bb", "U+009B"},
		"a noncharacter":                   {chirptext.Post, "a\ufffeb", "U+FFFE"},
		"an override of direction":         {chirptext.Post, "a\u202eb", "U+202E"},
		"an isolate of direction":          {chirptext.Post, "a\u2067b\u2069", "U+2067"},
		"eleven line breaks":               {chirptext.Post, "a" + strings.Repeat("\n", 11) + "b", "11 line breaks"},
		"a tower of accents":               {chirptext.Post, "ok z" + strings.Repeat("\u0335", 16), "character 4"},
		"51 characters of display name":    {chirptext.DisplayName, strings.Repeat("x", 51), "at most 50"},
		"a display name on two lines":      {chirptext.DisplayName, "a\nb", "U+000A"},
		"161 characters of bio":            {chirptext.Bio, strings.Repeat("x", 161), "at most 160"},
		"a bio on two lines":               {chirptext.Bio, "a\r\nb", "U+000A"},
		"a bio that turns the page around": {chirptext.Bio, "\u202ebio", "U+202E"},
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

func TestBlankPostCanBeToldApart(t *testing.T) {
	t.Parallel()
	if _, err := chirptext.Check(chirptext.Post, " "); !errors.Is(err, chirptext.ErrBlank) {
		t.Errorf("got %v, want ErrBlank", err)
	}
}

func TestCountCountsWhatReadersSee(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		"": 0, "\ta ": 1, "héllo": 5, "he\u0301llo": 5, family: 1, "🇩🇪🇫🇷": 2, "a\r\nb": 3, "각": 1, "a\xffb": 3,
	} {
		if got := chirptext.Count(text); got != want {
			t.Errorf("Count(%q) = %d, want %d", text, got, want)
		}
	}
}

func FuzzCheck(f *testing.F) {
	for _, s := range []string{"hello", " \r\n", family, "e\u0301\u202e", "\xff", "a\nb", "\u1100\u1161\u11a8", "\u0344"} {
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
		if n := chirptext.Count(kept); n > k.Max() || len(kept) > n*chirptext.MaxCharacterBytes {
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
