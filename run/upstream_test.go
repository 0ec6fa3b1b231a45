package run_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kerf-go/kerf"
	"github.com/kerf-go/kerf/policy"
	"github.com/kerf-go/kerf/run"
)

func TestWhatIsBetweenAServiceAndAnUpstreamIsReported(t *testing.T) {
	t.Parallel()
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	defer upstream.Close()
	app := pair(nil, nil)
	app.Services[0].Upstreams = []string{"payments"}
	build := app.Services[0].New
	app.Services[0].New = func(ctx context.Context, h *kerf.Host) error {
		base := &http.Transport{}
		h.OnStop(func(context.Context) error {
			base.CloseIdleConnections()
			return nil
		})
		s := policy.Defaults()
		s.Retry = &policy.Retry{Backoff: time.Millisecond}
		s.Breaker = &policy.Breaker{Calls: 2, Open: time.Hour}
		for _, path := range []string{"/one", "/other"} { // of one name, so of one breaker
			client := &http.Client{Transport: h.Upstream("payments", base, s)}
			h.Handle(path, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				q, err := http.NewRequestWithContext(r.Context(), http.MethodGet, upstream.URL, http.NoBody)
				if err != nil {
					t.Error(err)
					return
				}
				response, err := client.Do(q)
				if err != nil {
					http.Error(w, err.Error(), http.StatusTeapot)
					return
				}
				_ = response.Body.Close()
				w.WriteHeader(response.StatusCode)
			}))
		}
		return build(ctx, h)
	}
	p := startAll(t, app, strings.Replace(together, "link: http", "link: http, web: 127.0.0.1:0", 1), "front")
	for i, path := range []string{"/one", "/other", "/one"} {
		want := http.StatusServiceUnavailable
		if i == 2 {
			want = http.StatusTeapot // the breaker is open
		}
		if got := getCode(t, p.Web()+path); got != want {
			t.Errorf("request %d got %d, want %d", i, got, want)
		}
	}
	host := strings.TrimPrefix(upstream.URL, "http://")
	_, policies := fetch(t, p.Admin()+"/policies")
	for _, want := range []string{
		`{"caller":"front","callee":"payments","policy":"breaker","scope":"` + host + `","state":"open"`,
		`{"caller":"front","callee":"payments","policy":"retry","budget":96,"events":{"again":4}}`,
	} {
		if !strings.Contains(policies, want) {
			t.Errorf("no %s in %s", want, policies)
		}
	}
	_, metrics := fetch(t, p.Admin()+"/metrics")
	for _, want := range []string{
		`kerf_policy_events_total{callee="payments",caller="front",event="again",policy="retry"} 4`,
		`kerf_policy_events_total{callee="payments",caller="front",event="refused",policy="breaker"} 1`,
		`kerf_breaker_open{callee="payments",caller="front",scope="` + host + `"} 1`,
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("no %s in\n%s", want, metrics)
		}
	}
}

func TestAnUpstreamHasANameOfItsOwn(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"": "none of its Calls", "back": "none of its Calls", "payment": "its Upstreams does not list",
	} {
		app := pair(nil, nil)
		app.Services[0].Upstreams = []string{"payments"}
		build := app.Services[0].New
		app.Services[0].New = func(ctx context.Context, h *kerf.Host) error {
			h.Upstream(name, nil, policy.Defaults())
			return build(ctx, h)
		}
		s := newSystem(t, app, together)
		_, err := run.Start(t.Context(), s.options("all"))
		wantError(t, err, "service front: names an upstream", want)
	}
}

func TestThePlanSaysWhichPoliciesAnUpstreamHas(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	defer upstream.Close()
	app := pair(nil, nil)
	app.Services[0].Upstreams = []string{"payments"}
	build := app.Services[0].New
	var transport http.RoundTripper
	app.Services[0].New = func(ctx context.Context, h *kerf.Host) error {
		transport = h.Upstream("payments", upstream.Client().Transport, policy.Defaults())
		return build(ctx, h)
	}
	startAll(t, app, together+"\nupstreams: {payments: {retry: off}}\n", "front")
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, upstream.URL, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if n := asked.Load(); n != 1 {
		t.Errorf("%d attempts, though the plan says that nothing is repeated", n)
	}
}
