package compare

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// outcome is what became of the requests of a while.
type outcome struct {
	latencies []time.Duration // of those that went well, shortest first
	failed    int
	reason    error // of the first that failed
	took      time.Duration
}

func (o outcome) rate() float64 { return float64(len(o.latencies)) / o.took.Seconds() }

// quantile is the latency that so many stay below.
func (o outcome) quantile(q float64) time.Duration {
	if len(o.latencies) == 0 {
		return 0
	}
	return o.latencies[min(int(q*float64(len(o.latencies))), len(o.latencies)-1)]
}

// tolerable is how many of the requests may fail: a site at its limits may refuse some.
const tolerable = 0.01

// err is for an outcome that says nothing because too much failed.
func (o outcome) err() error {
	all := len(o.latencies) + o.failed
	if all == 0 {
		return errors.New("no request was answered in time")
	}
	if float64(o.failed) > tolerable*float64(all) {
		return fmt.Errorf("%d of %d requests failed, the first with: %w", o.failed, all, o.reason)
	}
	return nil
}

// person is what one of a crowd has seen.
type person struct {
	latencies []time.Duration
	failed    int
	reason    error
}

func (p *person) note(latency time.Duration, err error) {
	switch {
	case err == nil:
		p.latencies = append(p.latencies, latency)
	case p.failed == 0:
		p.reason = err
		fallthrough
	default:
		p.failed++
	}
}

// each lets everybody act in a goroutine of his own, and adds up what they have seen.
func each(c Crowd, act func(number int, p *person)) outcome {
	people := make([]person, c.Size())
	began := time.Now()
	var all sync.WaitGroup
	for i := range people {
		all.Go(func() { act(i, &people[i]) })
	}
	all.Wait()
	o := outcome{took: time.Since(began)}
	for _, p := range people {
		o.latencies = append(o.latencies, p.latencies...)
		o.failed += p.failed
		if o.reason == nil {
			o.reason = p.reason
		}
	}
	slices.Sort(o.latencies)
	return o
}

// closedLoop lets everybody send the next request as soon as the last is answered.
func closedLoop(ctx context.Context, c Crowd, length time.Duration) outcome {
	var over atomic.Bool
	defer time.AfterFunc(length, func() { over.Store(true) }).Stop()
	return each(c, func(number int, p *person) {
		for !over.Load() && ctx.Err() == nil {
			began := time.Now()
			err := c.Act(ctx, number)
			p.note(time.Since(began), err)
		}
	})
}

// openLoop lets everybody send at random times, however long answers take, so many
// a second in all. A latency counts from when the request was due: somebody who
// had to wait for an answer to send the next one has waited for that one too.
func openLoop(ctx context.Context, c Crowd, seed uint64, rate float64, length time.Duration) outcome {
	pause := float64(time.Second) * float64(c.Size()) / rate // mean of one person's
	start := time.Now()
	return each(c, func(number int, p *person) {
		random := rand.New(rand.NewPCG(seed, uint64(number)))
		timer := time.NewTimer(0)
		defer timer.Stop()
		for due := time.Duration(random.ExpFloat64() * pause); due < length; {
			timer.Reset(time.Until(start.Add(due)))
			select {
			case <-ctx.Done():
				return
			case <-timer.C:
			}
			err := c.Act(ctx, number)
			p.note(time.Since(start.Add(due)), err)
			due += time.Duration(random.ExpFloat64() * pause)
		}
	})
}
