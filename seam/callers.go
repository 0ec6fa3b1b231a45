package seam

import (
	"maps"
	"sync"
	"sync/atomic"
)

const (
	maxCallers = 64 // names that strangers can bring into the metrics of one link
	maxName    = 63 // bytes: the length of a DNS label, which services' names often become
	other      = "other"
)

// callers holds the methods of each caller that a callee has met, up to a bound.
type callers struct {
	make func(caller string) methods

	known atomic.Pointer[map[string]methods] // replaced, never changed

	mu   sync.Mutex // guards room, and that known is replaced by one at a time
	room int
}

func newCallers(expected []string, create func(caller string) methods) *callers {
	known := map[string]methods{unknown: create(unknown), other: create(other)}
	for _, name := range expected {
		known[name] = create(name)
	}
	c := &callers{make: create, room: maxCallers}
	c.known.Store(&known)
	return c
}

func (c *callers) of(name string) methods {
	if known, ok := (*c.known.Load())[name]; ok {
		return known
	}
	if !validName(name) {
		name = unknown
	}
	return c.add(name)
}

func (c *callers) add(name string) methods {
	c.mu.Lock()
	defer c.mu.Unlock()
	known := *c.known.Load()
	if m, ok := known[name]; ok {
		return m
	}
	if c.room == 0 {
		return known[other]
	}
	c.room--
	grown := maps.Clone(known)
	grown[name] = c.make(name)
	c.known.Store(&grown)
	return grown[name]
}

// validName tells whether a service can be called so: lower case letters, digits
// and dashes.
func validName(name string) bool {
	for _, r := range name {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' {
			return false
		}
	}
	return name != "" && len(name) <= maxName
}
