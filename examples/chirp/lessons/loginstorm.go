package lessons

import (
	"context"
	"sync"
	"time"

	"github.com/kerf-go/kerf/demo"
	accountsv1 "github.com/kerf-go/kerf/examples/chirp/accounts/v1"
	"github.com/kerf-go/kerf/examples/chirp/crowd"
)

const (
	stormers  = 32       // people who log in all the time
	hashBytes = 19 << 20 // that one log-in needs
	tolerated = 3        // log-ins' worth of memory: chance decides how much garbage is left behind at once
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
		tried = append(tried, float64(len(r.one)), float64(len(r.tried)))
		memory = append(memory, r.calm/(1<<20), r.most/(1<<20))
	}
	s.Figure("log-ins, before one by one", "", tried...)
	s.Figure("memory of accounts", "MiB", memory...)
	s.Claimf(len(on.tried) > 0 && on.more() < tolerated*hashBytes,
		"the storm takes %.0f MiB more than one log-in after the other: less than %d need at once, of %d",
		on.more()/(1<<20), tolerated, stormers)
	one := on.one.Quantile(0.5)
	s.Claimf(on.slower(0.95) < one,
		"95 of 100 other pages take at most %v longer than before: less than one log-in, which takes %v",
		on.slower(0.95).Round(time.Millisecond), one.Round(time.Millisecond))
	failed := len(on.before.Failed()) + len(on.storm.Failed())
	s.Claimf(failed == 0, "%d of %d other pages fail (none)", failed, len(on.before)+len(on.storm))
	s.Claimf(s.Bare() || off.slower(0.5) > on.slower(0.95) && off.more() > stormers/8*hashBytes,
		"without bounds half of them take at least %v longer, and the storm takes %.0f MiB: more than %d log-ins need",
		off.slower(0.5).Round(time.Millisecond), off.more()/(1<<20), stormers/8)
	return nil
}

// rush is what became of pages while many logged in.
type rush struct {
	before, storm demo.Calls
	one, tried    demo.Calls // log-ins, one after the other and in the storm
	calm, most    float64    // bytes of memory meanwhile, at most
}

// slower is by how much longer than before so many pages take at most.
func (r rush) slower(q float64) time.Duration {
	return max(0, r.storm.Quantile(q)-r.before.Quantile(q))
}

// more is how many bytes of memory more than one log-in after the other the storm takes. The runtime gives memory
// back while nobody logs in, so that a calm process is no measure.
func (r rush) more() float64 { return max(0, r.most-r.calm) }

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
	s.Sayf("one more tries to log in, again and again")
	end := logIns(ctx, accounts, 1)
	r.calm, err = mostOf(ctx, s.Part/2, memory)
	r.one = end()
	if err != nil {
		return r, err
	}
	storms := load.Now()
	s.Sayf("now %d do", stormers)
	end = logIns(ctx, accounts, stormers)
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

// logIns lets people try to log in, each again and again, until end, which tells what became of that.
func logIns(ctx context.Context, accounts accountsv1.AccountsClient, people int) (end func() demo.Calls) {
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	var mu sync.Mutex // guards calls
	var calls demo.Calls
	for range people {
		all.Go(func() {
			for ctx.Err() == nil {
				began := time.Now()
				_, err := accounts.LogIn(ctx, &accountsv1.LogInRequest{Name: "nobody", Password: "a wrong password"})
				mu.Lock()
				calls = append(calls, demo.Call{Took: time.Since(began), Err: err})
				mu.Unlock()
			}
		})
	}
	return func() demo.Calls {
		cancel()
		all.Wait()
		return calls
	}
}
