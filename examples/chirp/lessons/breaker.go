package lessons

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/kerf-go/kerf/demo"
	accountsv1 "github.com/kerf-go/kerf/examples/chirp/accounts/v1"
	"github.com/kerf-go/kerf/link"
)

// What the plan of breaker says.
const (
	breakerDeadline = 500 * time.Millisecond
	breakerOpens    = 1500 * time.Millisecond // its window, and what the first ones wait
	breakerBack     = 2 * time.Second         // twice as long as it is open
)

// breaker lets accounts hang, as a process does that is stopped or swaps.
func breaker(ctx context.Context, s *demo.Stage) error {
	var hangs atomic.Bool
	var arrived atomic.Int64
	system, err := s.Inside(ctx, s.Plan(), before(s.App(), "chirp.accounts", func(ctx context.Context) error {
		arrived.Add(1)
		if hangs.Load() {
			<-ctx.Done()
		}
		return ctx.Err()
	}))
	if err != nil {
		return err
	}
	conn, err := system.Conn("web", "accounts")
	if err != nil {
		return err
	}
	accounts := accountsv1.NewAccountsClient(conn)
	const rate = 50
	s.Sayf("web calls accounts %d times a second", rate)
	load := demo.Begin(ctx, rate, func(ctx context.Context) error {
		_, err := accounts.BatchGetProfiles(ctx, &accountsv1.BatchGetProfilesRequest{Ids: []int64{1}})
		return err
	})
	defer load.End()
	if err := demo.Wait(ctx, s.Part/2); err != nil {
		return err
	}
	hangs.Store(true)
	broke := load.Now()
	s.Sayf("accounts hangs from now on")
	if err := demo.Wait(ctx, breakerOpens); err != nil {
		return err
	}
	settled, before := load.Now(), arrived.Load()
	s.Sayf("by now callers should know")
	if err := demo.Wait(ctx, s.Part/2); err != nil {
		return err
	}
	hangs.Store(false)
	healed, probes := load.Now(), arrived.Load()-before
	s.Sayf("accounts works again")
	if err := demo.Wait(ctx, breakerBack+s.Part/4); err != nil {
		return err
	}
	return breakerClaims(s, load.End(), broke, settled, healed, probes)
}

func breakerClaims(s *demo.Stage, calls demo.Calls, broke, settled, healed time.Duration, probes int64) error {
	healthy, hanging := calls.Between(0, broke), calls.Between(settled, healed)
	end := calls[len(calls)-1].At
	back := healed + breakerBack
	all := []demo.Calls{healthy, calls.Between(broke, settled), hanging, calls.Between(back, end)}
	s.Columns("healthy", "hangs", "goes on", "recovered")
	s.Figure("calls", "", each(all, func(c demo.Calls) float64 { return float64(len(c)) })...)
	s.Figure("answered", "%", each(all, demo.Calls.Answered)...)
	s.Figure("median", "ms", each(all, func(c demo.Calls) float64 { return ms(c.Quantile(0.5)) })...)
	s.Figure("slowest", "ms", each(all, func(c demo.Calls) float64 { return ms(c.Quantile(1)) })...)

	refused := slices.DeleteFunc(slices.Clone(hanging), func(c demo.Call) bool {
		return link.Ran(c.Err) != link.NeverSent
	})
	s.Claimf(len(refused) > 0 && refused.Quantile(0.5) < time.Millisecond,
		"while accounts hangs, %d of %d calls are refused, half of them within %s (less than 1ms, and not after %v)",
		len(refused), len(hanging), half(refused), breakerDeadline)
	share := 100 * float64(probes) / float64(len(hanging))
	s.Claimf(probes > 0 && share < 20, "%d of %d calls were let through to try: some, but at most 20 %%",
		probes, len(hanging))
	recovered := all[3].Answered()
	s.Claimf(recovered == 100, "%.3g %% of the calls are answered from %v after the end of it on",
		recovered, breakerBack)
	return nil
}
