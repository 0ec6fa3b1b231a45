package seam_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	otelcodes "go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	linktestv1 "github.com/kerf-go/kerf/link/linktest/v1"
	"github.com/kerf-go/kerf/telemetry"
)

type message = linktestv1.Message

func echo(_ context.Context, m *message) (*message, error) { return m, nil }

func attributes(span tracetest.SpanStub) map[string]string {
	all := make(map[string]string)
	for _, a := range span.Attributes {
		all[string(a.Key)] = a.Value.String()
	}
	return all
}

func TestTraceAndCorrelationTravelTwoHops(t *testing.T) {
	t.Parallel()
	web, front, back := newProcess(t), newProcess(t), newProcess(t)
	toBack := back.serve(t, "back", &handlers{unary: func(ctx context.Context, m *message) (*message, error) {
		back.tel.Logger().InfoContext(ctx, "at the back")
		return m, nil
	}})
	onward := linktestv1.NewExerciseClient(front.dial(t, "front", "back", toBack))
	toFront := front.serve(t, "front", &handlers{unary: func(ctx context.Context, m *message) (*message, error) {
		return onward.Unary(ctx, m)
	}})
	client := linktestv1.NewExerciseClient(web.dial(t, "web", "front", toFront))

	ctx, root := web.tel.TracerProvider().Tracer("test").Start(telemetry.WithCorrelation(t.Context(), "c-1"), "page")
	if _, err := client.Unary(ctx, &message{Text: "hello"}); err != nil {
		t.Fatal(err)
	}
	root.End()

	webCall, frontBoth, backServed := web.ended(t, 2)[0], front.ended(t, 2), back.ended(t, 1)[0]
	frontCall, frontServed := frontBoth[0], frontBoth[1]
	chain := []tracetest.SpanStub{webCall, frontServed, frontCall, backServed}
	parent := root.SpanContext()
	for i, span := range chain {
		if span.SpanContext.TraceID() != parent.TraceID() || span.Parent.SpanID() != parent.SpanID() {
			t.Errorf("span %d is not the child of the one before", i)
		}
		if span.Name != unaryMethod[1:] {
			t.Errorf("span %d is called %q", i, span.Name)
		}
		parent = span.SpanContext
	}
	if webCall.SpanKind != trace.SpanKindClient || frontServed.SpanKind != trace.SpanKindServer {
		t.Errorf("kinds are %v and %v", webCall.SpanKind, frontServed.SpanKind)
	}
	for key, want := range map[string]string{
		"rpc.system": "grpc", "rpc.service": "kerf.linktest.v1.Exercise", "rpc.method": "Unary",
		"rpc.grpc.status_code": "0", "kerf.caller": "front", "kerf.callee": "back", "kerf.link": "grpc",
	} {
		if got := attributes(backServed)[key]; got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
	if log := back.log.String(); !strings.Contains(log, `"correlation_id":"c-1"`) ||
		!strings.Contains(log, root.SpanContext().TraceID().String()) ||
		!strings.Contains(log, backServed.SpanContext.SpanID().String()) {
		t.Errorf("the log at the back lacks ids: %s", log)
	}
}

func TestIDsAreMadeWhereACallerBringsNone(t *testing.T) {
	t.Parallel()
	p := newProcess(t)
	got := make(chan string, 1)
	to := p.serve(t, "back", &handlers{unary: func(ctx context.Context, m *message) (*message, error) {
		got <- telemetry.Correlation(ctx)
		return m, nil
	}})
	stranger := linktestv1.NewExerciseClient(rawDial(t, to))
	ctx := metadata.AppendToOutgoingContext(t.Context(),
		"x-correlation-id", `"><script>`, "kerf-caller", "Robert'); DROP")
	if _, err := stranger.Unary(ctx, &message{}); err != nil {
		t.Fatal(err)
	}
	if id := <-got; !telemetry.ValidCorrelation(id) {
		t.Errorf("correlation id %q", id)
	}
	span := p.ended(t, 1)[0]
	if span.Parent.IsValid() || !span.SpanContext.IsValid() || attributes(span)["kerf.caller"] != "unknown" {
		t.Errorf("want a new trace of an unknown caller: %v", span)
	}
}

func TestReservedMetadataIsReplacedNotDuplicated(t *testing.T) {
	t.Parallel()
	p := newProcess(t)
	got := make(chan metadata.MD, 1)
	to := p.serve(t, "back", &handlers{unary: func(ctx context.Context, m *message) (*message, error) {
		md, _ := metadata.FromIncomingContext(ctx)
		got <- md
		return m, nil
	}})
	client := linktestv1.NewExerciseClient(p.dial(t, "web", "back", to))
	ctx := metadata.NewOutgoingContext(t.Context(), metadata.MD{
		"Kerf-Caller": {"forged"}, "traceparent": {"stale"}, "tracestate": {"stale=1"}, "baggage": {"stale=1"},
		"x-correlation-id": {"given", "twice"}, "mine": {"1", "2"},
	})
	ctx = metadata.AppendToOutgoingContext(ctx, "kerf-caller", "forged again")
	if _, err := client.Unary(ctx, &message{}); err != nil {
		t.Fatal(err)
	}
	md := <-got
	for key, want := range map[string]string{
		"kerf-caller": "web", "tracestate": "", "baggage": "", "x-correlation-id": "given", "mine": "1,2",
	} {
		if got := strings.Join(md.Get(key), ","); got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
	if parents := md.Get("traceparent"); len(parents) != 1 || parents[0] == "stale" {
		t.Errorf("traceparent is %q", parents)
	}
}

func TestSpanStatusFollowsTheConventions(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name           string
		err            error
		code           codes.Code
		client, server otelcodes.Code
	}{
		{
			"the caller's mistake fails only its own span", status.Error(codes.NotFound, "no"), codes.NotFound,
			otelcodes.Error, otelcodes.Unset,
		},
		{
			"the callee's mistake fails both", status.Error(codes.Internal, "no"), codes.Internal,
			otelcodes.Error, otelcodes.Error,
		},
		{"a plain error is unknown", errors.New("no"), codes.Unknown, otelcodes.Error, otelcodes.Error},
		{"a context's error has its code", context.Canceled, codes.Canceled, otelcodes.Error, otelcodes.Unset},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			p := newProcess(t)
			to := p.serve(t, "back", &handlers{unary: func(context.Context, *message) (*message, error) {
				return nil, row.err
			}})
			_, err := linktestv1.NewExerciseClient(p.dial(t, "web", "back", to)).Unary(t.Context(), &message{})
			if status.Code(err) != row.code {
				t.Errorf("the caller sees %v", err)
			}
			spans := p.ended(t, 2)
			if spans[0].Status.Code != row.server || spans[1].Status.Code != row.client {
				t.Errorf("server %v, client %v", spans[0].Status, spans[1].Status)
			}
			for _, span := range spans {
				want := attribute.Int64Value(int64(row.code)).String()
				if got := attributes(span)["rpc.grpc.status_code"]; got != want {
					t.Errorf("status code %s, want %s", got, want)
				}
			}
		})
	}
}

func TestHealthProbesLeaveNoTrace(t *testing.T) {
	t.Parallel()
	p := newProcess(t)
	cc := p.dial(t, "web", "back", p.serve(t, "back", &handlers{}))
	if _, err := healthpb.NewHealthClient(cc).Check(t.Context(), &healthpb.HealthCheckRequest{}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	watch, err := healthpb.NewHealthClient(cc).Watch(ctx, &healthpb.HealthCheckRequest{})
	if err == nil {
		_, err = watch.Recv()
	}
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	text, err := io.ReadAll(p.metrics(t, "text/plain"))
	if err != nil || strings.Contains(string(text), "_calls_started_total") {
		t.Errorf("health probes are counted: %v", err)
	}
	if spans := p.spans.GetSpans(); len(spans) != 0 {
		t.Errorf("health probes made spans: %v", spans)
	}
}

func TestTheAppsInterceptorsRunInside(t *testing.T) {
	t.Parallel()
	p := newProcess(t)
	to := p.serve(t, "back", &handlers{unary: echo})
	seen := make(chan trace.SpanContext, 1)
	cc := p.dialWith(t, to, outboundWith(func(
		ctx context.Context, method string, request, response any, cc *grpc.ClientConn,
		invoke grpc.UnaryInvoker, opts ...grpc.CallOption,
	) error {
		seen <- trace.SpanContextFromContext(ctx)
		return invoke(ctx, method, request, response, cc, opts...)
	}))
	if _, err := linktestv1.NewExerciseClient(cc).Unary(t.Context(), &message{}); err != nil {
		t.Fatal(err)
	}
	if got, want := <-seen, p.ended(t, 2)[1].SpanContext; !got.Equal(want) {
		t.Errorf("the interceptor sees %v, want the client span %v", got, want)
	}
}
