package main

import (
	"math"
	"slices"
	"testing"
)

func TestASpreadIsTheMiddleAndTheEnds(t *testing.T) {
	t.Parallel()
	hundred := make([]float64, 101)
	for i := range hundred {
		hundred[len(hundred)-1-i] = float64(i)
	}
	for name, c := range map[string]struct {
		values []float64
		want   spread
	}{
		"of a hundred values":         {hundred, spread{5, 50, 95}},
		"of two, between them":        {[]float64{3, 1}, spread{1.1, 2, 2.9}},
		"of one, itself":              {[]float64{7}, spread{7, 7, 7}},
		"one wild round moves little": {[]float64{1, 1, 1, 1, 90}, spread{1, 1, 72.2}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := spreadOf(c.values); !near(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
	if got := spreadOf(nil).median; !math.IsNaN(got) {
		t.Errorf("the median of nothing is %v, want NaN", got)
	}
}

func near(a, b spread) bool {
	const much = 1e-9
	return math.Abs(a.p5-b.p5) < much && math.Abs(a.median-b.median) < much && math.Abs(a.p95-b.p95) < much
}

func TestRatiosAreTakenWithinEachRound(t *testing.T) {
	t.Parallel()
	// The machine was twice as fast in the second round and ten times in the third.
	m := measurement{1, []string{"a", "b"}, [][]float64{{20, 40, 200}, {10, 20, 100}}}
	if got, want := m.ratio("a", "b"), (spread{2, 2, 2}); !near(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestEverybodyTakesEveryPlaceInTheOrder(t *testing.T) {
	t.Parallel()
	const n = 5
	first := make(map[int]bool)
	for round := range 2 * n {
		turns := order(round, n)
		first[turns[0]] = true
		if sorted := slices.Sorted(slices.Values(turns)); !slices.Equal(sorted, []int{0, 1, 2, 3, 4}) {
			t.Errorf("round %d: %v", round, turns)
		}
	}
	if len(first) != n {
		t.Errorf("only %v come first", first)
	}
}
