package projector

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/broker"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/catalog"
	"github.com/orderloom/orderloom/internal/backoff"
	"github.com/orderloom/orderloom/internal/drain"
	"github.com/orderloom/orderloom/internal/telemetry/origin"
	"github.com/orderloom/orderloom/readmodel"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/segmentio/kafka-go"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// Limits.
const (
	// batchEventsDefault bounds the events of one transaction.
	batchEventsDefault = 2000
	// drainTimeout bounds how long a batch that was begun may go on after the context has ended.
	drainTimeout = 10 * time.Second
	// gatherMin and gatherMax bound how soon after the begin of one batch the next may begin (backoff.Gather). After
	// a rest a batch begins at once.
	gatherMin, gatherMax = 10 * time.Millisecond, 100 * time.Millisecond
	// A batch of at least one gatherPart-th of the largest is followed by the next at once. More would not make an
	// event cheaper, and a projector that is behind must not wait.
	gatherPart = 8
	// traceLinksMax bounds the traces that the span of a batch is linked to.
	traceLinksMax = 32
)

// Invalidator makes caches forget orders that have changed. It does not fail: what it can't do now it does later.
type Invalidator interface {
	Invalidate(ctx context.Context, changed []readmodel.OrderVersion)
}

// Options says what a projector works with. Pool, Source, Broker and Projections are required.
type Options struct {
	// Pool is the database of the views.
	Pool *pgxpool.Pool
	// Source is the event store, for the events that Kafka does not bring.
	Source EventSource
	// Streams lists the streams of the event store for the sweeper; nil sweeps nothing.
	Streams StreamLister
	// Backlog tells what the relay has not published yet, which counts to the lag; nil for nothing.
	Backlog readmodel.BacklogSource
	Broker  broker.Config
	// Writer puts what can't be read on the dead letter topic; nil makes one.
	Writer *broker.Writer
	// Projections are the views to keep.
	Projections []Projection
	// Catalog decodes events; nil is the platform's.
	Catalog    *catalog.Catalog
	Cache      Invalidator
	Logger     *slog.Logger
	Registerer prometheus.Registerer
	Tracer     trace.TracerProvider
	// BatchEvents bounds the events of one transaction; 0 for the default.
	BatchEvents int
}

// Projector keeps the views up to date.
type Projector struct {
	opts   Options
	mender *Mender
	tracer trace.Tracer
	writer *broker.Writer
}

// New returns a projector. It begins to work with [Projector.Run].
func New(opts Options) (*Projector, error) {
	if opts.Pool == nil || opts.Source == nil || len(opts.Broker.Brokers) == 0 || opts.Broker.Group == "" || len(opts.Projections) == 0 {
		return nil, errors.New("projector: Pool, Source, Broker.Brokers, Broker.Group and Projections are required")
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	if opts.Tracer == nil {
		opts.Tracer = noop.NewTracerProvider()
	}
	opts.BatchEvents = cmp.Or(opts.BatchEvents, batchEventsDefault)
	p := &Projector{opts: opts, tracer: opts.Tracer.Tracer("orderloom/projector"), writer: opts.Writer}
	if p.writer == nil {
		p.writer = broker.NewWriter(opts.Broker)
	}
	p.mender = &Mender{cache: opts.Cache, Engine: &Engine{
		pool: opts.Pool, source: opts.Source, projections: opts.Projections, catalog: opts.Catalog, log: opts.Logger,
		metrics: newMetrics(opts.Registerer),
	}}
	return p, nil
}

// Run keeps the views up to date until ctx ends, and finishes the batch that was begun then. Whatever fails meanwhile
// is tried again without end. While the event store is not the one that the views were built from, Run changes nothing.
func (p *Projector) Run(ctx context.Context) error {
	reader, err := broker.NewReader(p.opts.Broker, broker.Topics()...) //nolint:contextcheck // ended by Close
	if err != nil {
		return err
	}
	defer func() { _ = reader.Close() }()
	if p.opts.Writer == nil {
		defer func() { _ = p.writer.Close() }()
	}
	wait := backoff.New()
	var complaint backoff.Complaint
	for err := p.begin(ctx); err != nil; err = p.begin(ctx) {
		p.mender.metrics.failures.Inc()
		if complaint.Due(err) {
			p.opts.Logger.WarnContext(ctx, "can't begin to keep the views, trying again", "error", err)
		}
		if wait.Wait(ctx) != nil {
			return nil
		}
	}
	p.mender.ClearCache(ctx) // of what a process has left behind that was killed while the cache was away
	background, stop := context.WithCancel(ctx)
	defer stop()
	side := p.startSideWork(background, reader)
	defer side.Wait()
	defer stop()
	for {
		messages, err := reader.Fetch(ctx, p.opts.BatchEvents)
		if err != nil {
			return nil // ctx has ended: nothing else ends Fetch
		}
		begun := time.Now()
		if !p.applyUntilDone(ctx, reader, messages) {
			return nil
		}
		if backoff.Pause(ctx, p.gather(len(messages), time.Since(begun))) != nil {
			return nil
		}
	}
}

// begin registers the projections, and makes sure that the event store is the one that the views were built from.
func (p *Projector) begin(ctx context.Context) error {
	if err := p.register(ctx); err != nil {
		return err
	}
	return p.mender.CheckStore(ctx, p.mender.projections...)
}

// gather returns how long to wait for more after a batch of so many events that took so long.
func (p *Projector) gather(events int, took time.Duration) time.Duration {
	if events >= p.opts.BatchEvents/gatherPart {
		return 0
	}
	return backoff.Gather(took, gatherMin, gatherMax) - took
}

// applyUntilDone applies a batch, again and again until it succeeds, and commits it. It reports false when ctx
// ended before that.
func (p *Projector) applyUntilDone(ctx context.Context, reader *broker.Reader, messages []kafka.Message) bool {
	wait := backoff.New()
	var complaint backoff.Complaint
	for {
		work, done := drain.Outlive(ctx, drainTimeout)
		err := p.project(work, messages)
		done()
		if err == nil {
			break
		}
		p.mender.metrics.failures.Inc()
		if complaint.Due(err) {
			p.opts.Logger.WarnContext(ctx, "can't write the views, trying again", "error", err, "events", len(messages))
		}
		if wait.Wait(ctx) != nil {
			return false
		}
	}
	reader.Commit(messages) // those that Kafka isn't told of come again, and are skipped by their versions
	return ctx.Err() == nil
}

// project applies a batch of messages in one transaction.
func (p *Projector) project(ctx context.Context, messages []kafka.Message) error {
	envelopes := make([]domain.Envelope, 0, len(messages))
	marks := map[broker.PartitionID]mark{}
	var links []trace.Link
	for _, m := range messages {
		env, err := broker.Decode(m)
		id := broker.PartitionID{Topic: m.Topic, Partition: m.Partition}
		marks[id] = marks[id].after(m, env)
		if err != nil {
			// It is no event of ours, so no view waits for it.
			if err := p.deadLetter(ctx, m, p.opts.Broker.Group, err.Error()); err != nil {
				return err
			}
			p.mender.metrics.deadLetters.Inc()
			p.opts.Logger.ErrorContext(ctx, "message is no event, put on the dead letter topic", "topic", m.Topic,
				"partition", m.Partition, "offset", m.Offset, "error", err)
			continue
		}
		if len(links) < traceLinksMax {
			if link, ok := linkOf(ctx, env); ok {
				links = append(links, link)
			}
		}
		envelopes = append(envelopes, env)
	}
	events := p.mender.Decode(envelopes)
	begun := time.Now()
	ctx, span := p.tracer.Start(ctx, "project batch", trace.WithLinks(links...), trace.WithSpanKind(trace.SpanKindConsumer),
		trace.WithAttributes(attribute.Int("orderloom.events", len(events))))
	defer span.End()
	r, err := p.mender.Process(ctx, Work{
		Place: Live, Projections: p.mender.projections, Events: events,
		Also: func(q *pgx.Batch) { writeMarks(q, p.opts.Broker.Group, marks) },
	})
	if err != nil {
		span.SetStatus(codes.Error, err.Error())
		return err
	}
	p.mender.metrics.repaired.WithLabelValues("gap").Add(float64(r.Repaired))
	p.mender.invalidate(ctx, r)
	p.traceEvents(ctx, span, begun, events)
	now := time.Now()
	for _, in := range events {
		p.mender.metrics.delay.Observe(now.Sub(in.Event.Timestamp).Seconds())
	}
	return p.writeDeadLetters(ctx, r)
}

// writeDeadLetters copies the events that have parked their aggregates to the dead letter topic, for whoever watches
// that. The events themselves are in the event store.
func (p *Projector) writeDeadLetters(ctx context.Context, r Result) error {
	for _, parked := range r.Parked {
		m := broker.Encode(parked.Event, "")
		if err := p.deadLetter(ctx, m, parked.Projection, parked.Err.Error()); err != nil {
			return err
		}
	}
	return nil
}

// deadLetter copies a message to the dead letter topic. A topic that takes nothing, such as one that does not exist,
// stops no view. The message
// lies where it was, and an event is in the event store.
func (p *Projector) deadLetter(ctx context.Context, m kafka.Message, reader, reason string) error {
	err := p.writer.DeadLetter(ctx, m, reader, reason)
	if err != nil && broker.RefusesTopic(err) {
		p.opts.Logger.ErrorContext(ctx, "the dead letter topic takes nothing, going on without a copy", "topic", m.Topic,
			"partition", m.Partition, "offset", m.Offset, "reason", reason, "error", err)
		return nil
	}
	return err
}

// linkOf returns the link to the trace of the step that caused an event.
func linkOf(ctx context.Context, env domain.Envelope) (trace.Link, bool) {
	ctx, ok := origin.Of(ctx, env.Metadata.TraceParent)
	return trace.LinkFromContext(ctx), ok
}
