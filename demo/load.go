package demo

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Load is calls at a steady rate, however long each of them takes, as from many people who
// know nothing of each other.
type Load struct {
	began  time.Time
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu    sync.Mutex // guards calls
	calls Calls
}

// Call is one call of a Load.
type Call struct {
	At   time.Duration // since the load began; when it was due
	Took time.Duration
	Err  error
}

// Calls are some, in the order of their ends.
type Calls []Call

// Begin makes so many calls a second, until End or the end of ctx.
func Begin(ctx context.Context, rate float64, call func(context.Context) error) *Load {
	due, cancel := context.WithCancel(ctx)
	l := &Load{began: time.Now(), cancel: cancel}
	l.work.Go(func() {
		timer := time.NewTimer(0)
		defer timer.Stop()
		for n := 0; ; n++ {
			at := time.Duration(float64(n) / rate * float64(time.Second))
			timer.Reset(time.Until(l.began.Add(at)))
			select {
			case <-due.Done():
				return
			case <-timer.C:
			}
			l.work.Go(func() {
				start := time.Now()
				err := call(ctx)
				took := time.Since(start)
				l.mu.Lock()
				defer l.mu.Unlock()
				l.calls = append(l.calls, Call{at, took, err})
			})
		}
	})
	return l
}

// During makes so many calls a second for a while, and waits for those under way.
func During(ctx context.Context, d time.Duration, rate float64, call func(context.Context) error) (Calls, error) {
	l := Begin(ctx, rate, call)
	err := Wait(ctx, d)
	return l.End(), err
}

// Now is the time since the load began.
func (l *Load) Now() time.Duration { return time.Since(l.began) }

// SoFar gives the calls that have ended.
func (l *Load) SoFar() Calls {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.calls)
}

// End makes no more calls, waits for those under way, and gives all.
func (l *Load) End() Calls {
	l.cancel()
	l.work.Wait()
	return l.SoFar()
}

// Between gives those that were due then.
func (c Calls) Between(from, to time.Duration) Calls {
	return slices.DeleteFunc(slices.Clone(c), func(one Call) bool { return one.At < from || one.At >= to })
}

// From gives them as of a load that began so much later.
func (c Calls) From(later time.Duration) Calls {
	moved := slices.Clone(c)
	for i := range moved {
		moved[i].At += later
	}
	return moved
}

// Failed gives those that did.
func (c Calls) Failed() Calls {
	return slices.DeleteFunc(slices.Clone(c), func(one Call) bool { return one.Err == nil })
}

// Answered is the share of them, in percent, that went well.
func (c Calls) Answered() float64 {
	if len(c) == 0 {
		return 0
	}
	return 100 * float64(len(c)-len(c.Failed())) / float64(len(c))
}

// Quantile is the time that so many took at most.
func (c Calls) Quantile(q float64) time.Duration {
	if len(c) == 0 {
		return 0
	}
	all := make([]time.Duration, len(c))
	for i, one := range c {
		all[i] = one.Took
	}
	slices.Sort(all)
	return all[min(int(q*float64(len(all))), len(all)-1)]
}

// Wait lets time pass, unless ctx ends before.
func Wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
