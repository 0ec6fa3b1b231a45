package policy_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/policy"
)

func TestACallWasNeverSentOnlyIfNoAttemptWas(t *testing.T) {
	t.Parallel()
	retried := policy.Settings{Idempotent: true, Retry: &policy.Retry{Attempts: 2}}
	hedged := policy.Settings{Idempotent: true, Hedge: &policy.Hedge{After: time.Second}}
	const never, maybe, answered = link.NeverSent, link.MayHaveRun, link.Answered
	for name, c := range map[string]struct {
		settings policy.Settings
		ran      [2]link.Outcome // of the attempts
		want     link.Outcome
	}{
		"retries: none was":                     {retried, [2]link.Outcome{never, never}, never},
		"retries: the first may have run":       {retried, [2]link.Outcome{maybe, never}, maybe},
		"retries: the first was answered":       {retried, [2]link.Outcome{answered, never}, maybe},
		"retries: the last may have run":        {retried, [2]link.Outcome{never, maybe}, maybe},
		"retries: the last was answered":        {retried, [2]link.Outcome{maybe, answered}, answered},
		"hedges: none was":                      {hedged, [2]link.Outcome{never, never}, never},
		"hedges: only the second may have run":  {hedged, [2]link.Outcome{never, maybe}, maybe},
		"hedges: only the first may have run":   {hedged, [2]link.Outcome{maybe, never}, maybe},
		"hedges: the first that ended answered": {hedged, [2]link.Outcome{answered, never}, answered},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var made atomic.Int64
				invoke := func(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error {
					n := made.Add(1)
					if c.settings.Hedge != nil {
						time.Sleep(2 * time.Second) // fake: the second begins before the first ends
					}
					return link.Mark(status.New(codes.Unavailable, "gone"), c.ran[n-1])
				}
				call := policy.NewOutbound(nil).Method(c.settings)
				err := call(t.Context(), "/x/Y", &emptypb.Empty{}, &emptypb.Empty{}, nil, invoke)
				if made.Load() != 2 || status.Code(err) != codes.Unavailable || link.Ran(err) != c.want {
					t.Errorf("after %d attempts: %v, which %v, not %v", made.Load(), err, link.Ran(err), c.want)
				}
			})
		})
	}
}
