package eventstore

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
)

// StreamID names the events of one aggregate. An id belongs to one aggregate type for ever.
type StreamID struct {
	Type string // an aggregate type such as [domain.AggregateOrder]
	ID   uuid.UUID
}

// String returns "type/id".
func (s StreamID) String() string { return s.Type + "/" + s.ID.String() }

// Expected versions that are no number of events. Any other value is the exact version that the
// stream must have.
const (
	// NoStream expects that the stream has no events.
	NoStream int64 = 0
	// Any expects nothing. To find a retried append the store then searches the whole stream, so it is
	// for streams that stay short. It does not find what lies in archived partitions.
	Any int64 = -1
)

// NewEvent is an event to append.
type NewEvent struct {
	// ID must be the same when the append is retried, and never be used for another event. Such an event is refused
	// with [CodeEventIDReused], on whatever stream and at whatever version. Events in archived partitions are not
	// looked at.
	ID   uuid.UUID
	Type string
	// SchemaVersion is the version of the payload's schema, from 1.
	SchemaVersion int
	// Payload is a JSON object. It comes back as PostgreSQL's jsonb writes it: the same value, with
	// other spacing and order of keys.
	Payload  json.RawMessage
	Metadata domain.Metadata
	// Timestamp is when the fact happened; kept to the microsecond, in UTC.
	Timestamp time.Time
}

// Append asks to add events to one stream.
type Append struct {
	Stream StreamID
	// Expected is the version the stream must have: [NoStream], [Any] or a number of events.
	Expected int64
	Events   []NewEvent
}

// Appended tells where the events of one [Append] are.
type Appended struct {
	// Version is the version of the last of these events.
	Version int64
	// Positions are their global sequences.
	Positions []int64
	// Duplicate is true when these very events were there before: the append was a retry. The positions are then
	// those of the first time, whatever was appended since.
	Duplicate bool
}

// Filter picks events of a global read. Empty fields pick all; the fields are joined with "and".
//
// Times are looked up in an index everywhere. Types, correlation ids and payloads have indexes on partitions that are
// full; the newest partition is scanned from the cursor on.
type Filter struct {
	AggregateTypes []string
	EventTypes     []string
	CorrelationID  string
	// From and To bound the timestamp, To excluded.
	From, To time.Time
	// Payload is a JSON object that the payload contains, as jsonb's operator @> has it.
	Payload json.RawMessage
}

func (f Filter) match(e domain.Envelope) bool {
	return (len(f.AggregateTypes) == 0 || slices.Contains(f.AggregateTypes, e.AggregateType)) &&
		(len(f.EventTypes) == 0 || slices.Contains(f.EventTypes, e.EventType)) &&
		(f.CorrelationID == "" || f.CorrelationID == e.Metadata.CorrelationID) &&
		(f.From.IsZero() || !e.Timestamp.Before(f.From)) &&
		(f.To.IsZero() || e.Timestamp.Before(f.To)) &&
		(len(f.Payload) == 0 || jsonContains(e.Payload, f.Payload))
}

// ReadOptions asks for events of all streams in the order of their sequence.
type ReadOptions struct {
	// After is the cursor: events with a higher sequence are returned. 0 starts at the beginning.
	After int64
	// Limit is how many events a page holds, at most [PageMax]; 0 is [PageDefault].
	Limit  int
	Filter Filter
	// Span bounds how many sequence numbers a page looks at, however few events the filter picks; 0 looks at all. A
	// page that ends for it has More set, and Next tells how far it came.
	Span int64
}

// Page sizes of global reads, in events.
const (
	PageDefault = 1_000
	PageMax     = 10_000
)

// Page is a piece of the global order.
type Page struct {
	Events []domain.Envelope
	// Next is the cursor for the next page. Events up to it are final. None will appear later that was not in this
	// page or one before, or was left out by the filter. It survives a dump and restore.
	Next int64
	// HighWater is the sequence up to which the store could be read when the page was.
	HighWater int64
	// More tells that there are events up to HighWater that did not fit.
	More bool
}

// StreamVersion is how far a stream has come.
type StreamVersion struct {
	Stream  StreamID
	Version int64
}
