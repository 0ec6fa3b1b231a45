package lessons

import (
	"context"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"

	"github.com/kerf-go/kerf"
	"github.com/kerf-go/kerf/demo"
	messagesv1 "github.com/kerf-go/kerf/examples/chirp/messages/v1"
)

const (
	deadlinePage = 300 * time.Millisecond // as the plan says
	deadlineWork = time.Second            // what follows works for each
	deadlineStep = 10 * time.Millisecond  // of it, after which it looks whether anybody waits
)

// deadline lets follows take long, which messages asks for pages: first the deadline of a page
// is not handed on, and then it is.
func deadline(ctx context.Context, s *demo.Stage) error {
	app := forgetful(s.App(), "chirp.messages")
	all, err := twice(s, func(plan string) (labour, error) {
		l, err := abandoned(ctx, s, plan, app)
		app = s.App()
		return l, err
	})
	if err != nil {
		return err
	}
	off, on := all[0], all[len(all)-1]
	s.Figure("pages", "", each(all, func(l labour) float64 { return float64(len(l.pages)) })...)
	s.Figure("answered", "%", each(all, func(l labour) float64 { return l.pages.Answered() })...)
	s.Figure("slowest", "ms", each(all, func(l labour) float64 { return ms(l.pages.Quantile(1)) })...)
	s.Figure("work", "s", each(all, func(l labour) float64 { return l.done.Seconds() })...)
	s.Figure("in vain", "%", each(all, labour.wasted)...)
	s.Claimf(on.done > 0 && on.wasted() < 5,
		"%.3g %% of the work of follows is for pages that nobody waits for (less than 5 %%)", on.wasted())
	s.Claimf(off.wasted() > 50, "it is %.3g %% if the deadline is not handed on (more than half)", off.wasted())
	s.Claimf(on.pages.Answered() == 100, "%.4g %% of the pages are answered in time, with what there is (all)",
		on.pages.Answered())
	return nil
}

// labour is what became of pages, and the work that was done for them.
type labour struct {
	pages      demo.Calls
	done, vain time.Duration
}

func (l labour) wasted() float64 { return 100 * l.vain.Seconds() / max(l.done.Seconds(), 1e-9) }

func abandoned(ctx context.Context, s *demo.Stage, plan string, app kerf.App) (labour, error) {
	var done, vain atomic.Int64
	system, err := s.Inside(ctx, plan, before(app, "chirp.follows", func(ctx context.Context) error {
		for began := time.Now(); time.Since(began) < deadlineWork && ctx.Err() == nil; {
			time.Sleep(deadlineStep) // this is the work
			done.Add(1)
			if time.Since(began) > deadlinePage+deadlineStep {
				vain.Add(1)
			}
		}
		return nil
	}))
	if err != nil {
		return labour{}, err
	}
	conn, err := system.Conn("web", "messages")
	if err != nil {
		return labour{}, err
	}
	messages := messagesv1.NewMessagesClient(conn)
	const rate = 20
	s.Sayf("web asks messages for %d pages a second, and waits %v; for each, follows works for %v",
		rate, deadlinePage, deadlineWork)
	calls, err := demo.During(ctx, s.Part/2, rate, func(ctx context.Context) error {
		_, err := messages.ListHome(ctx, &messagesv1.ListHomeRequest{AccountId: 1})
		return err
	})
	if err != nil {
		return labour{}, err
	}
	err = system.Stop() // when all of the work is done
	return labour{calls, time.Duration(done.Load()) * deadlineStep, time.Duration(vain.Load()) * deadlineStep}, err
}

// forgetful lets handlers of a package know nothing of how long their callers wait, as with a
// protocol that does not say it.
func forgetful(app kerf.App, pkg string) kerf.App {
	return around(app, pkg, func(ctx context.Context, request any, handle grpc.UnaryHandler) (any, error) {
		return handle(context.WithoutCancel(ctx), request)
	})
}
