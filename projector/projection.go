package projector

import (
	"context"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/readmodel"
)

// Projection keeps one view, or several that change together, by folding events.
//
// It must be a pure function of the events of the streams that a row is built from. The events of one stream come in
// the order of their versions; those of different streams come in any order.
type Projection interface {
	// Name is the projection's name for operators: a word in snake_case.
	Name() string
	// Aggregates are the types of the streams that it folds.
	Aggregates() []string
	// Tables are the tables that it keeps and that a rebuild fills.
	Tables() []Table
	// Open queues the statements that read the rows which events of these streams change, and lock them where need be.
	// The batch is usable once q has been sent.
	Open(q *pgx.Batch, in Place, keys []Key) Batch
	// Verify returns a new verifier of the view, which "orderloom verify" runs over all streams.
	Verify() Verifier
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
	// Flush queues the statements that write what has changed. It sorts the rows by key, so that no two projectors
	// wait for each other.
	Flush(q *pgx.Batch)
}

// PreparedBatch is a [Batch] that has to read before it can write.
type PreparedBatch interface {
	Batch
	// Prepare is called before Flush, with the transaction.
	Prepare(ctx context.Context, tx pgx.Tx) error
}

// CachedBatch is a [Batch] of rows that caches hold copies of. After the commit the caches are told to forget them.
type CachedBatch interface {
	Batch
	// Changed returns the orders that the batch has changed.
	Changed() []readmodel.OrderVersion
}

// CountedBatch is a [Batch] with figures of its own.
type CountedBatch interface {
	Batch
	// Count counts what the batch has done. It is called once, after the commit, of batches of the live tables alone.
	Count()
}

// MarkedBatch is a [Batch] of rows that show that a stream is parked, so that a reader knows of later events.
type MarkedBatch interface {
	Batch
	// MarkParked is told before Flush whether a stream is parked. A row that does not exist yet stays away.
	MarkParked(k Key, parked bool)
}

// Verifier compares a view with the folds of its events, a page of streams after the other. It only reads. The folds
// should be those of the read model, which share nothing with the writing of the view.
type Verifier interface {
	// Read queues the statements that read the rows of a page of streams. It forgets the page before.
	Read(q *pgx.Batch, keys []Key)
	// Compare compares the rows of one stream of the page, once the statements of Read have been sent.
	Compare(ctx context.Context, c Comparison, k Key) error
	// Finish compares what is summed over many streams. It is called once, behind the last page.
	Finish(ctx context.Context, c Comparison, tx pgx.Tx) error
}

// Comparison is what a [Verifier] compares with, and to whom it reports.
type Comparison interface {
	// Seen returns the events of a stream that the view should have at this version, without those that an operator has
	// discarded. A stream with later events is counted as behind or as parked. It knows the streams of the page, and
	// the payments of its orders.
	Seen(ctx context.Context, k Key, version int64) ([]domain.Envelope, error)
	// Rows counts rows that are compared, Sums those that sum up other rows.
	Rows(n int64)
	Sums(n int64)
	// Equal reports a difference unless two values have the same JSON. Amounts, times and empty lists are compared by
	// what they mean.
	Equal(table, key string, want, have any) error
	// Differ reports a difference.
	Differ(table, key, want, have string)
}

// Table is a table of a projection.
type Table struct {
	Name string
	// Key are the columns of its primary key.
	Key []string
	// Versions are the columns that tell how far a row has come; empty when rows are never changed.
	Versions []string
	// Moving is an SQL condition that a row depends on rows of another table, whose versions differ between the live
	// table and the shadow. The names of shadows end in [shadow]; l and s are the two rows.
	Moving string
}

// Place tells which set of tables is meant: the live ones, or the shadows of a rebuild.
type Place struct {
	suffix string
	// readOnly means that nothing will be written, so nothing needs to be locked.
	readOnly bool
	// versionsOnly means that nothing but versions is asked for, so the rest need not be read.
	versionsOnly bool
}

var (
	// Live are the tables that readers see.
	Live = Place{}
	// Shadow are the tables that a rebuild fills.
	Shadow = Place{suffix: "__rebuild"}
	// Old are the tables that a rebuild has replaced.
	Old = Place{suffix: "__old"}
)

// Table returns the quoted name of a table in this place.
func (p Place) Table(name string) string {
	return pgx.Identifier{"orderloom", p.Name(name)}.Sanitize()
}

// Name returns a name with the ending of this place. Tables have it, and the name of a projection under which its
// aggregates are parked.
func (p Place) Name(name string) string { return name + p.suffix }

// IsLive reports whether readers see this place.
func (p Place) IsLive() bool { return p.suffix == "" }

// Locks reports whether rows that are read are to be locked, because others write to them as well.
func (p Place) Locks() bool { return p.IsLive() && !p.readOnly }

// VersionsOnly reports whether nothing but versions will be asked of the batch, so that the rest need not be read.
func (p Place) VersionsOnly() bool { return p.versionsOnly }

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

// String returns the type and the id.
func (k Key) String() string { return k.AggregateType + "/" + k.AggregateID.String() }

// Event is a decoded event.
type Event struct {
	domain.Envelope
	// Data is the event in its newest version.
	Data domain.Event
	// OrderID is the order that it concerns, if any.
	OrderID uuid.UUID
}

// Key returns the key of the event's stream. It has the order that the stream belongs to, as far as this event tells.
func (e Event) Key() Key {
	k := Key{AggregateType: e.AggregateType, AggregateID: e.AggregateID}
	switch {
	case e.AggregateType == domain.AggregateOrder:
		k.OrderID = e.AggregateID
	case k.belongsTo(e.OrderID):
		k.OrderID = e.OrderID
	}
	return k
}

// belongsTo reports whether a stream is that of an order or of its payment.
func (k Key) belongsTo(order uuid.UUID) bool {
	switch k.AggregateType {
	case domain.AggregateOrder:
		return k.AggregateID == order
	case domain.AggregatePayment:
		return k.AggregateID == payment.ID(order)
	}
	return false
}

// CodeForeignOrder refuses an event that names another order than the one that its stream belongs to.
const CodeForeignOrder domain.ErrorCode = "foreign_order"

// Own gives an event of a stream the order that the stream belongs to, which decides the rows that it changes. An event
// that names another order is bad: it would change rows of that one, which nobody has read or locked.
func (k Key) Own(in Incoming) Incoming {
	if k.AggregateType != domain.AggregateOrder && k.AggregateType != domain.AggregatePayment {
		return in
	}
	if named := in.Event.OrderID; named != uuid.Nil && !k.belongsTo(named) && in.Bad == nil {
		in.Bad = domain.Refuse(CodeForeignOrder, "%s names order %s, which %s %s does not belong to",
			in.Event.EventType, named, k.AggregateType, k.AggregateID)
	}
	in.Event.OrderID = k.OrderID
	return in
}

// newEvent completes an envelope whose event was decoded.
func newEvent(env domain.Envelope, data domain.Event) Event {
	id, _ := readmodel.OrderOf(data)
	return Event{Envelope: env, Data: data, OrderID: id}
}
