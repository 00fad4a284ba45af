package projector

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the projector's. The lag of each projection is added by the reporter.
type metrics struct {
	events         *prometheus.CounterVec
	repaired       *prometheus.CounterVec
	parkedTotal    *prometheus.CounterVec
	deadLetters    prometheus.Counter
	batchSeconds   prometheus.Histogram
	batchEvents    prometheus.Histogram
	failures       prometheus.Counter
	delay          prometheus.Histogram
	lagEvents      *prometheus.GaugeVec
	lagSeconds     *prometheus.GaugeVec
	waitingSeconds *prometheus.GaugeVec
	parked         *prometheus.GaugeVec
	parkedAge      *prometheus.GaugeVec
	sweptStreams   prometheus.Counter
	sweepSeconds   prometheus.Gauge
}

func newMetrics(registerer prometheus.Registerer) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "orderloom_projection_" + name, Help: help})
	}
	gaugeVec := func(name, help string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "orderloom_projection_" + name, Help: help}, []string{"projection"})
	}
	counterVec := func(name, help, label string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "orderloom_projection_" + name, Help: help}, []string{label})
	}
	m := &metrics{
		events:      counterVec("events_total", "Events applied to a view, or skipped because the view had them.", "outcome"),
		repaired:    counterVec("repaired_events_total", "Events that were missing and came from the event store.", "by"),
		parkedTotal: counterVec("parked_total", "Aggregates parked because an event could not be applied.", "projection"),
		deadLetters: counter("dead_letters_total", "Messages that are no events, put on the dead letter topic."),
		batchSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "orderloom_projection_batch_seconds", Help: "Time to fold and write one batch.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 14),
		}),
		batchEvents: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "orderloom_projection_batch_events", Help: "Events in one batch.", Buckets: prometheus.ExponentialBuckets(1, 2, 13),
		}),
		failures: counter("failures_total", "Batches that failed and are tried again."),
		delay: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "orderloom_projection_delay_seconds", Help: "From the time of an event to its view.",
			Buckets: prometheus.ExponentialBuckets(0.005, 2, 14),
		}),
		lagEvents:      gaugeVec("lag_events", "Events in the store that are not in the view yet."),
		lagSeconds:     gaugeVec("lag_seconds", "Age of the oldest event that is not in the view yet."),
		waitingSeconds: gaugeVec("waiting_seconds", "Age of the oldest event that is not in the view yet and is not parked."),
		parked:         gaugeVec("parked_aggregates", "Aggregates parked at present."),
		parkedAge:      gaugeVec("parked_oldest_seconds", "Age of the oldest parking."),
		sweptStreams:   counter("swept_streams_total", "Streams whose versions were compared with those of the views."),
		sweepSeconds: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "orderloom_projection_sweep_seconds", Help: "Duration of the last complete comparison of all streams.",
		}),
	}
	if registerer != nil {
		registerer.MustRegister(m.events, m.repaired, m.parkedTotal, m.deadLetters, m.batchSeconds, m.batchEvents, m.failures, m.delay,
			m.lagEvents, m.lagSeconds, m.waitingSeconds, m.parked, m.parkedAge, m.sweptStreams, m.sweepSeconds)
	}
	return m
}

func (m *metrics) observe(r Result, events int, took time.Duration) {
	m.events.WithLabelValues("applied").Add(float64(r.Applied))
	m.events.WithLabelValues("skipped").Add(float64(r.Skipped))
	for _, p := range r.Parked {
		m.parkedTotal.WithLabelValues(p.Projection).Inc()
	}
	if events > 0 {
		m.batchSeconds.Observe(took.Seconds())
		m.batchEvents.Observe(float64(events))
	}
}
