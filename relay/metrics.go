package relay

import (
	"time"

	"github.com/orderloom/orderloom/domain"
	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	events         *prometheus.CounterVec
	failures       prometheus.Counter
	leading        prometheus.Gauge
	up             prometheus.Gauge
	position       prometheus.Gauge
	backlogSeconds prometheus.Gauge
	// openAppendSeconds and lostSeconds tell two causes apart.
	openAppendSeconds, lostSeconds prometheus.Gauge
	// takeovers counts leaders whose session was ended because they were silent.
	takeovers      prometheus.Counter
	publishSeconds prometheus.Histogram
	delay          prometheus.Histogram
}

func newMetrics(registerer prometheus.Registerer) *metrics {
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: "orderloom_relay_" + name, Help: help})
	}
	histogram := func(name, help string) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "orderloom_relay_" + name, Help: help, Buckets: prometheus.ExponentialBuckets(0.001, 2, 16),
		})
	}
	m := &metrics{
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "orderloom_relay_events_total", Help: "Events published to Kafka.",
		}, []string{"aggregate_type"}),
		failures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "orderloom_relay_failures_total", Help: "Attempts to publish, or to lead, that failed and are repeated.",
		}),
		leading:           gauge("leading", "1 while this process publishes, 0 while another one does."),
		up:                gauge("up", "1 when the last attempt to publish succeeded, 0 when it failed."),
		position:          gauge("position", "Last sequence published."),
		backlogSeconds:    gauge("backlog_seconds", "Age of the oldest event that is not published yet."),
		openAppendSeconds: gauge("open_append_seconds", "How long the append is open that publishing waits for longest."),
		lostSeconds:       gauge("lost_seconds", "How long Kafka is known to lack events that were published, 0 when it has all."),
		takeovers: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "orderloom_relay_takeovers_total", Help: "Leaders that were silent, and whose session this process has ended.",
		}),
		publishSeconds: histogram("publish_seconds", "Time to publish one page and move the cursor."),
		delay:          histogram("delay_seconds", "From the time of an event to its publication."),
	}
	m.up.Set(1)
	if registerer != nil {
		registerer.MustRegister(m.events, m.failures, m.leading, m.up, m.position, m.backlogSeconds,
			m.openAppendSeconds, m.lostSeconds, m.takeovers, m.publishSeconds, m.delay)
	}
	return m
}

func (m *metrics) published(events []domain.Envelope, took time.Duration) {
	now := time.Now()
	byType := map[string]int{}
	for i := range events {
		byType[events[i].AggregateType]++
		m.delay.Observe(now.Sub(events[i].Timestamp).Seconds())
	}
	for t, n := range byType {
		m.events.WithLabelValues(t).Add(float64(n))
	}
	m.publishSeconds.Observe(took.Seconds())
}
