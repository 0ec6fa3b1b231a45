package telemetry

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.37.0"
)

func newTracers(ctx context.Context, o Options, log *slog.Logger) (*sdktrace.TracerProvider, error) {
	if o.Exporter == nil && !exportWanted() {
		// Spans are made for their ids only.
		return sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.NeverSample())), nil
	}
	described, err := newResource(ctx, o)
	if err != nil {
		return nil, err
	}
	out := sdktrace.WithSyncer(o.Exporter)
	if o.Exporter == nil {
		exporter, err := otlptracehttp.New(ctx)
		if err != nil {
			return nil, fmt.Errorf("export spans by OTLP: %w", err)
		}
		out = sdktrace.WithBatcher(&loggedExporter{SpanExporter: exporter, log: log})
	}
	// The sampler is the SDK's default or what OTEL_TRACES_SAMPLER says.
	return sdktrace.NewTracerProvider(sdktrace.WithResource(described), out), nil
}

func exportWanted() bool {
	endpoint := cmp.Or(os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"), os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT"))
	return endpoint != "" && os.Getenv("OTEL_TRACES_EXPORTER") != "none"
}

func newResource(ctx context.Context, o Options) (*resource.Resource, error) {
	attrs := []attribute.KeyValue{semconv.ServiceName(cmp.Or(o.Process, o.App, "kerf"))}
	if o.App != "" {
		attrs = append(attrs, semconv.ServiceNamespace(o.App))
	}
	if o.Version != "" {
		attrs = append(attrs, semconv.ServiceVersion(o.Version))
	}
	r, err := resource.New(ctx,
		resource.WithTelemetrySDK(),
		resource.WithHost(),
		resource.WithProcessPID(),
		resource.WithAttributes(attrs...),
		resource.WithFromEnv(), // last: the environment has the last word
	)
	if err != nil {
		return nil, fmt.Errorf("describe the process for spans (see OTEL_RESOURCE_ATTRIBUTES): %w", err)
	}
	return r, nil
}

// loggedExporter tells of a failing collector in the process's own log, once and
// not with every batch. The SDK would write to standard error by itself.
type loggedExporter struct {
	sdktrace.SpanExporter
	log     *slog.Logger
	failing atomic.Bool
}

func (e *loggedExporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	err := e.SpanExporter.ExportSpans(ctx, spans)
	switch was := e.failing.Swap(err != nil); {
	case err != nil && !was:
		e.log.WarnContext(ctx, "spans cannot be exported and are lost until this is mended", "error", err)
	case err == nil && was:
		e.log.InfoContext(ctx, "spans are exported again")
	}
	return nil
}
