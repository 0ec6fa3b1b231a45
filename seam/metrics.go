package seam

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc/codes"

	"github.com/kerf-go/kerf/telemetry"
)

// Labels of metrics, and attributes of the log.
const callerLabel, calleeLabel = "caller", "callee"

// metrics are those of one side, client or server.
type metrics struct {
	started, handled, requestBytes, responseBytes *prometheus.CounterVec

	inFlight *prometheus.GaugeVec
	duration *prometheus.HistogramVec
}

func newMetrics(side string) *metrics {
	labels := []string{callerLabel, calleeLabel, "link", "method"}
	prefix := "kerf_" + side + "_"
	counter := func(name, help string, labels []string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: prefix + name, Help: help}, labels)
	}
	return &metrics{
		started:       counter("calls_started_total", "Calls begun.", labels),
		handled:       counter("calls_total", "Calls ended, by status code.", append(labels[:4:4], "code")),
		requestBytes:  counter("request_bytes_total", "Bytes of messages from caller to callee, as protobuf.", labels),
		responseBytes: counter("response_bytes_total", "Bytes of messages from callee to caller, as protobuf.", labels),
		inFlight: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: prefix + "calls_in_flight", Help: "Calls begun and not ended.",
		}, labels),
		duration: prometheus.NewHistogramVec(
			telemetry.DurationHistogram(prefix+"call_duration_seconds", "Time from a call's begin to its end."),
			labels),
	}
}

func (m *metrics) register(r prometheus.Registerer) error {
	return errors.Join(
		r.Register(m.started), r.Register(m.handled), r.Register(m.requestBytes), r.Register(m.responseBytes),
		r.Register(m.inFlight), r.Register(m.duration))
}

// series are the metrics with their labels filled in, so that a call looks up none.
type series struct {
	started, ok, requestBytes, responseBytes prometheus.Counter

	inFlight prometheus.Gauge
	duration prometheus.Observer
	handled  *prometheus.CounterVec // lacks the code
}

func (m *metrics) series(caller, callee, link, method string) *series {
	handled := m.handled.MustCurryWith(prometheus.Labels{
		callerLabel: caller, calleeLabel: callee, "link": link, "method": method,
	})
	return &series{
		started:       m.started.WithLabelValues(caller, callee, link, method),
		ok:            handled.WithLabelValues(codes.OK.String()),
		requestBytes:  m.requestBytes.WithLabelValues(caller, callee, link, method),
		responseBytes: m.responseBytes.WithLabelValues(caller, callee, link, method),
		inFlight:      m.inFlight.WithLabelValues(caller, callee, link, method),
		duration:      m.duration.WithLabelValues(caller, callee, link, method),
		handled:       handled,
	}
}

func (s *series) count(code codes.Code) {
	switch {
	case code == codes.OK:
		s.ok.Inc()
	case code > codes.Unauthenticated: // the last one there is; others must not become labels
		s.handled.WithLabelValues(codes.Unknown.String()).Inc()
	default:
		s.handled.WithLabelValues(code.String()).Inc()
	}
}
