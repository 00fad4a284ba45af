package feed

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/catalog"
)

// Event is an event as the feed shows it.
type Event struct {
	EventID uuid.UUID `json:"event_id"`
	Type    string    `json:"type"`
	// SchemaVersion is the version of Data: docs/events has a schema for each type and version. It is the newest that
	// this program knows, whatever version was recorded.
	SchemaVersion int `json:"schema_version"`
	// OrderID is the order that the event is about; nil for none, such as for goods received.
	OrderID   *uuid.UUID `json:"order_id,omitempty"`
	Aggregate Aggregate  `json:"aggregate"`
	// Version counts the events of the aggregate from 1 without gaps.
	Version    int64     `json:"version"`
	OccurredAt time.Time `json:"occurred_at"`
	// Actor is who asked for it, "<role>/<id>"; empty for what happened by itself.
	Actor string `json:"actor,omitempty"`
	// Cursor is the place of the event: a feed goes on after it.
	Cursor string `json:"cursor"`
	// Data is what has happened, without sealed sections. It is nil for an event that a newer program has recorded: ask
	// for the event later.
	Data json.RawMessage `json:"data,omitempty"`
	// Erased says that the personal section was asked for, and is erased.
	Erased bool `json:"erased,omitempty"`

	position int64
}

// Position is the place of the event among all events of the store.
func (e Event) Position() int64 { return e.position }

// Aggregate is whose stream an event belongs to.
type Aggregate struct {
	Type string    `json:"type"`
	ID   uuid.UUID `json:"id"`
}

// personalMember is the sealed section that holds what is known of a person.
const personalMember = "personal"

// Opener opens sealed sections. Errors: [domain.ErrErased] once the key is destroyed.
type Opener interface {
	Open(ctx context.Context, s domain.Sealed, v any) error
}

// show turns a stored event into one of the feed. What can't be decoded is shown without its data.
func (f *Feed) show(ctx context.Context, env domain.Envelope, cursor string, personal bool) (Event, error) {
	e := Event{
		EventID: env.EventID, Type: env.EventType, SchemaVersion: env.EventVersion, Version: env.Version,
		Aggregate: Aggregate{Type: env.AggregateType, ID: env.AggregateID}, OccurredAt: env.Timestamp.UTC(),
		Actor: env.Metadata.UserID, Cursor: cursor, position: env.Sequence,
	}
	if id := orderOf(env); id != uuid.Nil {
		e.OrderID = &id
	}
	decoded, err := catalog.Decode(env)
	if err != nil {
		return e, nil //nolint:nilerr // to stop here would keep all later events from everybody
	}
	payload := env.Payload
	if e.SchemaVersion = decoded.EventVersion(); e.SchemaVersion != env.EventVersion {
		if payload, err = catalog.Encode(decoded); err != nil {
			return e, err
		}
	}
	if e.Data, e.Erased, err = f.unseal(ctx, decoded, payload, personal); err != nil {
		return e, fmt.Errorf("show event %s: %w", env.EventID, err)
	}
	return e, nil
}

// unseal takes the sealed sections out of a payload. It opens the personal one if it is asked to, and says whether that
// was erased.
func (f *Feed) unseal(ctx context.Context, e domain.Event, payload json.RawMessage, personal bool) (data json.RawMessage, erased bool, err error) {
	data = payload
	for _, path := range sealedPaths(reflect.TypeOf(e)) {
		data, err = replace(data, path, func(section json.RawMessage) (json.RawMessage, error) {
			if !personal || len(path) > 1 || path[0] != personalMember {
				return nil, nil
			}
			var sealed domain.Sealed
			if err := json.Unmarshal(section, &sealed); err != nil || sealed.IsZero() {
				return nil, err
			}
			var text json.RawMessage
			err := f.opener.Open(ctx, sealed, &text)
			switch {
			case errors.Is(err, domain.ErrErased):
				erased = true
				return nil, nil
			case errors.Is(err, domain.ErrUnreadable): // it never will be, so it must not hold the feed up
				return nil, nil
			}
			return text, err
		})
		if err != nil {
			return nil, false, err
		}
	}
	return data, erased, nil
}

// replace puts something else in the place of a member of an object, by its path; nil leaves it out. An object without
// the member stays as it is.
func replace(object json.RawMessage, path []string, with func(json.RawMessage) (json.RawMessage, error)) (json.RawMessage, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(object, &members); err != nil {
		return nil, err
	}
	old, there := members[path[0]]
	if !there || string(old) == "null" {
		return object, nil
	}
	if len(path) > 1 {
		next := with
		with = func(old json.RawMessage) (json.RawMessage, error) { return replace(old, path[1:], next) }
	}
	text, err := with(old)
	if err != nil {
		return nil, err
	}
	if members[path[0]] = text; text == nil {
		delete(members, path[0])
	}
	return json.Marshal(members)
}

// paths holds the paths of sealed members by event type.
var paths sync.Map

// sealedPaths are the paths of the members of a payload that are sealed. None lies in a list or a map.
func sealedPaths(event reflect.Type) [][]string {
	known, ok := paths.Load(event)
	if !ok {
		known, _ = paths.LoadOrStore(event, findSealed(event, nil))
	}
	return known.([][]string)
}

func findSealed(of reflect.Type, above []reflect.Type) (found [][]string) {
	if slices.Contains(above, of) {
		return nil
	}
	for _, f := range reflect.VisibleFields(of) {
		member := f.Type
		if member.Kind() == reflect.Pointer {
			member = member.Elem()
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "" || name == "-" || !f.IsExported(): // what is embedded is visible by itself
		case member == reflect.TypeFor[domain.Sealed]():
			found = append(found, []string{name})
		case member.Kind() == reflect.Struct:
			for _, below := range findSealed(member, append(slices.Clone(above), of)) {
				found = append(found, append([]string{name}, below...))
			}
		}
	}
	return found
}

// orderOf is the order that a stored event is about; the zero id for none. It reads no more than it needs, of any
// version of any event.
func orderOf(env domain.Envelope) uuid.UUID {
	if env.AggregateType == domain.AggregateOrder {
		return env.AggregateID
	}
	if !bytes.Contains(env.Payload, []byte(`"order_id"`)) {
		return uuid.Nil
	}
	var of struct {
		OrderID uuid.UUID `json:"order_id"`
	}
	if json.Unmarshal(env.Payload, &of) != nil {
		return uuid.Nil
	}
	return of.OrderID
}
