package cache

import "time"

// flight is a request that goes on to the upstream, while others of the same kind wait for what it
// brings.
type flight struct {
	landed chan struct{} // closed when what follows is known
	entry  *entry        // nil: nobody else may have it
	body   *body         // nil: the entry has it
}

// flightKey tells which requests are of one kind.
type flightKey struct {
	place    place
	route    string
	extra    string
	coding   string
	personal bool
}

// patience is how long a request waits for the answer to another.
const patience = 5 * time.Second

func (r *request) flightKey() flightKey {
	return flightKey{r.place, r.route, r.extra, r.coding, r.personal}
}

// join finds the flight of a request's kind, or makes one, which the caller leads.
func (s *Store) join(r *request) (f *flight, leads bool) {
	key := r.flightKey()
	s.flightsMu.Lock()
	defer s.flightsMu.Unlock()
	if f := s.flights[key]; f != nil {
		return f, false
	}
	f = &flight{landed: make(chan struct{})}
	s.flights[key] = f
	return f, true
}

// land tells those who wait what there is; only the first call counts. f may be nil. While a body still
// comes, others can join.
func (s *Store) land(r *request, f *flight, e *entry, b *body) {
	if f == nil {
		return
	}
	s.flightsMu.Lock()
	defer s.flightsMu.Unlock()
	select {
	case <-f.landed:
	default:
		f.entry, f.body = e, b
		close(f.landed)
	}
	if key := r.flightKey(); b == nil && s.flights[key] == f {
		delete(s.flights, key)
	}
}
