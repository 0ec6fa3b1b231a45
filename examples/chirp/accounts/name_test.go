package accounts_test

import (
	"regexp"
	"testing"

	"github.com/kerf-go/kerf/examples/chirp/accounts"
)

func TestSkeletonIsTheSameForLookAlikes(t *testing.T) {
	t.Parallel()
	for _, same := range [][]string{
		{"lola", "l0la", "lo1a", "ioia", "l_o_l_a"},
		{"mom", "rnom", "mo_rn", "rn0rn"},
		{"wave", "vvave", "v_vave"},
		{"vvv", "wv", "vw"},
	} {
		for _, name := range same[1:] {
			if accounts.Skeleton(name) != accounts.Skeleton(same[0]) {
				t.Errorf("%s and %s look different", name, same[0])
			}
		}
	}
	for _, other := range []string{"lolo", "alol", "lol", "lolaa", "lora"} {
		if accounts.Skeleton(other) == accounts.Skeleton("lola") {
			t.Errorf("%s looks like lola", other)
		}
	}
}

func FuzzNewName(f *testing.F) {
	for _, s := range []string{"ada", "Ａda", "ﬁsh", "K2_", "İstanbul", "adm1n", "a\u0301da", "ſam", "x²y", "\xff"} {
		f.Add(s)
	}
	legal := regexp.MustCompile(`\A[a-z][a-z0-9_]{2,19}\z`)
	f.Fuzz(func(t *testing.T, typed string) {
		name, err := accounts.NewName(typed)
		if err != nil {
			if name != "" {
				t.Fatalf("a refused name gave %q", name)
			}
			return
		}
		if !legal.MatchString(name) {
			t.Errorf("%q became %q", typed, name)
		}
		if again, err := accounts.NormaliseName(name); err != nil || again != name {
			t.Errorf("%q became %q, and that %q, %v", typed, name, again, err)
		}
		if s := accounts.Skeleton(name); s == "" || accounts.Skeleton(s) != s {
			t.Errorf("%q has the skeleton %q, and that %q", name, s, accounts.Skeleton(s))
		}
	})
}
