package cache

import (
	"strings"
	"testing"
)

func TestDirectives(t *testing.T) {
	t.Parallel()
	only := func(change func(*directives)) directives {
		d := parseControl(nil)
		change(&d)
		return d
	}
	for name, test := range map[string]struct {
		lines []string
		want  directives
	}{
		"nothing":           {nil, only(func(*directives) {})},
		"commas and spaces": {[]string{" , ,, "}, only(func(*directives) {})},
		"unknown ones are passed by": {
			[]string{`a, b=c, d="e, no-store", f="\", no-store", ` + strings.Repeat("x", 99)},
			only(func(*directives) {}),
		},
		"flags": {
			[]string{"PUBLIC,no-store , Private", "must-revalidate"},
			only(func(d *directives) { d.public, d.noStore, d.private, d.mustRevalidate = true, true, true, true }),
		},
		"numbers": {
			[]string{"max-age = 5 , s-maxage=\"6\",stale-if-error=7"},
			only(func(d *directives) { d.maxAge, d.sharedMaxAge, d.staleIfError = 5, 6, 7 }),
		},
		"fields in quotes": {
			[]string{`no-cache="a, b", max-age=1`},
			only(func(d *directives) { d.noCache, d.maxAge = true, 1 }),
		},
		"no number": {
			[]string{"max-age, s-maxage=, min-fresh=1.5"},
			only(func(d *directives) { d.maxAge, d.sharedMaxAge, d.minFresh = 0, 0, 0 }),
		},
		"twice the same": {[]string{"max-age=5", "max-age=5"}, only(func(d *directives) { d.maxAge = 5 })},
		"twice, and not": {[]string{"max-age=5", "max-age=6"}, only(func(d *directives) { d.maxAge = 0 })},
		"beyond all numbers": {
			[]string{"max-age=18446744073709551617"}, only(func(d *directives) { d.maxAge = unlimited }),
		},
		"max-stale of any age": {[]string{"max-stale"}, only(func(d *directives) { d.maxStale = unlimited })},
		"an unending quotation": {
			[]string{`max-age=1, x="y`}, only(func(d *directives) { d.maxAge, d.malformed = 1, true }),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := parseControl(test.lines); got != test.want {
				t.Errorf("%+v", got)
			}
		})
	}
}

// FuzzControl holds the parser to what the safety of a shared cache rests on.
func FuzzControl(f *testing.F) {
	for _, s := range []string{
		"no-store", `private="a, b", max-age=60`, "max-age=1, max-age=2", `x="\"", public`, `x="`, `s-maxage="9"`,
		`,=,="`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		d := parseControl([]string{line})
		if upper := parseControl([]string{strings.ToUpper(line)}); upper != d {
			t.Errorf("capitals matter: %+v, %+v", d, upper)
		}
		if got := parseControl([]string{line, "no-store"}); !got.noStore {
			t.Error("a line hides the next")
		}
		if got := parseControl([]string{line + ",no-store"}); !got.noStore && !got.malformed {
			t.Error("no-store is hidden, and nobody notices")
		}
		for _, s := range []seconds{
			d.maxAge, d.sharedMaxAge, d.minFresh, d.maxStale, d.staleIfError, d.staleWhileRevalidate,
		} {
			if s < none {
				t.Errorf("%d seconds", s)
			}
		}
		if !strings.Contains(strings.ToLower(line), "public") && d.public {
			t.Error("public out of nothing")
		}
	})
}
