package balance_test

import (
	"slices"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/kerf-go/kerf/balance"
	"github.com/kerf-go/kerf/link"
)

func TestTheShareThatMayBeEjectedIsAnOption(t *testing.T) {
	t.Parallel()
	urls := []string{"a", "b", "c", "d", "e", "f", "g", "h"}
	for name, c := range map[string]struct {
		most float64
		want int
	}{
		"none is said":        {0, 4},
		"a third":             {0.33, 2},
		"all, which is never": {1, 7},
		"less than one":       {0.1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, balance.Options{Failures: 1, MostEjected: c.most}, urls...)
			for _, url := range urls {
				b.fail(url, 1, sick)
			}
			ejected := 0
			for _, s := range b.Snapshot() {
				if s.State == balance.Ejected {
					ejected++
				}
			}
			if ejected != c.want {
				t.Errorf("%d are ejected, want %d", ejected, c.want)
			}
		})
	}
}

func TestWithEverythingOffNobodyIsLeftOut(t *testing.T) {
	t.Parallel()
	b := setup(t, balance.Off(), "a", "b")
	for _, err := range []error{sick, refused, fault(codes.Unavailable, link.Answered)} {
		b.fail("a", 20, err)
		b.want("a", balance.OK)
	}
	if got := b.counts(100); got["a"] != 50 {
		t.Errorf("it gets %v", got)
	}
}

func TestOptionsAreToldInWords(t *testing.T) {
	t.Parallel()
	got := []string{
		balance.Options{}.String(), balance.Off().String(),
		balance.Options{Failures: 2, MostEjected: 0.25, HealthEvery: time.Minute, SlowStart: -1}.String(),
		balance.Options{Failures: 1, HealthEvery: -1, SlowStart: -1}.String(),
	}
	want := []string{
		"5 failures eject for 5s, at most 50%; health every 1s, 1s of silence; slow start 5s",
		"nobody ejected; no health checks; no slow start",
		"2 failures eject for 5s, at most 25%; health every 1m0s, 1s of silence; no slow start",
		"1 failure ejects for 5s, at most 50%; no health checks; no slow start",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}
