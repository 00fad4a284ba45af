package maintain

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/projector"
)

// comparison is what the verifier of one projection compares a stream with. It implements [projector.Comparison].
type comparison struct {
	*verification
	projection string
	// loaded are the events of this stream, and of those that its verifiers have asked for.
	loaded map[uuid.UUID][]domain.Envelope
	// failed is why events could not be loaded.
	failed error
}

// Seen implements [projector.Comparison].
func (c *comparison) Seen(ctx context.Context, k projector.Key, version int64) ([]domain.Envelope, error) {
	events, ok := c.loaded[k.AggregateID]
	if !ok {
		var err error
		if events, err = c.load(ctx, k); err != nil {
			c.failed = err
			return nil, err
		}
		c.loaded[k.AggregateID] = events
	}
	exception := parkedKey{c.projection, k.AggregateID}
	var seen []domain.Envelope
	for _, env := range events {
		if env.Version <= version && !c.discarded[exception][env.Version] {
			seen = append(seen, env)
		}
	}
	if len(events) > 0 && version < events[len(events)-1].Version {
		if c.parked[exception] {
			c.found.Parked++
		} else {
			c.found.Behind++
		}
	}
	return seen, nil
}

// Rows implements [projector.Comparison].
func (c *comparison) Rows(n int64) { c.found.Rows += n }

// Sums implements [projector.Comparison].
func (c *comparison) Sums(n int64) { c.found.Customers += n }

// Equal implements [projector.Comparison].
func (c *comparison) Equal(table, key string, want, have any) error {
	w, err := json.Marshal(want)
	if err != nil {
		return err
	}
	h, err := json.Marshal(have)
	if err != nil {
		return err
	}
	if equal, err := equalJSON(w, h); err != nil || equal {
		return err
	}
	c.Differ(table, key, string(w), string(h))
	return nil
}

// Differ implements [projector.Comparison].
func (c *comparison) Differ(table, key, want, have string) {
	c.found.Wrong++
	if len(c.found.Differences) < differencesMax {
		c.found.Differences = append(c.found.Differences, Difference{View: table, Key: key, Want: want, Have: have})
	}
}

// equalJSON compares without regard to the order of keys and to how a time or an empty list is written.
func equalJSON(a, b []byte) (bool, error) {
	var x, y any
	if err := errors.Join(json.Unmarshal(a, &x), json.Unmarshal(b, &y)); err != nil {
		return false, err
	}
	return reflect.DeepEqual(normal(x), normal(y)), nil
}

// normal writes times in one way, and leaves out empty lists, objects and nulls.
func normal(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, e := range v {
			if n := normal(e); n != nil {
				out[k] = n
			}
		}
		if len(out) == 0 {
			return nil
		}
		return out
	case []any:
		if len(v) == 0 {
			return nil
		}
		for i := range v {
			v[i] = normal(v[i])
		}
		return v
	case string:
		if t, err := time.Parse(time.RFC3339Nano, v); err == nil {
			return t.UTC().Truncate(time.Microsecond).Format(time.RFC3339Nano)
		}
	}
	return v
}
