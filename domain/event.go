package domain

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"
)

// Event is a fact about one aggregate, in the past tense. Its JSON form is the payload that is
// stored and published: always a JSON object, in snake_case. An event struct is never edited once
// published; a changed one gets a new version and an upcaster from the old.
type Event interface {
	// EventType is the name of the fact, such as "OrderPlaced"; unique over all aggregates.
	EventType() string
	// EventVersion is the version of the payload's schema, from 1.
	EventVersion() int
}

// Aggregate types, as they stand in envelopes. Each has a Kafka topic of its own.
const (
	AggregateOrder     = "order"
	AggregatePayment   = "payment"
	AggregateInventory = "inventory"
	AggregateNetwork   = "network"
)

// Envelope is an event as it is stored and published.
type Envelope struct {
	// EventID is derived from the workflow and step that caused the event, so that a retried step
	// makes the same id again.
	EventID       uuid.UUID `json:"event_id"`
	AggregateID   uuid.UUID `json:"aggregate_id"`
	AggregateType string    `json:"aggregate_type"`
	EventType     string    `json:"event_type"`
	// EventVersion is the version of the payload's schema, from 1.
	EventVersion int             `json:"event_version"`
	Payload      json.RawMessage `json:"payload"`
	Metadata     Metadata        `json:"metadata"`
	// Timestamp is when the fact happened by the clock of the workflow, in UTC, to the microsecond.
	Timestamp time.Time `json:"timestamp"`
	// Version counts the aggregate's events from 1 without gaps.
	Version int64 `json:"version"`
	// Sequence orders all events of the store; it has gaps. Zero for an event not yet stored.
	Sequence int64 `json:"sequence"`
}

// Metadata tells where an event came from. It holds no personal data.
type Metadata struct {
	// CorrelationID is the same for everything that one order caused: the order's id.
	CorrelationID string `json:"correlation_id,omitempty"`
	// CausationID names what caused the event: "<workflow id>/<step>".
	CausationID string `json:"causation_id,omitempty"`
	// UserID is the authenticated caller who asked for it, as package actor writes it; empty for the platform itself.
	// What follows from an earlier fact by itself has none.
	UserID string `json:"user_id,omitempty"`
	// TraceParent is the W3C trace context of the step.
	TraceParent string `json:"traceparent,omitempty"`
}

// Sealed is personal data under a key of the person's own. It is made where the data enters (the API) and opened
// where it is shown; everything between holds only this. Once the key is destroyed it reads as erased, wherever
// copies of it lie. In a payload it stands under the name "personal".
type Sealed struct {
	// Key names the data key, "<subject>:<generation>" or "inline" when the wrapped key travels along.
	Key string `json:"key,omitempty"`
	// Data is nonce and ciphertext (AES-256-GCM).
	Data []byte `json:"data,omitempty"`
}

// IsZero reports whether nothing was sealed.
func (s Sealed) IsZero() bool { return s.Key == "" && len(s.Data) == 0 }

// DerivedID returns the UUIDv5 (RFC 9562, section 5.5) of name within parent. The same arguments
// give the same id for ever.
func DerivedID(parent uuid.UUID, name string) uuid.UUID {
	return uuid.NewSHA1(parent, []byte(name))
}
