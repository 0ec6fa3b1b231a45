package lessons

import (
	"context"
	"sync"
	"time"

	"github.com/kerf-go/kerf/demo"
)

// workers stand for what a service has to work with: so many calls at once, each for a while,
// in the order in which they came. As threads and disks do, they also work for callers who
// have gone.
type workers struct {
	places chan struct{}
	takes  time.Duration

	mu   sync.Mutex // guards the fields below
	left int        // workers
	here int        // calls that are worked on or wait for it
	past work
	// waits are how long calls waited for a worker, in the order in which they got one.
	waits demo.Calls
}

// work is what was done until some time.
type work struct {
	at   time.Time
	done int           // calls, whoever waited for them
	busy time.Duration // of all workers together: the time for which they had a call
}

func newWorkers(places int, takes time.Duration) *workers {
	return &workers{places: make(chan struct{}, places), takes: takes, left: places, past: work{at: time.Now()}}
}

// work is done for one call.
func (w *workers) work(context.Context) error {
	came := time.Now()
	w.change(func() { w.here++ })
	w.places <- struct{}{}
	waited := time.Since(came)
	w.change(func() { w.waits = append(w.waits, demo.Call{Took: waited}) })
	time.Sleep(w.takes) // this is the work
	<-w.places
	w.change(func() { w.here--; w.past.done++ })
	return nil
}

// change is whatever makes more or fewer of them busy.
func (w *workers) change(to func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	w.past.busy += now.Sub(w.past.at) * time.Duration(min(w.here, w.left))
	w.past.at = now
	to()
}

func (w *workers) soFar() work {
	w.change(func() {})
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.past
}

// waited is how long the calls waited for a worker that got one since the last time.
func (w *workers) waited() demo.Calls {
	w.mu.Lock()
	defer w.mu.Unlock()
	waits := w.waits
	w.waits = nil
	return waits
}

// capacity is how many calls a second so many workers could have done between two times,
// had all been busy. It is what they really can: on a busy machine each call takes longer.
func capacity(workers int, before, after work) float64 {
	busy := (after.busy - before.busy).Seconds()
	if busy == 0 {
		return 0
	}
	return float64(workers) * float64(after.done-before.done) / busy
}

// lose takes so many places away, until back is called.
func (w *workers) lose(places int) (back func()) {
	w.change(func() { w.left -= places })
	gone := make(chan struct{})
	for range places {
		go func() {
			w.places <- struct{}{}
			<-gone
			<-w.places
		}()
	}
	return func() {
		w.change(func() { w.left += places })
		close(gone)
	}
}
