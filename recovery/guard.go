package recovery

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/internal/backoff"
	"github.com/prometheus/client_golang/prometheus"
)

// Options of [NewGuard]. Store is required.
type Options struct {
	// Sources are the store and what it is compared with. Without Kafka the guard only asks the store.
	Sources
	// Carry confirms an epoch that is proven to be complete, after whatever that needs; see [Recovery.Carry]. Locked
	// tells that another process does so already. It is required with Kafka.
	Carry func(ctx context.Context) (locked bool, err error)
	// ByHand leaves it to a person to confirm an epoch, also one that is proven to be complete.
	ByHand bool
	// Logger is told of each change; nil is [slog.Default].
	Logger *slog.Logger
	// Registerer takes the metric; nil keeps it to itself.
	Registerer prometheus.Registerer
}

const (
	// askEvery is how often the store is asked whether its epoch is confirmed.
	askEvery = time.Second
	// compareEvery is how often a confirmed store is compared with what lies outside, and proveEvery an unconfirmed
	// one.
	compareEvery = time.Minute
	proveEvery   = 5 * time.Second
	// incompleteEvery is how often a recovery is tried again that needs a person: each starts all open sagas anew.
	incompleteEvery = 10 * time.Minute
	// remindEvery is how often the log says that somebody has to do something.
	remindEvery = time.Minute
	// lookTimeout bounds one comparison.
	lookTimeout = 30 * time.Second
	// firstLookMax is how long a process waits for the first comparison before it appends. Orders go on while Kafka is
	// away.
	firstLookMax = 10 * time.Second
	// markEvery is how often the mark follows what is published.
	markEvery = 10 * time.Minute
)

// Guard watches whether the store may be appended to. It is safe for concurrent use.
type Guard struct {
	o     Options
	gauge prometheus.Gauge
	begun time.Time

	state atomic.Pointer[state]
	// What follows belongs to Run.
	ends             int64
	lookedAt, saidAt time.Time
	unproven         string
}

// state is what the guard knows; nil before it has asked.
type state struct {
	identity eventstore.Identity
	// compared is set once the store was compared with what lies outside.
	compared bool
}

// NewGuard returns a guard.
func NewGuard(o Options) *Guard {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	g := &Guard{o: o, begun: time.Now(), ends: -1, gauge: prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "orderloom_store_unconfirmed",
		Help: "1 while the event store was restored or failed over and is not confirmed: nothing is appended, published or resumed.",
	})}
	if o.Registerer != nil {
		o.Registerer.MustRegister(g.gauge)
	}
	return g
}

// Unconfirmed returns [eventstore.ErrUnconfirmed] while the store's epoch is not confirmed, as far as is known. A nil
// guard knows nothing.
func (g *Guard) Unconfirmed() error {
	if g == nil {
		return nil
	}
	if s := g.state.Load(); s != nil && !s.identity.Confirmed {
		return eventstore.ErrUnconfirmed
	}
	return nil
}

// Await returns once the store is known to be confirmed, or when ctx ends. With Kafka it also waits for the first
// comparison, unless that takes too long. [Guard.Run] must run.
func (g *Guard) Await(ctx context.Context) error {
	for {
		s := g.state.Load()
		if s != nil && s.identity.Confirmed && (s.compared || g.o.Kafka == nil || time.Since(g.begun) > firstLookMax) {
			return nil
		}
		if err := backoff.Pause(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
}

// Run watches until ctx ends.
func (g *Guard) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := g.watch(ctx); err != nil && ctx.Err() == nil {
			g.o.Logger.DebugContext(ctx, "the event store could not be compared with what lies outside, trying again", "error", err)
		}
		_ = backoff.Pause(ctx, askEvery) // the loop looks whether ctx has ended
	}
	return nil
}

// watch asks the store once, and compares it when that is due.
func (g *Guard) watch(ctx context.Context) error {
	look, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	identity, err := g.o.Store.Identity(look)
	if err != nil {
		return err
	}
	known := g.state.Load()
	if known == nil || known.identity != identity {
		g.lookedAt, g.saidAt, g.ends = time.Time{}, time.Time{}, -1
		g.state.Store(&state{identity: identity, compared: known != nil && known.compared && identity.Confirmed})
		g.tellChange(ctx, known, identity)
	}
	g.remind(ctx, identity)
	every := compareEvery
	if !identity.Confirmed {
		every = proveEvery
	}
	if g.o.Kafka == nil || time.Since(g.lookedAt) < every {
		return nil
	}
	e, err := g.o.look(look, identity, g.ends)
	if err != nil {
		g.lookedAt = time.Now().Add(proveEvery - every) // again soon
		g.unproven = "Kafka or the event store can't be reached: " + err.Error()
		return err
	}
	g.lookedAt, g.unproven = time.Now(), e.unproven
	if identity.Confirmed {
		return g.judge(look, identity, e)
	}
	return g.prove(ctx, identity, e)
}

// judge doubts a confirmed epoch when others know more than the store.
func (g *Guard) judge(ctx context.Context, identity eventstore.Identity, e evidence) error {
	if e.behind != "" {
		doubted, err := g.o.Store.Doubt(ctx, identity, e.behind)
		if err != nil {
			return err
		}
		g.state.Store(&state{identity: doubted, compared: true})
		g.tellChange(ctx, &state{identity: identity}, doubted)
		return nil
	}
	g.ends = e.ends
	g.state.Store(&state{identity: identity, compared: true})
	return g.o.note(ctx, identity, e)
}

// note lets the mark follow.
func (s Sources) note(ctx context.Context, identity eventstore.Identity, e evidence) error {
	ours := e.mark.Store == identity.ID
	if ours && e.mark.Epoch == identity.Epoch && (e.mark.Sequence >= e.position || time.Since(e.mark.At) < markEvery) {
		return nil
	}
	return s.Marks.WriteMark(ctx, Mark{Store: identity.ID, Epoch: identity.Epoch, Sequence: e.position, At: time.Now().UTC()})
}

// prove confirms an epoch when the store has all that was published. What was appended last may be lost all the same,
// before it was published. So the sagas go on from the events.
func (g *Guard) prove(ctx context.Context, identity eventstore.Identity, e evidence) error {
	switch {
	case e.behind != "":
		g.unproven = e.behind
		return nil
	case e.unproven != "" || g.o.ByHand:
		return nil
	}
	locked, err := g.o.Carry(ctx)
	if errors.Is(err, ErrIncomplete) {
		g.unproven, g.lookedAt = err.Error(), time.Now().Add(incompleteEvery-proveEvery)
		return nil // the reminder tells
	}
	if err != nil || locked {
		return err
	}
	g.o.Logger.InfoContext(ctx, "the event store has every event that was published: its new epoch is confirmed",
		"store_id", identity.ID.String(), "epoch", identity.Epoch, "known_sequence", e.known.Sequence)
	confirmed, err := g.o.Store.Identity(ctx)
	if err != nil {
		return err
	}
	g.state.Store(&state{identity: confirmed, compared: true})
	g.tellChange(ctx, &state{identity: identity}, confirmed)
	return g.o.note(ctx, confirmed, e)
}

// tellChange sets the metric and logs what has changed.
func (g *Guard) tellChange(ctx context.Context, before *state, now eventstore.Identity) {
	g.gauge.Set(0)
	if !now.Confirmed {
		g.gauge.Set(1)
		return // remind tells
	}
	if before != nil && !before.identity.Confirmed {
		g.o.Logger.InfoContext(ctx, "the event store is confirmed: appends go on", "epoch", now.Epoch)
	}
}

// remind logs from time to time that the store takes no append, and why.
func (g *Guard) remind(ctx context.Context, identity eventstore.Identity) {
	if identity.Confirmed || time.Since(g.saidAt) < remindEvery {
		return
	}
	g.saidAt = time.Now()
	g.o.Logger.ErrorContext(ctx, "the event store takes no append: run \"orderloom recover\"",
		"epoch", identity.Epoch, "reason", identity.Reason, "unproven", g.unproven)
}
