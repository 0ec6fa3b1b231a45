package lessons

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/kerf-go/kerf/demo"
	followsv1 "github.com/kerf-go/kerf/examples/chirp/follows/v1"
)

// What follows can do in this lesson, and what is asked of it.
const (
	stormWorkers  = 40
	stormTakes    = 20 * time.Millisecond // each call: 2,000 a second in all
	stormLeft     = 4                     // workers in the storm: 200 a second
	stormUsual    = 1000                  // calls a second
	stormLoad     = 2 * stormUsual
	stormBegins   = 2 * time.Second // until what has come in before it is known is worked off
	stormRecovery = 2 * time.Second
)

// retrystorm takes nine of ten workers away while twice as many call as usual: first without
// what protects, then with it.
func retrystorm(ctx context.Context, s *demo.Stage) error {
	both, err := twice(s, func(plan string) ([]phase, error) { return storm(ctx, s, plan) })
	if err != nil {
		return err
	}
	off, on, all := both[0], both[len(both)-1], slices.Concat(both...)
	s.Columns([]string{
		"without: before", "begins", "storm", "after", "with: before", "begins", "storm", "after",
	}[:len(all)]...)
	s.Figure("calls a second", "", each(all, func(p phase) float64 { return p.rate(len(p.calls)) })...)
	s.Figure("attempts", "a call", each(all, phase.attempts)...)
	s.Figure("answered a second", "", each(all, phase.goodput)...)
	s.Figure("answered", "%", each(all, func(p phase) float64 { return p.calls.Answered() })...)
	s.Figure("median", "ms", each(all, func(p phase) float64 { return ms(p.calls.Quantile(0.5)) })...)
	const before, begins, goesOn, after = 0, 1, 2, 3
	could, can, able := off[goesOn].goodput(), on[goesOn].goodput(), on[goesOn].able
	s.Claimf(able > 0 && can >= 0.8*able, "from %v after its beginning on, the callee can do %.0f calls a second, and "+
		"answers %.0f in time (at least 80 %%)", stormBegins, able, can)
	s.Claimf(s.Bare() || could <= can/10,
		"without them at most a tenth of that: %.0f instead of %.0f answers a second", could, can)
	tried := on[begins].attempts()
	s.Claimf(tried < 1.2, "when it begins, each call is tried %.3g times (less than 1.2)", tried)
	recovered, healthy := on[after].calls.Answered(), on[before].calls.Answered()
	s.Claimf(recovered >= 99, "from %v after its end on, %.4g %% of the calls are answered (at least 99 %%)",
		stormRecovery, recovered)
	s.Claimf(healthy == 100, "before it, %.4g %% are (all)", healthy)
	return nil
}

// phase is the calls of a while.
type phase struct {
	calls demo.Calls
	took  time.Duration
	sent  int64   // attempts
	able  float64 // calls a second that the callee could do
}

func (p phase) rate(calls int) float64 { return float64(calls) / p.took.Seconds() }

func (p phase) goodput() float64 { return p.rate(len(p.calls) - len(p.calls.Failed())) }

func (p phase) attempts() float64 { return float64(p.sent) / float64(max(1, len(p.calls))) }

// storm gives what became of the calls before, in and after it.
func storm(ctx context.Context, s *demo.Stage, plan string) ([]phase, error) {
	pool := newWorkers(stormWorkers, stormTakes)
	var sent atomic.Int64
	system, err := s.Inside(ctx, plan, counting(before(s.App(), "chirp.follows", pool.work), &sent))
	if err != nil {
		return nil, err
	}
	call, err := countingFollows(system, "web")
	if err != nil {
		return nil, err
	}
	s.Sayf("%d calls a second to follows, which can answer %d", stormUsual, stormUsual*2)
	usual := demo.Begin(ctx, stormUsual, call)
	defer usual.End()
	if err := demo.Wait(ctx, s.Part/2); err != nil {
		return nil, err
	}
	begin, before := usual.Now(), sent.Load()
	back := pool.lose(stormWorkers - stormLeft)
	s.Sayf("it has lost 9 of 10 workers, and gets %d calls a second", stormLoad)
	more := demo.Begin(ctx, stormLoad-stormUsual, call)
	err = demo.Wait(ctx, stormBegins)
	worked, begun := pool.soFar(), sent.Load()
	if err == nil {
		err = demo.Wait(ctx, s.Part)
	}
	able, gone := capacity(stormLeft, worked, pool.soFar()), sent.Load()
	back()
	end, stormy := usual.Now(), more.End()
	if err != nil {
		return nil, err
	}
	s.Sayf("it has its workers and its load of before")
	later, calm := begin+stormBegins, end+stormRecovery
	if err := demo.Wait(ctx, calm-usual.Now()); err != nil {
		return nil, err
	}
	after := sent.Load()
	if err := demo.Wait(ctx, s.Part/2); err != nil {
		return nil, err
	}
	over, after, all := usual.Now(), sent.Load()-after, usual.End()
	stormy = stormy.From(begin)
	return []phase{
		{all.Between(0, begin), begin, before, 0},
		{append(all.Between(begin, later), stormy.Between(begin, later)...), later - begin, begun - before, 0},
		{append(all.Between(later, end), stormy.Between(later, end)...), end - later, gone - begun, able},
		{all.Between(calm, over), over - calm, after, 0},
	}, system.Stop()
}

// countingFollows is a call of follows by one of those who call it.
func countingFollows(system *demo.Inside, caller string) (func(context.Context) error, error) {
	conn, err := system.Conn(caller, "follows")
	if err != nil {
		return nil, err
	}
	follows := followsv1.NewFollowsClient(conn)
	return func(ctx context.Context) error {
		_, err := follows.CountFollows(ctx, &followsv1.CountFollowsRequest{AccountIds: []int64{1}})
		return err
	}, nil
}
