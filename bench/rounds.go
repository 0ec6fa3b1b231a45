package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
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
	patient  time.Duration // the deadline that callers set; 0: none
	progress io.Writer
}

func newRunner(ctx context.Context, all []subject) (*runner, error) {
	r := &runner{progress: io.Discard, patient: patient}
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
			rate, err := turn(ctx, within(r.patient, r.calls[i]), callers, r.length)
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

// groups measures the subjects of one link at a time, which are neighbours, from one caller who sets no
// deadline. They differ by little, so it takes more and shorter turns, and one processor: to wake
// another takes longer than what they differ by, and never the same.
func (r *runner) groups(ctx context.Context) (measurement, error) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	all := measurement{callers: 1}
	for i := 0; i < len(r.calls); {
		end := i + 1
		for end < len(r.calls) && linkOf(r.names[end]) == linkOf(r.names[i]) {
			end++
		}
		group := *r
		group.names, group.calls, group.patient = r.names[i:end], r.calls[i:end], 0
		group.rounds, group.length = 4*r.rounds, r.length/4
		m, err := group.measure(ctx, 1)
		if err != nil {
			return measurement{}, err
		}
		all.names, all.rates = append(all.names, m.names...), append(all.rates, m.rates...)
		i = end
	}
	return all, nil
}

func linkOf(name string) string {
	link, _, _ := strings.Cut(name, " ")
	return link
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

// callUntil calls one time after the other.
func callUntil(ctx context.Context, call say, over *atomic.Bool) (int64, error) {
	request := &pb.Message{Payload: bytes.Repeat([]byte("k"), payload)}
	for n := int64(0); ; n++ {
		if over.Load() {
			return n, nil
		}
		reply, err := call(ctx, request)
		if err != nil {
			return n, err
		}
		if !bytes.Equal(reply.GetPayload(), request.GetPayload()) {
			return n, errors.New("the answer is not what was asked")
		}
	}
}

// within gives each call a deadline of its own, unless that is 0.
func within(patient time.Duration, call say) say {
	if patient == 0 {
		return call
	}
	return func(ctx context.Context, m *pb.Message) (*pb.Message, error) {
		ctx, cancel := context.WithTimeout(ctx, patient)
		defer cancel()
		return call(ctx, m)
	}
}
