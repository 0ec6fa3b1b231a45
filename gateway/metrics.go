package gateway

import (
	"maps"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/kerf-go/kerf/gateway/cache"
	"github.com/kerf-go/kerf/gateway/rate"
)

// metrics tells of what a gateway has beside requests and policies, by the configuration in use.
type metrics struct{ *Gateway }

var _ prometheus.Collector = metrics{}

// cacheMetric is one of the figures of the store.
type cacheMetric struct {
	*prometheus.Desc

	kind prometheus.ValueType
	of   func(cache.Stats) float64
}

func newCacheMetric(name, help string, kind prometheus.ValueType, of func(cache.Stats) float64) cacheMetric {
	return cacheMetric{prometheus.NewDesc("kerf_gateway_cache_"+name, help, nil, nil), kind, of}
}

var cacheMetrics = []cacheMetric{
	newCacheMetric("entries", "Answers held now.", prometheus.GaugeValue,
		func(s cache.Stats) float64 { return float64(s.Entries) }),
	newCacheMetric("bytes", "Bytes of the answers held now.", prometheus.GaugeValue,
		func(s cache.Stats) float64 { return float64(s.Size) }),
	newCacheMetric("hits_total", "Requests answered from the cache.", prometheus.CounterValue,
		func(s cache.Stats) float64 { return float64(s.Hits) }),
	newCacheMetric("stale_total", "Requests answered from the cache after the answer's time: "+
		"hits while a new one is asked for, and misses whose upstream failed.", prometheus.CounterValue,
		func(s cache.Stats) float64 { return float64(s.Stale) }),
	newCacheMetric("misses_total", "Requests that went on to the upstream.", prometheus.CounterValue,
		func(s cache.Stats) float64 { return float64(s.Misses) }),
	newCacheMetric("stored_total", "Answers taken in.", prometheus.CounterValue,
		func(s cache.Stats) float64 { return float64(s.Stored) }),
	newCacheMetric("evicted_total", "Answers put out for others.", prometheus.CounterValue,
		func(s cache.Stats) float64 { return float64(s.Evicted) }),
	newCacheMetric("invalidated_total", "Answers made invalid by requests and purges.", prometheus.CounterValue,
		func(s cache.Stats) float64 { return float64(s.Invalidated) }),
}

var rateStoreAway = prometheus.NewDesc("kerf_gateway_rate_store_away",
	"1 while the store of the rate is away, and requests are counted in this process.", []string{"rate"}, nil)

var malformed = prometheus.NewDesc("kerf_gateway_malformed_requests_total",
	"Requests refused before any route saw them, since servers could read their heads in different ways.", nil, nil)

// Describe implements prometheus.Collector.
func (metrics) Describe(to chan<- *prometheus.Desc) {
	to <- malformed
	for _, m := range cacheMetrics {
		to <- m.Desc
	}
	to <- rateStoreAway
}

// Collect implements prometheus.Collector.
func (m metrics) Collect(to chan<- prometheus.Metric) {
	r := m.enter()
	if r == nil {
		return
	}
	defer m.leave(r)
	to <- prometheus.MustNewConstMetric(malformed, prometheus.CounterValue, float64(m.refused.Load()))
	if r.store != nil {
		s := r.store.Stats()
		for _, one := range cacheMetrics {
			to <- prometheus.MustNewConstMetric(one.Desc, one.kind, one.of(s))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.rates)) {
		shared, ok := r.rates[name].Store.(*rate.Shared)
		if !ok {
			continue
		}
		away := 0.0
		if shared.Away() {
			away = 1
		}
		to <- prometheus.MustNewConstMetric(rateStoreAway, prometheus.GaugeValue, away, name)
	}
}
