package inproc

// task is one call to run.
type task interface {
	run()
	self() *exchange
}

// worker is a goroutine that runs one call after the other. It keeps the stack that
// handlers have grown, which is what makes it cheaper than a goroutine for each. The
// server owns them: they end with it, once their handler returns.
type worker chan task

// maxWaiting bounds the workers that wait for work.
const maxWaiting = 64

// start runs a call, unless the server stops.
func (s *server) start(t task) bool {
	s.mu.Lock()
	if s.stops {
		s.mu.Unlock()
		return false
	}
	s.enlist(t.self())
	last := len(s.waiting) - 1
	if last < 0 {
		s.mu.Unlock()
		go s.work(t)
		return true
	}
	w := s.waiting[last]
	s.waiting = s.waiting[:last]
	s.mu.Unlock()
	w <- t // it has room for one
	return true
}

func (s *server) work(t task) {
	w := make(worker, 1)
	for t != nil && s.run(t, w) {
		t = <-w // nil: the server stops
	}
}

// run tells whether the worker is to wait for more work.
func (s *server) run(t task, w worker) (stays bool) {
	returned := false // a handler may end its goroutine
	defer func() { stays = s.leave(t.self(), w, returned) }()
	t.run()
	returned = true
	return stays
}

// leave counts a call out, and a worker in that may wait.
func (s *server) leave(x *exchange, w worker, mayWait bool) (waits bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.strike(x)
	if s.stops && len(s.calls) == 0 {
		close(s.idle)
	}
	if s.stops || !mayWait || len(s.waiting) == maxWaiting {
		return false
	}
	s.waiting = append(s.waiting, w)
	return true
}
