package lessons

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/kerf-go/kerf/demo"
	followsv1 "github.com/kerf-go/kerf/examples/chirp/follows/v1"
	messagesv1 "github.com/kerf-go/kerf/examples/chirp/messages/v1"
	"github.com/kerf-go/kerf/store"
)

const (
	slowTakes    = 300 * time.Millisecond // each statement
	slowHangs    = 3 * time.Second        // each of those that come later
	slowConns    = 8                      // that a store has, unless a plan says more
	slowDeadline = time.Second            // as the plan says
	slowRefused  = 300 * time.Millisecond // more than the plan lets anybody wait for a connection
	slowOver     = 2 * time.Second        // until all is well again
)

// slowDatabase makes the store of messages slow while others read.
func slowDatabase(ctx context.Context, s *demo.Stage) error {
	var takes atomic.Int64
	stores := make([]store.Driver, len(s.Batteries.Stores))
	for i, d := range s.Batteries.Stores {
		stores[i] = slowStore{d, "messages", &takes}
	}
	s.Batteries.Stores = stores
	system, err := s.Inside(ctx, s.Plan(), s.App())
	if err != nil {
		return err
	}
	posts, follows, err := slowCalls(system)
	if err != nil {
		return err
	}
	s.Sayf("web calls messages 100 times a second, and follows 50 times")
	main, other := demo.Begin(ctx, 100, posts), demo.Begin(ctx, 50, follows)
	ready := demo.Begin(ctx, 10, func(ctx context.Context) error { return readiness(ctx, system) })
	defer func() { main.End(); other.End(); ready.End() }()
	if err := demo.Wait(ctx, s.Part/2); err != nil {
		return err
	}
	begin := main.Now()
	takes.Store(int64(slowTakes))
	s.Sayf("each statement in the database of messages takes %v", slowTakes)
	if err := demo.Wait(ctx, s.Part); err != nil {
		return err
	}
	end := main.Now()
	takes.Store(int64(slowHangs))
	s.Sayf("each takes %v", slowHangs)
	if err := demo.Wait(ctx, s.Part/2); err != nil {
		return err
	}
	healed := main.Now()
	takes.Store(0)
	s.Sayf("the database is as fast as before")
	if err := demo.Wait(ctx, slowOver+s.Part/4); err != nil {
		return err
	}
	m := &slowness{begin: begin, end: end, healed: healed, over: main.Now()}
	m.calls, m.others, m.ready = main.End(), other.End(), ready.End()
	m.tell(s)
	return nil
}

func slowCalls(system *demo.Inside) (posts, follows func(context.Context) error, err error) {
	to, err := system.Conn("web", "messages")
	if err != nil {
		return nil, nil, err
	}
	toOther, err := system.Conn("web", "follows")
	if err != nil {
		return nil, nil, err
	}
	messages, other := messagesv1.NewMessagesClient(to), followsv1.NewFollowsClient(toOther)
	return func(ctx context.Context) error {
			_, err := messages.ListPublic(ctx, &messagesv1.ListPublicRequest{})
			return err
		}, func(ctx context.Context) error {
			_, err := other.CountFollows(ctx, &followsv1.CountFollowsRequest{AccountIds: []int64{1}})
			return err
		}, nil
}

// slowness is what was measured, from before the database was slow until it was all over.
type slowness struct {
	begin, end, healed, over time.Duration
	calls, others, ready     demo.Calls
}

// phases are before, the slow time, the one when the database hangs, and that when all is well again.
func (m *slowness) phases(c demo.Calls) []demo.Calls {
	return []demo.Calls{
		c.Between(0, m.begin), c.Between(m.begin, m.end), c.Between(m.end, m.healed),
		c.Between(m.healed+slowOver, m.over),
	}
}

func (m *slowness) tell(s *demo.Stage) {
	calls, others, ready := m.phases(m.calls), m.phases(m.others), m.phases(m.ready)
	s.Columns("before", "slow", "hangs", "after")
	pages(s, calls)
	s.Figure("follows answers", "%", each(others, demo.Calls.Answered)...)
	s.Figure("ready", "% of the time", each(ready, demo.Calls.Answered)...)

	slow, after := calls[1], calls[3]
	slowest := max(slow.Quantile(1), calls[2].Quantile(1))
	s.Claimf(slowest < slowDeadline*5/4, "the slowest call takes %v (at most %v and a little)",
		slowest.Round(time.Millisecond), slowDeadline)
	refused := slow.Failed()
	s.Claimf(len(refused) > 0 && refused.Quantile(0.5) < slowRefused,
		"%d calls are refused, half of them within %s (at most %v)",
		len(refused), half(refused), slowRefused)
	meanwhile := 0
	for _, c := range slow {
		if c.Err == nil && c.At+c.Took < m.end {
			meanwhile++
		}
	}
	able := (m.end - m.begin).Seconds() * slowConns / slowTakes.Seconds()
	s.Claimf(float64(meanwhile) > able/2,
		"%d are answered meanwhile, of some %.0f that such a database can (half at least)", meanwhile, able)
	s.Claimf(len(m.others.Failed()) == 0, "%d of %d calls of follows fail, which has a store of its own (none)",
		len(m.others.Failed()), len(m.others))
	s.Claimf(ready[0].Answered() == 100 && ready[1].Answered() < 50 && ready[3].Answered() == 100,
		"messages says that it is ready before and after, and %.0f %% of the slow time (less than half)",
		ready[1].Answered())
	s.Claimf(len(after) > 0 && after.Answered() == 100, "from %v after it on, %.4g %% are answered (all)",
		slowOver, after.Answered())
}

func readiness(ctx context.Context, system *demo.Inside) error {
	ready, err := system.Ready(ctx, "messages")
	if err == nil && !ready {
		err = errUnready
	}
	return err
}

var errUnready = errors.New("it is not ready")
