package policy

import "time"

// window counts what was recorded lately. It is not safe for concurrent use.
type window struct {
	span  time.Duration // that is looked back; negative: last is
	parts [10]part
	last  []bool // the failed ones of the last calls, in a ring
	n     int    // calls that were put into last
}

// part is a tenth of the span.
type part struct {
	number          int64 // of the part, since the beginning
	calls, failures int
}

func newWindow(b Breaker) window {
	if b.Window < 0 {
		return window{span: b.Window, last: make([]bool, 0, b.Calls)}
	}
	return window{span: b.Window}
}

// add counts a call that began, or failed, some time after the beginning.
func (w *window) add(at time.Duration, failed bool) {
	if w.span < 0 {
		if w.n < cap(w.last) {
			w.last = append(w.last, false)
		}
		w.last[w.n%cap(w.last)] = failed
		w.n++
		return
	}
	number := w.number(at)
	p := &w.parts[number%int64(len(w.parts))]
	switch {
	case p.number > number:
		return // it began so long ago that it says nothing any more
	case p.number < number:
		*p = part{number: number}
	}
	p.calls++
	if failed {
		p.failures++
	}
}

// sum gives the calls that are in the window, and how many of them have failed.
func (w *window) sum(at time.Duration) (calls, failures int) {
	for _, failed := range w.last {
		calls++
		if failed {
			failures++
		}
	}
	number := w.number(at)
	for _, p := range w.parts {
		if p.number > number-int64(len(w.parts)) {
			calls += p.calls
			failures += p.failures
		}
	}
	return calls, failures
}

// number is that of the part in which a time falls.
func (w *window) number(at time.Duration) int64 {
	return int64(at / max(w.span/time.Duration(len(w.parts)), 1))
}
