package gateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kerf-go/kerf"
	"github.com/kerf-go/kerf/gateway"
	"github.com/kerf-go/kerf/internal/porttest"
	"github.com/kerf-go/kerf/kit"
	"github.com/kerf-go/kerf/plan"
	"github.com/kerf-go/kerf/policy"
)

// failing answers 503 until it is well.
func failing(t *testing.T, well *atomic.Bool) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if !well.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

// report is what "status --json" tells, as far as it is looked at.
type report struct {
	Processes []struct {
		Web, Admin string
		Policies   []struct {
			Caller, Callee, Policy, Scope, State string
			Events                               map[string]int
		}
	}
}

// inPlan runs a gateway as the only process of a plan until the test ends, and gives what asks for
// its status.
func inPlan(t *testing.T, config string) func() report {
	t.Helper()
	folder := t.TempDir()
	for name, text := range map[string]string{
		"plan.yaml": "version: 1\napp: shop\nprocesses: {edge: {services: [edge], web: 127.0.0.1:0}}\n" +
			"config: {edge: {file: gateway.yaml}}\n",
		"gateway.yaml": "log: off\n" + config,
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	app := kerf.App{Name: "shop", Services: []kerf.Service{gateway.Service("edge")}}
	given := []string{"--plan", filepath.Join(folder, "plan.yaml"), "--data", filepath.Join(folder, "data")}
	ctx, stop := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- kit.Run(ctx, app, append([]string{"run"}, given...), io.Discard, t.Output()) }()
	t.Cleanup(func() {
		stop()
		if err := <-ran; err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("run: %v", err)
		}
	})
	ask := func() (s report, err error) {
		var out bytes.Buffer
		args := append([]string{"status", "--json"}, given...)
		if err := kit.Run(t.Context(), app, args, &out, io.Discard); err != nil {
			return s, err
		}
		return s, json.Unmarshal(out.Bytes(), &s) //nolint:musttag // names are matched as they are
	}
	for {
		s, err := ask()
		if err == nil && s.Processes[0].Web != "" {
			break
		}
		select {
		case err := <-ran:
			ran <- err
			t.Fatalf("the plan does not run: %v", err)
		case <-t.Context().Done():
			t.Fatal(err)
		case <-time.After(20 * time.Millisecond): //nolint:forbidigo // a bounded poll
		}
	}
	return func() report {
		s, err := ask()
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
}

func TestInAPlanUpstreamsAreReportedAsServicesAre(t *testing.T) {
	t.Parallel()
	ask := inPlan(t, fmt.Sprintf(`
upstreams:
  shop: {urls: ["%s"]}
  two: {urls: ["%s", "%s"]}
routes:
  - {name: shop, match: {path: /shop}, cache: {}, proxy: shop}
  - {match: {path: /two}, proxy: two}
`, failing(t, new(atomic.Bool)).URL, "http://"+porttest.Free(t), echo(t, "second").URL))
	at := ask().Processes[0]
	edge := &bundle{url: at.Web}
	for range 30 {
		edge.do(t, "GET /shop")
		edge.do(t, "GET /two")
	}
	found := make(map[string]string)
	events := make(map[string]int)
	for _, p := range ask().Processes[0].Policies {
		if p.Caller != "edge" {
			t.Errorf("the caller is %q", p.Caller)
		}
		key := p.Callee + " " + p.Policy
		found[key] = strings.TrimSpace(found[key] + " " + p.State)
		for name, n := range p.Events {
			events[key+" "+name] += n
		}
	}
	for key, want := range map[string]string{"shop breaker": "open", "two breaker": "closed", "shop balance": "ok"} {
		if found[key] != want {
			t.Errorf("%s is %q, not %q", key, found[key], want)
		}
	}
	for _, key := range []string{
		"shop breaker open", "shop breaker refused", "shop retry again", "two retry again", "two balance passed over",
	} {
		if events[key] == 0 {
			t.Errorf("no event %s in %v", key, events)
		}
	}
	metrics := (&bundle{url: at.Admin}).do(t, "GET /metrics").body
	for _, want := range []string{
		`kerf_breaker_open{callee="shop",caller="edge",scope=""} 1`,
		`kerf_breaker_open{callee="two",caller="edge",scope=""} 0`,
		`kerf_policy_events_total{callee="shop",caller="edge",event="open",policy="breaker"} 1`,
		`kerf_replica_out{callee="two",caller="edge",url="`,
		`kerf_web_requests_total{method="GET",pattern="shop",status="5xx"} 30`,
		`kerf_gateway_cache_misses_total{service="edge"} 30`,
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("no %s in\n%s", want, metrics)
		}
	}
}

// A changed upstream begins anew, and is what is told of from then on.
func TestReportsAreOfTheConfigurationInUse(t *testing.T) {
	t.Parallel()
	var well atomic.Bool
	config := "upstreams: {shop: {urls: [%q], timeout: %s}}\nroutes: [{proxy: shop}]\n"
	at := failing(t, &well).URL
	reported := make(map[string]func() []policy.State)
	var opened atomic.Int64
	o := gateway.Options{Report: func(upstream string, states func() []policy.State) policy.Observer {
		if reported[upstream] != nil {
			t.Errorf("%s is reported twice", upstream)
		}
		reported[upstream] = states
		return func(_ context.Context, e policy.Event) {
			if e.Policy == "breaker" && e.What == "open" {
				opened.Add(1)
			}
		}
	}}
	read := func(timeout string) *plan.Document {
		d, err := plan.ReadDocument("g.yaml", fmt.Appendf(nil, "log: off\n"+config, at, timeout))
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	g, err := gateway.New(read("1s"), o)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	get := func() int {
		w := httptest.NewRecorder()
		g.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
		return w.Code
	}
	breaker := func() string {
		for _, s := range reported["shop"]() {
			if s.Policy == "breaker" {
				return s.State
			}
		}
		return "none"
	}
	if breaker() != "closed" {
		t.Errorf("at first the breaker is %s", breaker())
	}
	for range 30 {
		get()
	}
	if breaker() != "open" || opened.Load() != 1 {
		t.Errorf("the breaker is %s, and has opened %d times", breaker(), opened.Load())
	}
	if err := g.Reload(read("1s")); err != nil || breaker() != "open" {
		t.Errorf("unchanged: %v, the breaker is %s", err, breaker())
	}
	well.Store(true)
	if err := g.Reload(read("2s")); err != nil || breaker() != "closed" || get() != http.StatusOK {
		t.Errorf("changed: %v, the breaker is %s", err, breaker())
	}
}
