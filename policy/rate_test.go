package policy_test

import (
	"context"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	"github.com/kerf-go/kerf/policy"
)

func limited(r policy.Rate) *policy.Gate {
	return policy.NewInbound(nil).Method(policy.Settings{Rate: &r})
}

// let counts the calls that a gate lets in at once, up to 1,000.
func let(ctx context.Context, g *policy.Gate, caller string) int {
	n := 0
	for n < 1000 && g.Enter(ctx, caller, method, false, time.Now()) == nil {
		n++
	}
	return n
}

func TestEachCallerHasARateOfItsOwn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := limited(policy.Rate{Calls: 10})
		for _, caller := range []string{"web", "app"} {
			if n := let(t.Context(), g, caller); n != 10 {
				t.Errorf("%s: %d at once, want the ten of a second", caller, n)
			}
		}
		time.Sleep(500 * time.Millisecond)
		if n := let(t.Context(), g, "web"); n != 5 {
			t.Errorf("%d after half a second, want 5", n)
		}
		time.Sleep(time.Hour)
		if n := let(t.Context(), g, "web"); n != 10 {
			t.Errorf("%d after an hour, want 10", n)
		}
	})
}

func TestABurstIsAsLargeAsTold(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		rate policy.Rate
		want int
	}{
		"a second's calls":        {policy.Rate{Calls: 10}, 10},
		"rounded up":              {policy.Rate{Calls: 2.5}, 3},
		"one at least":            {policy.Rate{Calls: 0.1}, 1},
		"another":                 {policy.Rate{Calls: 10, Burst: 25}, 25},
		"without a rate, no end":  {policy.Rate{}, 1000},
		"without one, burst idle": {policy.Rate{Burst: 5}, 1000},
	} {
		synctest.Test(t, func(t *testing.T) {
			if n := let(t.Context(), limited(test.rate), "web"); n != test.want {
				t.Errorf("%s: %d, want %d", name, n, test.want)
			}
		})
	}
}

func TestWhoCallsTooOftenIsToldWhenToComeAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := limited(policy.Rate{Calls: 4, Burst: 1})
		_ = let(t.Context(), g, "web")
		time.Sleep(50 * time.Millisecond)
		a := new(answering)
		err := g.Enter(grpc.NewContextWithServerTransportStream(t.Context(), a), "web", method, false, time.Now())
		wantCode(t, err, codes.ResourceExhausted)
		if got := a.comeAgain(t); got != 200*time.Millisecond {
			t.Errorf("come again in %v, want 200ms", got)
		}
		time.Sleep(200 * time.Millisecond)
		if n := let(t.Context(), g, "web"); n != 1 {
			t.Errorf("%d of those who came when told", n)
		}
	})
}

func TestStreamsCountAgainstARate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := limited(policy.Rate{Calls: 1})
		_ = g.Enter(t.Context(), "web", method, true, time.Now())
		wantCode(t, g.Enter(t.Context(), "web", method, true, time.Now()), codes.ResourceExhausted)
	})
}

func TestCallersWithoutEndShareOneRate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := limited(policy.Rate{Calls: 1})
		in := 0
		for n := range 2000 {
			in += let(t.Context(), g, strconv.Itoa(n))
		}
		if in != 1001 {
			t.Errorf("%d were let in, want those of a thousand callers, and one of all others", in)
		}
	})
}
