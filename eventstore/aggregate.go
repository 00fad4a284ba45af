package eventstore

import (
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
)

// Aggregate tells a [Repository] how to fold the streams of one aggregate type into a state S. Make it
// once per type, as a package variable.
type Aggregate[S any] struct {
	// Type is the aggregate type, such as [domain.AggregateOrder].
	Type string
	// Evolve returns the state after the event. It may change what the state refers to in place.
	Evolve func(S, domain.Event) S
	// Clone copies a state so that the copy shares nothing that Evolve changes. Only [Execute] needs it;
	// without it the copy is made through JSON.
	Clone func(S) S
	// Revision is raised when Evolve gives another state for the same events, so that snapshots taken
	// before are not used. A change of the fields of S is noticed without it.
	Revision int
}

// Stamp says where the events of a decision come from.
type Stamp struct {
	// Source is "<workflow id>/<step>". The ids of the events follow from it, so a retried step makes
	// the same ones; two different decisions never share a source.
	Source string
	// At is the time of the fact, by the clock of the workflow.
	At time.Time
	// Metadata goes with every event; an empty CausationID becomes Source.
	Metadata domain.Metadata
	// Fresh is the id of a stream that is expected not to exist yet when it is not in memory, which saves
	// asking the database. Where that is wrong nothing breaks: the decision is made again on what is there.
	Fresh uuid.UUID
	// Reads are further streams that the decision may look at, and never records on. Many decisions share them
	// without being held up by each other, such as what is true of a whole warehouse.
	Reads []StreamID
	// If is a condition for what the decision records; nil for none.
	If *Condition
}

// Condition says at which versions of streams something may be recorded. What is recorded is stored only if they still
// are the present ones then. A decision that records nothing has no condition.
type Condition struct {
	Streams []StreamID
	// Holds refuses versions, in the order of Streams.
	Holds func(versions []int64) error
}
