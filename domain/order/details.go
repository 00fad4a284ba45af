package order

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
)

// DetailsChange is what becomes another of an order's metadata and tags. What it does not name stays.
type DetailsChange struct {
	// Metadata has the keys that are added or become another, and RemoveMetadata those that are taken out.
	Metadata       map[string]string `json:"metadata,omitempty"`
	RemoveMetadata []string          `json:"remove_metadata,omitempty"`
	// AddTags and RemoveTags are tags that the order is to have, and not to have.
	AddTags    []string `json:"add_tags,omitempty"`
	RemoveTags []string `json:"remove_tags,omitempty"`
}

// Checked returns the change as it is kept. Errors: [domain.Invalids], which names every wrong field with its JSON
// path.
func (c DetailsChange) Checked() (DetailsChange, error) {
	var bad domain.Invalids
	checkMetadata(&bad, "metadata", c.Metadata)
	if n := len(c.RemoveMetadata); n > MetadataKeysMax {
		bad.Add("remove_metadata", "has at most %d keys, got %d", MetadataKeysMax, n)
	}
	for i, key := range c.RemoveMetadata {
		bad.Required(path("remove_metadata", i), key, MetadataKeyLengthMax)
		if _, set := c.Metadata[key]; set {
			bad.Add(path("remove_metadata", i), "names %q, which metadata sets", domain.Clip(key))
		}
	}
	c.AddTags, c.RemoveTags = checkedTags(&bad, "add_tags", c.AddTags), checkedTags(&bad, "remove_tags", c.RemoveTags)
	for _, tags := range []struct {
		field string
		n     int
	}{{"add_tags", len(c.AddTags)}, {"remove_tags", len(c.RemoveTags)}} {
		if tags.n > TagsMax {
			bad.Add(tags.field, "has at most %d tags, got %d", TagsMax, tags.n)
		}
	}
	for _, tag := range c.AddTags {
		if slices.Contains(c.RemoveTags, tag) {
			bad.Add("remove_tags", "names %q, which add_tags names too", domain.Clip(tag))
		}
	}
	if len(c.Metadata)+len(c.RemoveMetadata)+len(c.AddTags)+len(c.RemoveTags) == 0 {
		bad.Add("", "asks for no change")
	}
	return c, bad.Err()
}

// of returns metadata and tags after the change.
func (c DetailsChange) of(r References) References {
	metadata := map[string]string{}
	maps.Copy(metadata, r.Metadata)
	maps.Copy(metadata, c.Metadata)
	for _, key := range c.RemoveMetadata {
		delete(metadata, key)
	}
	tags := slices.DeleteFunc(slices.Concat(r.Tags, c.AddTags), func(tag string) bool { return slices.Contains(c.RemoveTags, tag) })
	slices.Sort(tags)
	r.Metadata, r.Tags = metadata, slices.Compact(tags)
	return r
}

// ChangeDetails asks to change an order's metadata and tags.
type ChangeDetails struct {
	RequestID uuid.UUID
	Change    DetailsChange
	By        string
	At        time.Time
}

// Request is over the change and who asks for it.
func (c ChangeDetails) Request() Request {
	text, err := json.Marshal(c.Change)
	if err != nil {
		panic("order: " + err.Error()) // plain values only
	}
	return Request{ID: c.RequestID, Content: domain.DerivedID(c.RequestID, "details "+c.By+" "+string(text))}
}

// Change changes the metadata and the tags, in whatever state the order is. What they are afterwards stands in the
// event.
//
// It returns no events for a request that was carried out before. Errors: not_found; idempotency_key_reused when
// another request was carried out under the same id; [domain.Invalids], also when the order would have too many keys
// or tags.
func Change(o Order, c ChangeDetails) ([]domain.Event, error) {
	if o.Status == "" {
		return nil, notFound(o)
	}
	if done, err := o.CarriedOut(c.Request()); done || err != nil {
		return nil, err
	}
	if _, err := c.Change.Checked(); err != nil {
		return nil, err
	}
	var bad domain.Invalids
	checkRequestID(&bad, "request_id", c.RequestID)
	checkText(&bad, "by", c.By)
	after := c.Change.of(o.References)
	if n := len(after.Metadata); n > MetadataKeysMax {
		bad.Add("metadata", "an order has at most %d keys, and would have %d", MetadataKeysMax, n)
	}
	if n := len(after.Tags); n > TagsMax {
		bad.Add("add_tags", "an order has at most %d tags, and would have %d", TagsMax, n)
	}
	if err := bad.Err(); err != nil {
		return nil, err
	}
	return []domain.Event{OrderDetailsChanged{
		OrderID: o.ID, RequestID: c.RequestID, RequestContent: c.Request().Content,
		Metadata: after.Metadata, Tags: after.Tags, ChangedBy: c.By, ChangedAt: c.At,
	}}, nil
}

// OrderDetailsChanged says what the metadata and the tags of an order are from now on, all of them.
type OrderDetailsChanged struct {
	OrderID uuid.UUID `json:"order_id"`
	// RequestID and RequestContent tell the request when it comes again, see [Request].
	RequestID      uuid.UUID         `json:"request_id"`
	RequestContent uuid.UUID         `json:"request_content"`
	Metadata       map[string]string `json:"metadata,omitempty"`
	Tags           []string          `json:"tags,omitempty"`
	ChangedBy      string            `json:"changed_by"`
	ChangedAt      time.Time         `json:"changed_at"`
}

// EventType implements [domain.Event].
func (OrderDetailsChanged) EventType() string { return "OrderDetailsChanged" }

// EventVersion implements [domain.Event].
func (OrderDetailsChanged) EventVersion() int { return 1 }

func (o Order) withDetails(e OrderDetailsChanged) Order {
	o = o.withRequest(Request{ID: e.RequestID, Content: e.RequestContent})
	o.Metadata, o.Tags = e.Metadata, e.Tags
	return o
}
