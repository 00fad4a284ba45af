package eventstore

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the store's figures. Without a registerer they are kept and shown to nobody.
type metrics struct {
	appendSeconds prometheus.Histogram
	waitSeconds   prometheus.Histogram
	flushEvents   prometheus.Histogram
	events        prometheus.Counter
	duplicates    prometheus.Counter
	conflicts     prometheus.Counter
	retries       prometheus.Counter
	decisions     prometheus.Counter
	redecisions   prometheus.Counter
	loads         prometheus.Counter
	queueDepth    prometheus.Gauge
	highWaterLag  prometheus.Gauge
	snapshots     prometheus.Counter
}

func newMetrics(r prometheus.Registerer) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "orderloom", Subsystem: "eventstore", Name: name, Help: help})
	}
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "orderloom", Subsystem: "eventstore", Name: name, Help: help})
	}
	histogram := func(name, help string, buckets []float64) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: "orderloom", Subsystem: "eventstore", Name: name, Help: help, Buckets: buckets,
		})
	}
	latency := prometheus.ExponentialBuckets(0.000_1, 2, 16) // to 3.3 s
	m := &metrics{
		appendSeconds: histogram("append_seconds", "Time of one round trip that appends, commit included.", latency),
		waitSeconds:   histogram("append_wait_seconds", "Time from a caller's request to its answer.", latency),
		flushEvents:   histogram("flush_events", "Events stored together by one commit.", prometheus.ExponentialBuckets(1, 2, 12)),
		events:        counter("events_total", "Events stored."),
		duplicates:    counter("duplicates_total", "Appends that were there already."),
		conflicts:     counter("conflicts_total", "Appends refused because the stream had another version."),
		retries:       counter("retries_total", "Round trips repeated because the database could not be reached."),
		decisions:     counter("decisions_total", "Commands decided."),
		redecisions:   counter("redecisions_total", "Commands decided again because the stream had changed."),
		loads:         counter("loads_total", "Streams loaded because they were not in memory."),
		queueDepth:    gauge("queue_depth", "Requests that wait for the next flush."),
		highWaterLag:  gauge("high_water_lag_events", "Sequence numbers given out and not yet safe to read."),
		snapshots:     counter("snapshots_total", "Snapshots taken."),
	}
	if r != nil {
		r.MustRegister(m.appendSeconds, m.waitSeconds, m.flushEvents, m.events, m.duplicates, m.conflicts, m.retries,
			m.decisions, m.redecisions, m.loads, m.queueDepth, m.highWaterLag, m.snapshots)
	}
	return m
}

func (m *metrics) appended(groups []*group, took time.Duration) {
	n := 0
	for _, g := range groups {
		if g.err != nil {
			continue
		}
		for _, s := range g.streams {
			switch s.status {
			case statusAppended:
				n += int(s.count)
			case statusDuplicate:
				m.duplicates.Inc()
			}
		}
	}
	m.appendSeconds.Observe(took.Seconds())
	if n > 0 {
		m.events.Add(float64(n))
		m.flushEvents.Observe(float64(n))
	}
}

func (m *metrics) flushed(requests []*request) {
	now := time.Now()
	for _, r := range requests {
		m.waitSeconds.Observe(now.Sub(r.queued).Seconds())
	}
}
