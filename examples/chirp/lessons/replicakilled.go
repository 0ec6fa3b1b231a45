package lessons

import (
	"context"
	"slices"

	"github.com/kerf-go/kerf/demo"
	"github.com/kerf-go/kerf/examples/chirp/crowd"
	"github.com/kerf-go/kerf/fleet"
)

// replicaKilled kills one of two replicas while people read.
func replicaKilled(ctx context.Context, s *demo.Stage) error {
	system, err := s.Processes(ctx, s.Plan())
	if err != nil {
		return err
	}
	readers, err := crowd.Arrive(ctx, system.Site(), 8)
	if err != nil {
		return err
	}
	defer readers.Leave()
	const rate = 60
	s.Sayf("people look at %d pages a second", rate)
	load := demo.Begin(ctx, rate, func(ctx context.Context) error { return readers.Look(ctx, "/public") })
	defer load.End()
	if err := demo.Wait(ctx, s.Part/2); err != nil {
		return err
	}
	before := load.Now()
	victim := "messages.0"
	if !slices.ContainsFunc(system.Status(), func(s fleet.Status) bool { return s.Replica == 1 }) {
		victim = "messages" // the only one, if the lesson does without the other
	}
	s.Sayf("kill -9 %s", victim)
	if err := system.Kill(ctx, victim); err != nil {
		return err
	}
	if err := demo.Wait(ctx, s.Part); err != nil {
		return err
	}
	if err := system.Restart(ctx, victim); err != nil {
		return err
	}
	s.Sayf("%s is back", victim)
	after := load.Now()
	if err := demo.Wait(ctx, s.Part/2); err != nil {
		return err
	}
	calls := load.End()
	all := []demo.Calls{calls.Between(0, before), calls.Between(before, after), calls.Between(after, load.Now())}
	s.Columns("two", "one", "two again")
	pages(s, all)
	failed := calls.Failed()
	s.Claimf(len(calls) > 0 && len(failed) == 0, "%d of %d pages fail (none)", len(failed), len(calls))
	return nil
}
