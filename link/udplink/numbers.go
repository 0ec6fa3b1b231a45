package udplink

import "sync"

const (
	// ring is how many one way calls may overtake another: they take slots in turn.
	ring = 64
	// mostSlots is how many calls of a conn may wait for answers, with the ring.
	mostSlots = 1 << 16

	slotBits = 16
)

// numbers gives calls their numbers: the slot in the lower 16 bits, and how often it
// was used above. A call that waits for its answer holds its slot, so that the server
// need remember only the latest of each. It is safe for concurrent use.
type numbers struct {
	mu   sync.Mutex // guards the fields below
	free []uint64   // the next numbers of slots that no call holds
	used uint64     // slots that were ever taken, beside the ring
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
	if n.used == mostSlots-ring {
		return 0
	}
	n.used++
	return 1<<slotBits | (ring + n.used - 1)
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
	return (n.told/ring+1)<<slotBits | n.told%ring
}
