package policy_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kerf-go/kerf/policy"
)

func TestByDefaultFourPoliciesAreOn(t *testing.T) {
	t.Parallel()
	d := policy.Defaults()
	if d.Bulkhead == nil || d.Breaker == nil || d.Retry == nil || d.Admission == nil {
		t.Errorf("%+v", d)
	}
	if d.Hedge != nil || d.Fallback != nil || d.Rate != nil || d.Idempotent {
		t.Errorf("%+v", d)
	}
}

func TestPoliciesTellTheirDefaultsInWords(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		policy fmt.Stringer
		want   string
	}{
		{policy.Bulkhead{}, "256 calls, 256 wait at most 100ms"},
		{policy.Bulkhead{Calls: 5, Queue: -1}, "5 calls, none waits"},
		{policy.Bulkhead{Calls: 1, Queue: 1}, "1 call, 1 waits at most 100ms"},
		{policy.Breaker{}, "50% of 20 calls in 10s, open 5s, 3 probes"},
		{policy.Breaker{Window: -1}, "50% of the last 20 calls, open 5s, 3 probes"},
		{policy.Breaker{Calls: 1, Probes: 1}, "50% of 1 call in 10s, open 5s, 1 probe"},
		{policy.Retry{}, "3 attempts, pauses 25ms to 1s, budget 10%"},
		{policy.Retry{Attempts: 1}, "1 attempt, pauses 25ms to 1s, budget 10%"},
		{policy.Retry{Timeout: time.Second}, "3 attempts of 1s, pauses 25ms to 1s, budget 10%"},
		{policy.Hedge{}, "after the 95th percentile"},
		{policy.Hedge{After: time.Second}, "after 1s"},
		{policy.Fallback{Last: true}, "the last answer"},
		{policy.Fallback{Method: "/a.B/C"}, "a.B/C"},
		{policy.Fallback{Answer: []byte(`{}`)}, "{}"},
		{policy.Idle{Limit: time.Minute}, "1m0s without a message"},
		{policy.Admission{}, "adaptive, 32 to 2000 calls"},
		{policy.Admission{Most: 3}, "adaptive, 3 to 3 calls"},
		{policy.Rate{Calls: 2.5}, "2.5 calls/s of each caller, bursts of 3"},
	} {
		if got := test.policy.String(); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}

func TestStatesAreInOrder(t *testing.T) {
	t.Parallel()
	w := newWay(policy.Defaults(), nil)
	s := policy.Defaults()
	s.Breaker.Scope, s.Bulkhead.Scope = "a", "a"
	_ = w.out.Method(s)
	want := []policy.State{
		{Policy: "breaker", State: "closed"},
		{Policy: "breaker", Scope: "a", State: "closed"},
		{Policy: "bulkhead", Limit: 256},
		{Policy: "bulkhead", Scope: "a", Limit: 256},
		{Policy: "retry", Budget: 100},
	}
	if got := w.out.States(); !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestAWayWithAllPoliciesAnswersAsOneWithout(t *testing.T) {
	t.Parallel()
	s := policy.Defaults()
	s.Hedge, s.Fallback, s.Idempotent = &policy.Hedge{}, &policy.Fallback{Last: true}, true
	for name, s := range map[string]policy.Settings{"none": {}, "defaults": policy.Defaults(), "all": s} {
		synctest.Test(t, func(t *testing.T) {
			w := newWay(s, nil)
			for range 50 {
				if got, err := w.get(t.Context(), "x"); got != "x" || err != nil {
					t.Errorf("%s: %q, %v", name, got, err)
				}
			}
			wantEvents(t, w)
		})
	}
}
