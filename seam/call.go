package seam

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	otelcodes "go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.37.0"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/kerf-go/kerf/policy"
)

// call is one call while it runs: its span and its metrics.
type call struct {
	series *series
	who    []slog.Attr // caller, callee, link: for the log
	span   trace.Span
	begin  time.Time
	client bool
	late   error // of a call that came when nobody waited for it any more
}

func (s *Seam) start(ctx context.Context, m *method, full string, client bool) (context.Context, call) {
	name := m.name
	if name == "" {
		name = strings.TrimPrefix(full, "/")
	}
	ctx, span := s.tracer.Start(ctx, name, m.kind...)
	if span.IsRecording() {
		span.SetAttributes(m.attrs...)
		if m.name == "" {
			span.SetAttributes(nameAttributes(name)...)
		}
	}
	m.series.started.Inc()
	m.series.inFlight.Inc()
	return ctx, call{series: m.series, who: m.who, span: span, begin: time.Now(), client: client}
}

func (c *call) request(message any)  { c.series.requestBytes.Add(size(message)) }
func (c *call) response(message any) { c.series.responseBytes.Add(size(message)) }

func (c *call) end(code codes.Code) (took time.Duration) {
	took = time.Since(c.begin)
	c.series.inFlight.Dec()
	c.series.count(code)
	c.observe(took.Seconds())
	if c.span.IsRecording() {
		c.span.SetAttributes(semconv.RPCGRPCStatusCodeKey.Int64(int64(code)))
		if c.failed(code) {
			c.span.SetStatus(otelcodes.Error, code.String())
		}
	}
	c.span.End()
	return took
}

func (c *call) observe(seconds float64) {
	if span := c.span.SpanContext(); span.IsSampled() {
		if o, ok := c.series.duration.(prometheus.ExemplarObserver); ok {
			o.ObserveWithExemplar(seconds, prometheus.Labels{"trace_id": span.TraceID().String()})
			return
		}
	}
	c.series.duration.Observe(seconds)
}

// failed follows OpenTelemetry's conventions for gRPC: to the caller each code but
// OK is an error, to the callee only those that it is to blame for.
func (c *call) failed(code codes.Code) bool {
	if c.client {
		return code != codes.OK
	}
	return policy.Blames(code)
}

// discreet is an error that says more than callers are to know, such as where a database is.
// They get its status alone; the log gets the whole.
type discreet interface {
	error
	GRPCStatus() *status.Status
	Discreet()
}

// told is what the caller gets of a handler's error. Of an error that wraps a status gRPC tells
// the whole text, which is not for a discreet one.
func told(err error) error {
	if _, ok := err.(interface{ GRPCStatus() *status.Status }); ok { // it has its own words
		return err
	}
	if d, ok := errors.AsType[discreet](err); ok {
		return status.Error(codeOf(err), d.GRPCStatus().Message())
	}
	return err
}

// codeOf is what the caller gets to see of a handler's error.
func codeOf(err error) codes.Code {
	if err == nil {
		return codes.OK
	}
	if s, ok := status.FromError(err); ok {
		return s.Code()
	}
	return status.FromContextError(err).Code()
}

func size(message any) float64 {
	if m, ok := message.(proto.Message); ok {
		return float64(proto.Size(m))
	}
	return 0
}
