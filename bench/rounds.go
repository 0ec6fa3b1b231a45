package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	pb "github.com/kerf-go/kerf/bench/echo/v1"
)

const (
	payload = 100 // bytes
	many    = 64  // callers at once
	patient = 10 * time.Second
)

// runner is the subjects of a measurement, started.
type runner struct {
	names    []string
	calls    []say
	rounds   int
	length   time.Duration // of one subject's turn
	progress io.Writer
}

func newRunner(ctx context.Context, all []subject) (*runner, error) {
	r := &runner{progress: io.Discard}
	for _, s := range all {
		call, err := s.start(ctx)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
		r.names = append(r.names, s.name)
		r.calls = append(r.calls, call)
	}
	return r, nil
}

// measure lets the subjects take turns.
func (r *runner) measure(ctx context.Context, callers int) (measurement, error) {
	rates := make([][]float64, len(r.calls))
	const warmUp = 1
	for round := range warmUp + r.rounds {
		fmt.Fprintf(r.progress, "\r%2d callers: round %d of %d ", callers, max(0, round-warmUp)+1, r.rounds)
		for _, i := range order(round, len(r.calls)) {
			rate, err := turn(ctx, r.calls[i], callers, r.length)
			if err != nil {
				return measurement{}, fmt.Errorf("%s: %w", r.names[i], err)
			}
			if round >= warmUp {
				rates[i] = append(rates[i], rate)
			}
		}
	}
	fmt.Fprintln(r.progress)
	return measurement{callers, r.names, rates}, nil
}

// pairs measures two neighbours at a time, from one caller. They differ by little, so it
// takes more and shorter turns.
func (r *runner) pairs(ctx context.Context) (measurement, error) {
	all := measurement{callers: 1}
	for i := 0; i+1 < len(r.calls); i += 2 {
		pair := *r
		pair.names, pair.calls = r.names[i:i+2], r.calls[i:i+2]
		pair.rounds, pair.length = 4*r.rounds, r.length/4
		m, err := pair.measure(ctx, 1)
		if err != nil {
			return measurement{}, err
		}
		all.names, all.rates = append(all.names, m.names...), append(all.rates, m.rates...)
	}
	return all, nil
}

// order is who comes after whom in a round: everybody begins in turn, and every
// second round goes backwards, so that neighbours change too.
func order(round, n int) []int {
	turns := make([]int, n)
	for i := range turns {
		turns[i] = (i + round) % n
	}
	if round%2 == 1 {
		slices.Reverse(turns)
	}
	return turns
}

// turn calls for a while, and gives the calls per second.
func turn(ctx context.Context, call say, callers int, length time.Duration) (float64, error) {
	runtime.GC() // nobody pays for what another has left
	var (
		over  atomic.Bool
		calls atomic.Int64
		ended sync.WaitGroup
		errs  = make(chan error, callers)
	)
	began := time.Now()
	defer time.AfterFunc(length, func() { over.Store(true) }).Stop()
	for range callers {
		ended.Go(func() {
			n, err := callUntil(ctx, call, &over)
			calls.Add(n)
			errs <- err
		})
	}
	ended.Wait()
	took := time.Since(began)
	close(errs)
	for err := range errs {
		if err != nil {
			return 0, err
		}
	}
	return float64(calls.Load()) / took.Seconds(), nil
}

// callUntil calls one time after the other. Each call has a deadline of its own.
func callUntil(ctx context.Context, call say, over *atomic.Bool) (int64, error) {
	request := &pb.Message{Payload: bytes.Repeat([]byte("k"), payload)}
	for n := int64(0); ; n++ {
		if over.Load() {
			return n, nil
		}
		bounded, cancel := context.WithTimeout(ctx, patient)
		reply, err := call(bounded, request)
		cancel()
		if err != nil {
			return n, err
		}
		if !bytes.Equal(reply.GetPayload(), request.GetPayload()) {
			return n, errors.New("the answer is not what was asked")
		}
	}
}
