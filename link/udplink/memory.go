package udplink

import (
	"sync"
	"time"
)

const (
	// mostMemory is what a server keeps of its callers, in bytes: beyond it new callers
	// are refused, and answers not kept for those who ask again.
	mostMemory = 64 << 20
	// What a caller and a slot count: roughly what they take.
	callerCost, slotCost = 512, 512
	// mostRunning is how many calls of all callers may run at once.
	mostRunning = 1 << 16
)

// memory is what a server knows of its callers, so that it runs no call twice. A
// call's number is made of a slot and of how often the slot was used: a caller has
// one call at a time in each slot, so that the latest of a slot is all that needs
// to be known. It is safe for concurrent use.
type memory struct {
	mu      sync.Mutex // guards the fields below, callers, and incoming where it says so
	callers map[uint64]*caller
	size    int
	busy    int           // calls that run
	ending  bool          // no more calls begin
	idle    chan struct{} // closed when ending and none runs
}

type caller struct {
	heard time.Time
	slots map[uint16]*incoming
	told  window // of one way calls, which have no slots
}

func newMemory() *memory {
	return &memory{callers: make(map[uint64]*caller), idle: make(chan struct{})}
}

// slot is the one that a call's number names.
func slot(call uint64) uint16 { return uint16(call) }

// find gives the call that was last in the slot of another; nil: none.
func (m *memory) find(client, call uint64) *incoming {
	m.mu.Lock()
	defer m.mu.Unlock()
	if c := m.callers[client]; c != nil {
		return c.slots[slot(call)]
	}
	return nil
}

// why tells why a call was not added.
type why int

const (
	added why = iota
	full
	stopping
	seen
)

// add remembers a call, in its slot unless it is one way. Only one goroutine adds.
func (m *memory) add(x *incoming) why {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.callers[x.client]
	cost := 0
	if c == nil {
		c = &caller{slots: make(map[uint16]*incoming)}
		cost = callerCost
	}
	if before := c.slots[slot(x.call)]; before != nil && !x.oneWay {
		cost -= len(before.kept)
	} else if !x.oneWay {
		cost += slotCost
	}
	switch {
	case m.ending:
		return stopping
	case cost > 0 && m.size+cost > mostMemory, x.running && m.busy == mostRunning:
		return full
	case x.oneWay && !c.told.admit(x.call):
		return seen
	}
	m.size += cost
	m.callers[x.client] = c
	c.heard = x.heard
	if !x.oneWay {
		c.slots[slot(x.call)] = x
	}
	if x.running {
		m.busy++
	}
	return added
}

// done keeps the answer of a call that has ended, for a caller that asks again.
func (m *memory) done(x *incoming, answer []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	x.running, x.callee = false, nil
	c := m.callers[x.client]
	if c == nil || c.slots[slot(x.call)] != x || m.size+len(answer) > mostMemory {
		return
	}
	m.size += len(answer)
	x.kept = answer
}

// leave counts a call that is over, its answer sent.
func (m *memory) leave() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.busy--
	m.rest()
}

func (m *memory) rest() {
	if m.ending && m.busy == 0 {
		select {
		case <-m.idle:
		default:
			close(m.idle)
		}
	}
}

// stop lets no more calls begin. idle is closed when none runs any more.
func (m *memory) stop() (idle <-chan struct{}, busy bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ending = true
	m.rest()
	return m.idle, m.busy > 0
}

func (m *memory) stopping() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.ending
}

// running gives the calls that somebody waits for.
func (m *memory) running() []*incoming {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []*incoming
	for _, c := range m.callers {
		for _, x := range c.slots {
			if x.running {
				all = append(all, x)
			}
		}
	}
	return all
}

// sweep forgets callers whose cookies nobody takes any more, and gives the calls
// whose callers have been silent for too long.
func (m *memory) sweep(now time.Time, silence time.Duration) []*incoming {
	m.mu.Lock()
	defer m.mu.Unlock()
	var silent []*incoming
	for id, c := range m.callers {
		busy, size := false, callerCost
		for _, x := range c.slots {
			busy = busy || x.running
			size += slotCost + len(x.kept)
			if x.running && now.Sub(x.heard) > silence {
				silent = append(silent, x)
			}
		}
		if !busy && now.Sub(c.heard) > 2*cookieLife {
			delete(m.callers, id)
			m.size -= size
		}
	}
	return silent
}
