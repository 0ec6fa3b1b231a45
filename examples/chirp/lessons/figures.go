package lessons

import (
	"time"

	"github.com/kerf-go/kerf/demo"
)

// each gives a value of each, such as one number for each column of a figure.
func each[T, V any](all []T, value func(T) V) []V {
	values := make([]V, len(all))
	for i, c := range all {
		values[i] = value(c)
	}
	return values
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// half is how long half of them took at most: a dash if there are none.
func half(c demo.Calls) string {
	if len(c) == 0 {
		return "-"
	}
	return c.Quantile(0.5).Round(time.Microsecond).String()
}

// pages tells what became of requests for pages.
func pages(s *demo.Stage, all []demo.Calls) {
	s.Figure("requests", "", each(all, func(c demo.Calls) float64 { return float64(len(c)) })...)
	s.Figure("failed", "", each(all, func(c demo.Calls) float64 { return float64(len(c.Failed())) })...)
	s.Figure("median", "ms", each(all, func(c demo.Calls) float64 { return ms(c.Quantile(0.5)) })...)
	s.Figure("slowest", "ms", each(all, func(c demo.Calls) float64 { return ms(c.Quantile(1)) })...)
}

// twice measures what becomes of a plan without what the lesson is about, and then of that with
// it. A lesson that is to do without measures once.
func twice[T any](s *demo.Stage, measure func(plan string) (T, error)) ([]T, error) {
	plans := []string{s.Without(""), s.Plan()}
	if s.Bare() {
		plans = plans[1:]
	}
	var all []T
	for _, plan := range plans {
		one, err := measure(plan)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	s.Columns([]string{"without", "with"}[:len(all)]...)
	return all, nil
}
