package balance_test

import (
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/kerf-go/kerf/balance"
	"github.com/kerf-go/kerf/link"
)

func TestTheAttemptsOfOneCallGoElsewhere(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		urls   []string
		before func(b *bed)
		want   int // endpoints that three attempts see
	}{
		"there are three":                {[]string{"a", "b", "c"}, nil, 3},
		"there are two":                  {[]string{"a", "b"}, nil, 2},
		"there is one":                   {[]string{"a"}, nil, 1},
		"one of three cannot be reached": {[]string{"a", "b", "c"}, func(b *bed) { b.fail("a", 1, refused) }, 2},
		"one of two cannot be reached":   {[]string{"a", "b"}, func(b *bed) { b.fail("a", 1, refused) }, 1},
		"two have many calls": {[]string{"a", "b", "c"}, func(b *bed) {
			for range 20 {
				b.on("a")
				b.on("b")
			}
		}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, balance.Options{Ejection: -1, PassOver: time.Hour}, c.urls...)
			if c.before != nil {
				c.before(b)
			}
			for range 100 {
				elsewhere, seen := new(balance.Elsewhere), map[string]bool{}
				for range 3 {
					call, err := b.Pick(t.Context(), elsewhere)
					if err != nil {
						t.Fatal(err)
					}
					seen[call.URL()] = true
					call.Done(fault(codes.Unavailable, link.Answered))
				}
				if len(seen) != c.want {
					t.Fatalf("they went to %v", seen)
				}
			}
		})
	}
}

func TestWhoIsLeftGetsNoMoreThanAnyOther(t *testing.T) {
	t.Parallel()
	b := setup(t, balance.Options{}, "a", "b", "c")
	second := make(map[string]int)
	for range 3000 {
		elsewhere := new(balance.Elsewhere)
		for n := range 2 {
			call, err := b.Pick(t.Context(), elsewhere)
			if err != nil {
				t.Fatal(err)
			}
			if n == 1 {
				second[call.URL()]++
			}
			silent(call)
		}
	}
	for url, n := range second {
		if n < 850 || n > 1150 {
			t.Errorf("%s gets %d of 3000 second attempts: %v", url, n, second)
		}
	}
}
