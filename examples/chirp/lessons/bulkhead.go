package lessons

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/kerf-go/kerf/demo"
	messagesv1 "github.com/kerf-go/kerf/examples/chirp/messages/v1"
)

// bulkhead lets follows hang, which messages asks for one of its pages.
func bulkhead(ctx context.Context, s *demo.Stage) error {
	var hangs atomic.Bool
	system, err := s.Inside(ctx, s.Plan(), before(s.App(), "chirp.follows", func(ctx context.Context) error {
		if hangs.Load() {
			<-ctx.Done()
		}
		return ctx.Err()
	}))
	if err != nil {
		return err
	}
	conn, err := system.Conn("web", "messages")
	if err != nil {
		return err
	}
	messages := messagesv1.NewMessagesClient(conn)
	const homes, others = 200, 50 // calls a second
	s.Sayf("web asks messages for %d home pages a second, for which it asks follows, and for %d others", homes, others)
	home := demo.Begin(ctx, homes, func(ctx context.Context) error {
		_, err := messages.ListHome(ctx, &messagesv1.ListHomeRequest{AccountId: 1})
		return err
	})
	other := demo.Begin(ctx, others, func(ctx context.Context) error {
		_, err := messages.ListPublic(ctx, &messagesv1.ListPublicRequest{})
		return err
	})
	defer func() { home.End(); other.End() }()
	if err := demo.Wait(ctx, s.Part/2); err != nil {
		return err
	}
	broke := other.Now()
	hangs.Store(true)
	s.Sayf("follows hangs from now on")
	if err := demo.Wait(ctx, s.Part); err != nil {
		return err
	}
	healed := other.Now()
	hangs.Store(false)
	s.Sayf("follows works again")
	const soon = time.Second // those that hang have waited for so long
	if err := demo.Wait(ctx, soon+s.Part/4); err != nil {
		return err
	}
	phases := func(c demo.Calls) []demo.Calls {
		return []demo.Calls{c.Between(0, broke), c.Between(broke, healed), c.From(-healed-soon).Between(0, s.Part)}
	}
	s.Columns("before", "follows hangs", "after")
	all, homely := phases(other.End()), phases(home.End())
	pages(s, all)
	s.Figure("95th percentile", "ms", each(all, func(c demo.Calls) float64 { return ms(c.Quantile(0.95)) })...)
	s.Figure("home pages", "% answered", each(homely, demo.Calls.Answered)...)

	hanging := all[1]
	s.Claimf(len(hanging.Failed()) == 0, "%d of %d other pages fail while follows hangs (none)",
		len(hanging.Failed()), len(hanging))
	before, now := all[0].Quantile(0.95), hanging.Quantile(0.95)
	s.Claimf(now < before+soon/5,
		"95 of 100 of them take %.3g ms at most, and before it %.3g ms (at most %v more, a fifth of what others wait)",
		ms(now), ms(before), soon/5)
	s.Claimf(homely[1].Answered() == 100, "%.4g %% of the home pages are answered, though not with others' posts (all)",
		homely[1].Answered())
	s.Claimf(all[2].Answered() == 100 && homely[2].Answered() == 100, "all are answered from %v after it on", soon)
	return nil
}
