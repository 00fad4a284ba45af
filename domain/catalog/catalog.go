// Package catalog knows every event type and version there is: it turns payloads into events and
// events into payloads, bringing old versions up to date on the way.
//
//	event, err := catalog.Decode(envelope)
//
// A published event type is never edited: the changed struct gets the next version, and an upcaster
// is registered here that turns the payload of the version before into it.
package catalog

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
)

// Upcaster turns the payload of one version of an event into that of the next version.
type Upcaster func(json.RawMessage) (json.RawMessage, error)

// upcasters holds, by event type, the step from version i+1 to i+2 at index i.
var upcasters = map[string][]Upcaster{}

// current holds the newest version of each event type.
var current = func() map[string]domain.Event {
	m := map[string]domain.Event{}
	for _, e := range All() {
		if _, twice := m[e.EventType()]; twice {
			panic("catalog: two events are called " + e.EventType())
		}
		m[e.EventType()] = e
	}
	return m
}()

// aggregates lists the events of each aggregate type.
var aggregates = []struct {
	aggregateType string
	events        []domain.Event
}{
	{domain.AggregateOrder, order.Events},
	{domain.AggregatePayment, payment.Events},
	{domain.AggregateInventory, inventory.Events},
}

// All returns the newest version of every event type as a zero value, aggregate by aggregate.
func All() []domain.Event {
	var all []domain.Event
	for _, a := range aggregates {
		all = append(all, a.events...)
	}
	return all
}

// AggregateTypes returns the known aggregate types.
func AggregateTypes() []string {
	types := make([]string, len(aggregates))
	for i, a := range aggregates {
		types[i] = a.aggregateType
	}
	return types
}

// AggregateType returns the aggregate type whose stream holds this event type, "" for an unknown one.
func AggregateType(eventType string) string {
	for _, a := range aggregates {
		for _, e := range a.events {
			if e.EventType() == eventType {
				return a.aggregateType
			}
		}
	}
	return ""
}

// Encode returns the payload of an event: a JSON object.
func Encode(e domain.Event) (json.RawMessage, error) {
	b, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", e.EventType(), err)
	}
	return b, nil
}

// Decode returns the event in an envelope in its newest version, upcast where the stored one is
// older. Errors: unknown_event for a type that is not in the catalog, or a version newer than this
// program knows.
func Decode(env domain.Envelope) (domain.Event, error) {
	zero, ok := current[env.EventType]
	if !ok || env.EventVersion < 1 || env.EventVersion > zero.EventVersion() {
		return nil, domain.Refuse("unknown_event", "event %s is a %s version %d, which this program does not know",
			env.EventID, env.EventType, env.EventVersion)
	}
	payload := env.Payload
	for v := env.EventVersion; v < zero.EventVersion(); v++ {
		var err error
		if payload, err = upcasters[env.EventType][v-1](payload); err != nil {
			return nil, fmt.Errorf("upcast event %s from version %d: %w", env.EventID, v, err)
		}
	}
	if !bytes.HasPrefix(bytes.TrimSpace(payload), []byte("{")) { // null would decode to an event of nothing
		return nil, fmt.Errorf("decode event %s: its payload is no JSON object", env.EventID)
	}
	p := reflect.New(reflect.TypeOf(zero))
	if err := json.Unmarshal(payload, p.Interface()); err != nil {
		return nil, fmt.Errorf("decode event %s: %w", env.EventID, err)
	}
	return p.Elem().Interface().(domain.Event), nil
}
