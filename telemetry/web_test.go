package telemetry_test

import (
	"bufio"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/kerf-go/kerf/telemetry"
)

const (
	correlationHeader = "X-Correlation-ID"
	parent            = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
)

func pages(b bundle) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /u/{name}", func(w http.ResponseWriter, r *http.Request) {
		b.Logger().InfoContext(r.Context(), "page")
		_, _ = io.WriteString(w, telemetry.Correlation(r.Context()))
	})
	mux.HandleFunc("/broken", func(http.ResponseWriter, *http.Request) {
		panic("no luck") //nolint:forbidigo // tested
	})
	mux.HandleFunc("/half", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "half")
		panic("no luck") //nolint:forbidigo // tested
	})
	mux.HandleFunc("/abort", func(http.ResponseWriter, *http.Request) {
		panic(http.ErrAbortHandler) //nolint:forbidigo // tested
	})
	return mux
}

func attr(span tracetest.SpanStub, key string) string {
	i := slices.IndexFunc(span.Attributes, func(a attribute.KeyValue) bool { return string(a.Key) == key })
	if i < 0 {
		return ""
	}
	return span.Attributes[i].Value.String()
}

func TestAPageContinuesTheBrowsersTrace(t *testing.T) {
	t.Parallel()
	b := setup(t)
	w := get(t, b.Web(pages(b)), "/u/ann?q=1", "traceparent", parent, correlationHeader, "from-browser")
	if w.Body.String() != "from-browser" || w.Header().Get(correlationHeader) != "from-browser" {
		t.Errorf("want the browser's correlation id within and answered: %s, %v", w.Body, w.Header())
	}
	span := b.spans.GetSpans()[0]
	if span.Name != "GET /u/{name}" || span.SpanContext.TraceID().String() != parent[3:35] ||
		span.Parent.SpanID().String() != parent[36:52] {
		t.Errorf("want the browser's child named by its pattern: %s %s %s",
			span.Name, span.SpanContext.TraceID(), span.Parent.SpanID())
	}
	for key, want := range map[string]string{
		"http.route": "/u/{name}", "url.path": "/u/ann",
		"http.request.method": "GET", "http.response.status_code": "200",
	} {
		if got := attr(span, key); got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
	if line := b.line(t); line["trace_id"] != parent[3:35] || line["correlation_id"] != "from-browser" {
		t.Errorf("the page's log lacks its ids: %v", line)
	}
}

func TestAnAnswerHasNoOthersCorrelationID(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, page := range map[string]func(w http.ResponseWriter){
		"that writes":             func(w http.ResponseWriter) { _, _ = io.WriteString(w, "kept of another request") },
		"that writes its header":  func(w http.ResponseWriter) { w.WriteHeader(http.StatusNoContent) },
		"that flushes its header": func(w http.ResponseWriter) { _ = http.NewResponseController(w).Flush() },
	} {
		w := get(t, b.Web(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Add(correlationHeader, "of-another")
			page(w)
		})), "/", correlationHeader, "own")
		if got := w.Result().Header[http.CanonicalHeaderKey(correlationHeader)]; !slices.Equal(got, []string{"own"}) {
			t.Errorf("the answer of a page %s has %q", name, got)
		}
	}
}

func TestABadCorrelationIDIsReplaced(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, bad := range []string{"", strings.Repeat("x", 65), `"><script>`} {
		id := get(t, b.Web(pages(b)), "/u/ann", correlationHeader, bad).Header().Get(correlationHeader)
		if id == bad || !telemetry.ValidCorrelation(id) {
			t.Errorf("%q became %q", bad, id)
		}
	}
}

func TestPagesAreCounted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	web := b.Web(pages(b))
	for _, path := range []string{"/u/ann", "/u/bob", "/nowhere/1", "/nowhere/2"} {
		get(t, web, path)
	}
	made := httptest.NewRequestWithContext(t.Context(), "BREW", "/coffee", http.NoBody)
	web.ServeHTTP(httptest.NewRecorder(), made)
	metrics := get(t, b.Admin(nil), "/metrics").Body.String()
	for _, want := range []string{
		`kerf_web_requests_total{method="GET",pattern="GET /u/{name}",status="2xx"} 2`,
		`kerf_web_requests_total{method="GET",pattern="unmatched",status="4xx"} 2`,
		`kerf_web_requests_total{method="_OTHER",pattern="unmatched",status="4xx"} 1`,
		`kerf_web_request_duration_seconds_count{method="GET",pattern="GET /u/{name}"} 2`,
		`kerf_web_requests_in_flight 0`,
	} {
		if !strings.Contains(metrics, want+"\n") {
			t.Errorf("no line %s", want)
		}
	}
}

func TestAPanicOfAPageIs500(t *testing.T) {
	t.Parallel()
	b := setup(t)
	w := get(t, b.Web(pages(b)), "/broken")
	if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "luck") {
		t.Errorf("want 500 that tells nothing: %d %s", w.Code, w.Body)
	}
	line := b.line(t)
	stack, _ := line["stack"].(string)
	if line["panic"] != "no luck" || !strings.Contains(stack, "web_test.go") || line["trace_id"] == nil {
		t.Errorf("want the panic, its stack and ids in the log: %v", line)
	}
	span := b.spans.GetSpans()[0]
	if span.Status.Code != codes.Error || attr(span, "http.response.status_code") != "500" {
		t.Errorf("want a failed span: %v", span.Status)
	}
	if m := get(t, b.Admin(nil), "/metrics").Body.String(); !strings.Contains(m, `pattern="/broken",status="5xx"} 1`) {
		t.Error("the panic is not counted as 5xx")
	}
}

func TestABegunAnswerIsBrokenOff(t *testing.T) {
	t.Parallel()
	b := setup(t)
	server := httptest.NewServer(b.Web(pages(b)))
	defer server.Close()
	for _, path := range []string{"/half", "/abort"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		response, err := server.Client().Do(r)
		if err == nil {
			_, err = io.ReadAll(response.Body)
			_ = response.Body.Close()
		}
		if err == nil {
			t.Errorf("%s: the browser takes it for a whole answer", path)
		}
	}
}

func TestAnInnerWebTellsThePatternThatMiddlewareHides(t *testing.T) {
	t.Parallel()
	b := setup(t)
	mux := http.NewServeMux()
	mux.Handle("GET /hidden", b.Web(http.NotFoundHandler()))
	hide := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mux.ServeHTTP(w, r.Clone(r.Context()))
	})
	get(t, b.Web(hide), "/hidden")
	spans := b.spans.GetSpans()
	if len(spans) != 1 || spans[0].Name != "GET /hidden" {
		t.Errorf("want one span, named by its pattern: %v", spans)
	}
}

func TestLiveAnswersAreFlushed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	flush := map[string]func(http.ResponseWriter) error{
		"/asserted": func(w http.ResponseWriter) error {
			w.(http.Flusher).Flush()
			return nil
		},
		"/controlled": func(w http.ResponseWriter) error { return http.NewResponseController(w).Flush() },
	}
	mux := http.NewServeMux()
	for path, flush := range flush {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "data: 1\n")
			if err := flush(w); err != nil {
				t.Errorf("%s: %v", path, err)
			}
			<-r.Context().Done() // the answer goes on until the browser leaves
		})
	}
	server := httptest.NewServer(b.Web(mux))
	defer server.Close()
	for path := range flush {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		response, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		line, err := bufio.NewReader(response.Body).ReadString('\n')
		_ = response.Body.Close()
		if line != "data: 1\n" || err != nil {
			t.Errorf("%s: %q, %v", path, line, err)
		}
	}
}
