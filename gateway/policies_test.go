package gateway_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/kerf-go/kerf/internal/porttest"
)

// refusing answers 503, and tells how often it was asked.
func refusing(t *testing.T) (up *httptest.Server, asked *atomic.Int64) {
	t.Helper()
	asked = new(atomic.Int64)
	up = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	t.Cleanup(up.Close)
	return up, asked
}

func TestAnUpstreamHasPoliciesOfItsOwnAndAReloadChangesThem(t *testing.T) {
	t.Parallel()
	up, asked := refusing(t)
	upstreams := map[string]*httptest.Server{"one": up}
	const config = "upstreams: {one: {urls: ['{one}'], policies: %s}}\nroutes: [{proxy: one}]"
	with := func(policies string) string { return strings.Replace(config, "%s", policies, 1) }
	b := setup(t, with("{retry: off, breaker: off}"), upstreams)
	for _, step := range []struct {
		policies string
		requests int64
		most     int64 // that the upstream is asked
	}{
		{"{retry: off, breaker: off}", 30, 30},
		{"{retry: {attempts: 2, backoff: 1ms}, breaker: off}", 5, 10},
		{"{retry: off, breaker: {calls: 4, open: 1m}}", 30, 4},
		{"{}", 1, 3}, // as by default
	} {
		b.change(t, with(step.policies), upstreams)
		asked.Store(0)
		for range step.requests {
			if got := b.do(t, "GET /"); got.StatusCode != http.StatusServiceUnavailable {
				t.Error(got.Status, got.body)
			}
		}
		if n := asked.Load(); n != step.most {
			t.Errorf("%s: %d requests became %d, not %d", step.policies, step.requests, n, step.most)
		}
	}
}

func TestABulkheadOfAnUpstreamIsAsLargeAsItSays(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	arrived, released := make(chan struct{}), make(chan struct{})
	up := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		if asked.Add(1) == 1 {
			close(arrived)
			<-released
		}
	}))
	t.Cleanup(up.Close)
	b := setup(t, "upstreams: {one: {urls: ['{one}'], policies: {bulkhead: {calls: 1, queue: off}}}}\n"+
		"routes: [{proxy: one}]", map[string]*httptest.Server{"one": up})
	first := make(chan int, 1)
	go func() { first <- b.do(t, "GET /").StatusCode }()
	<-arrived
	if got := b.do(t, "GET /"); got.StatusCode != http.StatusServiceUnavailable {
		t.Error(got.Status, got.body)
	}
	close(released)
	if code := <-first; code != http.StatusOK {
		t.Error(code)
	}
}

func TestABalanceOfAnUpstreamIsAsItSays(t *testing.T) {
	t.Parallel()
	up := echo(t, "one")
	for balance, some := range map[string]bool{"off": true, "{failures: 1, ejection: 1h}": false} {
		b := setup(t, "upstreams: {one: {urls: ['{one}', 'http://"+porttest.Free(t)+"'], "+
			"policies: {retry: off, breaker: off, balance: "+balance+"}}}\nroutes: [{proxy: one}]",
			map[string]*httptest.Server{"one": up})
		failed := 0
		for range 40 {
			if b.do(t, "GET /").StatusCode != http.StatusOK {
				failed++
			}
		}
		if (failed > 1) != some {
			t.Errorf("balance: %s: %d of 40 requests failed", balance, failed)
		}
	}
}

func TestPoliciesThatAnUpstreamCannotHaveAreTold(t *testing.T) {
	t.Parallel()
	for upstream, want := range map[string]string{
		"policies: {bulkhead: {calls: none}}":                            ":1:78: calls of bulkhead of upstreams.one",
		"policies: {hedge: on}":                                          ":1:67: hedge of upstreams.one",
		"policies: {balance: {silence: 1s}}":                             ":1:60: balance has a silence, and without",
		"health: {path: /}, policies: {balance: off}":                    ":1:88: with balance: off all",
		"timeout: 2s, policies: {retry: {timeout: 2s}}":                  ":1:73: no attempt takes 2s, since",
		"policies: {retry: {timeout: 31s}}":                              "since the upstream's timeout is 30s",
		"policies: {breaker: {calls: 3, widow: 1s}}":                     "did you mean window?",
		"health: {path: /}, policies: {balance: {health: 1s, most: 0%}}": "a share above zero",
	} {
		err := wrong(t, "upstreams: {one: {urls: ['http://127.0.0.1:9'], "+upstream+"}}\nroutes: [{proxy: one}]")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v\nand not %s", upstream, err, want)
		}
	}
}
