package eventstore

import (
	"cmp"
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
	o.StatesMax = cmp.Or(o.StatesMax, StatesMaxDefault)
	o.SnapshotEvery = cmp.Or(o.SnapshotEvery, SnapshotEveryDefault)
	o.SnapshotPause = cmp.Or(o.SnapshotPause, SnapshotPauseDefault)
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
	// exclusive is true once an attempt has asked for it. The rows are held exclusively from then on.
	exclusive bool
}

// Decide runs decide on the present states of the streams and appends what it records, on all of them or
// on none.
//
// decide runs in the repository's own goroutine, perhaps more than once, and holds up everyone else: it only
// computes. An error of it is returned as it is, and nothing is stored; so is the success of a decision that records
// nothing. Both are based on what the store holds now, not on an old state in memory. So is what is recorded. A stream
// that was only looked at ([State]) must have that state still when the append begins. If not, the decision is made
// again.
//
// Two appends may overlap, each of which has looked at what the other one records on. Then neither sees the other,
// unless one of them is [Exclusive].
//
// It may be repeated with the same stamp when the outcome is unknown, provided that decide records nothing once its
// events are there. It is decided on the present states then too, so what decide tells its caller is true. The ids of
// the events follow from the stamp. So a decision that records another time under the same stamp gets
// [CodeEventIDReused]. Errors: as [Store.Append], save that a conflict is resolved here.
func (r *Repository) Decide(ctx context.Context, stamp Stamp, streams []StreamID, decide func(tx *Tx) error) error {
	if stamp.Source == "" {
		return errSourceMissing
	}
	named, err := r.name(streams, nil)
	if err != nil {
		return err
	}
	looks := stamp.Reads
	if stamp.If != nil {
		looks = slices.Concat(looks, stamp.If.Streams)
	}
	reads, err := r.name(looks, named)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return r.log.flusher.submit(&request{
		ctx: ctx, streams: named, reads: reads, events: 1 + len(named), bytes: eventOverhead * (1 + len(named)),
		command: &command{repository: r, stamp: stamp, decide: decide},
	})
}

// name checks streams and returns each once, without those that are named already.
func (r *Repository) name(streams, already []StreamID) ([]StreamID, error) {
	named := make([]StreamID, 0, len(streams))
	for _, s := range streams {
		if !r.log.known(s.Type) {
			return nil, &InvalidError{Stream: s, Index: -1, Code: CodeUnknownAggregateType, Message: fmt.Sprintf("%q is not an aggregate type", domain.Clip(s.Type))}
		}
		if s.ID == uuid.Nil {
			return nil, &InvalidError{Stream: s, Index: -1, Code: CodeIDMissing, Message: "the stream has no id"}
		}
		if !slices.Contains(named, s) && !slices.Contains(already, s) {
			named = append(named, s)
		}
	}
	return named, nil
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
