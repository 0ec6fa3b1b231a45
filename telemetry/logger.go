package telemetry

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"

	"go.opentelemetry.io/otel/trace"
)

func newLogger(o Options) (*slog.Logger, error) {
	var out io.Writer = os.Stderr
	if o.LogOutput != nil {
		out = o.LogOutput
	}
	options := &slog.HandlerOptions{Level: o.Level}
	switch o.LogFormat {
	case "", "json":
		return slog.New(&idHandler{Handler: slog.NewJSONHandler(out, options).WithAttrs(names(o))}), nil
	case "text":
		return slog.New(&idHandler{Handler: slog.NewTextHandler(out, options)}), nil
	}
	return nil, fmt.Errorf(`log format %q: must be "json" or "text"`, o.LogFormat)
}

// names are on each line of JSON, which is read far from where it was written.
func names(o Options) []slog.Attr {
	attrs := make([]slog.Attr, 0, 3)
	if o.App != "" {
		attrs = append(attrs, slog.String("app", o.App))
	}
	if o.Process != "" {
		attrs = append(attrs, slog.String("process", o.Process))
	}
	return attrs
}

// idHandler adds the ids of a record's context. They stay at the top, whatever
// groups the logger has opened: those are replayed on the handler beneath.
type idHandler struct {
	slog.Handler // without what came after the first group
	grouped      []func(slog.Handler) slog.Handler
}

var _ slog.Handler = (*idHandler)(nil)

func (h *idHandler) Handle(ctx context.Context, r slog.Record) error {
	attrs := ids(ctx)
	if len(h.grouped) == 0 {
		r.AddAttrs(attrs...)
		return h.Handler.Handle(ctx, r)
	}
	handler := h.Handler.WithAttrs(attrs)
	for _, replay := range h.grouped {
		handler = replay(handler)
	}
	return handler.Handle(ctx, r)
}

func (h *idHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(h.grouped) == 0 {
		return &idHandler{Handler: h.Handler.WithAttrs(attrs)}
	}
	return h.later(func(next slog.Handler) slog.Handler { return next.WithAttrs(attrs) })
}

func (h *idHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return h.later(func(next slog.Handler) slog.Handler { return next.WithGroup(name) })
}

func (h *idHandler) later(replay func(slog.Handler) slog.Handler) *idHandler {
	n := len(h.grouped)
	return &idHandler{Handler: h.Handler, grouped: append(h.grouped[:n:n], replay)}
}

func ids(ctx context.Context) []slog.Attr {
	attrs := make([]slog.Attr, 0, 3)
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		attrs = append(attrs,
			slog.String("trace_id", span.TraceID().String()),
			slog.String("span_id", span.SpanID().String()))
	}
	if id := Correlation(ctx); id != "" {
		attrs = append(attrs, slog.String("correlation_id", id))
	}
	return attrs
}
