package lessons

import (
	"context"
	"fmt"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/demo"
	followsv1 "github.com/kerf-go/kerf/examples/chirp/follows/v1"
	"github.com/kerf-go/kerf/policy"
)

// fallback lets follows fail, without whose numbers a profile could do.
func fallback(ctx context.Context, s *demo.Stage) error {
	var down atomic.Bool
	system, err := s.Inside(ctx, s.Plan(), before(s.App(), "chirp.follows", func(context.Context) error {
		if down.Load() {
			return status.Error(codes.Unavailable, "follows is down")
		}
		return nil
	}))
	if err != nil {
		return err
	}
	conn, err := system.Conn("web", "follows")
	if err != nil {
		return err
	}
	follows := followsv1.NewFollowsClient(conn)
	if _, err := follows.Follow(ctx, &followsv1.FollowRequest{FollowerId: 2, FolloweeId: 1}); err != nil {
		return err
	}
	var all []answers
	for _, phase := range []struct {
		says string
		down bool
	}{{"follows counts who follows whom", false}, {"follows is down", true}, {"follows is back", false}} {
		s.Sayf("%s", phase.says)
		down.Store(phase.down)
		a, err := countFollowers(ctx, s, follows)
		if err != nil {
			return err
		}
		all = append(all, a)
	}
	s.Columns("before", "down", "back")
	s.Figure("calls", "", each(all, func(a answers) float64 { return float64(len(a.calls)) })...)
	s.Figure("answered", "%", each(all, func(a answers) float64 { return a.calls.Answered() })...)
	s.Figure("marked as degraded", "", each(all, func(a answers) float64 { return float64(a.degraded) })...)

	without := all[1]
	s.Claimf(without.calls.Answered() == 100, "%.4g %% of the calls are answered while follows is down, with the last "+
		"number that is known (all)", without.calls.Answered())
	s.Claimf(int(without.degraded) == len(without.calls), "%d of these %d answers say that they are a makeshift (all)",
		without.degraded, len(without.calls))
	others := all[0].degraded + all[2].degraded
	s.Claimf(others == 0 && all[0].calls.Answered() == 100 && all[2].calls.Answered() == 100,
		"before and after it all are answered, and %d say so (none)", others)
	return nil
}

// answers are what became of calls, and how many of them had a fallback's answer.
type answers struct {
	calls    demo.Calls
	degraded int64
}

func countFollowers(ctx context.Context, s *demo.Stage, follows followsv1.FollowsClient) (answers, error) {
	const rate = 50
	var degraded atomic.Int64
	calls, err := demo.During(ctx, s.Part/2, rate, func(ctx context.Context) error {
		var header metadata.MD
		request := &followsv1.CountFollowsRequest{AccountIds: []int64{1}}
		answer, err := follows.CountFollows(ctx, request, grpc.Header(&header))
		if err != nil {
			return err
		}
		if len(header[policy.DegradedKey]) > 0 {
			degraded.Add(1)
		}
		if n := answer.GetCounts()[0].GetFollowers(); n != 1 {
			return fmt.Errorf("it has 1 follower, and not %d", n)
		}
		return nil
	})
	return answers{calls, degraded.Load()}, err
}
