package telemetry

import (
	"context"
	"fmt"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.37.0"
	"go.opentelemetry.io/otel/trace"
)

const (
	webScope          = "github.com/kerf-go/kerf/telemetry"
	correlationHeader = "X-Correlation-Id"
)

type webKey struct{}

// webRequest is one request on its way; an inner Web finds it in the context.
type webRequest struct {
	pattern string
}

// Web watches pages: each request has a server span named by the pattern of the
// ServeMux, a correlation id (the browser's X-Correlation-Id if it is valid, else
// a new one) that is also answered, and is counted. A panic is logged with its
// stack and becomes a 500, or a broken answer if one had begun.
//
// next is a ServeMux, or leads to one. Middleware between the two that replaces
// the request hides the pattern; a second Web around each page shows it again,
// and does nothing else.
//
// The browser's traceparent is continued; its baggage is not, because strangers
// could make it travel through every hop.
func (t *Telemetry) Web(next http.Handler) http.Handler {
	tracer := t.tracers.Tracer(webScope)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if outer, ok := r.Context().Value(webKey{}).(*webRequest); ok {
			outer.pattern = r.Pattern
			next.ServeHTTP(w, r)
			return
		}
		request := &webRequest{pattern: r.Pattern}
		ctx, span := tracer.Start(incoming(r, request), r.Method,
			trace.WithSpanKind(trace.SpanKindServer),
			trace.WithAttributes(semconv.HTTPRequestMethodKey.String(methodName(r.Method)), semconv.URLPath(r.URL.Path)))
		r = r.WithContext(ctx)
		w.Header().Set(correlationHeader, Correlation(ctx))
		out := &webWriter{ResponseWriter: w}
		begin := time.Now()
		t.web.inFlight.Inc()
		defer func() {
			t.web.inFlight.Dec()
			if request.pattern == "" {
				request.pattern = r.Pattern // the mux beneath has set it
			}
			t.web.count(request.pattern, r.Method, out.status(), time.Since(begin))
			endWebSpan(span, request.pattern, r.Method, out.status())
		}()
		defer t.barrier(ctx, out)
		next.ServeHTTP(out, r)
	})
}

func incoming(r *http.Request, request *webRequest) context.Context {
	ctx := propagation.TraceContext{}.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
	id := r.Header.Get(correlationHeader)
	if !ValidCorrelation(id) {
		id = NewCorrelation()
	}
	return context.WithValue(WithCorrelation(ctx, id), webKey{}, request)
}

// barrier keeps a page's panic from harming more than its own request.
func (t *Telemetry) barrier(ctx context.Context, w *webWriter) {
	cause := recover()
	if cause == nil {
		return
	}
	if cause == http.ErrAbortHandler { //nolint:errorlint,err113 // the value itself is the request to abort
		panic(cause) //nolint:forbidigo // net/http's way to break off an answer
	}
	t.logger.ErrorContext(ctx, "page panicked", "panic", fmt.Sprint(cause), "stack", string(debug.Stack()))
	if w.code == 0 {
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	w.code = http.StatusInternalServerError // for the metrics: the browser sees a broken answer
	panic(http.ErrAbortHandler)             //nolint:forbidigo // as above
}

func endWebSpan(span trace.Span, pattern, method string, status int) {
	defer span.End()
	if !span.IsRecording() {
		return
	}
	route := pattern[strings.IndexByte(pattern, ' ')+1:] // without the method, if it names one
	if route != "" {
		span.SetName(methodName(method) + " " + route)
		span.SetAttributes(semconv.HTTPRoute(route))
	}
	span.SetAttributes(semconv.HTTPResponseStatusCode(status))
	if status >= http.StatusInternalServerError {
		span.SetStatus(codes.Error, "")
	}
}
