package telemetry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Options say what a process is called and where its log goes. The zero value is
// valid: a nameless process that logs JSON to standard error.
type Options struct {
	App     string // the app's name: service.namespace of spans
	Process string // the process's name: service.name of spans; empty: App
	Version string // the program's; empty: left out

	LogOutput io.Writer    // empty: os.Stderr
	LogFormat string       // "json" or "text", which suits a terminal; empty: json
	Level     slog.Leveler // the least that is logged; nil: slog.LevelInfo

	// Exporter is given every span at its end, in place of what the environment
	// asks for. It is meant for tests.
	Exporter sdktrace.SpanExporter
}

// Telemetry is a process's tracer, registry and logger. Its methods are safe for
// concurrent use.
type Telemetry struct {
	tracers  *sdktrace.TracerProvider
	registry *prometheus.Registry
	logger   *slog.Logger
	web      *webMetrics
}

// New makes the telemetry of one process. ctx bounds only the making; no network
// is needed for it. Shutdown releases what New took.
func New(ctx context.Context, o Options) (*Telemetry, error) {
	logger, err := newLogger(o)
	if err != nil {
		return nil, err
	}
	registry, web, err := newRegistry(o)
	if err != nil {
		return nil, err
	}
	tracers, err := newTracers(ctx, o, logger)
	if err != nil {
		return nil, err
	}
	return &Telemetry{tracers: tracers, registry: registry, logger: logger, web: web}, nil
}

// TracerProvider makes the process's tracers, for libraries that take one.
func (t *Telemetry) TracerProvider() trace.TracerProvider { return t.tracers }

// Registry holds the process's metrics; what is registered on it shows under
// /metrics of Admin.
func (t *Telemetry) Registry() *prometheus.Registry { return t.registry }

// Logger logs in the format of the Options. Methods that take a context add the
// trace_id, span_id and correlation_id found in it.
func (t *Telemetry) Logger() *slog.Logger { return t.logger }

// Shutdown exports the spans that still wait, until ctx ends, and stops the
// export. Spans that end later are dropped. Further calls do nothing.
func (t *Telemetry) Shutdown(ctx context.Context) error {
	if err := t.tracers.Shutdown(ctx); err != nil {
		return fmt.Errorf("flush spans: %w", err)
	}
	return nil
}

func newRegistry(o Options) (*prometheus.Registry, *webMetrics, error) {
	r := prometheus.NewRegistry()
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name:        "kerf_info",
		Help:        "What runs here; always 1.",
		ConstLabels: prometheus.Labels{"app": o.App, "process": o.Process, "version": o.Version},
	})
	info.Set(1)
	web := newWebMetrics()
	err := errors.Join(
		r.Register(collectors.NewGoCollector()),
		r.Register(collectors.NewProcessCollector(collectors.ProcessCollectorOpts{})),
		r.Register(info),
		web.register(r),
	)
	if err != nil {
		return nil, nil, fmt.Errorf("register metrics: %w", err)
	}
	return r, web, nil
}
