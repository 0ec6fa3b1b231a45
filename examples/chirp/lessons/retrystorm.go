package lessons

import (
	"context"
	"errors"
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

// retrystorm takes nine of ten workers away while twice as many call as usual: without what protects, then without
// admission alone, which hides what the budget does, then with both.
func retrystorm(ctx context.Context, s *demo.Stage) error {
	var off, open, on stormed
	var err error
	if !s.Bare() {
		if off, err = storm(ctx, s, s.Without(""), s.Part); err != nil {
			return err
		}
	}
	if open, err = storm(ctx, s, s.Without("admission"), s.Part/4); err != nil { // enough to count attempts
		return err
	}
	if on, err = storm(ctx, s, s.Plan(), s.Part); err != nil {
		return err
	}
	tellStorms(s, off, open, on)
	can, able := on.storm.goodput(), on.storm.able
	s.Claimf(able > 0 && can >= 0.8*able, "from %v after its beginning on, the callee can do %.0f calls a second, and "+
		"answers %.0f in time (at least 80 %%)", stormBegins, able, can)
	if could := off.storm.goodput(); !s.Bare() {
		s.Claimf(could <= can/10,
			"without them at most a tenth of that: %.0f instead of %.0f answers a second", could, can)
	}
	tried := open.storm.attempts()
	s.Claimf(tried < 1.2, "if the callee refuses nothing, each call is tried %.3g times (less than 1.2)", tried)
	recovered, healthy := on.after.calls.Answered(), on.before.calls.Answered()
	s.Claimf(recovered >= 99, "from %v after its end on, %.4g %% of the calls are answered (at least 99 %%)",
		stormRecovery, recovered)
	s.Claimf(healthy == 100, "before it, %.4g %% are (all)", healthy)
	return nil
}

func tellStorms(s *demo.Stage, off, open, on stormed) {
	all := append([]phase{open.storm}, on.phases()...)
	columns := []string{"no admission: storm", "plan: before", "begins", "storm", "after"}
	if !s.Bare() {
		all = append(off.phases(), all...)
		columns = append([]string{"without: before", "begins", "storm", "after"}, columns...)
	}
	s.Columns(columns...)
	s.Figure("calls a second", "", each(all, func(p phase) float64 { return p.rate(len(p.calls)) })...)
	s.Figure("attempts", "a call", each(all, phase.attempts)...)
	s.Figure("answered a second", "", each(all, phase.goodput)...)
	s.Figure("answered", "%", each(all, func(p phase) float64 { return p.calls.Answered() })...)
	s.Figure("median", "ms", each(all, func(p phase) float64 { return ms(p.calls.Quantile(0.5)) })...)
}

// stormed is what became of the calls before, in and after a storm.
type stormed struct{ before, begins, storm, after phase }

func (s stormed) phases() []phase { return []phase{s.before, s.begins, s.storm, s.after} }

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

func storm(ctx context.Context, s *demo.Stage, plan string, part time.Duration) (stormed, error) {
	pool := newWorkers(stormWorkers, stormTakes)
	var sent atomic.Int64
	system, err := s.Inside(ctx, plan, counting(before(s.App(), "chirp.follows", pool.work), &sent))
	if err != nil {
		return stormed{}, err
	}
	call, err := countingFollows(system, "web")
	if err != nil {
		return stormed{}, err
	}
	s.Sayf("%d calls a second to follows, which can answer %d", stormUsual, stormUsual*2)
	usual, err := calm(ctx, s, call, &sent, part/2)
	if err != nil {
		return stormed{}, err
	}
	defer usual.End()
	begin, before := usual.Now(), sent.Load()
	back := pool.lose(stormWorkers - stormLeft)
	s.Sayf("it has lost 9 of 10 workers, and gets %d calls a second", stormLoad)
	more := demo.Begin(ctx, stormLoad-stormUsual, call)
	err = demo.Wait(ctx, stormBegins)
	worked, begun := pool.soFar(), sent.Load()
	if err == nil {
		err = demo.Wait(ctx, part)
	}
	able, gone := capacity(stormLeft, worked, pool.soFar()), sent.Load()
	back()
	end, stormy := usual.Now(), more.End()
	if err != nil {
		return stormed{}, err
	}
	s.Sayf("it has its workers and its load of before")
	later, calm := begin+stormBegins, end+stormRecovery
	if err := demo.Wait(ctx, calm-usual.Now()); err != nil {
		return stormed{}, err
	}
	after := sent.Load()
	if err := demo.Wait(ctx, part/2); err != nil {
		return stormed{}, err
	}
	over, after, all := usual.Now(), sent.Load()-after, usual.End()
	stormy = stormy.From(begin)
	both := func(from, to time.Duration) demo.Calls {
		return append(all.Between(from, to), stormy.Between(from, to)...)
	}
	return stormed{
		before: phase{all.Between(0, begin), begin, before, 0},
		begins: phase{both(begin, later), later - begin, begun - before, 0},
		storm:  phase{both(later, end), end - later, gone - begun, able},
		after:  phase{all.Between(calm, over), over - calm, after, 0},
	}, system.Stop()
}

// calm begins the usual load, and lets it run for a while. Without what protects, a moment in which the
// machine is busy is a storm of its own, which lasts: then it begins anew, or nothing would be shown.
func calm(
	ctx context.Context, s *demo.Stage, call func(context.Context) error, sent *atomic.Int64, part time.Duration,
) (*demo.Load, error) {
	for range 5 {
		sent.Store(0)
		load := demo.Begin(ctx, stormUsual, call)
		err := demo.Wait(ctx, part)
		answered := load.SoFar().Answered()
		if err == nil && answered >= 99 {
			return load, nil
		}
		if load.End(); err != nil {
			return nil, err
		}
		s.Sayf("only %.4g %% were answered, though nothing was broken: the machine is busy; once more", answered)
	}
	return nil, errors.New("the machine is too busy to answer the usual load: try again when it has less to do")
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
