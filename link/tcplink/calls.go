package tcplink

import "sync"

// calls are the ends of the calls on one connection.
type calls[T any] struct {
	mu     sync.Mutex // guards the fields below
	all    map[uint64]T
	closed bool // no more may begin
}

func newCalls[T any]() calls[T] { return calls[T]{all: make(map[uint64]T)} }

// add gives false when no more calls may begin.
func (c *calls[T]) add(id uint64, end T) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.all[id] = end
	return true
}

func (c *calls[T]) get(id uint64) (T, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	end, ok := c.all[id]
	return end, ok
}

// remove tells whether that was the last one of all.
func (c *calls[T]) remove(id uint64) (last bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.all, id)
	return c.closed && len(c.all) == 0
}

func (c *calls[T]) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.all)
}

// close lets no more calls begin, and gives those that are there.
func (c *calls[T]) close() []T {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	there := make([]T, 0, len(c.all))
	for _, end := range c.all {
		there = append(there, end)
	}
	return there
}
