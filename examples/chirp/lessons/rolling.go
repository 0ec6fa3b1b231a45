package lessons

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf"
	"github.com/kerf-go/kerf/demo"
	accountsv1 "github.com/kerf-go/kerf/examples/chirp/accounts/v1"
	"github.com/kerf-go/kerf/examples/chirp/crowd"
)

// rollingLogIn is how long a log-in takes in this lesson: twice as long as a process goes on beside
// the one that takes its place. So it drains while some are under way, which nobody may repeat.
const rollingLogIn = 2 * time.Second

// slowLogIns is the app with log-ins that take long.
func slowLogIns(app kerf.App, _ bool) kerf.App {
	return around(app, "chirp.accounts", func(ctx context.Context, request any, handle grpc.UnaryHandler) (any, error) {
		if _, ok := request.(*accountsv1.LogInRequest); ok {
			if err := demo.Wait(ctx, rollingLogIn); err != nil {
				return nil, status.FromContextError(err).Err()
			}
		}
		return handle(ctx, request)
	})
}

// rolling replaces every process while people read, write and log in. Without it, each is killed
// and started again; without the drain alone, the old one cuts off what runs.
func rolling(ctx context.Context, s *demo.Stage) error {
	system, err := s.Processes(ctx, s.Plan())
	if err != nil {
		return err
	}
	front, err := newIngress(ctx, s, system.Site)
	if err != nil {
		return err
	}
	readers, err := crowd.Arrive(ctx, front.url, 24) // half of them wait for their log-ins
	if err != nil {
		return err
	}
	defer readers.Leave()
	const rate, logIns = 60, 6
	s.Sayf("people make %d requests a second, of which every fifth is a post, and %d log-ins, each of which takes %v",
		rate, logIns, rollingLogIn)
	load, long := demo.Begin(ctx, rate, lookOrWrite(readers)), demo.Begin(ctx, logIns, readers.LogIn)
	defer load.End()
	defer long.End()
	if err := demo.Wait(ctx, rollingLogIn+s.Part/2); err != nil {
		return err
	}
	before, old := load.Now(), pids(system)
	if err := replaceAll(ctx, s, system); err != nil {
		return err
	}
	after := load.Now()
	if err := demo.Wait(ctx, s.Part/2); err != nil {
		return err
	}
	calls, entered := load.End(), long.End()
	sayWhy(s, "request", calls)
	sayWhy(s, "log-in", entered)
	phases := func(c demo.Calls) []demo.Calls {
		return []demo.Calls{c.Between(0, before), c.Between(before, after), c.Between(after, load.Now())}
	}
	s.Columns("before", "rolling", "after")
	pages(s, phases(calls))
	s.Figure("log-ins", "", each(phases(entered), func(c demo.Calls) float64 { return float64(len(c)) })...)
	s.Figure("failed", "", each(phases(entered), func(c demo.Calls) float64 { return float64(len(c.Failed())) })...)
	stay := slices.DeleteFunc(pids(system), func(pid int) bool { return !slices.Contains(old, pid) })
	s.Claimf(len(stay) == 0, "%d of %d processes are replaced (all)", len(old)-len(stay), len(old))
	s.Claimf(len(calls.Failed()) == 0, "%d of %d requests fail meanwhile (none)", len(calls.Failed()), len(calls))
	s.Claimf(len(entered) > 0 && len(entered.Failed()) == 0,
		"%d of %d log-ins fail, though processes are told to stop while some run in them (none)",
		len(entered.Failed()), len(entered))
	return nil
}

// sayWhy tells of the first failures.
func sayWhy(s *demo.Stage, what string, all demo.Calls) {
	failed := all.Failed()
	for _, c := range failed[:min(3, len(failed))] {
		at, took := c.At.Round(time.Millisecond), c.Took.Round(time.Millisecond)
		s.Sayf("a %s of %v fails after %v: %v", what, at, took, c.Err)
	}
}

// lookOrWrite reads a page, or writes every fifth time.
func lookOrWrite(readers *crowd.Readers) func(context.Context) error {
	var posts atomic.Int64
	return func(ctx context.Context) error {
		if n := posts.Add(1); n%5 == 0 {
			return readers.Write(ctx, fmt.Sprintf("post %d", n))
		}
		return readers.Look(ctx, "/")
	}
}

func replaceAll(ctx context.Context, s *demo.Stage, system *demo.Processes) error {
	replace, how := system.Replace, "replaced"
	if s.BareOfAll() {
		replace, how = system.Restart, "killed and started again"
	}
	for _, p := range system.Status() {
		s.Sayf("%s is %s", p.Process, how)
		if err := replace(ctx, p.Process); err != nil {
			return err
		}
	}
	return nil
}

func pids(system *demo.Processes) []int {
	all := system.Status()
	ids := make([]int, len(all))
	for i, p := range all {
		ids[i] = p.PID
	}
	return ids
}
