package breaker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/sony/gobreaker/v2"
)

// Settings of a breaker. Of, Failures, Rest and Probes are required.
type Settings struct {
	// Of names what the breaker guards, such as "payment_gateway". It is a label of the metric.
	Of string
	// Failures in a row open the breaker.
	Failures int
	// Window is the time after which failures of a closed breaker are forgotten, a quarter of it at once; 0 is never. A
	// call that lasts longer tells nothing.
	Window time.Duration
	// Rest is how long an open breaker lets nobody through.
	Rest time.Duration
	// Probes is how many calls a half-open breaker lets through. When all of them succeed it closes.
	Probes int
	// Patience is how long a caller has to wait before its leaving is a failure of what it called. Leaving sooner says
	// nothing. With 0 it never is one.
	Patience time.Duration
	// IsFailure reports whether an error says that the thing does not answer; nil takes each error for that.
	IsFailure func(error) bool
}

// Set is the breakers of a process.
type Set struct {
	log *slog.Logger
	reg prometheus.Registerer

	mu  sync.Mutex
	all []*Breaker
}

// NewSet returns a set without breakers. Changes of their states are logged to log and shown to reg; nil is nobody.
func NewSet(log *slog.Logger, reg prometheus.Registerer) *Set {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Set{log: log, reg: reg}
}

// Add returns a new breaker. It panics for a name that the set has already.
func (s *Set) Add(o Settings) *Breaker {
	b := newBreaker(o, s.log)
	s.mu.Lock()
	defer s.mu.Unlock()
	if slices.ContainsFunc(s.all, func(other *Breaker) bool { return other.Name() == o.Of }) {
		panic("two breakers of " + o.Of)
	}
	s.all = append(s.all, b)
	if s.reg != nil {
		s.reg.MustRegister(b.metrics()...)
	}
	return b
}

// All returns the breakers in the order in which they were added. A nil set has none.
func (s *Set) All() []*Breaker {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.all)
}

// Breaker keeps callers away from one thing. It is safe for concurrent use. A nil one lets everybody through.
type Breaker struct {
	settings   Settings
	log        *slog.Logger
	machine    atomic.Pointer[machine]
	turnedAway prometheus.Counter

	mu    sync.Mutex
	asked time.Time // a call was made or turned away, or ended, last
	cause error     // of the failure that was last
	since time.Time // the breaker has not been closed since then; zero for a closed one
	until time.Time // it rests until then
}

// machine is the state machine of a breaker.
type machine = gobreaker.CircuitBreaker[struct{}]

// quietMax is how long nobody has to call before a half-open breaker closes by itself. Those whom an open one turns
// away come again sooner. Without that, a breaker that has too few callers after an outage would tell of it for ever.
const quietMax = 2 * time.Minute

// New returns a breaker that no set shows.
func New(o Settings) *Breaker { return newBreaker(o, slog.New(slog.DiscardHandler)) }

func newBreaker(o Settings, log *slog.Logger) *Breaker {
	b := &Breaker{settings: o, log: log, turnedAway: prometheus.NewCounter(prometheus.CounterOpts{
		Name: "orderloom_breaker_turned_away_total", Help: "Calls that an open breaker has turned away.",
		ConstLabels: prometheus.Labels{"of": o.Of},
	})}
	b.machine.Store(b.newMachine())
	return b
}

// newMachine returns a closed state machine. It tells of its changes as long as it is the breaker's.
func (b *Breaker) newMachine() (m *machine) {
	o := b.settings
	m = gobreaker.NewCircuitBreaker[struct{}](gobreaker.Settings{
		Name: o.Of, MaxRequests: uint32(o.Probes), Interval: o.Window, BucketPeriod: o.Window / 4, Timeout: o.Rest,
		ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= uint32(o.Failures) },
		OnStateChange: func(_ string, from, to gobreaker.State) {
			if b.machine.Load() == m {
				b.changed(from, to)
			}
		},
		IsSuccessful: func(err error) bool { return err == nil },
		IsExcluded:   func(err error) bool { return errors.Is(err, errSaysNothing) },
	})
	return m
}

// What a call tells the state machine, which does not hear the call's own error.
var (
	errFailed      = errors.New("failed")
	errSaysNothing = errors.New("says nothing")
)

// Do makes a call and returns its error. Error: [OpenError] when the call was turned away; it was not made then.
func (b *Breaker) Do(ctx context.Context, call func() error) error {
	if b == nil {
		return call()
	}
	var err error
	b.heard()
	defer b.heard()
	_, verdict := b.machine.Load().Execute(func() (struct{}, error) {
		begun := time.Now()
		err = call()
		return struct{}{}, b.judge(ctx, err, begun)
	})
	if errors.Is(verdict, gobreaker.ErrOpenState) || errors.Is(verdict, gobreaker.ErrTooManyRequests) {
		b.turnedAway.Inc()
		return b.open()
	}
	return err
}

// heard notes that somebody calls.
func (b *Breaker) heard() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked = time.Now()
}

// state returns the state, and closes a half-open breaker that nobody has called for long.
func (b *Breaker) state() gobreaker.State {
	m := b.machine.Load()
	state := m.State()
	if state != gobreaker.StateHalfOpen {
		return state
	}
	b.mu.Lock()
	quiet := time.Since(b.asked) > quietMax
	b.mu.Unlock()
	if quiet && b.machine.CompareAndSwap(m, b.newMachine()) {
		b.changed(state, gobreaker.StateClosed)
		return gobreaker.StateClosed
	}
	return state
}

// judge says what an outcome tells of the thing.
func (b *Breaker) judge(ctx context.Context, err error, begun time.Time) error {
	switch {
	case err == nil, b.settings.IsFailure != nil && !b.settings.IsFailure(err):
		return nil
	case ctx.Err() != nil && (b.settings.Patience == 0 || time.Since(begun) < b.settings.Patience):
		return errSaysNothing
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.cause = err
	return errFailed
}

// Name says what the breaker guards.
func (b *Breaker) Name() string { return b.settings.Of }

// Err returns nil for a closed breaker, and otherwise what it tells those whom it turns away.
func (b *Breaker) Err() error {
	if b.state() == gobreaker.StateClosed {
		return nil
	}
	return b.open()
}

func (b *Breaker) open() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return &OpenError{
		Of: b.settings.Of, Rest: max(time.Until(b.until), 0), Lasts: time.Since(cmp.Or(b.since, time.Now())), Cause: b.cause,
	}
}

// changed notes a change of the state. The state machine that calls it is locked meanwhile.
func (b *Breaker) changed(from, to gobreaker.State) {
	b.mu.Lock()
	defer b.mu.Unlock()
	log := b.log.With("of", b.settings.Of)
	switch {
	case to == gobreaker.StateClosed:
		log.Info("a breaker closes: calls are made again", "lasted", time.Since(b.since))
		b.since, b.cause = time.Time{}, nil
	case from == gobreaker.StateClosed:
		b.since = time.Now()
		log.Warn("a breaker opens: calls are turned away", "rest", b.settings.Rest, "error", b.cause)
	default:
		log.Debug("a breaker tries whether calls can be made", "to", to.String(), "error", b.cause)
	}
	if to == gobreaker.StateOpen {
		b.until = time.Now().Add(b.settings.Rest)
	}
}

func (b *Breaker) metrics() []prometheus.Collector {
	return []prometheus.Collector{b.turnedAway, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "orderloom_breaker_state", Help: "0 for a closed breaker, 1 for a half-open one, 2 for an open one.",
		ConstLabels: prometheus.Labels{"of": b.settings.Of},
	}, func() float64 { return float64(b.state()) })}
}

// OpenError is the error of a call that was turned away.
type OpenError struct {
	Of string
	// Rest is how long nobody is let through; 0 while a few calls try whether the thing answers.
	Rest time.Duration
	// Lasts is for how long the breaker has not been closed.
	Lasts time.Duration
	// Cause is the failure that was last.
	Cause error
}

// Error says what does not answer, and why.
func (e *OpenError) Error() string {
	return fmt.Sprintf("the breaker of %s is open for %s: %v", e.Of, e.Lasts.Round(time.Second), e.Cause)
}

// Passes says that the call can be made later, see the package failure.
func (e *OpenError) Passes() bool { return true }

// Unwrap returns the failure that was last.
func (e *OpenError) Unwrap() error { return e.Cause }
