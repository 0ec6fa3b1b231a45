package lessons

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf"
	"github.com/kerf-go/kerf/demo"
	accountsv1 "github.com/kerf-go/kerf/examples/chirp/accounts/v1"
	"github.com/kerf-go/kerf/fleet"
)

// The names that make accounts panic in this lesson. The barrier is no line of a plan, and cannot be
// switched off: a handler without it is one that panics in a goroutine of its own, where none can be.
const (
	panicsAt   = "bobby"
	panicsBare = "mallory"
)

// faulty is the app with a handler that panics.
func faulty(app kerf.App, _ bool) kerf.App {
	return around(app, "chirp.accounts", func(ctx context.Context, request any, handle grpc.UnaryHandler) (any, error) {
		if r, ok := request.(*accountsv1.GetProfileRequest); ok {
			fail := func() { panic("assignment to entry in nil map") } //nolint:forbidigo // it is what breaks
			switch r.GetName() {
			case panicsAt:
				fail()
			case panicsBare:
				go fail()
			}
		}
		return handle(ctx, request)
	})
}

// panics lets some of many calls panic: first where there is no barrier, then behind it.
func panics(ctx context.Context, s *demo.Stage) error {
	system, err := s.Processes(ctx, s.Plan())
	if err != nil {
		return err
	}
	on, err := panicking(ctx, s, system, panicsBare)
	if err != nil {
		return err
	}
	off := on
	if !s.Bare() {
		if err := again(ctx, system, "accounts", on.was); err != nil {
			return err
		}
		if on, err = panicking(ctx, s, system, panicsAt); err != nil {
			return err
		}
	}
	both := []panicked{off, on}
	if s.Bare() {
		both = both[1:]
	}
	s.Columns([]string{"without", "with"}[:len(both)]...)
	s.Figure("calls that panic", "", each(both, func(p panicked) float64 { return float64(len(p.bad)) })...)
	s.Figure("of which end with Internal", "", each(both, panicked.internal)...)
	s.Figure("other calls", "", each(both, func(p panicked) float64 { return float64(len(p.others)) })...)
	s.Figure("of which fail", "", each(both, func(p panicked) float64 { return float64(len(p.others.Failed())) })...)
	s.Claimf(len(on.bad) > 0 && on.internal() == float64(len(on.bad)),
		"%.0f of the %d calls whose handler panics end with Internal (all)", on.internal(), len(on.bad))
	s.Claimf(len(on.others) > 0 && len(on.others.Failed()) == 0, "%d of the %d others fail (none)",
		len(on.others.Failed()), len(on.others))
	s.Claimf(on.now == on.was, "the process lives on: it is %d, and was %d", on.now, on.was)
	s.Claimf(len(off.others.Failed()) > 0 && off.now != off.was,
		"without a barrier %d of %d others fail, and the process is gone", len(off.others.Failed()), len(off.others))
	return nil
}

// panicked is what became of calls that panic, of the others, and of the process.
type panicked struct {
	bad, others demo.Calls
	was, now    int // its number
}

func (p panicked) internal() float64 {
	n := 0
	for _, c := range p.bad {
		if status.Code(c.Err) == codes.Internal {
			n++
		}
	}
	return float64(n)
}

func panicking(ctx context.Context, s *demo.Stage, system *demo.Processes, name string) (p panicked, err error) {
	conn, err := system.Dial("accounts")
	if err != nil {
		return p, err
	}
	accounts := accountsv1.NewAccountsClient(conn)
	p.was = system.Of("accounts").PID
	const rate, wrong = 100, 10
	s.Sayf("accounts, which is process %d, is called %d times a second", p.was, rate)
	load := demo.Begin(ctx, rate, func(ctx context.Context) error {
		_, err := accounts.BatchGetProfiles(ctx, &accountsv1.BatchGetProfilesRequest{Ids: []int64{1}})
		return err
	})
	defer load.End()
	if err := demo.Wait(ctx, s.Part/4); err != nil {
		return p, err
	}
	where := "behind the barrier"
	if name == panicsBare {
		where = "in a goroutine of its own, where no barrier can be"
	}
	s.Sayf("%d more a second make it panic %s", wrong, where)
	p.bad, err = demo.During(ctx, s.Part/2, wrong, func(ctx context.Context) error {
		_, err := accounts.GetProfile(ctx, &accountsv1.GetProfileRequest{Name: name})
		return err
	})
	if err != nil {
		return p, err
	}
	if err := demo.Wait(ctx, s.Part/4); err != nil {
		return p, err
	}
	p.others, p.now = load.End(), system.Of("accounts").PID
	return p, nil
}

// again waits until another one runs in place of a process that has died.
func again(ctx context.Context, system *demo.Processes, process string, died int) error {
	const most = 30 * time.Second
	for end := time.Now().Add(most); ; {
		if now := system.Of(process); now.State == fleet.Ready && now.PID != died {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("process %s is not ready again after %v", process, most)
		}
		if err := demo.Wait(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
}
