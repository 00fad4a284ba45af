package eventstore

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
)

// Backend is a store that a [Repository] can be built on: a [Store] or a [Memory].
type Backend interface{ base() *log }

// RepositoryOptions of [NewRepository]; the zero value is ready to use.
type RepositoryOptions struct {
	// StatesMax is how many states are kept in memory, the longest unused dropped first; 0 means
	// [StatesMaxDefault].
	StatesMax int
	// Aggregates are types whose streams may be long. Their first loads start from snapshots; those of other
	// types do once the type was used. [Aggregate] values are what it takes.
	Aggregates []Snapshottable
	// SnapshotEvery is after how many events of a stream a snapshot is taken; 0 means
	// [SnapshotEveryDefault].
	SnapshotEvery int
	// SnapshotPause is the least time between two snapshots of one stream; 0 means [SnapshotPauseDefault].
	// It keeps a hot stream from being written out time and again.
	SnapshotPause time.Duration
}

// Defaults of [RepositoryOptions].
const (
	StatesMaxDefault     = 20_000
	SnapshotEveryDefault = 500
	SnapshotPauseDefault = 10 * time.Second
)

// decideAttemptsMax bounds how often one command is decided. The second attempt holds the rows of the
// streams, so only streams that others create at the same moment can need more.
//
// idUsedAttempts is how often a used event id is taken for a sign that another process has carried out the
// same step meanwhile. If it is still used then, the ids are at fault.
const (
	decideAttemptsMax = 10
	idUsedAttempts    = 4
)

// Repository decides commands on states that it keeps in memory, and appends what was decided.
//
// Commands that wait at the same time are decided one after the other, each on what those before it decided. They are
// appended together in one commit, so a hot aggregate is as fast as any other. When another process has appended to a
// stream meanwhile, what was decided on its old state is undone. It is decided again with the stream's row held, so
// that it can't lose a second time.
type Repository struct {
	log       *log
	options   RepositoryOptions
	snapshots *snapshotter

	// Only the flusher's goroutine touches these.
	aggregates map[string]registered
	states     *states
}

// registered is a type whose snapshots can be read and made.
type registered struct {
	Snapshottable
	hash string // its shape
}

// NewRepository returns a repository on a store. One for each store and process is best: two would not
// see each other's states and contend like two processes.
func NewRepository(b Backend, o RepositoryOptions) *Repository {
	if o.StatesMax == 0 {
		o.StatesMax = StatesMaxDefault
	}
	if o.SnapshotEvery == 0 {
		o.SnapshotEvery = SnapshotEveryDefault
	}
	if o.SnapshotPause == 0 {
		o.SnapshotPause = SnapshotPauseDefault
	}
	l := b.base()
	r := &Repository{
		log: l, options: o, states: newStates(o.StatesMax), aggregates: make(map[string]registered),
		snapshots: &snapshotter{flusher: l.flusher, catalog: l.catalog, engine: l.snapshots},
	}
	for _, a := range o.Aggregates {
		r.register(a)
	}
	return r
}

func (r *Repository) register(a Snapshottable) {
	r.aggregates[a.aggregateType()] = registered{Snapshottable: a, hash: a.shape()}
}

// command is a decision that waits.
type command struct {
	repository *Repository
	stamp      Stamp
	decide     func(*Tx) error

	tx     *Tx // of the last attempt
	events []NewEvent
	err    error
	alone  bool // to be decided without others, so that none fails with it
}

// Decide runs decide on the present states of the streams and appends what it records, on all of them or
// on none.
//
// decide runs in the repository's own goroutine, perhaps more than once, and holds up everyone else: it only
// computes. An error of it is returned as it is, and nothing is stored; so is the success of a decision that records
// nothing. Both are based on what the store holds now, not on an old state in memory. A decision may only look at a
// stream while it records on another. The stream it looked at may have changed in another process at the last moment;
// a stream that is recorded on may not.
//
// It may be repeated with the same stamp when the outcome is unknown, provided that decide records nothing once its
// events are there. The ids of the events follow from the stamp. So a decision that records another time under the
// same stamp gets [CodeEventIDReused]. Errors: as [Store.Append], save that a conflict is resolved here.
func (r *Repository) Decide(ctx context.Context, stamp Stamp, streams []StreamID, decide func(tx *Tx) error) error {
	if stamp.Source == "" {
		return errSourceMissing
	}
	named := make([]StreamID, 0, len(streams))
	for _, s := range streams {
		if !r.log.known(s.Type) {
			return &InvalidError{Stream: s, Index: -1, Code: CodeUnknownAggregateType, Message: fmt.Sprintf("%q is not an aggregate type", domain.Clip(s.Type))}
		}
		if s.ID == uuid.Nil {
			return &InvalidError{Stream: s, Index: -1, Code: CodeIDMissing, Message: "the stream has no id"}
		}
		if !slices.Contains(named, s) {
			named = append(named, s)
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return r.log.flusher.do(&request{
		ctx: ctx, streams: named, events: 1 + len(named), bytes: eventOverhead * (1 + len(named)),
		command: &command{repository: r, stamp: stamp, decide: decide},
	})
}

// Execute is [Repository.Decide] for one stream. It returns a copy of the state and the version
// afterwards. An error of decide is returned with the state and version that it was based on.
func Execute[S any](
	ctx context.Context, r *Repository, a Aggregate[S], id uuid.UUID, stamp Stamp, decide func(S) ([]domain.Event, error),
) (state S, version int64, err error) {
	err = r.Decide(ctx, stamp, []StreamID{{Type: a.Type, ID: id}}, func(tx *Tx) error {
		events, refusal := decide(State(tx, a, id))
		if refusal == nil {
			Record(tx, a, id, events...)
		}
		var err error
		if state, err = a.clone(State(tx, a, id)); err != nil {
			return err
		}
		version = Version(tx, a, id)
		return refusal
	})
	return state, version, err
}

// Fold returns a copy of the present state of a stream, and its version.
func Fold[S any](ctx context.Context, r *Repository, a Aggregate[S], id uuid.UUID) (S, int64, error) {
	return Execute(ctx, r, a, id, Stamp{Source: "fold"}, func(S) ([]domain.Event, error) { return nil, nil })
}

// decision is a set of commands that share streams, directly or through others: they are stored together.
type decision struct {
	repository *Repository
	requests   []*request
	entries    []*entry // all that the commands have touched
	group      *group   // what to append; nil when nothing
	places     []*entry // of the group's streams
	stale      bool     // one of the states that a command relied on was not the present one
}

// split tells commands whose streams are fought over by other processes, and those that share a stream
// with them, from the others.
func split(requests []*request) (optimistic, contended []*request) {
	fought := make(map[StreamID]bool)
	for _, r := range requests {
		for _, s := range r.streams {
			if e := r.command.repository.states.peek(s); e != nil && e.contended > 0 {
				fought[s] = true
			}
		}
	}
	if len(fought) == 0 {
		return requests, nil
	}
	for again := true; again; {
		again = false
		for _, r := range requests {
			hit := slices.ContainsFunc(r.streams, func(s StreamID) bool { return fought[s] })
			for _, s := range r.streams {
				if hit && !fought[s] {
					fought[s], again = true, true
				}
			}
		}
	}
	for _, r := range requests {
		if slices.ContainsFunc(r.streams, func(s StreamID) bool { return fought[s] }) {
			contended = append(contended, r)
		} else {
			optimistic = append(optimistic, r)
		}
	}
	return optimistic, contended
}

// decide decides the commands in their order and returns what is to be stored.
func (f *flusher) decide(requests []*request) []*decision {
	f.round++
	var decisions []*decision
	for _, part := range byRepository(requests) {
		r := part[0].command.repository
		missing, wants := r.missing(f.round, part, false)
		histories, err := f.load(wants, part)
		if err == nil {
			err = f.take(r, missing, histories, part)
		}
		if err != nil {
			r.states.drop(missing)
			f.failAll(part, err)
			continue
		}
		made := f.decideEach(r, part)
		if err := f.verify(made); err != nil {
			for _, d := range made {
				r.states.drop(d.entries)
			}
			f.failAll(part, err)
			continue
		}
		decisions = append(decisions, made...)
	}
	return decisions
}

func byRepository(requests []*request) (parts [][]*request) {
	index := make(map[*Repository]int)
	for _, r := range requests {
		i, ok := index[r.command.repository]
		if !ok {
			i = len(parts)
			index[r.command.repository] = i
			parts = append(parts, nil)
		}
		parts[i] = append(parts[i], r)
	}
	return parts
}

func (f *flusher) failAll(requests []*request, err error) {
	for _, r := range requests {
		r.answer(err)
	}
}

// missing returns the streams that have to be loaded for the commands, and with refresh also those that
// are in memory. Streams that are expected to be fresh and are not in memory are taken to be empty.
func (r *Repository) missing(round uint64, requests []*request, refresh bool) ([]*entry, []want) {
	var entries []*entry
	var wants []want
	for _, q := range requests {
		for _, s := range q.streams {
			e := r.states.get(s)
			if e.verified == round || e.loaded && !refresh {
				continue
			}
			if q.command.stamp.Fresh == s.ID && !refresh {
				e.loaded = true
				continue
			}
			e.verified = round
			entries = append(entries, e)
			wants = append(wants, want{stream: s, after: e.version, afterSequence: e.sequence, shape: r.shape(s.Type)})
		}
	}
	return entries, wants
}

// shape returns the shape of snapshots that a type's states may start from, "" for none.
func (r *Repository) shape(aggregateType string) string {
	return r.aggregates[aggregateType].hash
}

func (f *flusher) load(wants []want, callers []*request) (histories []history, err error) {
	if len(wants) == 0 {
		return nil, nil
	}
	f.metrics.loads.Add(float64(len(wants)))
	err = f.persist(callers, func() (err error) {
		histories, err = f.engine.load(f.base, wants)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	return histories, nil
}

// take puts histories into the states. A snapshot that can't be read is done without.
func (f *flusher) take(r *Repository, entries []*entry, histories []history, callers []*request) error {
	for i, e := range entries {
		if e.take(histories[i], r.log.catalog, r.aggregates[e.stream.Type]) {
			continue
		}
		f.logger.Warn("a snapshot can't be read, the stream is folded from its events", "stream", e.stream.String())
		whole, err := f.load([]want{{stream: e.stream}}, callers)
		if err != nil {
			return err
		}
		e.take(whole[0], r.log.catalog, nil)
		e.verified = f.round
	}
	return nil
}

// decideEach decides each command once and joins those that depend on each other.
func (f *flusher) decideEach(r *Repository, requests []*request) []*decision {
	for _, q := range requests {
		c := q.command
		c.tx = &Tx{repository: r, stamp: c.stamp, entries: make([]*entry, len(q.streams))}
		for i, s := range q.streams {
			c.tx.entries[i] = r.states.get(s)
		}
		f.metrics.decisions.Inc()
		c.events, c.err = c.tx.run(c.decide)
		if c.err != nil {
			c.tx.recorded = nil
			f.restore(c.tx, requests)
			continue
		}
		c.tx.accept()
	}
	return join(r, requests)
}

// restore gives back the states into which a refused decision has already put its events. It loads the streams again
// and adds what earlier commands of the flush recorded.
func (f *flusher) restore(tx *Tx, requests []*request) {
	for _, e := range tx.changed {
		version, pending := e.version, e.pending
		e.reset()
		histories, err := f.load([]want{{stream: e.stream, shape: tx.repository.shape(e.stream.Type)}}, requests)
		if err == nil {
			err = f.take(tx.repository, []*entry{e}, histories, requests)
		}
		if err != nil {
			e.err = err
			continue
		}
		e.verified = f.round
		if len(pending) > 0 {
			// What was recorded was decided at the old version, and is appended there or not at all.
			e.version, e.pending = version, pending
			e.unfolded = append(e.unfolded, pending...)
		}
	}
}

// join makes one decision of the commands that have touched a common stream.
func join(r *Repository, requests []*request) []*decision {
	parent := make([]int, len(requests))
	find := func(i int) int {
		for parent[i] != i {
			i = parent[i]
		}
		return i
	}
	first := make(map[*entry]int)
	for i, q := range requests {
		parent[i] = i
		for _, e := range q.command.tx.touched {
			if j, ok := first[e]; ok {
				// The earlier one stays the root, so that decisions and their commands keep their order.
				a, b := find(j), find(i)
				parent[max(a, b)] = min(a, b)
			} else {
				first[e] = i
			}
		}
	}
	var decisions []*decision
	at := make(map[int]*decision)
	for i, q := range requests {
		root := find(i)
		d := at[root]
		if d == nil {
			d = &decision{repository: r}
			at[root] = d
			decisions = append(decisions, d)
		}
		d.add(q)
	}
	return decisions
}

// add puts a command's events into the decision's group.
func (d *decision) add(q *request) {
	d.requests = append(d.requests, q)
	tx := q.command.tx
	for _, e := range tx.touched {
		if e.decision != d {
			e.decision, e.place = d, -1
			d.entries = append(d.entries, e)
		}
	}
	if len(tx.recorded) > 0 && d.group == nil {
		d.group = &group{}
	}
	for i, r := range tx.recorded {
		e := r.entry
		if e.place < 0 {
			e.place = len(d.group.streams)
			d.places = append(d.places, e)
			d.group.streams = append(d.group.streams, groupStream{id: e.stream, expected: e.version, status: statusUnsettled})
		}
		s := &d.group.streams[e.place]
		s.count++
		d.group.events = append(d.group.events, groupEvent{NewEvent: q.command.events[i], stream: int32(e.place), ordinal: s.count})
		d.group.bytes += q.command.events[i].size()
	}
}

// verify asks for the present versions of the streams that a refusal, or a decision to do nothing, was
// based on without appending to them. What an append is based on is verified by the append.
func (f *flusher) verify(decisions []*decision) error {
	var entries []*entry
	var callers []*request
	for _, d := range decisions {
		for _, q := range d.requests {
			if len(q.command.tx.recorded) > 0 {
				continue
			}
			for _, e := range q.command.tx.touched {
				if len(e.pending) == 0 && e.verified != f.round {
					e.verified = f.round
					entries = append(entries, e)
					callers = append(callers, q)
				}
			}
		}
	}
	if len(entries) == 0 {
		return nil
	}
	streams := make([]StreamID, len(entries))
	for i, e := range entries {
		streams[i] = e.stream
	}
	var versions []int64
	err := f.persist(callers, func() (err error) {
		versions, err = f.engine.versions(f.base, streams)
		return err
	})
	if err != nil {
		return fmt.Errorf("read versions: %w", err)
	}
	for i, e := range entries {
		if versions[i] != e.version {
			e.decision.stale = true
			e.decision.group = nil
		}
	}
	return nil
}

// settle answers the commands of decisions that were stored or needed no storing, and returns those that
// must be decided again.
func (f *flusher) settle(decisions []*decision, attempt int) (again []*request) {
	for _, d := range decisions {
		used := d.group != nil && d.group.err == nil && d.group.idUsed()
		switch {
		case used && attempt >= idUsedAttempts && len(d.requests) == 1:
			d.fail(f, d.group.refusal())
		case d.stale, d.group != nil && d.group.err == nil && d.group.outdated():
			f.metrics.conflicts.Inc()
			f.metrics.redecisions.Add(float64(len(d.requests)))
			for _, e := range d.entries {
				e.reset()
				e.contended = contendedRounds
			}
			for _, q := range d.requests {
				q.command.alone = q.command.alone || used && attempt > 1
			}
			again = append(again, d.requests...)
		case d.group != nil && d.group.err != nil:
			d.fail(f, d.group.err)
		case d.group != nil && !d.group.stored():
			d.fail(f, d.group.refusal())
		default:
			d.conclude()
		}
	}
	return again
}

func (d *decision) fail(f *flusher, err error) {
	d.repository.states.drop(d.entries)
	f.failAll(d.requests, err)
}

// conclude makes the pending events part of the states and answers the commands.
func (d *decision) conclude() {
	if d.group != nil {
		for _, e := range d.group.events {
			d.places[e.stream].sequence = max(d.places[e.stream].sequence, e.position)
		}
	}
	for _, e := range d.entries {
		e.version += int64(len(e.pending))
		// The entry stays in memory. A decision holds its callers' contexts and all that they refer to.
		e.pending, e.decision = nil, nil
		d.repository.considerSnapshot(e)
	}
	for _, q := range d.requests {
		q.answer(q.command.err)
	}
}

// decideLocked decides commands while the rows of their streams are held, so that nobody else can append
// in between. It costs a round trip more than deciding on what is in memory, and it can't lose.
func (f *flusher) decideLocked(requests []*request) {
	for attempt := 2; len(requests) > 0; attempt++ {
		var live []*request
		for _, q := range requests {
			switch {
			case q.ctx.Err() != nil:
				q.answer(q.ctx.Err())
			case attempt > decideAttemptsMax:
				q.answer(&ConcurrencyConflict{Stream: q.streams[0]})
			default:
				live = append(live, q)
			}
		}
		requests = nil
		for _, part := range parts(live) {
			requests = append(requests, f.decideHolding(part, attempt)...)
		}
	}
}

// parts divides commands into those that are decided together.
func parts(requests []*request) [][]*request {
	var together []*request
	var alone [][]*request
	for _, q := range requests {
		if q.command.alone {
			alone = append(alone, []*request{q})
		} else {
			together = append(together, q)
		}
	}
	return append(byRepository(together), alone...)
}

func (f *flusher) decideHolding(part []*request, attempt int) (again []*request) {
	f.round++
	r := part[0].command.repository
	entries, wants := r.missing(f.round, part, true)
	var histories []history
	err := f.persist(part, func() error {
		streams := make([]StreamID, len(wants))
		for i, w := range wants {
			streams[i] = w.stream
		}
		err := f.engine.lock(f.base, streams)
		if err == nil {
			histories, err = f.engine.load(f.base, wants)
		}
		if err != nil {
			_ = f.engine.unlock(f.base, false) // err says why; a broken connection has let go already
		}
		return err
	})
	if err == nil {
		err = f.take(r, entries, histories, part)
	}
	if err != nil {
		r.states.drop(entries)
		f.failAll(part, fmt.Errorf("load: %w", err))
		return nil
	}
	decisions := f.decideEach(r, part)
	var groups []*group
	for _, d := range decisions {
		if d.group != nil {
			groups = append(groups, d.group)
		}
	}
	f.appendHolding(groups, part)
	return f.settle(decisions, attempt)
}

// appendHolding stores the groups and lets go of the rows.
func (f *flusher) appendHolding(groups []*group, callers []*request) {
	start := time.Now()
	var err error
	if len(groups) > 0 {
		err = f.engine.append(f.base, groups)
	}
	if unlockErr := f.engine.unlock(f.base, err == nil); err == nil {
		err = unlockErr
	}
	switch {
	case len(groups) == 0:
	case err != nil:
		// Whether that was stored or not: sent again without the rows held, it is found or added.
		f.append(groups, callers)
	default:
		f.metrics.appended(groups, time.Since(start))
		f.wake.wake(groups)
	}
}
