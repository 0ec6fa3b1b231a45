package telemetry_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.uber.org/goleak"

	"github.com/kerf-go/kerf/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bundle is a process's telemetry with everything that comes out of it.
type bundle struct {
	*telemetry.Telemetry
	log   *bytes.Buffer
	spans *tracetest.InMemoryExporter
}

func setup(t *testing.T) bundle {
	t.Helper()
	b := bundle{log: new(bytes.Buffer), spans: tracetest.NewInMemoryExporter()}
	tel, err := telemetry.New(t.Context(), telemetry.Options{
		App: "chirp", Process: "edge", Version: "1.2.3", LogOutput: b.log, Exporter: b.spans,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { shutdown(t, tel) })
	b.Telemetry = tel
	return b
}

func shutdown(t *testing.T, tel *telemetry.Telemetry) {
	t.Helper()
	if err := tel.Shutdown(context.WithoutCancel(t.Context())); err != nil {
		t.Errorf("shutdown: %v", err)
	}
}

// line decodes the only line logged.
func (b bundle) line(t *testing.T) map[string]any {
	t.Helper()
	var line map[string]any
	if err := json.Unmarshal(b.log.Bytes(), &line); err != nil {
		t.Fatalf("log is not one line of JSON: %v\n%s", err, b.log)
	}
	return line
}

func get(t *testing.T, h http.Handler, path string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}
