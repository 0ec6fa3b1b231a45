package seam_test

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/policy"
	"github.com/kerf-go/kerf/seam"
)

func TestABreakerReportsWhenItChanges(t *testing.T) {
	t.Parallel()
	onLinks(t, func(t *testing.T, l link.Link, rawURL string) {
		t.Helper()
		var well atomic.Bool
		s := policy.Settings{Breaker: &policy.Breaker{Scope: "all", Calls: 5, Open: time.Second, Probes: 1}}
		g := guard(t, l, rawURL, s, &handlers{unary: func(_ context.Context, m *message) (*message, error) {
			if well.Load() {
				return m, nil
			}
			return nil, status.Error(codes.Internal, "for the test")
		}})
		for range 5 {
			_, _ = g.client.Unary(t.Context(), &message{})
		}
		const gauge = `kerf_breaker_open{callee="back",caller="web",scope="all"} `
		g.web.wantMetrics(t, gauge+"1")
		_, err := g.client.Unary(t.Context(), &message{})
		if status.Code(err) != codes.Unavailable || link.Ran(err) != link.NeverSent {
			t.Errorf("got %v, which %v", err, link.Ran(err))
		}
		refused := 1
		if l.Capabilities().Streams {
			if _, err = g.client.Chat(t.Context()); link.Ran(err) != link.NeverSent {
				t.Errorf("a stream got %v", err)
			}
			refused++
		}
		g.web.wantEvent(t, "web", "breaker", "refused", refused)
		well.Store(true)
		eventually(t, "the breaker closes", func() bool {
			_, err := g.client.Unary(t.Context(), &message{})
			return err == nil
		})
		g.web.wantMetrics(t, gauge+"0")
		for _, change := range []string{"open", "half-open", "closed"} {
			g.web.wantEvent(t, "web", "breaker", change, 1)
		}
		for _, want := range []string{
			`"level":"WARN","msg":"breaker open","caller":"web","callee":"back","scope":"all"`,
			`"level":"INFO","msg":"breaker half-open","caller":"web","callee":"back","scope":"all"`,
			`"level":"INFO","msg":"breaker closed","caller":"web","callee":"back","scope":"all"`,
		} {
			if n := strings.Count(g.web.log.String(), want); n != 1 {
				t.Errorf("%d lines have %s:\n%s", n, want, g.web.log)
			}
		}
	})
}

// What a caller does wrong is for nobody else to pay for.
func TestABreakerLearnsNothingOfItsCallersFaults(t *testing.T) {
	t.Parallel()
	onLinks(t, func(t *testing.T, l link.Link, rawURL string) {
		t.Helper()
		s := policy.Settings{Breaker: &policy.Breaker{Scope: "all", Calls: 5, Open: time.Hour}}
		echo := func(_ context.Context, m *message) (*message, error) { return m, nil }
		g := guard(t, l, rawURL, s, &handlers{unary: echo})
		over, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
		defer cancel()
		for range 10 {
			if _, err := g.client.Unary(t.Context(), &message{Text: "\xff"}); status.Code(err) != codes.Internal {
				t.Errorf("what cannot be encoded ends with %v", err)
			}
			if _, err := g.client.Unary(over, &message{}); status.Code(err) != codes.DeadlineExceeded {
				t.Errorf("a deadline that is over ends with %v", err)
			}
		}
		if _, err := g.client.Unary(t.Context(), &message{}); err != nil {
			t.Error(err)
		}
	})
}

func TestRetriesReport(t *testing.T) {
	t.Parallel()
	onLinks(t, func(t *testing.T, l link.Link, rawURL string) {
		t.Helper()
		var n atomic.Int64
		s := policy.Settings{Retry: &policy.Retry{Backoff: time.Millisecond}, Idempotent: true}
		g := guard(t, l, rawURL, s, &handlers{unary: func(_ context.Context, m *message) (*message, error) {
			if n.Add(1) < 3 {
				return nil, status.Error(codes.Unavailable, "for the test")
			}
			return m, nil
		}})
		if _, err := g.client.Unary(t.Context(), &message{}); err != nil {
			t.Fatal(err)
		}
		g.web.wantEvent(t, "web", "retry", "again", 2)
		g.web.ended(t, 1)
		g.back.ended(t, 3)
	})
}

func TestHedgesReport(t *testing.T) {
	t.Parallel()
	onLinks(t, func(t *testing.T, l link.Link, rawURL string) {
		t.Helper()
		var n atomic.Int64
		s := policy.Settings{Hedge: &policy.Hedge{After: 300 * time.Millisecond}, Idempotent: true}
		h := &handlers{unary: func(ctx context.Context, m *message) (*message, error) {
			if n.Add(1) == 2 {
				<-ctx.Done()
			}
			return m, nil
		}}
		g := guard(t, l, rawURL, s, h)
		for range 2 { // the first makes the connection, so that attempts arrive in their order
			if _, err := g.client.Unary(t.Context(), &message{}); err != nil {
				t.Fatal(err)
			}
		}
		g.web.wantEvent(t, "web", "hedge", "sent", 1)
		g.web.wantEvent(t, "web", "hedge", "won", 1)
		g.web.wantStates(t,
			`{"caller":"web","callee":"back","policy":"hedge","scope":"kerf.linktest.v1.Exercise/Unary",`+
				`"after_seconds":0.3,"events":{"sent":1,"won":1}}`,
			`{"caller":"web","callee":"back","policy":"retry","budget":99}`)
	})
}

func TestFallbacksReport(t *testing.T) {
	t.Parallel()
	onLinks(t, func(t *testing.T, l link.Link, rawURL string) {
		t.Helper()
		s := policy.Settings{Fallback: &policy.Fallback{Answer: []byte(`{"text": "static"}`)}}
		g := guard(t, l, rawURL, s, &handlers{unary: func(context.Context, *message) (*message, error) {
			return nil, status.Error(codes.Internal, "for the test")
		}})
		var header metadata.MD
		m, err := g.client.Unary(t.Context(), &message{}, grpc.Header(&header))
		if err != nil || m.GetText() != "static" || strings.Join(header["kerf-degraded"], " ") != "answer" {
			t.Errorf("%v, %v, %d headers", m, err, len(header))
		}
		g.web.wantEvent(t, "web", "fallback", "answered", 1)
		g.web.wantStates(t,
			`{"caller":"web","callee":"back","policy":"fallback","scope":"kerf.linktest.v1.Exercise/Unary",`+
				`"kind":"answer","events":{"answered":1}}`)
	})
}

func TestBulkheadsReport(t *testing.T) {
	t.Parallel()
	onLinks(t, func(t *testing.T, l link.Link, rawURL string) {
		t.Helper()
		h, entered, release := hung()
		s := policy.Settings{Bulkhead: &policy.Bulkhead{Calls: 1, Queue: -1}}
		g := guard(t, l, rawURL, s, h)
		if err := g.whileOneRuns(t, entered, release); status.Code(err) != codes.ResourceExhausted {
			t.Error(err)
		}
		g.web.wantEvent(t, "web", "bulkhead", "refused", 1)
	})
}

func TestAdmissionReportsAndTellsWhenToComeAgain(t *testing.T) {
	t.Parallel()
	onLinks(t, func(t *testing.T, l link.Link, rawURL string) {
		t.Helper()
		h, entered, release := hung()
		s := policy.Settings{Admission: &policy.Admission{Least: 1, Most: 1}}
		g := guard(t, l, rawURL, s, h)
		var trailer metadata.MD
		err := g.whileOneRuns(t, entered, release, grpc.Trailer(&trailer))
		if status.Code(err) != codes.ResourceExhausted || len(trailer["grpc-retry-pushback-ms"]) != 1 {
			t.Errorf("%v, trailer %d", err, len(trailer))
		}
		g.back.wantEvent(t, "", "admission", "refused", 1)
	})
}

func TestRatesReportAndTellWhenToComeAgain(t *testing.T) {
	t.Parallel()
	onLinks(t, func(t *testing.T, l link.Link, rawURL string) {
		t.Helper()
		s := policy.Settings{Rate: &policy.Rate{Calls: 0.001}}
		g := guard(t, l, rawURL, s, &handlers{unary: echo, chat: answerAll})
		if _, err := g.client.Unary(t.Context(), &message{}); err != nil {
			t.Fatal(err)
		}
		var trailer metadata.MD
		_, err := g.client.Unary(t.Context(), &message{}, grpc.Trailer(&trailer))
		if status.Code(err) != codes.ResourceExhausted || len(trailer["grpc-retry-pushback-ms"]) != 1 {
			t.Errorf("%v, trailer %d", err, len(trailer))
		}
		refused := 1
		if l.Capabilities().Streams {
			chat, err := g.client.Chat(t.Context())
			if err == nil {
				_, err = chat.Recv()
			}
			if status.Code(err) != codes.ResourceExhausted {
				t.Errorf("a stream got %v", err)
			}
			refused++
		}
		g.back.wantEventOf(t, "", "web", "rate", "refused", refused)
	})
}

func TestSentCallsPassPoliciesToo(t *testing.T) {
	t.Parallel()
	// On the others there is no answer, so that nothing is known to have failed.
	answered := func(l link.Link) bool { return !slices.Contains([]string{"tcp", "nats", "udp"}, l.Scheme()) }
	onThose(t, answered, func(t *testing.T, l link.Link, rawURL string) {
		t.Helper()
		var n atomic.Int64
		s := policy.Settings{
			Retry: &policy.Retry{Backoff: time.Millisecond}, Breaker: &policy.Breaker{Calls: 2, Open: time.Hour},
			Idempotent: true,
		}
		sent := seam.OutboundOptions{Wait: func(string) link.Wait { return link.Sent }}
		g := guardWith(t, l, rawURL, s, sent, &handlers{tell: func(_ context.Context, m *message) error {
			if m.GetText() == "good" && n.Add(1) == 3 {
				return nil
			}
			return status.Error(codes.Unavailable, "for the test")
		}})
		tell := func(text string) {
			if _, err := g.client.Tell(t.Context(), &message{Text: text}); err != nil {
				t.Error(err)
			}
			drain(t, g.web)
		}
		tell("good")
		g.web.wantEvent(t, "web", "retry", "again", 2)
		tell("bad")
		tell("bad")
		g.web.wantEvent(t, "web", "breaker", "refused", 1)
		if !strings.Contains(g.web.log.String(), "(breaker)") {
			t.Errorf("the log does not tell of the call that was refused:\n%s", g.web.log)
		}
	})
}

func TestQuietMethodsPassNoPolicies(t *testing.T) {
	t.Parallel()
	onLinks(t, func(t *testing.T, l link.Link, rawURL string) {
		t.Helper()
		s := policy.Settings{Rate: &policy.Rate{Calls: 0.001}, Breaker: &policy.Breaker{Calls: 1, Open: time.Hour}}
		g := guard(t, l, rawURL, s, &handlers{unary: func(context.Context, *message) (*message, error) {
			return nil, status.Error(codes.Internal, "for the test")
		}})
		for range 2 { // the breaker is open, and the rate used up
			_, _ = g.client.Unary(t.Context(), &message{})
		}
		g.web.wantEvent(t, "web", "breaker", "refused", 1)
		for range 10 {
			if _, err := g.health.Check(t.Context(), &healthpb.HealthCheckRequest{}); err != nil {
				t.Fatal(err)
			}
		}
		if !l.Capabilities().Streams {
			return
		}
		watch, err := g.health.Watch(t.Context(), &healthpb.HealthCheckRequest{})
		if err == nil {
			_, err = watch.Recv()
		}
		if err != nil {
			t.Error(err)
		}
	})
}

func TestACallThatComesTooLateIsCounted(t *testing.T) {
	t.Parallel()
	p := newProcess(t)
	unary, _ := p.seam.Inbound(seam.InboundOptions{
		Link: "grpc", Serves: map[string][]*grpc.ServiceDesc{"back": exercise},
		Policy: func(string) policy.Settings { return policy.Defaults() },
	})
	late, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	_, err := unary[0](late, &message{}, &grpc.UnaryServerInfo{FullMethod: unaryMethod},
		func(context.Context, any) (any, error) {
			t.Error("the handler runs")
			return &message{}, nil
		})
	if status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("it ends with %v", err)
	}
	p.wantEvent(t, "", "deadline", "refused", 1)
}
