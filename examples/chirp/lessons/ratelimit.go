package lessons

import (
	"context"
	"time"

	"github.com/kerf-go/kerf/demo"
)

// What follows can do in this lesson, and what is asked of it, in calls a second.
const (
	rateWorkers = 8
	rateTakes   = 20 * time.Millisecond // each call: 400 a second in all
	rateModest  = 20                    // of messages
	rateGreedy  = 800                   // of web,
	rateAllowed = 100                   // which may make so many, and at first
	rateBurst   = 20                    // more at once
)

// rateLimit lets one of two callers ask for more than the callee can do.
func rateLimit(ctx context.Context, s *demo.Stage) error {
	pool := newWorkers(rateWorkers, rateTakes)
	system, err := s.Inside(ctx, s.Plan(), before(s.App(), "chirp.follows", pool.work))
	if err != nil {
		return err
	}
	modest, err := countingFollows(system, "messages")
	if err != nil {
		return err
	}
	greedy, err := countingFollows(system, "web")
	if err != nil {
		return err
	}
	s.Sayf("messages calls follows %d times a second", rateModest)
	load := demo.Begin(ctx, rateModest, modest)
	defer load.End()
	if err := demo.Wait(ctx, s.Part/2); err != nil {
		return err
	}
	begin := load.Now()
	pool.waited()
	s.Sayf("web calls it %d times a second", rateGreedy)
	more, err := demo.During(ctx, s.Part, rateGreedy, greedy)
	if err != nil {
		return err
	}
	end, waited := begin+s.Part, pool.waited()
	s.Sayf("web is content")
	if err := demo.Wait(ctx, s.Part/2); err != nil {
		return err
	}
	calls := load.End()
	all := []demo.Calls{calls.Between(0, begin), calls.Between(begin, end), calls.From(-end).Between(0, s.Part)}
	s.Columns("before", "crowd", "after")
	pages(s, all)
	s.Figure("95th percentile", "ms", each(all, func(c demo.Calls) float64 { return ms(c.Quantile(0.95)) })...)
	answered := float64(len(more) - len(more.Failed()))
	s.Figure("web's, answered a second", "", 0, answered/s.Part.Seconds(), 0)

	failed := len(calls.Failed())
	s.Claimf(failed == 0, "%d of the %d calls of messages fail (none)", failed, len(calls))
	wait := waited.Quantile(0.5)
	s.Claimf(len(waited) > 0 && wait < rateTakes/4,
		"half of all calls that follows takes wait for a worker for %v at most (less than a quarter of the work)",
		wait.Round(time.Microsecond))
	may := rateAllowed*s.Part.Seconds() + rateBurst
	s.Claimf(answered >= 0.8*may && answered <= 1.2*may,
		"web is answered %.0f times: what it may, which is %.0f (within a fifth)", answered, may)
	return nil
}
