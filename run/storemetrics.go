package run

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/kerf-go/kerf/store"
)

// storeMetrics are those of one service's pool, read when they are asked for.
type storeMetrics struct {
	service string
	db      *store.DB
}

var _ prometheus.Collector = storeMetrics{}

// storeMetric is one of them: its name after kerf_store_, and where its value comes from.
type storeMetric struct {
	name, help string
	kind       prometheus.ValueType
	value      func(store.Stats) float64
}

func allStoreMetrics() []storeMetric {
	const gauge, counter = prometheus.GaugeValue, prometheus.CounterValue
	return []storeMetric{
		{
			"connections_max", "The most connections there may be.", gauge,
			func(s store.Stats) float64 { return float64(s.MaxOpenConnections) },
		},
		{
			"connections_open", "Connections that there are.", gauge,
			func(s store.Stats) float64 { return float64(s.OpenConnections) },
		},
		{
			"connections_in_use", "Connections that statements and transactions hold.", gauge,
			func(s store.Stats) float64 { return float64(s.InUse) },
		},
		{
			"waits_total", "Times that somebody waited for a connection.", counter,
			func(s store.Stats) float64 { return float64(s.WaitCount) },
		},
		{
			"wait_seconds_total", "Time waited for connections.", counter,
			func(s store.Stats) float64 { return s.WaitDuration.Seconds() },
		},
		{
			"refused_total", "Times that no connection became free in time.", counter,
			func(s store.Stats) float64 { return float64(s.Refused) },
		},
		{
			"repeats_total", "Times that a statement or transaction was tried again.", counter,
			func(s store.Stats) float64 { return float64(s.Repeats) },
		},
	}
}

func (m storeMetrics) desc(of storeMetric) *prometheus.Desc {
	return prometheus.NewDesc("kerf_store_"+of.name, of.help, nil, prometheus.Labels{"service": m.service})
}

// Describe tells the names.
func (m storeMetrics) Describe(to chan<- *prometheus.Desc) {
	for _, one := range allStoreMetrics() {
		to <- m.desc(one)
	}
}

// Collect tells the values.
func (m storeMetrics) Collect(to chan<- prometheus.Metric) {
	stats := m.db.Stats()
	for _, one := range allStoreMetrics() {
		to <- prometheus.MustNewConstMetric(m.desc(one), one.kind, one.value(stats))
	}
}
