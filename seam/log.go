package seam

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
)

// log tells of a call that has been answered: at level warn where the callee is to
// blame, else at debug. The context brings the trace and correlation id.
func (s *Seam) log(ctx context.Context, c *call, full string, code codes.Code, err error) {
	level := slog.LevelDebug
	if c.failed(code) {
		level = slog.LevelWarn
	}
	s.write(ctx, level, "call answered", c, full, code, err)
}

func (s *Seam) write(
	ctx context.Context, level slog.Level, text string, c *call, full string, code codes.Code, err error,
) {
	if !s.logger.Enabled(ctx, level) {
		return
	}
	attrs := append(make([]slog.Attr, 0, len(c.who)+4), c.who...) //nolint:mnd // and the four below
	attrs = append(attrs, slog.String("method", strings.TrimPrefix(full, "/")), slog.String("code", code.String()),
		slog.Float64("duration_ms", float64(time.Since(c.begin))/float64(time.Millisecond)))
	if err != nil {
		attrs = append(attrs, slog.String("error", err.Error()))
	}
	s.logger.LogAttrs(ctx, level, text, attrs...)
}
