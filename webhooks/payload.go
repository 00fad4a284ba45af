package webhooks

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/feed"
)

// Versions are the dated versions of the API, of which each delivery has one. An endpoint stays with the one that it
// was made with, until it is changed.
type Versions interface {
	// Known lists the versions, the newest first.
	Known() []string
	// Back brings the body of a delivery from the newest version to another one.
	Back(version string, body map[string]any)
}

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

// body is the newest version of what is sent.
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

// Body returns the body of a delivery of an event to an endpoint, in the newest version. Previous is the event before
// it of the same order; the zero id is none.
func Body(e *Endpoint, event feed.Event, previous uuid.UUID) ([]byte, error) {
	return write(e, message{id: event.EventID, previous: previous, event: event}, nil)
}

// write returns the body of a delivery in the version of the endpoint. Error: errUnknownVersion.
func write(e *Endpoint, m message, versions Versions) ([]byte, error) {
	b := body{Type: m.event.Type, Timestamp: m.event.OccurredAt, EndpointID: e.EndpointID, Version: e.PayloadVersion, Cursor: m.event.Cursor}
	if m.previous != uuid.Nil {
		b.PreviousEventID = &m.previous
	}
	if m.test {
		b.Type, b.Timestamp, b.Data = TestType, m.at.UTC(), map[string]string{"message": "This is a test of " + e.Name + "."}
	} else {
		event := m.event
		if e.Payload == Thin {
			event.Data = nil
		}
		b.Data = event
	}
	newest, err := json.Marshal(b)
	if err != nil || versions == nil || e.PayloadVersion == versions.Known()[0] {
		return newest, err
	}
	if !slices.Contains(versions.Known(), e.PayloadVersion) {
		return nil, fmt.Errorf("%w: %s", errUnknownVersion, e.PayloadVersion)
	}
	var older map[string]any
	d := json.NewDecoder(bytes.NewReader(newest))
	d.UseNumber()
	if err := d.Decode(&older); err != nil {
		return nil, err
	}
	versions.Back(e.PayloadVersion, older)
	return json.Marshal(older)
}

// errUnknownVersion is the error of a delivery in a version that only a newer program knows, such as during a rollout.
var errUnknownVersion = errors.New("this program does not know the version of the endpoint's payloads")
