package seam_test

import (
	"context"
	"fmt"
	"net/url"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/kerf-go/kerf/link"
	linktestv1 "github.com/kerf-go/kerf/link/linktest/v1"
	"github.com/kerf-go/kerf/policy"
	"github.com/kerf-go/kerf/seam"
)

// guarded is a way from web to back on which the same policies hold at both ends.
type guarded struct {
	web, back *process
	server    link.Server // of back
	client    linktestv1.ExerciseClient
	health    healthpb.HealthClient
}

func guard(t *testing.T, l link.Link, rawURL string, s policy.Settings, h *handlers) *guarded {
	t.Helper()
	return guardWith(t, l, rawURL, s, seam.OutboundOptions{}, h)
}

// guardWith is guard with what o says of waits and deadlines.
func guardWith(
	t *testing.T, l link.Link, rawURL string, s policy.Settings, o seam.OutboundOptions, h *handlers,
) *guarded {
	t.Helper()
	g := &guarded{web: newProcess(t), back: newProcess(t)}
	always := func(string) policy.Settings { return s }
	u, err := url.Parse(rawURL)
	if err != nil {
		t.Fatal(err)
	}
	in := link.ListenOptions{Logger: g.back.tel.Logger()}
	in.Unary, in.Stream = g.back.seam.Inbound(seam.InboundOptions{
		Link: l.Scheme(), Serves: map[string][]*grpc.ServiceDesc{"back": exercise}, Callers: []string{"web"},
		Policy: always,
	})
	if g.server, err = l.Listen(t.Context(), u, in); err != nil {
		t.Fatal(err)
	}
	linktestv1.RegisterExerciseServer(g.server, h)
	healthpb.RegisterHealthServer(g.server, health.NewServer())
	var serving sync.WaitGroup
	serving.Go(func() { _ = g.server.Serve() })
	if u, err = url.Parse(g.server.URL()); err != nil {
		t.Fatal(err)
	}
	o.Caller, o.Callee, o.Link, o.Serves, o.Policy = "web", "back", l.Scheme(), exercise, always
	var out link.DialOptions
	out.Unary, out.Stream = g.web.seam.Outbound(o)
	conn, err := l.Dial(u, out)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = conn.Close()
		_ = g.server.Close()
		serving.Wait()
	})
	g.client, g.health = linktestv1.NewExerciseClient(conn), healthpb.NewHealthClient(conn)
	return g
}

// onLinks runs a test on every link.
func onLinks(t *testing.T, test func(t *testing.T, l link.Link, rawURL string)) {
	t.Helper()
	onThose(t, func(link.Link) bool { return true }, test)
}

// onThose runs a test on the links that are wanted.
func onThose(t *testing.T, wanted func(link.Link) bool, test func(t *testing.T, l link.Link, rawURL string)) {
	t.Helper()
	for rawURL, l := range links(t) {
		if !wanted(l) {
			continue
		}
		t.Run(l.Scheme(), func(t *testing.T) {
			t.Parallel()
			test(t, l, rawURL)
		})
	}
}

// onStreams runs a test on every link that carries streams.
func onStreams(t *testing.T, test func(t *testing.T, l link.Link, rawURL string)) {
	t.Helper()
	onThose(t, func(l link.Link) bool { return l.Capabilities().Streams }, test)
}

// wantEvent looks for what a policy did: in the metrics, in the states that it is asked for,
// and in the spans of the calls.
func (p *process) wantEvent(t *testing.T, caller, policy, event string, n int) {
	t.Helper()
	p.wantEventOf(t, caller, caller, policy, event, n)
}

// wantEventOf is wantEvent of a policy whose metric has a caller of its own.
func (p *process) wantEventOf(t *testing.T, caller, counted, policy, event string, n int) {
	t.Helper()
	if got := p.did(caller, policy, event); got != n {
		t.Errorf("the states tell of %d times %s %s, want %d: %+v", got, policy, event, n, p.seam.Policies())
	}
	p.wantMetrics(t, fmt.Sprintf(`kerf_policy_events_total{callee="back",caller="%s",event="%s",policy="%s"} %d`,
		counted, event, policy, n))
	seen := 0
	eventually(t, "a span has the event "+policy+" "+event, func() bool {
		seen = 0
		for _, span := range p.spans.GetSpans() {
			for _, e := range span.Events {
				if e.Name == policy+" "+event {
					seen++
				}
			}
		}
		return seen == n
	})
}

// did is how often a policy did something, by what its states tell.
func (p *process) did(caller, policy, event string) int {
	n := 0
	for _, s := range p.seam.Policies() {
		if s.Caller == caller && s.Callee == "back" && s.Policy == policy {
			n += int(s.Events[event])
		}
	}
	return n
}

// hung is a method of which one call runs until the test lets it end.
func hung() (h *handlers, entered <-chan struct{}, release func()) {
	in, let := make(chan struct{}, 10), make(chan struct{})
	return &handlers{unary: func(ctx context.Context, m *message) (*message, error) {
		in <- struct{}{}
		select {
		case <-let:
		case <-ctx.Done():
		}
		return m, nil
	}}, in, func() { close(let) }
}

// whileOneRuns makes a call while another one is under way.
func (g *guarded) whileOneRuns(
	t *testing.T, entered <-chan struct{}, release func(), opts ...grpc.CallOption,
) error {
	t.Helper()
	var first sync.WaitGroup
	defer first.Wait()
	defer release()
	first.Go(func() { _, _ = g.client.Unary(t.Context(), &message{}) })
	<-entered
	_, err := g.client.Unary(t.Context(), &message{}, opts...)
	return err
}
