package telemetry

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/propagation"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/opentelemetry"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
)

// TemporalLogger is the logger for the Temporal SDK.
func (t *Telemetry) TemporalLogger() log.Logger { return log.NewStructuredLogger(t.Logger) }

// TemporalMetrics is the metrics handler for the Temporal SDK. Names are those of the SDK's
// documentation with Prometheus's suffixes: temporal_request is temporal_request_total, a latency
// ends in _seconds.
func (t *Telemetry) TemporalMetrics() client.MetricsHandler { return t.temporal.root }

// TemporalInterceptors carry traces through workflows and activities; none while tracing is off. Give
// them to the client only: its workers use them too.
func (t *Telemetry) TemporalInterceptors() ([]interceptor.ClientInterceptor, error) {
	if !t.tracing {
		return nil, nil
	}
	i, err := opentelemetry.NewTracingInterceptor(opentelemetry.TracerOptions{
		Tracer:            t.TracerProvider.Tracer("go.temporal.io/sdk"),
		TextMapPropagator: propagation.TraceContext{},
		// A request without a trace, or a saga begun before tracing was on, is no error.
		AllowInvalidParentSpans: true,
		DisableBaggage:          true,
	})
	if err != nil {
		return nil, fmt.Errorf("make Temporal's tracing interceptor: %w", err)
	}
	return []interceptor.ClientInterceptor{i}, nil
}

// temporalSeriesMax bounds the time series that the SDK can make, which has some two hundred for our
// three workflow types. What is beyond is dropped and counted.
const temporalSeriesMax = 5_000

// temporalBuckets are the bounds of latencies in seconds: from a local activity's milliseconds to
// the days that an order's saga waits.
var temporalBuckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 600, 3600, 86400}

// temporalMetrics puts the SDK's metrics into Prometheus. docs/adr/0018 compares it with OpenTelemetry's handler.
//
// The SDK gives one metric different tags at different places: a failed request has a status_code, others have none. A
// vector can't hold that. So each combination of name and tags is a metric with constant labels, and this is their
// collector.
type temporalMetrics struct {
	root     *temporalHandler
	handlers sync.Map // labels as text -> *temporalHandler
	series   sync.Map // name and labels as text -> prometheus.Collector
	count    atomic.Int64
	dropped  prometheus.Counter
}

func newTemporalMetrics() *temporalMetrics {
	m := &temporalMetrics{dropped: prometheus.NewCounter(prometheus.CounterOpts{
		Name: "orderloom_temporal_series_dropped_total",
		Help: "Measurements of the Temporal SDK that were dropped because there are too many time series.",
	})}
	m.root = &temporalHandler{metrics: m}
	return m
}

// Describe describes nothing, which tells Prometheus that the metrics are not known beforehand.
func (m *temporalMetrics) Describe(chan<- *prometheus.Desc) {}

// Collect sends all metrics that the SDK has made so far.
func (m *temporalMetrics) Collect(ch chan<- prometheus.Metric) {
	m.dropped.Collect(ch)
	m.series.Range(func(_, c any) bool {
		c.(prometheus.Collector).Collect(ch)
		return true
	})
}

// temporalHandler is the SDK's view of the metrics with one set of tags.
type temporalHandler struct {
	metrics *temporalMetrics
	labels  prometheus.Labels
	text    string
}

// WithTags returns the handler for these tags on top of h's.
func (h *temporalHandler) WithTags(tags map[string]string) client.MetricsHandler {
	labels := make(prometheus.Labels, len(h.labels)+len(tags))
	for k, v := range h.labels {
		labels[k] = v
	}
	for k, v := range tags {
		labels[plain(k)] = strings.ToValidUTF8(v, "�")
	}
	names := make([]string, 0, len(labels))
	for k := range labels {
		names = append(names, k)
	}
	slices.Sort(names)
	var text strings.Builder
	for _, k := range names {
		text.WriteString(k)
		text.WriteByte(0)
		text.WriteString(labels[k])
		text.WriteByte(0)
	}
	key := text.String()
	if known, ok := h.metrics.handlers.Load(key); ok {
		return known.(*temporalHandler)
	}
	made := &temporalHandler{metrics: h.metrics, labels: labels, text: key}
	if h.metrics.count.Load() >= temporalSeriesMax {
		return made
	}
	known, _ := h.metrics.handlers.LoadOrStore(key, made)
	return known.(*temporalHandler)
}

// Counter returns the counter of this name.
func (h *temporalHandler) Counter(name string) client.MetricsCounter {
	name = withSuffix(name, "_total")
	c, ok := h.collector(name, func(help string) prometheus.Collector {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help, ConstLabels: h.labels})
	}).(prometheus.Counter)
	return counter{c, ok, h.metrics.dropped}
}

// Gauge returns the gauge of this name.
func (h *temporalHandler) Gauge(name string) client.MetricsGauge {
	name = plain(name)
	g, ok := h.collector(name, func(help string) prometheus.Collector {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: h.labels})
	}).(prometheus.Gauge)
	return gauge{g, ok, h.metrics.dropped}
}

// Timer returns the histogram of this name, in seconds.
func (h *temporalHandler) Timer(name string) client.MetricsTimer {
	name = withSuffix(name, "_seconds")
	t, ok := h.collector(name, func(help string) prometheus.Collector {
		return prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, ConstLabels: h.labels, Buckets: temporalBuckets})
	}).(prometheus.Histogram)
	return timer{t, ok, h.metrics.dropped}
}

// collector returns the metric of this name and h's labels; nil when there are too many.
func (h *temporalHandler) collector(name string, make func(help string) prometheus.Collector) prometheus.Collector {
	key := name + "\x00" + h.text
	if c, ok := h.metrics.series.Load(key); ok {
		return c.(prometheus.Collector)
	}
	if h.metrics.count.Load() >= temporalSeriesMax {
		return nil
	}
	c, loaded := h.metrics.series.LoadOrStore(key, make("Metric "+name+" of the Temporal SDK."))
	if !loaded {
		h.metrics.count.Add(1)
	}
	return c.(prometheus.Collector)
}

type counter struct {
	prometheus.Counter
	ok      bool
	dropped prometheus.Counter
}

// Inc adds n.
func (c counter) Inc(n int64) {
	if !c.ok {
		c.dropped.Inc()
		return
	}
	if n > 0 { // a counter that was asked to fall would panic, in a workflow that has its own
		c.Add(float64(n))
	}
}

type gauge struct {
	prometheus.Gauge
	ok      bool
	dropped prometheus.Counter
}

// Update sets the value.
func (g gauge) Update(v float64) {
	if !g.ok {
		g.dropped.Inc()
		return
	}
	g.Set(v)
}

type timer struct {
	prometheus.Histogram
	ok      bool
	dropped prometheus.Counter
}

// Record adds a duration, in seconds.
func (t timer) Record(d time.Duration) {
	if !t.ok {
		t.dropped.Inc()
		return
	}
	t.Observe(d.Seconds())
}

// plain returns name with every character that Prometheus does not allow in names replaced by "_".
func plain(name string) string {
	foreign := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_'
	}
	if strings.IndexFunc(name, foreign) < 0 {
		return name
	}
	return strings.Map(func(r rune) rune {
		if foreign(r) {
			return '_'
		}
		return r
	}, name)
}

func withSuffix(name, suffix string) string {
	name = plain(name)
	if strings.HasSuffix(name, suffix) {
		return name
	}
	return name + suffix
}
