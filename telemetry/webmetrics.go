package telemetry

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

type webMetrics struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	inFlight prometheus.Gauge
}

func newWebMetrics() *webMetrics {
	return &webMetrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "kerf_web_requests_total",
			Help: "Requests for pages that were answered, by class of status.",
		}, []string{"pattern", "method", "status"}),
		duration: prometheus.NewHistogramVec(
			DurationHistogram("kerf_web_request_duration_seconds", "Time from a request to the end of its answer."),
			[]string{"pattern", "method"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "kerf_web_requests_in_flight",
			Help: "Requests for pages that are not fully answered yet.",
		}),
	}
}

// DurationHistogram is how Kerf measures time: a native histogram, whose buckets
// grow by at most 10 % and number at most 160, beside a few classic buckets from
// 0.1 ms to 10 s for scrapers that know no native ones.
func DurationHistogram(name, help string) prometheus.HistogramOpts {
	return prometheus.HistogramOpts{
		Name:                            name,
		Help:                            help,
		Buckets:                         []float64{.0001, .001, .01, .1, .5, 1, 5, 10},
		NativeHistogramBucketFactor:     1.1,
		NativeHistogramMaxBucketNumber:  160,
		NativeHistogramMinResetDuration: time.Hour,
	}
}

func (m *webMetrics) register(r prometheus.Registerer) error {
	return errors.Join(r.Register(m.requests), r.Register(m.duration), r.Register(m.inFlight))
}

func (m *webMetrics) count(pattern, method string, status int, took time.Duration) {
	pattern, method = cmp.Or(pattern, "unmatched"), methodName(method)
	m.requests.WithLabelValues(pattern, method, strconv.Itoa(status/100)+"xx").Inc()
	m.duration.WithLabelValues(pattern, method).Observe(took.Seconds())
}

var methods = []string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
	http.MethodConnect, http.MethodOptions, http.MethodTrace,
}

const otherMethod = "_OTHER"

// methodName keeps made-up methods out of labels and span names, as
// OpenTelemetry's conventions do.
func methodName(method string) string {
	if slices.Contains(methods, method) {
		return method
	}
	return otherMethod
}
