package compress

import "testing"

// FuzzNormalise holds that a normal form stays what it is, and asks for the same, whatever there is to
// choose from.
func FuzzNormalise(f *testing.F) {
	for _, s := range []string{
		"gzip;q=0.5, *;q=0.1, br", "*", "br;q=0", "identity, gzip;q=0.9", "*;q=0, x-gzip", "zstd;q=0.1, br;q=1",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, accept string) {
		got := Normalise([]string{accept})
		if again := Normalise([]string{got}); again != got {
			t.Errorf("%q is %q, and then %q", accept, got, again)
		}
		before, after := parseAccept([]string{accept}), parseAccept([]string{got})
		for set := range 1 << codings {
			var have [codings]bool
			for c := range codings {
				have[c] = set&(1<<c) != 0
			}
			if was, is := before.choose(&have), after.choose(&have); was != is {
				t.Errorf("%q is %q: of %v it gets %d, not %d", accept, got, have, is, was)
			}
		}
	})
}
