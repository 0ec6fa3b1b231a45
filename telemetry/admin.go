package telemetry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/pprof"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// readyBound is how long a readiness probe may take before the checks' context
// ends. A check should answer within a second; probes commonly give up after
// several.
const readyBound = 3 * time.Second

// CheckError is a failed check of readiness, with the name to show. Several are
// joined with errors.Join.
type CheckError struct {
	Check string
	Err   error
}

// Error names the check and what it said.
func (e *CheckError) Error() string { return e.Check + ": " + e.Err.Error() }

// Unwrap gives what the check said.
func (e *CheckError) Unwrap() error { return e.Err }

const adminIndex = `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>kerf admin</title>
<ul>
<li><a href="/metrics">/metrics</a> Prometheus metrics
<li><a href="/healthz">/healthz</a> 200 while the process lives
<li><a href="/readyz">/readyz</a> 200 when it can serve, else 503 with the failed checks
<li><a href="/debug/pprof/">/debug/pprof/</a> profiles
`

// AdminPage is a page that others add to those of Admin.
type AdminPage struct {
	Path    string // "/policies"
	Doc     string // what it shows, for the index
	Handler http.Handler
}

// Admin serves /metrics (OpenMetrics, text or protobuf, as the scraper asks;
// protobuf has the native histograms), /healthz, /readyz, /debug/pprof/ and an
// index of them and of more. ready tells what keeps the process from serving; nil: nothing.
//
// The pages show much of the process's inside: they belong on a listener of
// their own that strangers cannot reach.
func (t *Telemetry) Admin(ready func(context.Context) error, more ...AdminPage) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(t.registry, promhttp.HandlerOpts{
		EnableOpenMetrics: true,
		ErrorLog:          slog.NewLogLogger(t.logger.Handler(), slog.LevelError),
	}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "ok\n")
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) { answerReady(w, r, ready) })
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	index := new(strings.Builder)
	index.WriteString(adminIndex)
	for _, page := range more {
		mux.Handle("GET "+page.Path, page.Handler)
		fmt.Fprintf(index, "<li><a href=%q>%s</a> %s\n", page.Path, page.Path, html.EscapeString(page.Doc))
	}
	index.WriteString("</ul>\n")
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, index.String())
	})
	return mux
}

type readiness struct {
	Ready  bool          `json:"ready"`
	Failed []failedCheck `json:"failed,omitempty"`
}

type failedCheck struct {
	Check string `json:"check,omitempty"`
	Error string `json:"error"`
}

func answerReady(w http.ResponseWriter, r *http.Request, ready func(context.Context) error) {
	var err error
	if ready != nil {
		ctx, cancel := context.WithTimeout(r.Context(), readyBound)
		defer cancel()
		err = ready(ctx)
	}
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(readiness{Ready: err == nil, Failed: failures(err)}) //nolint:errchkjson // gone
}

// failures lists what errors.Join has joined, one by one.
func failures(err error) []failedCheck {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok { // the outermost, on purpose
		var all []failedCheck
		for _, one := range joined.Unwrap() {
			all = append(all, failures(one)...)
		}
		return all
	}
	if check, ok := errors.AsType[*CheckError](err); ok {
		return []failedCheck{{Check: check.Check, Error: check.Err.Error()}}
	}
	return []failedCheck{{Error: err.Error()}}
}
