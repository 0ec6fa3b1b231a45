package lessons

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kerf-go/kerf/demo"
	accountsv1 "github.com/kerf-go/kerf/examples/chirp/accounts/v1"
	"github.com/kerf-go/kerf/examples/chirp/crowd"
)

const (
	stormers  = 32       // people who log in all the time
	hashBytes = 19 << 20 // that one log-in needs
	tolerated = 3        // log-ins' worth of memory: one is worked on, and others have left garbage behind
)

// loginStorm lets many log in at once while others read: first without bounds, then with them.
func loginStorm(ctx context.Context, s *demo.Stage) error {
	both, err := twice(s, func(plan string) (rush, error) { return logInRush(ctx, s, plan) })
	if err != nil {
		return err
	}
	off, on, all := both[0], both[len(both)-1], []demo.Calls(nil)
	for _, r := range both {
		all = append(all, r.before, r.storm)
	}
	s.Columns([]string{"without: before", "storm", "with: before", "storm"}[:len(all)]...)
	pages(s, all)
	s.Figure("95th percentile", "ms", each(all, func(c demo.Calls) float64 { return ms(c.Quantile(0.95)) })...)
	var tried, memory []float64
	for _, r := range both {
		tried, memory = append(tried, 0, float64(r.tried)), append(memory, r.calm/(1<<20), r.most/(1<<20))
	}
	s.Figure("log-ins", "", tried...)
	s.Figure("memory of accounts", "MiB", memory...)
	s.Claimf(on.tried > 0 && on.most-on.calm < tolerated*hashBytes,
		"the storm takes %.0f MiB more: less than %d log-ins need, of %d",
		(on.most-on.calm)/(1<<20), tolerated, stormers)
	s.Claimf(on.slower(0.95) < on.one,
		"95 of 100 other pages take at most %v longer than before: less than one log-in, which takes %v",
		on.slower(0.95).Round(time.Millisecond), on.one.Round(time.Millisecond))
	failed := len(on.before.Failed()) + len(on.storm.Failed())
	s.Claimf(failed == 0, "%d of %d other pages fail (none)", failed, len(on.before)+len(on.storm))
	s.Claimf(s.Bare() || off.slower(0.5) > on.slower(0.95) && off.most-off.calm > stormers/4*hashBytes,
		"without bounds half of them take at least %v longer, and the storm takes %.0f MiB: more than %d log-ins need",
		off.slower(0.5).Round(time.Millisecond), (off.most-off.calm)/(1<<20), stormers/4)
	return nil
}

// rush is what became of pages while many logged in.
type rush struct {
	before, storm demo.Calls
	one           time.Duration // that a log-in takes while nobody else does
	tried         int64
	calm, most    float64 // bytes of memory, before and in the storm
}

// slower is by how much longer than before so many pages take at most.
func (r rush) slower(q float64) time.Duration {
	return max(0, r.storm.Quantile(q)-r.before.Quantile(q))
}

func logInRush(ctx context.Context, s *demo.Stage, plan string) (r rush, err error) {
	system, err := s.Processes(ctx, plan)
	if err != nil {
		return r, err
	}
	readers, err := crowd.Arrive(ctx, system.Site(), 8)
	if err != nil {
		return r, err
	}
	defer readers.Leave()
	conn, err := system.Dial("accounts")
	if err != nil {
		return r, err
	}
	accounts := accountsv1.NewAccountsClient(conn)
	memory := func() (float64, error) {
		return system.Metric(ctx, "accounts", "process_resident_memory_bytes")
	}
	const rate = 20
	s.Sayf("people look at %d pages a second", rate)
	load := demo.Begin(ctx, rate, func(ctx context.Context) error { return readers.Look(ctx, "/") })
	defer load.End()
	if err := demo.Wait(ctx, s.Part); err != nil {
		return r, err
	}
	begin := load.Now()
	if r.calm, err = memory(); err != nil {
		return r, err
	}
	r.one = logIn(ctx, accounts)
	storms := load.Now()
	s.Sayf("%d more try to log in, again and again", stormers)
	end := logIns(ctx, accounts)
	r.most, err = mostOf(ctx, s.Part, memory)
	over := load.Now()
	r.tried = end()
	if err != nil {
		return r, err
	}
	s.Sayf("they have had enough")
	calls := load.End()
	r.before, r.storm = calls.Between(0, begin), calls.Between(storms, over)
	return r, nil
}

// mostOf is the most that something was in a while, and at its end.
func mostOf(ctx context.Context, d time.Duration, now func() (float64, error)) (most float64, err error) {
	for end := time.Now().Add(d); ; {
		over := !time.Now().Before(end)
		n, err := now()
		if err != nil {
			return 0, err
		}
		most = max(most, n)
		if over {
			return most, nil
		}
		if err := demo.Wait(ctx, 50*time.Millisecond); err != nil {
			return 0, err
		}
	}
}

// logIn tells how long one takes while nobody else does.
func logIn(ctx context.Context, accounts accountsv1.AccountsClient) time.Duration {
	const times = 5
	calls := make(demo.Calls, times)
	for i := range calls {
		began := time.Now()
		_, calls[i].Err = accounts.LogIn(ctx, &accountsv1.LogInRequest{Name: "nobody", Password: "a wrong password"})
		calls[i].Took = time.Since(began)
	}
	return calls.Quantile(0.5)
}

// logIns lets people try to log in until end, which tells how many were answered.
func logIns(ctx context.Context, accounts accountsv1.AccountsClient) (end func() int64) {
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	var tried atomic.Int64
	for range stormers {
		all.Go(func() {
			for ctx.Err() == nil {
				_, _ = accounts.LogIn(ctx, &accountsv1.LogInRequest{Name: "nobody", Password: "a wrong password"})
				tried.Add(1)
			}
		})
	}
	return func() int64 {
		cancel()
		all.Wait()
		return tried.Load()
	}
}
