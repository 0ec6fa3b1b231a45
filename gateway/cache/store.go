package cache

import (
	"cmp"
	"context"
	"hash/maphash"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Limits bound what a store holds. Zero is the default.
type Limits struct {
	Size int64 // bytes of all answers, with what it takes to keep them; 64 MiB
	Body int64 // bytes of one body; 1 MiB, and no more than an eighth of Size
}

const (
	defaultSize = 64 << 20
	defaultBody = 1 << 20
	overhead    = 600 // bytes of an entry, its part of the table, and its key
	mostAlike   = 64  // answers of one place that differ by Vary or route
)

// Store keeps answers in memory. When it is full, those go that nobody has asked for of late
// (SIEVE, NSDI 2024: as good as LRU, and a hit changes no list). It is safe for concurrent use.
type Store struct {
	limits Limits
	seed   maphash.Seed

	mu      sync.RWMutex
	places  map[place][]*entry // newest first; each list is replaced, never changed
	newest  *entry
	oldest  *entry
	hand    *entry // where eviction goes on; nil: at the oldest
	size    int64
	entries int

	// changes counts, by hash of the place, what has been made invalid: what was asked for
	// before is not kept.
	changes [1024]atomic.Uint64

	flightsMu sync.Mutex
	flights   map[flightKey]*flight

	life       context.Context //nolint:containedctx // of what is asked for in the background
	stop       context.CancelFunc
	refreshing sync.WaitGroup

	counts counts
}

type counts struct{ hits, stale, misses, stored, evicted, invalidated atomic.Uint64 }

// Stats are a store's figures since it was made.
type Stats struct {
	Entries     int    `json:"entries"`     // answers held now
	Size        int64  `json:"size"`        // bytes of them
	Hits        uint64 `json:"hits"`        // requests answered from the store
	Stale       uint64 `json:"stale"`       // requests answered after the answer's time; of Hits, or Misses that failed
	Misses      uint64 `json:"misses"`      // that could have been, and went on
	Stored      uint64 `json:"stored"`      // answers taken in
	Evicted     uint64 `json:"evicted"`     // put out for others
	Invalidated uint64 `json:"invalidated"` // made invalid by requests and purges
}

// NewStore makes an empty store.
func NewStore(l Limits) *Store {
	l.Size = cmp.Or(l.Size, defaultSize)
	l.Body = min(cmp.Or(l.Body, defaultBody), l.Size/8) //nolint:mnd // so that one cannot put out all others
	s := &Store{
		limits: l, seed: maphash.MakeSeed(),
		places: make(map[place][]*entry), flights: make(map[flightKey]*flight),
	}
	s.life, s.stop = context.WithCancel(context.Background())
	return s
}

// Close ends what is asked for in the background, and waits for it. No request may come
// any more.
func (s *Store) Close() error {
	s.stop()
	s.refreshing.Wait()
	return nil
}

// Stats tells the store's figures.
func (s *Store) Stats() Stats {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return Stats{
		Entries: s.entries, Size: s.size,
		Hits: s.counts.hits.Load(), Stale: s.counts.stale.Load(), Misses: s.counts.misses.Load(),
		Stored: s.counts.stored.Load(), Evicted: s.counts.evicted.Load(), Invalidated: s.counts.invalidated.Load(),
	}
}

// find gives the newest answer that suits a request, or else what says that there is none to wait for,
// or nil; others tells that there are some for its place.
func (s *Store) find(r *request, now time.Time) (found *entry, others bool) {
	s.mu.RLock()
	all := s.places[r.place]
	s.mu.RUnlock()
	for _, e := range all {
		switch {
		case !e.suits(r):
			others = others || !e.passed
		case !e.passed:
			if !e.used.Load() { // most are: no need to take the line away from other processors
				e.used.Store(true)
			}
			return e, true
		case found == nil && now.Sub(e.born) < e.lifetime:
			found = e
		}
	}
	return found, others
}

// add takes an answer in, unless its place has changed since: changes is what changed told
// before it was asked for.
func (s *Store) add(r *request, e *entry, changes uint64) {
	e.size += int64(cap(e.body)) + overhead + int64(len(e.place.path)+len(e.place.query)+len(e.extra))
	if e.size > s.limits.Size {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.changed(r.place) != changes {
		return
	}
	all := []*entry{e}
	for _, old := range s.places[e.place] {
		if old.suits(r) || len(all) == mostAlike {
			s.unlink(old)
			continue
		}
		all = append(all, old)
	}
	s.places[e.place] = all
	e.older, s.newest = s.newest, e
	if e.older != nil {
		e.older.newer = e
	} else {
		s.oldest = e
	}
	s.size += e.size
	s.entries++
	if !e.passed {
		s.counts.stored.Add(1)
	}
	s.evict()
}

// evict makes room. mu is held.
func (s *Store) evict() {
	for s.size > s.limits.Size {
		e := s.hand
		if e == nil {
			e = s.oldest
		}
		s.hand = e.newer
		if e.used.Swap(false) {
			continue
		}
		s.remove(e)
		s.counts.evicted.Add(1)
	}
}

// remove takes an entry out. mu is held.
func (s *Store) remove(e *entry) {
	rest := slices.DeleteFunc(slices.Clone(s.places[e.place]), func(o *entry) bool { return o == e })
	if len(rest) == 0 {
		delete(s.places, e.place)
	} else {
		s.places[e.place] = rest
	}
	s.unlink(e)
}

// unlink takes an entry out of the order of eviction. mu is held.
func (s *Store) unlink(e *entry) {
	if s.hand == e {
		s.hand = e.newer
	}
	if e.newer != nil {
		e.newer.older = e.older
	} else {
		s.newest = e.older
	}
	if e.older != nil {
		e.older.newer = e.newer
	} else {
		s.oldest = e.newer
	}
	e.newer, e.older = nil, nil
	s.size -= e.size
	s.entries--
}

func (s *Store) changeOf(p place) *atomic.Uint64 {
	return &s.changes[maphash.String(s.seed, p.path)%uint64(len(s.changes))]
}

// changed is to be given to add.
func (s *Store) changed(p place) uint64 { return s.changeOf(p).Load() }

// invalidate drops all answers of a place, those on their way too.
func (s *Store) invalidate(p place) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changeOf(p).Add(1)
	for _, e := range s.places[p] {
		s.unlink(e)
		s.counts.invalidated.Add(1)
	}
	delete(s.places, p)
}

// drop takes an answer out that has turned out to be of no use.
func (s *Store) drop(e *entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if slices.Contains(s.places[e.place], e) {
		s.remove(e)
	}
}

// Purge drops the answers of a path, with every query and of every route, and tells how many there
// were. An empty host is any; one without a port is any port. With prefix, all paths that begin with path are
// meant. Answers on their way are not kept either. It looks at all that is held.
func (s *Store) Purge(host, path string, prefix bool) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.changes {
		s.changes[i].Add(1)
	}
	purged := 0
	for p, all := range s.places {
		isMeant := p.path == path || prefix && strings.HasPrefix(p.path, path)
		if !isMeant || host != "" && !isHost(p.host, host) {
			continue
		}
		for _, e := range all {
			s.unlink(e)
			if !e.passed {
				purged++
			}
		}
		delete(s.places, p)
	}
	s.counts.invalidated.Add(uint64(purged))
	return purged
}

// isHost compares a host as a request had it with one that somebody has written.
func isHost(have, want string) bool {
	have, _, _ = strings.Cut(have, " ")
	name, _, err := net.SplitHostPort(have)
	return strings.EqualFold(have, want) || err == nil && strings.EqualFold(name, want)
}
