package fleet

import (
	"math/rand/v2"
	"time"
)

// fullJitter draws the time to wait after the nth death in a row, n from 1: evenly
// between zero and a ceiling that doubles from lowest up to highest. That is "Full
// Jitter" of the AWS Architecture Blog, "Exponential Backoff And Jitter" (2015):
// processes that died together do not come back together.
func fullJitter(n int, lowest, highest time.Duration) time.Duration {
	return rand.N(ceiling(n, lowest, highest) + 1)
}

func ceiling(n int, lowest, highest time.Duration) time.Duration {
	for ; n > 1 && lowest < highest; n-- {
		lowest *= 2
	}
	return min(lowest, highest)
}
