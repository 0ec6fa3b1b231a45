package udplink

// reach is how many one way calls may overtake another that still runs.
const reach = 1024

// window tells which one way calls have come, of the latest ones.
type window struct {
	top  uint64 // the highest number so far
	seen [reach / 64]uint64
}

// admit tells whether a number comes for the first time. One that is too far below
// the top may have come before.
func (w *window) admit(n uint64) bool {
	switch {
	case n > w.top && n-w.top > reach:
		w.seen = [reach / 64]uint64{}
		w.top = n
	case n < w.top && w.top-n >= reach, n == 0:
		return false
	}
	for ; w.top < n; w.top++ {
		word, bit := place(w.top + 1)
		w.seen[word] &^= bit
	}
	word, bit := place(n)
	first := w.seen[word]&bit == 0
	w.seen[word] |= bit
	return first
}

func place(n uint64) (word int, bit uint64) { return int(n % reach / 64), 1 << (n % 64) }
