package policy_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/kerf-go/kerf/policy"
)

// hosts are HTTP servers of which some fail.
type hosts struct{ failing string }

func (h hosts) RoundTrip(r *http.Request) (*http.Response, error) {
	code := http.StatusOK
	if strings.Contains(r.URL.Host, h.failing) {
		code = http.StatusInternalServerError
	}
	return &http.Response{StatusCode: code, Body: http.NoBody, Request: r}, nil
}

// replicas are hosts that are one upstream.
type replicas struct{ hosts }

func (r replicas) RoundTripWith(q *http.Request, _ ...grpc.CallOption) (*http.Response, error) {
	return r.RoundTrip(q)
}

// ask gives the status of an answer; 0: the request was refused.
func ask(t *testing.T, rt http.RoundTripper, host string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+host, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := rt.RoundTrip(r)
	if err != nil {
		return 0
	}
	_ = response.Body.Close()
	return response.StatusCode
}

func untilFive() policy.Settings {
	return policy.Settings{Breaker: &policy.Breaker{Calls: 5, Open: time.Hour}, Bulkhead: &policy.Bulkhead{}}
}

func TestEachHostHasABreakerAndABulkheadOfItsOwn(t *testing.T) {
	t.Parallel()
	out := policy.NewOutbound(nil)
	rt := policy.RoundTripper(hosts{"bad"}, out, untilFive())
	for range 5 {
		ask(t, rt, "bad.example")
	}
	for host, want := range map[string]int{
		"bad.example": 0, "BAD.example": 0, "bad.example:81": 500, "good.example": 200,
	} {
		if got := ask(t, rt, host); got != want {
			t.Errorf("%s: got %d, want %d", host, got, want)
		}
	}
	states := out.States()
	scopes := make([]string, 0, len(states))
	for _, s := range states {
		scopes = append(scopes, s.Policy+" "+s.Scope+" "+s.State)
	}
	want := []string{
		"breaker bad.example open", "breaker bad.example:81 closed", "breaker good.example closed",
		"bulkhead bad.example ", "bulkhead bad.example:81 ", "bulkhead good.example ",
	}
	if !slices.Equal(scopes, want) {
		t.Errorf("got %q, want %q", scopes, want)
	}
}

func TestManyHostsTakeNoMoreMemoryThanAHundred(t *testing.T) {
	t.Parallel()
	out := policy.NewOutbound(nil)
	for range 2 { // transports of one upstream
		rt := policy.RoundTripper(hosts{"bad"}, out, untilFive())
		for n := range 300 {
			ask(t, rt, fmt.Sprintf("host-%d.example", n))
		}
	}
	rt := policy.RoundTripper(hosts{"bad"}, out, untilFive())
	if n := len(out.States()); n != 2*101 {
		t.Errorf("%d states", n)
	}
	for n := range 500 {
		ask(t, rt, fmt.Sprintf("bad-%d.example", n))
	}
	if got := ask(t, rt, "good.example"); got != 0 {
		t.Errorf("got %d from one more host, which shares the breaker of all beyond a hundred", got)
	}
	if got := ask(t, rt, "host-1.example"); got != 200 {
		t.Errorf("got %d from one of the hundred", got)
	}
}

func TestServersOfWhichOneIsPickedAreOneUpstream(t *testing.T) {
	t.Parallel()
	rt := policy.RoundTripper(replicas{hosts{"bad"}}, policy.NewOutbound(nil), untilFive())
	for n := range 5 {
		ask(t, rt, fmt.Sprintf("bad-%d.example", n))
	}
	if got := ask(t, rt, "other.example"); got != 0 {
		t.Errorf("got %d, want a refusal", got)
	}
}
