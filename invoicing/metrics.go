package invoicing

import (
	"context"
	"time"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/invoice"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	issued     *prometheus.CounterVec
	failures   prometheus.Counter
	lagEvents  prometheus.Gauge
	lagSeconds prometheus.Gauge
}

func newMetrics(r prometheus.Registerer) metrics {
	m := metrics{
		issued: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "orderloom_invoices_issued_total", Help: "Invoices and credit notes that got a number.",
		}, []string{"kind"}),
		failures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "orderloom_invoices_failures_total", Help: "Attempts to number invoices that failed and are made again.",
		}),
		lagEvents: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "orderloom_invoices_lag_events", Help: "Events of payments that were not looked at for invoices yet.",
		}),
		lagSeconds: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "orderloom_invoices_lag_seconds", Help: "Age of the oldest event of a payment that was not looked at for invoices yet.",
		}),
	}
	if r != nil {
		r.MustRegister(m.issued, m.failures, m.lagEvents, m.lagSeconds)
	}
	return m
}

func (m metrics) count(documents []invoice.Document) {
	for _, d := range documents {
		m.issued.WithLabelValues(string(d.Kind)).Inc()
	}
}

// measure tells how far the invoices are behind the events. What can't be measured keeps its last value.
func (i *Issuer) measure(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, measuredEvery)
	defer cancel()
	cursor, err := readCursor(ctx, i.o.Pool, "")
	if err != nil {
		return
	}
	waiting, err := i.o.Events.Waiting(ctx, eventstore.Span{After: cursor.Position, AggregateTypes: []string{domain.AggregatePayment}})
	if err != nil {
		return
	}
	var events, seconds float64
	for _, w := range waiting {
		events, seconds = float64(w.Events), max(time.Since(w.Oldest).Seconds(), 0)
	}
	i.metrics.lagEvents.Set(events)
	i.metrics.lagSeconds.Set(seconds)
}
