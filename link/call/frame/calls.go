package frame

import (
	"maps"
	"slices"
	"sync"
)

// Calls are the ends of the calls that share a connection, by what tells them
// apart. The zero value has none. It is safe for concurrent use.
type Calls[K comparable, T any] struct {
	mu     sync.Mutex // guards the fields below
	all    map[K]T
	closed bool // no more may begin
}

// Add gives false when no more calls may begin.
func (c *Calls[K, T]) Add(key K, end T) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	if c.all == nil {
		c.all = make(map[K]T)
	}
	c.all[key] = end
	return true
}

// Get finds a call.
func (c *Calls[K, T]) Get(key K) (T, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	end, ok := c.all[key]
	return end, ok
}

// Remove tells whether that was the last one of all.
func (c *Calls[K, T]) Remove(key K) (last bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.all, key)
	return c.closed && len(c.all) == 0
}

// Count tells how many there are.
func (c *Calls[K, T]) Count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.all)
}

// All gives those that are there.
func (c *Calls[K, T]) All() []T {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Collect(maps.Values(c.all))
}

// Close lets no more calls begin, and gives those that are there.
func (c *Calls[K, T]) Close() []T {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	return c.All()
}

// Open tells whether calls may begin.
func (c *Calls[K, T]) Open() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.closed
}
