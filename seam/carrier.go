package seam

import (
	"context"

	"go.opentelemetry.io/otel/propagation"
	"google.golang.org/grpc/metadata"
)

// departing collects trace context as pairs of keys and values for outgoing metadata.
type departing []string

var _ propagation.TextMapCarrier = (*departing)(nil)

func (d *departing) Get(string) string     { return "" } // propagators only set
func (d *departing) Set(key, value string) { *d = append(*d, key, value) }
func (d *departing) Keys() []string        { return nil }

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
