package policy

import (
	"math"
	"sync/atomic"
)

// budget lets a share of recent calls be repeated: a bucket into which each call puts its
// share, and from which a retry takes one (as Finagle's RetryBudget, and the throttle of
// gRFC A6).
type budget struct {
	held atomic.Int64 // millionths of a retry
}

const (
	oneRetry = 1_000_000
	mostHeld = 100 * oneRetry // the share, were it a tenth, of 1,000 calls: what one broken conn may carry
)

func newBudget() *budget {
	b := new(budget)
	b.held.Store(mostHeld)
	return b
}

// deposit is for each call, with the share of its method.
func (b *budget) deposit(share float64) {
	if held := b.held.Load(); held < mostHeld {
		b.held.Add(min(int64(math.Round(share*oneRetry)), mostHeld-held)) // several at once may overfill it a little
	}
}

// withdraw is for each repetition; false: there is nothing left.
func (b *budget) withdraw() bool {
	if b.held.Add(-oneRetry) >= 0 {
		return true
	}
	b.restore()
	return false
}

// restore gives back what was not used.
func (b *budget) restore() { b.held.Add(oneRetry) }
