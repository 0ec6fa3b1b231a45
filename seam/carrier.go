package seam

import (
	"context"
	"maps"
	"slices"

	"go.opentelemetry.io/otel/propagation"
	"google.golang.org/grpc/metadata"
)

// carrier writes trace context into outgoing metadata.
type carrier metadata.MD

var _ propagation.TextMapCarrier = carrier(nil)

func (c carrier) Get(key string) string {
	if values := c[key]; len(values) > 0 {
		return values[0]
	}
	return ""
}

func (c carrier) Set(key, value string) { c[key] = []string{value} }
func (c carrier) Keys() []string        { return slices.Collect(maps.Keys(c)) }

// arrived reads a call's metadata without copying all of it.
type arrived struct{ ctx context.Context } //nolint:containedctx // lives within one function

var _ propagation.TextMapCarrier = arrived{}

func (a arrived) Get(key string) string {
	if values := metadata.ValueFromIncomingContext(a.ctx, key); len(values) > 0 {
		return values[0]
	}
	return ""
}

func (a arrived) Set(string, string) {} // what has arrived stays as it is
func (a arrived) Keys() []string     { return nil }
