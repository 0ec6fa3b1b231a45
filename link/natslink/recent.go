package natslink

import (
	"sync"
	"time"
)

// recent knows requests that run, and those that were done within the window. It
// is safe for concurrent use.
type recent struct {
	mu         sync.Mutex // guards the fields below
	running    map[string]struct{}
	young, old map[string]struct{} // done, in this window or the one before
	since      time.Time           // when young began
}

type knowledge int

const (
	fresh knowledge = iota
	running
	done
)

// begin tells what is known of a request; a fresh one runs from now on.
func (r *recent) begin(id string) knowledge {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.running[id]; ok {
		return running
	}
	_, young := r.young[id]
	if _, old := r.old[id]; old || young {
		return done
	}
	if r.running == nil {
		r.running = make(map[string]struct{})
	}
	r.running[id] = struct{}{}
	return fresh
}

// end tells that a request runs no more, and whether that is for good.
func (r *recent) end(id string, good bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.running, id)
	if !good {
		return
	}
	if now := time.Now(); r.young == nil || now.Sub(r.since) > window {
		r.old, r.young, r.since = r.young, make(map[string]struct{}), now
	}
	r.young[id] = struct{}{}
}
