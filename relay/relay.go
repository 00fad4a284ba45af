package relay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/broker"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/internal/backoff"
	"github.com/orderloom/orderloom/internal/drain"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// Defaults and limits.
const (
	// Name is the name of the cursor of the platform's relay.
	Name = "orderloom"
	// pageEvents bounds the events published at once, and with them what is repeated after a failure.
	pageEvents = 2000
	// pollInterval is how often the store is asked for events that another process has appended: nothing tells this
	// process of them.
	pollInterval = 15 * time.Millisecond
	// gatherMin and gatherMax bound how soon after the begin of one page the next may begin (backoff.Gather). After
	// a rest a page begins at once.
	gatherMin, gatherMax = 10 * time.Millisecond, 60 * time.Millisecond
	// electionInterval is how often a follower asks whether there is still a leader.
	electionInterval = 500 * time.Millisecond
	// drainTimeout bounds how long a page that was begun may go on after the context has ended.
	drainTimeout = 10 * time.Second
)

// Store is what the relay needs of the event store.
type Store interface {
	// Read returns events in the global order, never past the high-water mark.
	Read(ctx context.Context, o eventstore.ReadOptions) (eventstore.Page, error)
	// Wake tells of commits of this process.
	Wake() (wake <-chan struct{}, stop func())
	// Check reports whether a consumer may go on from its cursor, and which store this is.
	Check(ctx context.Context, c eventstore.Cursor) (eventstore.Identity, error)
	// Identity returns which store this is now.
	Identity(ctx context.Context) (eventstore.Identity, error)
	// Waiting counts events.
	Waiting(ctx context.Context, s eventstore.Span) ([]eventstore.Backlog, error)
}

// Publisher sends events to Kafka; [broker.Writer] is one.
type Publisher interface {
	// From says which store, in which epoch, the events come from that are published from now on.
	From(o broker.Origin)
	// Publish returns once all events have arrived, or with an error and those that may not have. When it is for whole
	// topics that those have not, the error unwraps to one that implements [RefusedTopics].
	Publish(ctx context.Context, events []domain.Envelope) (unpublished []domain.Envelope, err error)
}

// RefusedTopics is an error of a [Publisher]: some topics take nothing, such as those that do not exist, while Kafka
// answers.
type RefusedTopics interface {
	error
	// RefusedTypes returns the aggregate types whose topics these are, and why each takes nothing.
	RefusedTypes() map[string]error
}

// Options says what a relay works with. Store, Pool and Writer are required.
type Options struct {
	Store Store
	// Pool is the database of the event store, where the cursor is as well. Leading takes one connection of it for as
	// long as it lasts; the connection must not go through a pooler that shares sessions.
	Pool       *pgxpool.Pool
	Writer     Publisher
	Logger     *slog.Logger
	Registerer prometheus.Registerer
	// Instance names this process in the cursor's row; "" for host and process id.
	Instance string
	// Name is the name of the cursor; "" for Name.
	Name string
	// Tracer makes a span of each page, and of each event in its own trace; nil makes none.
	Tracer trace.TracerProvider
}

// Relay publishes events while it leads.
type Relay struct {
	opts    Options
	log     *slog.Logger
	metrics *metrics
	tracer  trace.Tracer
	// complaint is about what is tried again and again.
	complaint backoff.Complaint
	// leads is the epoch in which this relay leads, 0 while it does not.
	leads atomic.Int64
	// lookedForSilence is when it last looked whether another leader is silent.
	lookedForSilence time.Time
	// restAfter and restBeat are the constants of these names, but in tests.
	restAfter, restBeat time.Duration
}

// New returns a relay. It begins to work with [Relay.Run].
func New(opts Options) (*Relay, error) {
	if opts.Store == nil || opts.Pool == nil || opts.Writer == nil {
		return nil, errors.New("relay: Store, Pool and Writer are required")
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	opts.Name = cmp.Or(opts.Name, Name)
	if opts.Instance == "" {
		host, _ := os.Hostname()
		opts.Instance = fmt.Sprintf("%s/%d", host, os.Getpid())
	}
	if w, ok := opts.Writer.(interface{ Oversized() int64 }); ok && opts.Registerer != nil {
		opts.Registerer.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "orderloom_relay_oversized_total", Help: "Events too large for Kafka, published as a reference to the event store.",
		}, func() float64 { return float64(w.Oversized()) }))
	}
	if opts.Tracer == nil {
		opts.Tracer = noop.NewTracerProvider()
	}
	return &Relay{
		opts: opts, log: opts.Logger, metrics: newMetrics(opts.Registerer), tracer: opts.Tracer.Tracer("orderloom/relay"),
		restAfter: restAfter, restBeat: restBeat,
	}, nil
}

// Run publishes whenever this relay leads, and otherwise waits to lead, until ctx ends. A page that was
// begun then is finished first.
func (r *Relay) Run(ctx context.Context) error {
	watching, stop := context.WithCancel(ctx)
	var watch sync.WaitGroup
	watch.Go(func() { r.watch(watching) })
	defer watch.Wait()
	defer stop()
	wait := backoff.New()
	for ctx.Err() == nil {
		term, err := r.elect(ctx)
		switch {
		case err != nil:
			r.report(ctx, "can't stand for election, trying again", err)
			_ = wait.Wait(ctx)
			continue
		case term == nil:
			wait.Reset()
			r.metrics.up.Set(1) // another relay publishes, and tells how that goes
			if err := r.endSilentLeader(ctx); err != nil && ctx.Err() == nil {
				r.log.DebugContext(ctx, "can't look whether the leader is silent", "error", err)
			}
			_ = backoff.Pause(ctx, electionInterval)
			continue
		}
		wait.Reset()
		r.log.InfoContext(ctx, "relay leads", "epoch", term.epoch, "position", term.position)
		r.metrics.leading.Set(1)
		r.leads.Store(term.epoch)
		err = term.lead(ctx)
		r.leads.Store(0)
		r.metrics.leading.Set(0)
		term.unlock(ctx) // so that another relay leads at once
		switch {
		case errors.Is(err, errDeposed):
			r.log.WarnContext(ctx, "relay was deposed", "epoch", term.epoch)
		case err != nil && ctx.Err() == nil:
			r.report(ctx, "relay gives up leading", err)
			_ = wait.Wait(ctx)
		}
	}
	return nil
}

func (r *Relay) report(ctx context.Context, what string, err error) {
	if ctx.Err() == nil {
		r.metrics.failures.Inc()
		r.metrics.up.Set(0)
		if r.complaint.Due(err) {
			r.log.WarnContext(ctx, "relay is in trouble", "what", what, "error", err)
		}
	}
}

// lead publishes until ctx ends, or something happens after which it is better to be elected anew.
func (t *term) lead(ctx context.Context) error {
	wake, stop := t.opts.Store.Wake()
	defer stop()
	defer t.goOn(ctx)
	lastEvents, lastBeat := time.Now(), time.Now()
	for ctx.Err() == nil {
		begun := time.Now()
		work, done := drain.Outlive(ctx, drainTimeout)
		n, more, err := t.relayPage(ctx, work)
		if err == nil {
			err = t.releaseWithheld(work)
		}
		took := time.Since(begun)
		done()
		if err == nil && time.Since(lastBeat) > t.beatInterval() {
			lastBeat = time.Now()
			err = t.beat(ctx)
		}
		if err != nil && !errors.Is(err, errRewound) {
			return err
		}
		if n > 0 {
			lastEvents = time.Now()
			t.goOn(ctx)
		}
		if more || err != nil {
			continue
		}
		if err := t.awaitEvents(ctx, wake, lastEvents); err != nil {
			return err
		}
		if n > 0 {
			_ = backoff.Pause(ctx, backoff.Gather(took, gatherMin, gatherMax)-time.Since(begun))
		}
	}
	return nil
}

// relayPage publishes one page and moves the cursor past it. What Kafka refuses it tries again without end,
// as long as this relay leads. Events of a type whose topic takes nothing are withheld instead, so that they stop no
// others. The page is read and published under work, which outlives ctx a little. Errors: errRewound, when an operator
// has set the cursor meanwhile.
func (t *term) relayPage(ctx, work context.Context) (events int, more bool, err error) {
	var page eventstore.Page
	t.whileBeating(work, func() {
		page, err = t.opts.Store.Read(work, eventstore.ReadOptions{After: t.position, Limit: pageEvents})
	})
	if err != nil {
		return 0, false, fmt.Errorf("read events after %d: %w", t.position, err)
	}
	if len(page.Events) == 0 {
		return 0, false, nil
	}
	start := time.Now()
	work, traced := t.traceBatch(work, page.Events)
	defer func() { traced.end(err) }()
	var refused map[string]error
	rest := without(page.Events, t.withheld)
	for wait := backoff.New(); len(rest) > 0; {
		t.whileBeating(work, func() { rest, err = t.opts.Writer.Publish(work, rest) })
		if refused = refusedTypes(err); err == nil || len(refused) > 0 && len(without(rest, refused)) == 0 {
			break
		}
		t.report(ctx, "can't publish, trying again", err)
		if err := wait.Wait(ctx); err != nil {
			return 0, false, err
		}
		// Kafka may be away for long, and whoever leads then should know that it still does.
		if err := t.beat(ctx); err != nil {
			return 0, false, err
		}
	}
	if err := t.move(work, page.Events[len(page.Events)-1].Sequence, refused); err != nil {
		return 0, false, err
	}
	t.tellWithheld(ctx, refused)
	t.metrics.up.Set(1)
	t.complaint.Over()
	published := without(page.Events, t.withheld)
	t.metrics.published(published, time.Since(start))
	traced.published(work, published)
	return len(page.Events), page.More, nil
}
