package webhooks

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/feed"
)

// Versions are those of what is sent, the newest first. An endpoint stays with the one that it was made with.
var Versions = []string{"2026-11-01"}

// TestType is the type of a delivery that somebody has asked for to try an endpoint.
const TestType = "webhook.test"

// message is a delivery before it is written: an event, or a test.
type message struct {
	// id stays the same however often it is sent.
	id uuid.UUID
	// previous is the event before this one of the same order, of those that the endpoint gets.
	previous uuid.UUID
	event    feed.Event
	test     bool
	at       time.Time
}

// body is version 2026-11-01 of what is sent.
type body struct {
	Type       string    `json:"type"`
	Timestamp  time.Time `json:"timestamp"`
	EndpointID uuid.UUID `json:"endpoint_id"`
	Version    string    `json:"payload_version"`
	// Cursor is the place of the event in the feed.
	Cursor string `json:"cursor,omitempty"`
	// PreviousEventID is null for the first event of an order that the endpoint gets.
	PreviousEventID *uuid.UUID `json:"previous_event_id"`
	Data            any        `json:"data"`
}

// writers write each version.
var writers = map[string]func(*Endpoint, message) ([]byte, error){
	"2026-11-01": func(e *Endpoint, m message) ([]byte, error) {
		b := body{Type: m.event.Type, Timestamp: m.event.OccurredAt, EndpointID: e.EndpointID, Version: "2026-11-01", Cursor: m.event.Cursor}
		if m.previous != uuid.Nil {
			b.PreviousEventID = &m.previous
		}
		if m.test {
			b.Type, b.Timestamp, b.Data = TestType, m.at.UTC(), map[string]string{"message": "This is a test of " + e.Name + "."}
			return json.Marshal(b)
		}
		event := m.event
		if e.Payload == Thin {
			event.Data = nil
		}
		b.Data = event
		return json.Marshal(b)
	},
}

// Body returns the body of a delivery of an event to an endpoint. Previous is the event before it of the same order;
// the zero id is none.
func Body(e *Endpoint, event feed.Event, previous uuid.UUID) ([]byte, error) {
	return write(e, message{id: event.EventID, previous: previous, event: event})
}

// write returns the body of a delivery in the version of the endpoint.
func write(e *Endpoint, m message) ([]byte, error) { return writers[e.PayloadVersion](e, m) }
