package run_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf"
	"github.com/kerf-go/kerf/link"
	linktestv1 "github.com/kerf-go/kerf/link/linktest/v1"
	"github.com/kerf-go/kerf/run"
)

func TestReplicasTakeTurns(t *testing.T) {
	t.Parallel()
	for _, scheme := range []string{"http", "nats"} {
		t.Run(scheme, func(t *testing.T) {
			t.Parallel()
			takeTurns(t, scheme)
		})
	}
}

func takeTurns(t *testing.T, scheme string) {
	t.Helper()
	var mu sync.Mutex
	answers := make(map[int64]int)
	var made int64
	app := pair(nil, func(_ context.Context, h *kerf.Host) error {
		mu.Lock()
		defer mu.Unlock()
		made++
		number := made
		linktestv1.RegisterExerciseServer(h, &handlers{unary: func(_ context.Context, m *message) (*message, error) {
			mu.Lock()
			defer mu.Unlock()
			answers[number]++
			return m, nil
		}})
		return nil
	})
	s := newSystem(t, app, "version: 1\napp: pair\nprocesses: {front: {services: [front], link: http}, "+
		"back: {services: [back], replicas: 2, link: "+scheme+"}}\n")
	s.startBroker()
	one, two := s.start("back"), s.start("back")
	s.directory.Merge(map[string][]string{"back": slices.Concat(one.URLs(), two.URLs())})
	cc := dial(t, s.start("front"))
	const calls = 20
	for range calls {
		if _, err := askFront(t.Context(), cc, ""); err != nil {
			t.Fatal(err)
		}
	}
	if answers[1] != calls/2 || answers[2] != calls/2 {
		t.Errorf("of %d calls the replicas got %v", calls, answers)
	}
}

// replicas starts two of back, which answer with their numbers, and a front that finds
// both. It gives the first, and front.
func replicas(t *testing.T, scheme string) (one, front *run.Process) {
	t.Helper()
	var made atomic.Int64
	app := pair(nil, func(_ context.Context, h *kerf.Host) error {
		number := made.Add(1)
		linktestv1.RegisterExerciseServer(h, &handlers{unary: func(context.Context, *message) (*message, error) {
			return &message{Number: number}, nil
		}})
		return nil
	})
	s := newSystem(t, app, fmt.Sprintf("version: 1\napp: pair\nlink: %s\nprocesses: {front: {services: [front], "+
		"link: http}, back: {services: [back], replicas: 2}}\npolicies: {'*': {retry: off}}\n", scheme))
	s.startBroker()
	one, two := s.start("back"), s.start("back")
	s.directory.Merge(map[string][]string{"back": slices.Concat(one.URLs(), two.URLs())})
	return one, s.start("front")
}

// crowd calls until it is told to stop, and makes a call that failed once more.
type crowd struct {
	client        linktestv1.ExerciseClient
	before, after atomic.Int64 // calls answered, as seen from when gone was set
	again         atomic.Int64 // calls made once more
	gone          atomic.Bool  // replica 1
	mayBeLost     bool         // a first attempt may have run
}

func (c *crowd) call(t *testing.T) {
	t.Helper()
	gone := c.gone.Load()
	answer, err := c.client.Unary(t.Context(), &message{})
	if err != nil {
		c.again.Add(1)
		if ran := link.Ran(err); ran != link.NeverSent && !c.mayBeLost {
			t.Errorf("the first attempt %s: %v", ran, err)
		}
		answer, err = c.client.Unary(t.Context(), &message{})
	}
	switch {
	case err != nil:
		t.Errorf("the second attempt: %v", err)
	case gone && answer.GetNumber() != 2:
		t.Errorf("replica %d has answered, which is gone", answer.GetNumber())
	}
	if gone {
		c.after.Add(1)
	} else {
		c.before.Add(1)
	}
}

// A replica goes away under load, and its address stays in the directory.
func TestAReplicaThatGoesAwayCostsOneAttempt(t *testing.T) {
	t.Parallel()
	const callers, calls = 8, 500
	for _, scheme := range []string{"http", "grpc", "tcp", "nats"} {
		for name, drains := range map[string]bool{"it drains": true, "it is cut off": false} {
			t.Run(scheme+": "+name, func(t *testing.T) {
				t.Parallel()
				one, front := replicas(t, scheme)
				conn, err := front.Conn("back", "test")
				if err != nil {
					t.Fatal(err)
				}
				c := &crowd{client: linktestv1.NewExerciseClient(conn), mayBeLost: !drains}
				var all sync.WaitGroup
				for range callers {
					all.Go(func() {
						for c.after.Load() < calls && !t.Failed() {
							c.call(t)
						}
					})
				}
				poll(t, "there is load", func() bool { return t.Failed() || c.before.Load() > calls })
				if drains {
					stop(t, one)
				} else {
					_ = stopNow(t, one)
				}
				c.gone.Store(true)
				all.Wait()
				// A drain that no caller runs into costs nothing; a connection that is cut, one attempt.
				if n := c.again.Load(); n == 0 && !drains || n > calls/10 {
					t.Errorf("%d calls were made once more", n)
				}
			})
		}
	}
}

// One replica answers everything with Internal, which ejects it.
func TestAPlanSaysHowReplicasAreJudged(t *testing.T) {
	t.Parallel()
	const calls = 40
	for name, c := range map[string]struct {
		says  string
		least int // of the failures
		most  int
	}{
		"nothing is said":  {"", 5, 5},
		"one failure":      {"policies: {'*': {balance: off}, back: {balance: {failures: 1}}}\n", 1, 1},
		"nobody is judged": {"policies: {back: {balance: off}}\n", calls / 4, calls},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var made, failures atomic.Int64
			answer := func(sick bool) (*message, error) {
				if sick {
					failures.Add(1)
					return nil, status.Error(codes.Internal, "sick")
				}
				return &message{}, nil
			}
			app := pair(nil, func(_ context.Context, h *kerf.Host) error {
				sick := made.Add(1) == 1
				unary := func(context.Context, *message) (*message, error) { return answer(sick) }
				linktestv1.RegisterExerciseServer(h, &handlers{unary: unary})
				return nil
			})
			s := newSystem(t, app, "version: 1\napp: pair\nlink: tcp\nprocesses: {front: {services: [front]}, "+
				"back: {services: [back], replicas: 2}}\n"+c.says)
			one, two := s.start("back"), s.start("back")
			s.directory.Merge(map[string][]string{"back": slices.Concat(one.URLs(), two.URLs())})
			conn, err := s.start("front").Conn("back", "test")
			if err != nil {
				t.Fatal(err)
			}
			client := linktestv1.NewExerciseClient(conn)
			for range calls {
				_, _ = client.Unary(t.Context(), &message{})
			}
			if n := int(failures.Load()); n < c.least || n > c.most {
				t.Errorf("%d of %d calls went to the sick one, want %d to %d", n, calls, c.least, c.most)
			}
		})
	}
}
