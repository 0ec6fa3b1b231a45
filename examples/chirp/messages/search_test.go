package messages_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/examples/chirp/internal/chirptest"
	messagesv1 "github.com/kerf-go/kerf/examples/chirp/messages/v1"
)

// found gives each hit with what matched in brackets.
func found(t *testing.T, b bundle, query string) []string {
	t.Helper()
	answer, err := b.Search(t.Context(), &messagesv1.SearchRequest{Query: query})
	chirptest.WantCode(t, err, codes.OK)
	all := make([]string, 0, len(answer.GetHits()))
	for _, hit := range answer.GetHits() {
		all = append(all, bracket(hit))
	}
	return all
}

func bracket(hit *messagesv1.SearchHit) string {
	var out strings.Builder
	text, at := hit.GetPost().GetText(), int32(0)
	for _, s := range hit.GetHighlights() {
		out.WriteString(text[at:s.GetStart()] + "[" + text[s.GetStart():s.GetEnd()] + "]")
		at = s.GetEnd()
	}
	return out.String() + text[at:]
}

func TestSearchFinds(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for i, text := range []string{
		"the quick brown fox", "quick! a café", "NEAR the foxes AND hounds", "don't panic",
		"100% of 日本語 and Straße", //nolint:gosmopolitan // any script can be searched
		`say "hello" <b>world</b>`, "text: a column's name", "wide  gap\nnext line",
	} {
		b.post(t, 1, strconv.Itoa(i), text)
	}
	for query, want := range map[string][]string{
		"quick":         {"[quick]! a café", "the [quick] brown fox"},
		"QUICK brown":   {"the [quick] [brown] fox"},
		"fox":           {"NEAR the [foxes] AND hounds", "the quick brown [fox]"},
		"fox quick":     {"the [quick] brown [fox]"},
		"brow fox":      nil, // only the last word may be a beginning
		"CAFE\u0301":    {"quick! a [café]"},
		"cafe":          {"quick! a [café]"},
		"don't":         {"[don't] panic"},
		"日本":            {"100% of [日本語] and Straße"}, //nolint:gosmopolitan // any script can be searched
		"near":          {"[NEAR] the foxes AND hounds"},
		"the AND fox":   {"NEAR [the] [foxes] [AND] hounds"},
		`"hello"`:       {`say "[hello]" <b>world</b>`},
		`hello "`:       {`say "[hello]" <b>world</b>`},
		"text:":         {"[text]: a column's name"},
		"text:a":        {"[text: a] column's name"},
		"- panic *":     {"don't [panic]"},
		"^panic":        {"don't [panic]"},
		"(panic":        {"don't [panic]"},
		"gap\x00next":   {"wide  [gap]\n[next] line"},
		"quick NOT fox": nil,
		"nothing":       nil,
	} {
		if got := found(t, b, query); !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", query, got, want)
		}
	}
}

func TestBadSearchesAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, query := range map[string]string{
		"empty":           "",
		"white space":     " \t ",
		"only operators":  `* " - ( ) ^ : +`,
		"only controls":   "\x00\x01",
		"broken UTF-8":    "a\xff",
		"101 characters":  strings.Repeat("x", 101),
		"eleven words":    strings.Repeat("x ", 11),
		"an enormous one": strings.Repeat("x", 1<<20),
	} {
		_, err := b.Search(t.Context(), &messagesv1.SearchRequest{Query: query})
		if status.Code(err) != codes.InvalidArgument {
			t.Errorf("%s: got %v, want InvalidArgument", name, err)
		}
	}
}

func FuzzSearch(f *testing.F) {
	b := setup(f)
	b.post(f, 1, "a", "the quick brown fox says “héllo” 日本語 ½ ᾳ x²") //nolint:gosmopolitan // any script can be searched
	for _, s := range []string{"quick", `"`, "a* OR b", "NEAR(a b)", "text:x", "\x00", "é", "½", "x²", "{a} : b", "ﬁ"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, query string) {
		answer, err := b.Search(t.Context(), &messagesv1.SearchRequest{Query: query})
		if err != nil {
			if status.Code(err) != codes.InvalidArgument {
				t.Fatalf("%q: got %v", query, err)
			}
			return
		}
		for _, hit := range answer.GetHits() {
			if len(hit.GetHighlights()) == 0 {
				t.Errorf("%q: found without anything that matched", query)
			}
			_ = bracket(hit) // crashes unless the spans are in order
		}
	})
}
