package udplink

import "sync"

const (
	slotBits = 16
	// mostSlots is how many calls of a conn may wait for answers.
	mostSlots = 1 << slotBits
)

// numbers gives calls their numbers: the slot in the lower 16 bits, and how often it
// was used above. A call that waits for its answer holds its slot, so that the server
// need remember only the latest of each. One way calls are simply counted. It is safe
// for concurrent use.
type numbers struct {
	mu   sync.Mutex // guards the fields below
	free []uint64   // the next numbers of slots that no call holds
	used uint64     // slots that were ever taken
	told uint64     // one way calls so far
}

// ask numbers a call that waits for its answer; 0: too many do.
func (n *numbers) ask() uint64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	if last := len(n.free) - 1; last >= 0 {
		number := n.free[last]
		n.free = n.free[:last]
		return number
	}
	if n.used == mostSlots {
		return 0
	}
	n.used++
	return 1<<slotBits | (n.used - 1)
}

// over lets go of the slot.
func (n *numbers) over(number uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.free = append(n.free, number+1<<slotBits)
}

// tell numbers a one way call.
func (n *numbers) tell() uint64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.told++
	return n.told
}
