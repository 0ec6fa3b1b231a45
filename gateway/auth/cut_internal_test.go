package auth

import (
	"net/url"
	"slices"
	"strings"
	"testing"
)

func FuzzQuery(f *testing.F) {
	f.Add("a=1&key=x&b", "key")
	f.Add("%6bey=%20&key", "key")
	f.Add("key=%zz&;key=1&&", "key")
	f.Fuzz(func(t *testing.T, query, name string) {
		values, rest := cutQuery(query, name)
		if more, again := cutQuery(rest, name); len(more) > 0 || again != rest {
			t.Errorf("%q without %q is %q, which still has %q", query, name, rest, more)
		}
		if len(values) == 0 && rest != query {
			t.Errorf("%q became %q for nothing", query, rest)
		}
		// What net/http understands is understood alike.
		before, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		after, err := url.ParseQuery(rest)
		if err != nil || after.Has(name) || query != "" && name != "" && !slices.Equal(before[name], values) {
			t.Errorf("%q without %q: %q and %q, %v", query, name, values, rest, err)
		}
		delete(before, name)
		if before.Encode() != after.Encode() {
			t.Errorf("%q without %q lacks more: %q", query, name, rest)
		}
	})
}

func FuzzCookies(f *testing.F) {
	f.Add("a=1; session=x; b=2")
	f.Add("session=x")
	f.Add(" session =\"a; session=b\";;c")
	f.Fuzz(func(t *testing.T, header string) {
		ours := func(name string) bool { return name == "session" }
		rest := cutCookies([]string{header}, ours)
		for _, h := range rest {
			for pair := range strings.SplitSeq(h, ";") {
				if name, _, _ := strings.Cut(pair, "="); strings.TrimSpace(name) == "session" {
					t.Errorf("%q became %q", header, rest)
				}
			}
		}
		var others []string
		for pair := range strings.SplitSeq(header, ";") {
			if name, _, _ := strings.Cut(pair, "="); strings.TrimSpace(name) != "session" {
				others = append(others, pair)
			}
		}
		if strings.TrimLeft(strings.Join(others, ";"), " ") != strings.Join(rest, "") {
			t.Errorf("%q became %q: another's cookie has changed", header, rest)
		}
	})
}
