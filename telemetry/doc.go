// Package telemetry is what a process has for looking at it from outside: a
// tracer, a metrics registry, a logger whose lines carry ids, an admin handler,
// and the browser's side of it all.
//
//	tel, err := telemetry.New(ctx, telemetry.Options{App: "chirp", Process: "edge"})
//	if err != nil {
//		return err
//	}
//	defer tel.Shutdown(ctx) // flushes spans
//	go http.Serve(adminListener, tel.Admin(ready))
//	go http.Serve(webListener, tel.Web(pages))
//	tel.Logger().InfoContext(ctx, "hello") // with trace_id, span_id, correlation_id
//
// Package seam puts the same ids, spans and metrics around every call.
//
// # Environment
//
// Spans are exported by OTLP over HTTP when OTEL_EXPORTER_OTLP_ENDPOINT or
// OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is set and OTEL_TRACES_EXPORTER is not
// "none". The SDK's other variables hold as OpenTelemetry documents them, among
// them OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES, OTEL_TRACES_SAMPLER,
// OTEL_EXPORTER_OTLP_HEADERS and OTEL_BSP_*. Without an endpoint no span is
// recorded, but trace ids are made and travel, so that logs can be joined.
//
// # Metrics of the browser's side
//
//	kerf_web_requests_total{pattern,method,status}            status is 2xx, 4xx, ...
//	kerf_web_request_duration_seconds{pattern,method}         native histogram and a few buckets
//	kerf_web_requests_in_flight
//	kerf_info{app,process,version}                            always 1
//
// Beside them are the Go runtime's (go_*) and the process's (process_*).
package telemetry
