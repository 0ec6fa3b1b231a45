package auth

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// source is a server whose requests are counted, and take a second.
type source struct {
	mu    sync.Mutex
	asked int
	value int
	err   error
}

func (s *source) get(ctx context.Context) (int, error) {
	s.mu.Lock()
	s.asked++
	s.mu.Unlock()
	select {
	case <-time.After(time.Second): //nolint:forbidigo // the time of a bubble
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.value, s.err
}

func (s *source) set(value int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.value, s.err, s.asked = value, err, 0
}

func is(want int) func(int) bool { return func(have int) bool { return have == want } }

func TestWhatIsFetchedIsFetchedSeldom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &source{value: 1}
		f := newFetched(s.get)
		defer f.close()
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				if got, err := f.find(t.Context(), is(1)); got != 1 || err != nil {
					t.Errorf("%d, %v", got, err)
				}
			})
		}
		all.Wait()
		if s.asked != 1 {
			t.Errorf("100 at once have made %d requests", s.asked)
		}
		s.set(2, nil)
		began := time.Now()
		for time.Since(began) < time.Minute {
			_, _ = f.find(t.Context(), is(3))
			time.Sleep(100 * time.Millisecond)
		}
		if s.asked < 5 || s.asked > 6 {
			t.Errorf("in a minute of asking for what is not there %d requests were made, not one in 10s", s.asked)
		}
		if got, err := f.find(t.Context(), is(2)); got != 2 || err != nil {
			t.Errorf("what is new is not there: %d, %v", got, err)
		}
	})
}

func TestWhatIsFetchedOutlivesItsServer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &source{err: errors.New("down")}
		f := newFetched(s.get)
		defer f.close()
		for range 3 {
			if _, err := f.find(t.Context(), is(1)); err == nil || err.Error() != "down" {
				t.Errorf("nothing is there, and %v", err)
			}
		}
		s.set(1, nil)
		time.Sleep(time.Second)
		if got, err := f.find(t.Context(), is(1)); got != 1 || err != nil {
			t.Errorf("a second after the server is back: %d, %v", got, err)
		}
		s.set(2, errors.New("down"))
		time.Sleep(2 * fetchEvery)
		began := time.Now()
		if got, err := f.find(t.Context(), is(1)); got != 1 || err != nil || time.Since(began) > 0 {
			t.Errorf("what is old is not used while it is fetched: %d, %v", got, err)
		}
		synctest.Wait()
		if s.asked != 1 {
			t.Errorf("what is old was fetched %d times", s.asked)
		}
		time.Sleep(time.Minute)
		s.set(2, nil)
		_, _ = f.find(t.Context(), is(1))
		time.Sleep(2 * time.Second)
		if got, err := f.find(t.Context(), is(2)); got != 2 || err != nil {
			t.Errorf("what is old stays: %d, %v", got, err)
		}
	})
}

func TestWhoGivesUpWaitingKeepsNobodyElse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFetched((&source{value: 1}).get)
		defer f.close()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := f.find(ctx, is(1)); !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
		if got, err := f.find(t.Context(), is(1)); got != 1 || err != nil {
			t.Errorf("%d, %v", got, err)
		}
	})
}
