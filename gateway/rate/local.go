package rate

import (
	"context"
	"hash/maphash"
	"sync"
	"time"
)

// DefaultKeys is how many keys a Local tells apart. They take about 60 bytes each.
const DefaultKeys = 100_000

const shards = 16

// Local counts in this process, in bounded memory. When there are more keys than it tells
// apart, it forgets those that have their whole burst, then those that were not asked for
// the longest, and only then those that are refused: a flood of new keys does not let in
// a key that has used up its burst, unless each of the flood has done so too.
type Local struct {
	limit  Limit
	seed   maphash.Seed
	start  time.Time
	shards [shards]shard
}

var _ Store = (*Local)(nil)

// NewLocal makes a Local of a limit that was checked. keys is how many it tells apart,
// rounded up to a multiple of 16; 0: DefaultKeys.
func NewLocal(l Limit, keys int) *Local {
	if keys <= 0 {
		keys = DefaultKeys
	}
	made := &Local{limit: l, seed: maphash.MakeSeed(), start: time.Now()}
	for i := range made.shards {
		made.shards[i] = shard{
			most: (keys + shards - 1) / shards, index: make(map[uint64]int32),
			// The first two slots are the ends of the lists.
			slots: []slot{{next: open, before: open}, {next: spent, before: spent}},
		}
	}
	return made
}

// Take counts a request.
func (l *Local) Take(_ context.Context, key string) Decision {
	hash := maphash.String(l.seed, key)
	s := &l.shards[hash%shards]
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.take(hash, l.limit, time.Since(l.start))
}

// Limit is the one that is held.
func (l *Local) Limit() Limit { return l.limit }

// Close does nothing: there is nothing to end.
func (l *Local) Close() error { return nil }

// len is how many keys are known.
func (l *Local) len() (n int) {
	for i := range l.shards {
		s := &l.shards[i]
		s.mu.Lock()
		n += len(s.index)
		s.mu.Unlock()
	}
	return n
}

// shard holds a part of the keys, each in one of two lists, which begin with what was
// asked for last.
type shard struct {
	mu    sync.Mutex // guards all
	most  int
	index map[uint64]int32 // slots by the hashes of keys, which nobody outside can make alike
	slots []slot
}

// The lists by the slots that hold their ends.
const (
	open  int32 = 0 // keys that may ask again at once
	spent int32 = 1 // keys that have used up their burst
)

// slot is a key in its list.
type slot struct {
	hash         uint64
	whole        time.Duration // when it has its whole burst again
	next, before int32
}

func (s *shard) take(hash uint64, l Limit, now time.Duration) Decision {
	i, known := s.index[hash]
	if !known {
		i = s.free(now)
		s.slots[i] = slot{hash: hash}
		s.index[hash] = i
	} else {
		s.unlink(i)
	}
	d := l.decide(max(0, s.slots[i].whole-now))
	if d.Allowed {
		s.slots[i].whole = now + d.Reset
	}
	if d.Remaining > 0 {
		s.link(i, open)
	} else {
		s.link(i, spent)
	}
	return d
}

// free gives a slot that is in no list, a new one or that of a key that is forgotten.
func (s *shard) free(now time.Duration) int32 {
	if len(s.index) < s.most {
		s.slots = append(s.slots, slot{})
		return int32(len(s.slots) - 1)
	}
	i := s.slots[spent].before
	if first := s.slots[open].before; first != open && (i == spent || s.slots[i].whole > now) {
		i = first
	}
	s.unlink(i)
	delete(s.index, s.slots[i].hash)
	return i
}

func (s *shard) unlink(i int32) {
	next, before := s.slots[i].next, s.slots[i].before
	s.slots[next].before, s.slots[before].next = before, next
}

// link puts a slot at the beginning of a list.
func (s *shard) link(i, list int32) {
	next := s.slots[list].next
	s.slots[i].next, s.slots[i].before = next, list
	s.slots[list].next, s.slots[next].before = i, i
}
