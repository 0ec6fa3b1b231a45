package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/kerf-go/kerf/examples/chirp/story"
)

// underEach runs a test from outside under each plan, named after it.
func underEach(t *testing.T, plans []string, test func(t *testing.T, plan string)) {
	t.Helper()
	for _, plan := range plans {
		t.Run(nameOf(plan), func(t *testing.T) {
			t.Parallel()
			test(t, plan)
		})
	}
}

// nameOf is the file's.
func nameOf(plan string) string {
	return strings.TrimSuffix(strings.TrimPrefix(plan, "plans/"), ".yaml")
}

const (
	traceID = "0af7651916cd43dd8448eb211c80319c"
	rootID  = "b7ad6b7169203331"
)

func TestOnePageIsOneTrace(t *testing.T) {
	t.Parallel()
	underEach(t, withReplicas, func(t *testing.T, plan string) { //nolint:thelper // it is the test
		spans := newCollector(t)
		o := runOutside(t, plan, spans.env()...)
		probe(t, o)
		ann := story.NewVisitor(t, "ann", o.url)
		ann.SignUp("ann", "a saw with 32 teeth")
		ann.Write("seen from outside")
		ann.Send(http.MethodGet, "/", "", http.Header{"Traceparent": {"00-" + traceID + "-" + rootID + "-01"}})
		processes := []string{"chirp"}
		if plan != together {
			processes = []string{"accounts", "follows", "messages", "web"}
		}
		eventually(t, "the spans of all processes, SQL among them", func() bool {
			return whole(spans.of(traceID), processes)
		})
		probe(t, o)
		for _, s := range spans.all() {
			if about := fmt.Sprint(s.name, s.attributes); strings.Contains(strings.ToLower(about), "health") ||
				strings.Contains(about, "/readyz") || strings.Contains(about, "ping") {
				t.Errorf("a health probe made the span %q in %s: %v", s.name, s.process, s.attributes)
			}
		}
	})
}

// whole tells whether the spans come from all of the processes, hold SQL in each
// but web, and hang together.
func whole(spans []span, processes []string) bool {
	ids := map[string]bool{rootID: true}
	seen, sql := make(map[string]bool), make(map[string]bool)
	for _, s := range spans {
		ids[s.id] = true
		seen[s.process] = true
		if s.attributes["db.system.name"] == "sqlite" {
			sql[s.process] = true
		}
	}
	orphan := slices.ContainsFunc(spans, func(s span) bool { return !ids[s.parent] })
	sql["web"] = sql["chirp"] || seen["web"] // it has no store
	if len(processes) == 1 {
		delete(sql, "web")
	}
	return !orphan && slices.Equal(slices.Sorted(maps.Keys(seen)), processes) &&
		slices.Equal(slices.Sorted(maps.Keys(sql)), processes)
}

// probe asks each process whether it is well, as an orchestrator does.
func probe(t *testing.T, o *outside) {
	t.Helper()
	for _, s := range o.status() {
		admin := story.NewVisitor(t, "probe of "+s.Process, s.Admin)
		admin.Sees("/healthz", http.StatusOK)
		admin.Sees("/readyz", http.StatusOK)
		if s.Address == "" || s.Process == "broker" { // which serves no gRPC
			continue
		}
		_, err := healthpb.NewHealthClient(client(t, s.Address)).Check(t.Context(), &healthpb.HealthCheckRequest{})
		if err != nil {
			t.Errorf("health of %s: %v", s.Process, err)
		}
	}
}

func TestEveryProcessTellsHowItDoes(t *testing.T) {
	t.Parallel()
	underEach(t, plans, func(t *testing.T, plan string) { //nolint:thelper // it is the test
		o := runOutside(t, plan)
		ann := story.NewVisitor(t, "ann", o.url)
		ann.SignUp("ann", "a saw with 32 teeth")
		ann.Write("counted")
		link := "inproc"
		for _, s := range o.status() {
			if s.Process == "messages" {
				link = s.Link
			}
		}
		client := fmt.Sprintf(`kerf_client_calls_total{callee="messages",caller="web",code="OK",link="%s",`+
			`method="chirp.messages.v1.Messages/CreatePost"} 1`, link)
		server := strings.Replace(client, "client", "server", 1)
		var all strings.Builder
		for _, s := range o.status() {
			admin := story.NewVisitor(t, "probe of "+s.Process, s.Admin)
			metrics := admin.Get("/metrics").Body
			all.WriteString(metrics)
			if plan != together {
				wants(t, s.Process, metrics, client, s.Process == "web")
				wants(t, s.Process, metrics, server, s.Process == "messages")
			}
			profile := admin.Get("/debug/pprof/goroutine?debug=1")
			if !strings.HasPrefix(profile.Body, "goroutine profile:") {
				t.Errorf("%s gives no profile: status %d", s.Process, profile.Status)
			}
			var ready struct {
				Ready bool `json:"ready"`
			}
			if err := json.Unmarshal([]byte(admin.Get("/readyz").Body), &ready); err != nil || !ready.Ready {
				t.Errorf("%s is not ready: %v", s.Process, err)
			}
		}
		wants(t, "the app", all.String(), client, true)
		wants(t, "the app", all.String(), server, true)
	})
}

func wants(t *testing.T, who, metrics, line string, want bool) {
	t.Helper()
	if strings.Contains(metrics, line+"\n") != want {
		similar := regexp.MustCompile(`(?m)^kerf_\w+_calls_total.*CreatePost.*$`).FindAllString(metrics, -1)
		t.Errorf("%s: has the metric %s: %v, want %v; it has %q", who, line, !want, want, similar)
	}
}

func TestLogsOfAllHopsBelongTogether(t *testing.T) {
	t.Parallel()
	underEach(t, withReplicas, func(t *testing.T, plan string) { //nolint:thelper // it is the test
		o := runOutside(t, plan)
		ann := story.NewVisitor(t, "ann", o.url)
		ann.SignUp("ann", "a saw with 32 teeth")
		bob := story.NewVisitor(t, "bob", o.url)
		bob.SignUp("bob", "no teeth but a smile")
		bob.Stream("/live") // somebody whose interest notify has to ask for

		home := ann.Get("/").Header.Get("X-Correlation-ID")
		posted := ann.Post("/posts", url.Values{"text": {"who reads this?"}, "client_id": {"1"}}).
			Header.Get("X-Correlation-ID")
		if home == "" || posted == "" || home == posted {
			t.Fatalf("two requests have the correlation ids %q and %q, want two of them", home, posted)
		}
		for id, want := range map[string][]string{
			home:   {"accounts", "follows", "messages"},
			posted: {"accounts", "follows", "messages", "notify"},
		} {
			eventually(t, fmt.Sprintf("lines of %v for %s", want, id), func() bool {
				return slices.Equal(o.logsOf(id), want)
			})
		}
	})
}

// logsOf lists the services that have logged a call for a request.
func (o *outside) logsOf(correlation string) []string {
	services := make(map[string]bool)
	for line := range strings.Lines(o.logged()) {
		var record struct {
			Callee      string `json:"callee"`
			Correlation string `json:"correlation_id"`
			Trace       string `json:"trace_id"`
		}
		at := strings.IndexByte(line, '{') // behind the name of the process, where there are several
		if at < 0 || json.Unmarshal([]byte(line[at:]), &record) != nil {
			continue
		}
		if record.Correlation == correlation && record.Trace != "" && record.Callee != "" {
			services[record.Callee] = true
		}
	}
	return slices.Sorted(maps.Keys(services))
}
