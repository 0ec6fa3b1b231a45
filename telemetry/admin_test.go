package telemetry_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/kerf-go/kerf/telemetry"
)

func TestAdminPages(t *testing.T) {
	t.Parallel()
	admin := setup(t).Admin(nil)
	for path, want := range map[string]string{
		"/":                    `href="/metrics"`,
		"/healthz":             "ok",
		"/readyz":              `{"ready":true}`,
		"/metrics":             `kerf_info{app="chirp",process="edge",version="1.2.3"} 1`,
		"/debug/pprof/":        "goroutine",
		"/debug/pprof/cmdline": "telemetry",
		"/debug/pprof/heap":    "",
	} {
		w := get(t, admin, path)
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: status %d, want 200 and %q in: %.200s", path, w.Code, want, w.Body)
		}
	}
	if w := get(t, admin, "/nothing"); w.Code != http.StatusNotFound {
		t.Errorf("an unknown page: status %d, want 404", w.Code)
	}
}

func TestReadyNamesTheFailedChecks(t *testing.T) {
	t.Parallel()
	admin := setup(t).Admin(func(ctx context.Context) error {
		if _, bounded := ctx.Deadline(); !bounded {
			return errors.New("no bound")
		}
		store := &telemetry.CheckError{Check: "store", Err: errors.New("disk full")}
		return errors.Join(store, errors.Join(errors.New("still starting")))
	})
	w := get(t, admin, "/readyz")
	const want = `{"ready":false,"failed":[{"check":"store","error":"disk full"},{"error":"still starting"}]}` + "\n"
	if w.Code != http.StatusServiceUnavailable || w.Body.String() != want {
		t.Errorf("status %d, want 503 and %s got %s", w.Code, want, w.Body)
	}
}

func TestMetricsAreNegotiated(t *testing.T) {
	t.Parallel()
	admin := setup(t).Admin(nil)
	const openMetrics, protobuf = "application/openmetrics-text", "application/vnd.google.protobuf"
	for accept, want := range map[string]string{
		"text/plain":                   "text/plain",
		openMetrics + ";version=1.0.0": openMetrics,
		protobuf + ";proto=io.prometheus.client.MetricFamily;encoding=delimited": protobuf,
	} {
		got := get(t, admin, "/metrics", "Accept", accept).Header().Get("Content-Type")
		if !strings.HasPrefix(got, want) {
			t.Errorf("Accept %s: got %s", accept, got)
		}
	}
}
