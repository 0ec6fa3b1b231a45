package policy

import (
	"slices"
	"sync"
	"time"
)

// often is after how many calls the percentile is looked at.
const often = 16

// durations are the last ones of a method's successful calls.
type durations struct {
	mu   sync.Mutex // guards the fields below
	last [128]time.Duration
	n    int // that were added
	p95  time.Duration
}

// add keeps a duration. Now and then it looks what the 95th percentile is.
func (d *durations) add(took time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.last[d.n%len(d.last)] = took
	if d.n++; d.n%often == 0 {
		sorted := slices.Sorted(slices.Values(d.last[:min(d.n, len(d.last))]))
		d.p95 = sorted[len(sorted)*95/100]
	}
}

// leastHedge keeps calls from being hedged whose second attempt costs more than it saves.
const leastHedge = time.Millisecond

// after is when a call is slow, by the 95th percentile; 0: too few calls have ended.
func (d *durations) after() time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.n < often {
		return 0
	}
	return max(d.p95, leastHedge)
}
