package main

import (
	"math"
	"slices"
)

// measurement is what the rounds gave: the calls per second of each subject in each.
type measurement struct {
	callers int
	names   []string
	rates   [][]float64 // by subject, by round
}

// spread is the middle of some values, and how far they lie apart.
type spread struct{ p5, median, p95 float64 }

// ratio compares two subjects round by round.
func (m measurement) ratio(subject, peer string) spread {
	a, b := m.of(subject), m.of(peer)
	ratios := make([]float64, min(len(a), len(b)))
	for round := range ratios {
		ratios[round] = a[round] / b[round]
	}
	return spreadOf(ratios)
}

// added is how many nanoseconds longer a subject's calls take than a peer's, round by round.
func (m measurement) added(subject, peer string) spread {
	a, b := m.of(subject), m.of(peer)
	longer := make([]float64, min(len(a), len(b)))
	for round := range longer {
		longer[round] = float64(m.callers) * (1e9/a[round] - 1e9/b[round])
	}
	return spreadOf(longer)
}

func (m measurement) of(subject string) []float64 {
	if i := slices.Index(m.names, subject); i >= 0 {
		return m.rates[i]
	}
	return nil
}

func spreadOf(values []float64) spread {
	sorted := slices.Sorted(slices.Values(values))
	return spread{quantile(sorted, 0.05), quantile(sorted, 0.5), quantile(sorted, 0.95)}
}

// quantile interpolates between the two nearest values. Of nothing it is NaN,
// which is below every bar.
func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	at := q * float64(len(sorted)-1)
	below := int(at)
	above := min(below+1, len(sorted)-1)
	return sorted[below] + (at-float64(below))*(sorted[above]-sorted[below])
}
