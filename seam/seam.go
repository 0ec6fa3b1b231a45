package seam

import (
	"fmt"
	"log/slog"
	"strings"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/kerf-go/kerf/telemetry"
)

const scope = "github.com/kerf-go/kerf/seam"

// Metadata keys beside those of W3C trace context.
const (
	correlationKey = "x-correlation-id"
	callerKey      = "kerf-caller"
)

// unknown labels what has no name or must not be shown.
const unknown = "unknown"

// Seam makes the chains of one process. It is safe for concurrent use.
type Seam struct {
	tracer     trace.Tracer
	logger     *slog.Logger
	propagator propagation.TextMapPropagator
	reserved   []string // metadata keys that only the seam sets
	client     *metrics
	server     *metrics
	sent       underway
	policies   *policies
}

// New registers the metrics of calls with a process's telemetry; a second Seam on
// the same telemetry is an error.
func New(t *telemetry.Telemetry) (*Seam, error) {
	w3c := propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})
	s := &Seam{
		tracer:     t.TracerProvider().Tracer(scope),
		logger:     t.Logger(),
		propagator: w3c,
		reserved:   append(w3c.Fields(), correlationKey, callerKey),
		client:     newMetrics("client"),
		server:     newMetrics("server"),
	}
	s.policies = newPolicies(s)
	if err := s.policies.register(t.Registry()); err != nil {
		return nil, fmt.Errorf("make the seam, one for each process: %w", err)
	}
	for _, m := range []*metrics{s.client, s.server} {
		if err := m.register(t.Registry()); err != nil {
			return nil, fmt.Errorf("make the seam, one for each process: %w", err)
		}
	}
	return s, nil
}

// quiet tells of calls that probe and explore: they would drown the rest.
func quiet(method string) bool {
	return strings.HasPrefix(method, "/grpc.health.v1.Health/") || strings.HasPrefix(method, "/grpc.reflection.")
}
