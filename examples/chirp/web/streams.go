package web

import "sync"

// streams bounds the live updates that are open, and ends them all.
type streams struct {
	most, mostEach int
	done           chan struct{} // closed by close
	open           sync.WaitGroup

	mu     sync.Mutex // guards the fields below, and open against growing once closed
	closed bool
	total  int
	each   map[int64]int // by account
}

func newStreams(most, mostEach int) *streams {
	return &streams{most: most, mostEach: mostEach, done: make(chan struct{}), each: make(map[int64]int)}
}

// take reserves one stream for an account. If it could, leave must follow.
func (s *streams) take(account int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.total >= s.most || s.each[account] >= s.mostEach {
		return false
	}
	s.total++
	s.each[account]++
	s.open.Add(1)
	return true
}

func (s *streams) leave(account int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total--
	if s.each[account]--; s.each[account] == 0 {
		delete(s.each, account)
	}
	s.open.Done()
}

// close ends all streams and waits for them.
func (s *streams) close() {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.done)
	}
	s.mu.Unlock()
	s.open.Wait()
}
