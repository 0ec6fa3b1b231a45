package lessons

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/kerf-go/kerf/demo"
	"github.com/kerf-go/kerf/examples/chirp/crowd"
)

// rolling replaces every process while people read and write. Without it, each is killed
// and started again.
func rolling(ctx context.Context, s *demo.Stage) error {
	system, err := s.Processes(ctx, s.Plan())
	if err != nil {
		return err
	}
	front, err := newIngress(ctx, s, system.Site)
	if err != nil {
		return err
	}
	readers, err := crowd.Arrive(ctx, front.url, 8)
	if err != nil {
		return err
	}
	defer readers.Leave()
	const rate = 60
	var posts atomic.Int64
	s.Sayf("people make %d requests a second, of which every fifth is a post", rate)
	load := demo.Begin(ctx, rate, func(ctx context.Context) error {
		if n := posts.Add(1); n%5 == 0 {
			return readers.Write(ctx, fmt.Sprintf("post %d", n))
		}
		return readers.Look(ctx, "/")
	})
	defer load.End()
	if err := demo.Wait(ctx, s.Part/2); err != nil {
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
	calls := load.End()
	s.Columns("before", "rolling", "after")
	pages(s, []demo.Calls{calls.Between(0, before), calls.Between(before, after), calls.Between(after, load.Now())})
	stay := slices.DeleteFunc(pids(system), func(pid int) bool { return !slices.Contains(old, pid) })
	s.Claimf(len(stay) == 0, "%d of %d processes are replaced (all)", len(old)-len(stay), len(old))
	s.Claimf(len(calls.Failed()) == 0, "%d of %d requests fail meanwhile (none)", len(calls.Failed()), len(calls))
	return nil
}

func replaceAll(ctx context.Context, s *demo.Stage, system *demo.Processes) error {
	replace, how := system.Replace, "replaced"
	if s.Bare() {
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
