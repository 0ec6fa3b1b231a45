package telemetry_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/kerf-go/kerf/telemetry"
)

// collector takes spans by OTLP and hands on the raw protobuf, in which names can be
// read; fail makes it refuse them.
func collector(t *testing.T, fail *atomic.Bool) (string, chan string) {
	t.Helper()
	got := make(chan string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if fail != nil && fail.Load() {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil || r.URL.Path != "/v1/traces" {
			t.Errorf("not an export of spans: %s, %v", r.URL, err)
		}
		got <- string(body)
	}))
	t.Cleanup(server.Close)
	return server.URL, got
}

// The environment is the process's: these tests cannot run beside others.

func TestSpansAreExportedWhereTheEnvironmentSays(t *testing.T) {
	url, got := collector(t, nil)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
	tel, err := telemetry.New(t.Context(), telemetry.Options{App: "chirp", Process: "edge", LogOutput: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	_, span := tel.TracerProvider().Tracer("test").Start(t.Context(), "work")
	span.End()
	shutdown(t, tel)
	exported := <-got
	for _, want := range []string{
		"work", "service.name", "edge", "service.namespace", "chirp", "deployment.environment.name",
	} {
		if !strings.Contains(exported, want) {
			t.Errorf("no %s in %q", want, exported)
		}
	}
}

func TestTheEnvironmentRulesNameAndSampler(t *testing.T) {
	url, got := collector(t, nil)
	t.Setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", url+"/v1/traces")
	t.Setenv("OTEL_SERVICE_NAME", "renamed")
	tel, err := telemetry.New(t.Context(), telemetry.Options{App: "chirp", LogOutput: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	_, span := tel.TracerProvider().Tracer("test").Start(t.Context(), "work")
	span.End()
	shutdown(t, tel)
	if got := <-got; !strings.Contains(got, "renamed") {
		t.Errorf("OTEL_SERVICE_NAME does not hold: %s", got)
	}
	t.Setenv("OTEL_TRACES_SAMPLER", "always_off")
	tel, err = telemetry.New(t.Context(), telemetry.Options{LogOutput: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	_, span = tel.TracerProvider().Tracer("test").Start(t.Context(), "work")
	shutdown(t, tel)
	if span.IsRecording() || !span.SpanContext().IsValid() {
		t.Error("always_off: want ids and no recording")
	}
}

func TestALostCollectorIsToldOnce(t *testing.T) {
	var fail atomic.Bool
	fail.Store(true)
	url, _ := collector(t, &fail)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
	t.Setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "1")
	var log bytes.Buffer
	tel, err := telemetry.New(t.Context(), telemetry.Options{LogOutput: &log})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		_, span := tel.TracerProvider().Tracer("test").Start(t.Context(), "work")
		span.End()
	}
	shutdown(t, tel)
	if n := strings.Count(log.String(), "cannot be exported"); n != 1 {
		t.Errorf("told %d times, want once: %s", n, &log)
	}
}

func TestWithoutACollectorTraceIDsAreMade(t *testing.T) {
	t.Parallel()
	tel, err := telemetry.New(t.Context(), telemetry.Options{LogOutput: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	ctx, outer := tel.TracerProvider().Tracer("test").Start(t.Context(), "outer")
	_, inner := tel.TracerProvider().Tracer("test").Start(ctx, "inner")
	if !outer.SpanContext().IsValid() || outer.SpanContext().TraceID() != inner.SpanContext().TraceID() {
		t.Error("want one valid trace id for both spans")
	}
	if outer.SpanContext().SpanID() == inner.SpanContext().SpanID() || inner.IsRecording() {
		t.Error("want a span id for each, and no recording")
	}
}
