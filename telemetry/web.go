package telemetry

import (
	"cmp"
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

const webScope = "github.com/kerf-go/kerf/telemetry"

// correlationHeader is written as net/http does it, which would make any other form into this one.
var correlationHeader = http.CanonicalHeaderKey("X-Correlation-ID")

type webKey struct{}

// webRequest is one request on its way; an inner Web finds it in the context.
type webRequest struct {
	pattern string
	out     webWriter
}

// spanOptions are those of a request's span, by method: they are the same for all.
var spanOptions = func() map[string][]trace.SpanStartOption {
	all := make(map[string][]trace.SpanStartOption)
	for _, method := range append(methods, otherMethod) {
		all[method] = []trace.SpanStartOption{
			trace.WithSpanKind(trace.SpanKindServer),
			trace.WithAttributes(semconv.HTTPRequestMethodKey.String(method)),
		}
	}
	return all
}()

// Web watches pages: each request has a server span named by the pattern of the
// ServeMux, a correlation id (the browser's X-Correlation-ID if it is valid, else
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
		request := &webRequest{pattern: r.Pattern, out: webWriter{ResponseWriter: w}}
		method := methodName(r.Method)
		ctx, span := tracer.Start(incoming(r, request), method, spanOptions[method]...)
		defer span.End()
		if span.IsRecording() {
			span.SetAttributes(semconv.URLPath(r.URL.Path))
		}
		request.out.correlation = Correlation(ctx)
		w.Header().Set(correlationHeader, request.out.correlation) // also if nothing is written
		t.serve(request, next, r.WithContext(ctx))
	})
}

func (t *Telemetry) serve(request *webRequest, next http.Handler, r *http.Request) {
	begin := time.Now()
	t.web.inFlight.Inc()
	defer func() {
		t.web.inFlight.Dec()
		pattern := cmp.Or(request.pattern, r.Pattern) // the mux beneath has set r's
		t.web.count(pattern, r.Method, request.out.status(), time.Since(begin))
		describe(trace.SpanFromContext(r.Context()), pattern, r.Method, request.out.status())
	}()
	defer t.barrier(r.Context(), &request.out)
	next.ServeHTTP(&request.out, r)
}

func incoming(r *http.Request, request *webRequest) context.Context {
	ctx := r.Context()
	if r.Header["Traceparent"] != nil {
		ctx = propagation.TraceContext{}.Extract(ctx, propagation.HeaderCarrier(r.Header))
	}
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
	if cause == http.ErrAbortHandler { //nolint:errorlint // the value itself is the request to abort
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

func describe(span trace.Span, pattern, method string, status int) {
	if !span.IsRecording() {
		return
	}
	if route := pattern[strings.IndexByte(pattern, ' ')+1:]; route != "" { // without the method, if it names one
		span.SetName(methodName(method) + " " + route)
		span.SetAttributes(semconv.HTTPRoute(route))
	}
	span.SetAttributes(semconv.HTTPResponseStatusCode(status))
	if status >= http.StatusInternalServerError {
		span.SetStatus(codes.Error, "")
	}
}
