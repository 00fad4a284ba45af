package webhooks

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/feed"
	"github.com/orderloom/orderloom/internal/backoff"
	"github.com/orderloom/orderloom/internal/drain"
	"github.com/prometheus/client_golang/prometheus"
)

// Times of a process that delivers.
const (
	// beatEvery is how often it says that it is alive, and looks for endpoints and changes.
	beatEvery = time.Second
	// lives is after how long without that another takes over. It begins no delivery that late.
	lives = 6 * time.Second
	// letGo is how long before that it gives its endpoints up by itself.
	letGo = time.Second
	// endPatience bounds how long it waits, as it stops, for answers and for the database.
	endPatience = 10 * time.Second
	// trimEvery is how often the log is trimmed, and the endpoints are counted.
	trimEvery = 30 * time.Second
	// trimRows bounds how many rows of the log one statement deletes.
	trimRows = 5000
)

// Feed reads events for an endpoint.
type Feed interface {
	Page(ctx context.Context, q feed.Query) (feed.Page, error)
	Follow(ctx context.Context, q feed.Query, handle func(feed.Page) error) error
	Event(ctx context.Context, q feed.Query, id uuid.UUID) (feed.Event, error)
}

var _ Feed = (*feed.Feed)(nil)

// Options of a [Dispatcher]. DB, Feed and Vault are required.
type Options struct {
	DB    DB
	Feed  Feed
	Vault Vault
	Rules Rules
	// Proxy is what all requests go through; nil calls the receivers. A proxy looks up names by itself, so it has to
	// refuse private addresses by itself. Those that this process knows of are refused before it is asked.
	Proxy *url.URL
	// Retention is how long the log is kept.
	Retention time.Duration
	// Logger is told what goes wrong; nil is nobody. Registerer takes the metrics; nil keeps them to itself.
	Logger     *slog.Logger
	Registerer prometheus.Registerer
	// Now is the clock of retries; nil is [time.Now].
	Now func() time.Time
}

// Dispatcher delivers to the endpoints of which this process has its share.
type Dispatcher struct {
	db        DB
	feed      Feed
	vault     Vault
	table     *Table
	retention time.Duration
	log       *slog.Logger
	metrics   *metrics
	client    *http.Client
	versions  Versions
	now       func() time.Time
	id        uuid.UUID

	// aliveUntil is until when no other process takes over, by this one's clock.
	mu         sync.Mutex
	aliveUntil time.Time
}

// NewDispatcher returns what delivers once [Dispatcher.Run] is called.
func NewDispatcher(o Options) *Dispatcher {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Dispatcher{
		db: o.DB, feed: o.Feed, vault: o.Vault, table: NewTable(o.DB, o.Vault, o.Rules), retention: o.Retention, log: o.Logger,
		metrics: newMetrics(o.Registerer), client: newClient(o.Rules, o.Proxy, lookUp), versions: o.Rules.Versions, now: o.Now, id: uuid.New(),
	}
}

// newClient returns what makes the requests of all endpoints.
func newClient(rules Rules, proxy *url.URL, look lookup) *http.Client {
	t := &http.Transport{
		DialContext: dialer(rules.Private).DialContext, TLSHandshakeTimeout: 5 * time.Second, ForceAttemptHTTP2: true, DisableCompression: true,
		MaxIdleConns: 500, MaxIdleConnsPerHost: sendsMax, IdleConnTimeout: 30 * time.Second, MaxResponseHeaderBytes: 64 << 10,
	}
	if proxy != nil {
		t.Proxy, t.DialContext = throughProxy(proxy, rules, look), dialer(true).DialContext
	}
	return &http.Client{Transport: t, CheckRedirect: NoRedirection}
}

// running is an endpoint on which this process works.
type running struct {
	revision, wakes int64
	wake            chan struct{}
	// stop lets the answers come in and writes the place; kill ends it at once.
	stop, kill context.CancelFunc
	// leaving is true once it stops because another process is to have the endpoint.
	leaving bool
	done    chan struct{}
}

func (r *running) over() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

// Run delivers until ctx ends. Then it waits for answers, writes each place, and leaves the endpoints to others.
func (d *Dispatcher) Run(ctx context.Context) error {
	all := map[uuid.UUID]*running{}
	var complaint backoff.Complaint
	var looked time.Time
	for ctx.Err() == nil {
		err := d.beat(ctx, all)
		if err != nil && ctx.Err() == nil && complaint.Due(err) {
			d.log.WarnContext(ctx, "endpoints of webhooks can't be looked after, trying again", "error", err)
		}
		if !d.alive() {
			for _, r := range all {
				r.kill() // others may have taken over by now
			}
		}
		if err == nil && time.Since(looked) > trimEvery {
			looked = time.Now()
			d.lookAfter(ctx)
		}
		_ = backoff.Pause(ctx, beatEvery)
	}
	ending, cancel := drain.Timeout(ctx, endPatience)
	defer cancel()
	for _, r := range all {
		r.stop()
	}
	for _, r := range all {
		select {
		case <-r.done:
		case <-ending.Done():
			r.kill()
			<-r.done
		}
	}
	_, _ = d.db.Exec(ending, `DELETE FROM orderloom.webhook_workers WHERE worker_id = $1`, d.id)
	return nil
}

// alive reports whether a delivery may begin: no other process has taken over.
func (d *Dispatcher) alive() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return time.Now().Before(d.aliveUntil)
}

// beat says that this process is alive, and begins and ends the work on endpoints.
func (d *Dispatcher) beat(ctx context.Context, all map[uuid.UUID]*running) error {
	begun := time.Now()
	asking, cancel := context.WithTimeout(ctx, lives/2)
	defer cancel()
	type has struct {
		Endpoint        uuid.UUID
		Revision, Wakes int64
		Spare           bool
	}
	rows, err := d.db.Query(asking, `SELECT endpoint, revision, wakes, spare FROM orderloom.webhook_beat($1, make_interval(secs => $2))`, d.id, lives.Seconds())
	if err != nil {
		return err
	}
	mine, err := pgx.CollectRows(rows, pgx.RowToStructByPos[has])
	if err != nil {
		return err
	}
	d.mu.Lock()
	d.aliveUntil = begun.Add(lives - letGo)
	d.mu.Unlock()
	owned := map[uuid.UUID]bool{}
	for _, m := range mine {
		owned[m.Endpoint] = true
		r := all[m.Endpoint]
		switch {
		case r != nil && r.leaving && r.over():
			if err := d.leave(ctx, m.Endpoint); err != nil {
				return err
			}
			delete(all, m.Endpoint)
		case m.Spare && r != nil && !r.over():
			r.leaving = true
			r.stop() // others have fewer: it goes to one of them once its place is written
		case r == nil || r.over():
			all[m.Endpoint] = d.begin(ctx, m.Endpoint, m.Revision, m.Wakes)
		case r.revision != m.Revision:
			r.stop() // the next beat begins it anew
		case r.wakes != m.Wakes:
			r.wakes = m.Wakes
			select {
			case r.wake <- struct{}{}:
			default: // it is about to look anyway
			}
		}
	}
	for id, r := range all {
		switch {
		case r.over() && !owned[id]:
			delete(all, id)
		case !owned[id]:
			r.kill() // it is disabled or deleted, or another process has it
		}
	}
	return nil
}

// leave lets another process have an endpoint.
func (d *Dispatcher) leave(ctx context.Context, id uuid.UUID) error {
	_, err := d.db.Exec(ctx, `UPDATE orderloom.webhook_endpoints SET worker_id = NULL WHERE endpoint_id = $1 AND worker_id = $2`, id, d.id)
	return wrap("leave an endpoint to another process", err)
}

// begin works on an endpoint.
func (d *Dispatcher) begin(ctx context.Context, id uuid.UUID, revision, wakes int64) *running {
	working, kill := context.WithCancel(context.WithoutCancel(ctx)) // Run ends it
	stopping, stop := context.WithCancel(working)
	r := &running{revision: revision, wakes: wakes, wake: make(chan struct{}, 1), stop: stop, kill: kill, done: make(chan struct{})}
	go func() {
		defer close(r.done)
		defer kill()
		if err := d.work(working, stopping.Done(), r.wake, id); err != nil && working.Err() == nil {
			d.log.WarnContext(ctx, "the work on an endpoint of webhooks has ended, trying again", "endpoint_id", id, "error", err)
			_ = backoff.Pause(working, beatEvery)
		}
	}()
	return r
}

// work opens an endpoint and delivers to it until stop is closed or it can't go on.
func (d *Dispatcher) work(ctx context.Context, stop <-chan struct{}, wake <-chan struct{}, id uuid.UUID) error {
	e, err := one(ctx, d.db, `SELECT `+columns+` FROM orderloom.webhook_endpoints e WHERE endpoint_id = $1 AND worker_id = $2`, id, d.id)
	if err != nil {
		return wrap("read an endpoint", err)
	}
	r, err := d.newRunner(ctx, e)
	if err != nil {
		return err
	}
	return r.run(ctx, stop, wake)
}

// lookAfter counts the endpoints and trims the log.
func (d *Dispatcher) lookAfter(ctx context.Context) {
	states, err := d.table.States(ctx)
	if err == nil {
		d.metrics.show(states)
		_, err = d.db.Exec(ctx, `DELETE FROM orderloom.webhook_deliveries WHERE delivery_id IN (
			SELECT delivery_id FROM orderloom.webhook_deliveries WHERE at < $1 ORDER BY at LIMIT $2)`, time.Now().Add(-d.retention), trimRows)
	}
	if err != nil && ctx.Err() == nil {
		d.log.WarnContext(ctx, "the log of webhooks could not be looked after, trying again later", "error", err)
	}
}

// metrics of deliveries.
type metrics struct {
	attempts  *prometheus.CounterVec
	seconds   prometheus.Histogram
	endpoints *prometheus.GaugeVec
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "orderloom_webhook_deliveries_total",
			Help: "Attempts to deliver an event: delivered, refused by the answer (failed), without an answer (unreachable), or to a private address (private).",
		}, []string{"outcome"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "orderloom_webhook_delivery_lag_seconds", Help: "From when an event happened to its first request to an endpoint.",
			Buckets: []float64{.025, .05, .1, .2, .5, 1, 5, 30, 300, 3600, 86400},
		}),
		endpoints: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "orderloom_webhook_endpoints",
			Help: "Endpoints of webhooks: enabled, behind with something, warned because they have taken nothing for days, disabled by the platform.",
		}, []string{"state"}),
	}
	for _, outcome := range []string{OutcomeDelivered, OutcomeFailed, outcomeUnreachable, outcomePrivate} {
		m.attempts.WithLabelValues(outcome)
	}
	if reg != nil {
		reg.MustRegister(m.attempts, m.seconds, m.endpoints)
	}
	return m
}

func (m *metrics) show(s States) {
	for state, n := range map[string]int{"enabled": s.Enabled, "behind": s.Behind, "warned": s.Warned, "disabled": s.Disabled} {
		m.endpoints.WithLabelValues(state).Set(float64(n))
	}
}
