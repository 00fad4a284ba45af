package projector

import (
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/readmodel"
)

// Projection keeps one view, or several that change together, by folding events.
//
// It must be a pure function of the events of the streams that a row is built from, each in the order of
// its versions, whatever their mutual order.
type Projection interface {
	// Name is the projection's name for operators: a word in snake_case.
	Name() string
	// Aggregates are the types of the streams that it folds.
	Aggregates() []string
	// Tables are the tables it keeps, all of which it fills by itself.
	Tables() []Table
	// Open queues the statements that read, and where need be lock, the rows which events of these streams
	// change. The batch is usable once q has been sent.
	Open(q *pgx.Batch, in Place, keys []Key) Batch
}

// Batch is the state of a projection within a transaction.
type Batch interface {
	// Version is the last version of a stream that the view has, 0 for none.
	Version(k Key) int64
	// Apply folds the next event of its stream. An error means that this event can't be folded, and that
	// nothing has changed.
	Apply(e Event) error
	// Skip takes the next event of its stream as seen, without any effect on the view.
	Skip(e Event)
	// Flush queues the statements that write what has changed, sorted by key, so that no two projectors wait
	// for each other.
	Flush(q *pgx.Batch)
}

// Table is a table of a projection.
type Table struct {
	Name string
	// Key are the columns of its primary key.
	Key []string
	// Versions are the columns that tell how far a row has come; empty when rows are never changed.
	Versions []string
	// Moving is an SQL condition that a row depends on rows of another table which are not at the same
	// version in the live table and the shadow, whose names end in [shadow]; l and s are the two rows.
	Moving string
}

// Place tells which set of tables is meant: the live ones, or the shadows of a rebuild.
type Place struct {
	suffix string
	// looking means that nothing will be written, so nothing needs to be locked.
	looking bool
	// comparing means that nothing but versions is asked for, so the rest need not be read.
	comparing bool
}

// Live are the tables that readers see.
var Live = Place{}

// shadow are the tables that a rebuild fills.
var shadow = Place{suffix: "__rebuild"}

// Table returns the quoted name of a table in this place.
func (p Place) Table(name string) string {
	return pgx.Identifier{"orderloom", name + p.suffix}.Sanitize()
}

// IsLive reports whether readers see this place.
func (p Place) IsLive() bool { return p.suffix == "" }

// Locks reports whether rows that are read are to be locked, because others write to them as well.
func (p Place) Locks() bool { return p.IsLive() && !p.looking }

// SQL puts the tables named as {table} in a statement into this place.
func (p Place) SQL(statement string) string {
	return placeNames.Replace(strings.ReplaceAll(statement, "}", p.suffix))
}

var placeNames = strings.NewReplacer("{", "orderloom.")

// Key names a stream, and the order that it concerns when there is just one.
type Key struct {
	AggregateType string
	AggregateID   uuid.UUID
	OrderID       uuid.UUID
}

// Event is a decoded event.
type Event struct {
	domain.Envelope
	// Data is the event in its newest version.
	Data domain.Event
	// OrderID is the order that it concerns, if any.
	OrderID uuid.UUID
}

// Key returns the key of the event's stream.
func (e Event) Key() Key {
	k := Key{AggregateType: e.AggregateType, AggregateID: e.AggregateID}
	if e.AggregateType != domain.AggregateInventory {
		k.OrderID = e.OrderID
	}
	return k
}

// newEvent completes an envelope whose event was decoded.
func newEvent(env domain.Envelope, data domain.Event) Event {
	id, _ := readmodel.OrderOf(data)
	return Event{Envelope: env, Data: data, OrderID: id}
}

// All returns the projections of the platform.
func All() []Projection {
	return []Projection{Orders{}, Payments{}, Stock{}, Timeline{}}
}
