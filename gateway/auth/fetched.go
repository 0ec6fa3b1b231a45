package auth

import (
	"context"
	"errors"
	"sync"
	"time"
)

const (
	fetchTime  = 5 * time.Second
	fetchEvery = time.Hour        // what is older is fetched anew, while it goes on to be used
	fetchLeast = 10 * time.Second // between two requests, however many ask for what is not there
	fetchAgain = time.Second      // the same, while there is nothing at all
)

// errClosed tells of what was not fetched before close.
var errClosed = errors.New("auth: closed")

// fetched is something that another server has. It is fetched when it is first asked for, by
// one request at a time. When the server is down, what is there goes on to be used.
type fetched[T any] struct {
	get    func(context.Context) (T, error)
	life   context.Context //nolint:containedctx // ends with close
	end    context.CancelFunc
	flying sync.WaitGroup

	mu     sync.Mutex // guards what follows
	value  T
	there  bool
	at     time.Time // when it was fetched
	tried  time.Time
	err    error         // of the last try
	flight chan struct{} // closed when the request ends; nil: there is none
}

func newFetched[T any](get func(context.Context) (T, error)) *fetched[T] {
	f := &fetched[T]{get: get, err: errClosed}
	f.life, f.end = context.WithCancel(context.Background()) //nolint:gosec // close calls it
	return f
}

// close ends the request that is under way.
func (f *fetched[T]) close() {
	f.end()
	f.flying.Wait()
}

// find gives what is there. If it does not suffice, it is fetched anew, unless that has just
// been done: so what is given may not suffice either.
func (f *fetched[T]) find(ctx context.Context, suffices func(T) bool) (T, error) {
	value, flight, err := f.look(suffices)
	if flight == nil {
		return value, err
	}
	select {
	case <-flight:
	case <-ctx.Done():
		return value, ctx.Err()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.there {
		return f.value, nil
	}
	return f.value, f.err
}

// look gives what is there, or a flight that is worth waiting for.
func (f *fetched[T]) look(suffices func(T) bool) (value T, flight chan struct{}, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	enough := f.there && suffices(f.value)
	least := fetchLeast
	if !f.there {
		least = fetchAgain
	}
	if (!enough || time.Since(f.at) > fetchEvery) && f.flight == nil && time.Since(f.tried) >= least &&
		f.life.Err() == nil {
		f.tried, f.flight = time.Now(), make(chan struct{})
		f.flying.Go(f.fetch)
	}
	switch {
	case enough:
		return f.value, nil, nil
	case f.flight != nil:
		return f.value, f.flight, nil
	case f.there:
		return f.value, nil, nil
	}
	return f.value, nil, f.err
}

func (f *fetched[T]) fetch() {
	ctx, cancel := context.WithTimeout(f.life, fetchTime)
	defer cancel()
	value, err := f.get(ctx)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err = err; err == nil {
		f.value, f.there, f.at = value, true, time.Now()
	}
	close(f.flight)
	f.flight = nil
}
