// Package catalog knows every type and version of an event. It turns events into payloads, and payloads into events
// of the newest version.
//
//	event, err := catalog.Decode(envelope)
//
// A published event type is never edited. A changed struct gets the next version, and an upcaster is registered here
// that turns the payload of the version before into it. The upcaster runs wherever an event is decoded; what is
// stored stays as it is.
package catalog

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/location"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
)

// CodeUnknownEvent is the code of the error for an event that this program does not know. A newer program may: what
// meets it is to be tried again.
const CodeUnknownEvent domain.ErrorCode = "unknown_event"

// Upcaster turns the payload of one version of an event into that of the next version.
type Upcaster func(json.RawMessage) (json.RawMessage, error)

// upcasters holds, by event type, the step from version i+1 to i+2 at index i.
var upcasters = map[string][]Upcaster{
	"OrderPlaced":            {placedWithoutTerms, placedWithoutLineIDs, justPrices},
	"OrderCancelled":         {cancelledWithoutReviewer},
	"OrderConfirmed":         {unnamedLines, justPrices},
	"OrderLinesCancelled":    {cancelledWithoutContent, justPrices},
	"OrderReturned":          {unnamedLines, justPrices, returnedWithoutContent},
	"ShippingAddressAmended": {amendedByNoRequest},
	"PaymentRefunded":        {refundedWithoutAttempt},
	"RefundOwed":             {owedByItself},
	"RefundRequested":        {justPrices},
	"CaptureWaived":          {justPrices},
	"CaptureFailed":          {refusedWithoutReport},
}

// refundedWithoutAttempt is the step to version 2, which tells the attempt. Version 1 knew no requests before.
func refundedWithoutAttempt(b json.RawMessage) (json.RawMessage, error) { return b, nil }

// owedByItself is the step to version 2, which tells what is covered and left over, and explains its lines. Version 1
// was rounded up by itself.
func owedByItself(b json.RawMessage) (json.RawMessage, error) { return b, nil }

// refusedWithoutReport is the step to version 2, which tells carrier and tracking number. Version 1 told neither.
func refusedWithoutReport(b json.RawMessage) (json.RawMessage, error) { return b, nil }

// placedWithoutTerms is the step to version 2, which tells the terms. Version 1 had none, nor allocations.
func placedWithoutTerms(b json.RawMessage) (json.RawMessage, error) { return b, nil }

// cancelledWithoutReviewer is the step to version 2, which tells who has rejected the order. Version 1 did not.
func cancelledWithoutReviewer(b json.RawMessage) (json.RawMessage, error) { return b, nil }

// placedWithoutLineIDs is the step to version 3, which gives each line its id.
func placedWithoutLineIDs(b json.RawMessage) (json.RawMessage, error) {
	var payload struct {
		OrderID uuid.UUID                    `json:"order_id"`
		Items   []map[string]json.RawMessage `json:"items"`
	}
	if err := json.Unmarshal(b, &payload); err != nil {
		return nil, err
	}
	for i, item := range payload.Items {
		if item != nil {
			item["line_id"] = json.RawMessage(strconv.Quote(order.LineID(payload.OrderID, i+1).String()))
		}
	}
	return withMembers(b, map[string]any{"items": payload.Items})
}

// justPrices is the step to a version that explains amounts by discounts, taxes and shipping. The version before knew
// none of these: what a line costs was the price of its pieces, which is what the new version leaves out.
func justPrices(b json.RawMessage) (json.RawMessage, error) { return b, nil }

// unnamedLines is the step to a version 2 that names the lines of pieces. One event alone does not tell them:
// [order.Evolve] finds them in the order.
func unnamedLines(b json.RawMessage) (json.RawMessage, error) { return b, nil }

// cancelledWithoutContent is the step to version 2, which names the lines too, and tells what the request asked for:
// pieces of SKUs, in version 1.
func cancelledWithoutContent(b json.RawMessage) (json.RawMessage, error) {
	var e order.OrderLinesCancelled
	if err := json.Unmarshal(b, &e); err != nil {
		return nil, err
	}
	c := order.CancelLines{RequestID: e.RequestID, Reason: e.Reason, By: e.CancelledBy}
	for _, l := range e.Lines {
		c.Lines = append(c.Lines, order.LineQuantity{SKU: l.SKU, Quantity: l.Quantity})
	}
	return withMembers(b, map[string]any{"request_content": c.Request().Content})
}

// returnedWithoutContent is the step to version 4, which tells the report, and why each line came back. Version 3 told
// neither: [order.Evolve] finds the report in the lines.
func returnedWithoutContent(b json.RawMessage) (json.RawMessage, error) {
	return withMembers(b, map[string]any{"request_content": uuid.Nil})
}

// amendedByNoRequest is the step to version 2, which tells the request.
func amendedByNoRequest(b json.RawMessage) (json.RawMessage, error) {
	return withMembers(b, map[string]any{"request_id": uuid.Nil, "request_hash": ""})
}

// withMembers sets members of a payload. What is no object stays as it is: Decode refuses it.
func withMembers(b json.RawMessage, members map[string]any) (json.RawMessage, error) {
	var payload map[string]json.RawMessage
	if err := json.Unmarshal(b, &payload); err != nil || payload == nil {
		return b, err
	}
	for name, value := range members {
		text, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		payload[name] = text
	}
	return json.Marshal(payload)
}

// Catalog is a set of event types. A nil one is the platform's, which this package's functions use too.
type Catalog struct {
	events    map[string]domain.Event // by type, as zero values
	upcasters map[string][]Upcaster
}

// platform holds every event there is.
var platform = func() *Catalog {
	c := &Catalog{events: map[string]domain.Event{}, upcasters: upcasters}
	for _, e := range All() {
		if _, twice := c.events[e.EventType()]; twice {
			panic("catalog: two events are called " + e.EventType())
		}
		c.events[e.EventType()] = e
	}
	return c
}()

func (c *Catalog) orPlatform() *Catalog {
	if c == nil {
		return platform
	}
	return c
}

// WithStep returns a catalog in which an event type has one version more, that of its struct, and the last
// step to it is u. It shows what becomes of stored events once a struct has changed.
func (c *Catalog) WithStep(eventType string, u Upcaster) *Catalog {
	c = c.orPlatform()
	next := &Catalog{events: c.events, upcasters: maps.Clone(c.upcasters)}
	next.upcasters[eventType] = append(slices.Clip(next.upcasters[eventType]), u)
	return next
}

// Version returns the newest version of an event type, that of its struct.
func (c *Catalog) Version(eventType string) int { return 1 + len(c.orPlatform().upcasters[eventType]) }

// aggregates lists the events of each aggregate type.
var aggregates = []struct {
	aggregateType string
	events        []domain.Event
}{
	{domain.AggregateOrder, order.Events},
	{domain.AggregatePayment, payment.Events},
	{domain.AggregateInventory, inventory.Events},
	{domain.AggregateNetwork, location.Events},
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

// Decode is [Catalog.Decode] of the platform's catalog.
func Decode(env domain.Envelope) (domain.Event, error) { return platform.Decode(env) }

// Decode returns the event in an envelope in its newest version, upcast where the stored one is
// older. Errors: [CodeUnknownEvent] for a type that is not in the catalog, or a version newer than this
// program knows.
func (c *Catalog) Decode(env domain.Envelope) (domain.Event, error) {
	c = c.orPlatform()
	zero, ok := c.events[env.EventType]
	if !ok || env.EventVersion < 1 || env.EventVersion > c.Version(env.EventType) {
		return nil, domain.Refuse(CodeUnknownEvent, "event %s is a %s version %d, which this program does not know",
			env.EventID, env.EventType, env.EventVersion)
	}
	payload := env.Payload
	for i, upcast := range c.upcasters[env.EventType][env.EventVersion-1:] {
		var err error
		if payload, err = upcast(payload); err != nil {
			return nil, fmt.Errorf("upcast event %s from version %d: %w", env.EventID, env.EventVersion+i, err)
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
