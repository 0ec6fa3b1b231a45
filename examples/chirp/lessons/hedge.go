package lessons

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/peer"

	"github.com/kerf-go/kerf/demo"
	accountsv1 "github.com/kerf-go/kerf/examples/chirp/accounts/v1"
)

const (
	hedgeRate  = 200                    // calls a second
	hedgePause = 200 * time.Millisecond // of one replica,
	hedgeEvery = 20                     // in one of so many of its calls
)

// hedge lets one of two replicas pause now and then, as for a collection of garbage.
func hedge(ctx context.Context, s *demo.Stage) error {
	all, err := twice(s, func(plan string) (hedging, error) { return hedged(ctx, s, plan) })
	if err != nil {
		return err
	}
	off, on := all[0], all[len(all)-1]
	s.Figure("calls", "", each(all, func(h hedging) float64 { return float64(len(h.calls)) })...)
	s.Figure("made twice", "%", each(all, hedging.again)...)
	s.Figure("median", "ms", each(all, func(h hedging) float64 { return ms(h.calls.Quantile(0.5)) })...)
	s.Figure("99th percentile", "ms", each(all, func(h hedging) float64 { return ms(h.calls.Quantile(0.99)) })...)

	slow, quick := off.calls.Quantile(0.99), on.calls.Quantile(0.99)
	s.Claimf(slow >= hedgePause, "without hedges 99 of 100 calls take up to %v: a pause (%v at least)",
		slow.Round(time.Millisecond), hedgePause)
	s.Claimf(quick > 0 && quick < hedgePause/2, "with them up to %v (less than half a pause)",
		quick.Round(time.Millisecond))
	s.Claimf(on.again() <= 10, "%.3g %% of the calls are made twice for that (at most 10 %%)", on.again())
	s.Claimf(len(on.calls.Failed()) == 0, "%d of %d calls fail (none)", len(on.calls.Failed()), len(on.calls))
	return nil
}

// hedging is what became of calls, and how many have arrived.
type hedging struct {
	calls   demo.Calls
	arrived int64
}

func (h hedging) again() float64 {
	return 100 * (float64(h.arrived)/float64(max(1, len(h.calls))) - 1)
}

func hedged(ctx context.Context, s *demo.Stage, plan string) (hedging, error) {
	var slow pauses
	system, err := s.Inside(ctx, plan, before(s.App(), "chirp.accounts", slow.take))
	if err != nil {
		return hedging{}, err
	}
	conn, err := system.Conn("web", "accounts")
	if err != nil {
		return hedging{}, err
	}
	accounts := accountsv1.NewAccountsClient(conn)
	call := func(ctx context.Context) error {
		_, err := accounts.BatchGetProfiles(ctx, &accountsv1.BatchGetProfilesRequest{Ids: []int64{1}})
		return err
	}
	s.Sayf("web calls accounts %d times a second; one of its two replicas pauses now and then", hedgeRate)
	if _, err := demo.During(ctx, s.Part/4, hedgeRate, call); err != nil { // until it is known how long calls take
		return hedging{}, err
	}
	before := slow.all.Load()
	calls, err := demo.During(ctx, s.Part, hedgeRate, call)
	if err != nil {
		return hedging{}, err
	}
	return hedging{calls, slow.all.Load() - before}, system.Stop()
}

// pauses are those of the replica that is called first.
type pauses struct {
	all, slow atomic.Int64 // calls that have arrived

	once sync.Once
	at   string // the address of the slow one
}

func (p *pauses) take(ctx context.Context) error {
	p.all.Add(1)
	called, _ := peer.FromContext(ctx)
	at := called.LocalAddr.String()
	p.once.Do(func() { p.at = at })
	if at != p.at || p.slow.Add(1)%hedgeEvery != 0 {
		return nil
	}
	return demo.Wait(ctx, hedgePause)
}
