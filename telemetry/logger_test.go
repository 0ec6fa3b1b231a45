package telemetry_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/kerf-go/kerf/telemetry"
)

func TestLogLinesCarryTheIDsOfTheirContext(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, span := b.TracerProvider().Tracer("test").Start(telemetry.WithCorrelation(t.Context(), "c-1"), "work")
	defer span.End()
	b.Logger().InfoContext(ctx, "hello", "n", 1)
	line := b.line(t)
	for key, want := range map[string]any{
		"msg": "hello", "level": "INFO", "app": "chirp", "process": "edge", "n": 1.0,
		"correlation_id": "c-1",
		"trace_id":       span.SpanContext().TraceID().String(),
		"span_id":        span.SpanContext().SpanID().String(),
	} {
		if line[key] != want {
			t.Errorf("%s is %v, want %v", key, line[key], want)
		}
	}
}

func TestIDsStayAtTheTopOfGroupedLines(t *testing.T) {
	t.Parallel()
	b := setup(t)
	base := b.Logger().With("service", "web").WithGroup("").WithGroup("request").With("a", 1).With("b", 2)
	mine := base.With("n", 1)
	_ = base.With("n", 2) // made from the same base, and must not disturb mine
	mine.WithGroup("deep").InfoContext(telemetry.WithCorrelation(t.Context(), "c-1"), "hello", "m", 3)
	line := b.line(t)
	if line["correlation_id"] != "c-1" || line["service"] != "web" {
		t.Errorf("want the ids and the service at the top: %v", line)
	}
	group, _ := line["request"].(map[string]any)
	deep, _ := group["deep"].(map[string]any)
	if group["n"] != 1.0 || deep["m"] != 3.0 || group["correlation_id"] != nil {
		t.Errorf("want request.n and request.deep.m only: %v", line)
	}
}

func TestLogWithoutContextHasNoIDs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.Logger().Info("hello")
	for _, key := range []string{"trace_id", "span_id", "correlation_id"} {
		if id, ok := b.line(t)[key]; ok {
			t.Errorf("%s is there: %v", key, id)
		}
	}
}

func TestLogFormatAndLevel(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	tel, err := telemetry.New(t.Context(), telemetry.Options{
		App: "chirp", LogOutput: &out, LogFormat: "text", Level: slog.LevelWarn,
	})
	if err != nil {
		t.Fatal(err)
	}
	tel.Logger().InfoContext(t.Context(), "quiet")
	tel.Logger().WarnContext(telemetry.WithCorrelation(t.Context(), "c-1"), "loud")
	if got := out.String(); strings.Contains(got, "quiet") || !strings.Contains(got, "msg=loud correlation_id=c-1\n") {
		t.Errorf("want the warning only, as text: %s", got)
	}
	_, err = telemetry.New(t.Context(), telemetry.Options{LogFormat: "xml"})
	if err == nil || !strings.Contains(err.Error(), `"json" or "text"`) {
		t.Errorf("an unknown format: %v", err)
	}
}

func TestValidCorrelation(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]bool{
		telemetry.NewCorrelation():             true,
		"0195b1a4-7c3e-7e1a-b3ad-0242ac120002": true,
		"Root=1":                               false,
		"":                                     false,
		strings.Repeat("x", 64):                true,
		strings.Repeat("x", 65):                false,
		"two words":                            false,
		"line\nbreak":                          false,
		"caf\u00e9":                            false,
		"\xff":                                 false,
	} {
		if got := telemetry.ValidCorrelation(id); got != want {
			t.Errorf("%q: %v, want %v", id, got, want)
		}
	}
}
