package feed

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
)

// owner is whose an order is, as its first event tells it. It never changes.
type owner struct {
	Account    string `json:"caller"`
	Channel    string `json:"channel"`
	CustomerID string `json:"customer_id"`
}

// generationMax is how many owners a generation holds. Two are held, some 20 MB.
const generationMax = 50_000

// owners remembers whose orders are. When one generation is full, the one before is forgotten.
type owners struct {
	mu          sync.Mutex
	young, aged map[uuid.UUID]owner
}

func (o *owners) get(id uuid.UUID) (owner, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if one, ok := o.young[id]; ok {
		return one, true
	}
	one, ok := o.aged[id]
	if ok {
		o.keep(id, one)
	}
	return one, ok
}

func (o *owners) put(id uuid.UUID, one owner) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.keep(id, one)
}

func (o *owners) keep(id uuid.UUID, one owner) {
	if o.young == nil || len(o.young) >= generationMax {
		o.young, o.aged = map[uuid.UUID]owner{}, o.young
	}
	o.young[id] = one
}

// note keeps whose an order is, if this is its first event.
func (o *owners) note(env domain.Envelope) bool {
	if env.AggregateType != domain.AggregateOrder || env.Version != 1 {
		return false
	}
	var one owner
	if json.Unmarshal(env.Payload, &one) != nil {
		return false // it belongs to nobody that is known
	}
	o.put(env.AggregateID, one)
	return true
}

// visible returns which of these events the caller of a query sees, and its channel chooses, one answer for each.
func (f *Feed) visible(ctx context.Context, q Query, events []domain.Envelope) ([]bool, error) {
	sees := make([]bool, len(events))
	c := q.Caller
	if q.seesAll() {
		for i := range sees {
			sees[i] = true
		}
		return sees, nil
	}
	orders := make([]uuid.UUID, len(events))
	unknown := map[uuid.UUID]struct{}{}
	for i, env := range events {
		if f.owners.note(env); env.AggregateType == domain.AggregateOrder || env.AggregateType == domain.AggregatePayment {
			orders[i] = orderOf(env)
		}
	}
	for _, id := range orders {
		if _, known := f.owners.get(id); !known && id != uuid.Nil {
			unknown[id] = struct{}{}
		}
	}
	found, err := f.find(ctx, unknown)
	if err != nil {
		return nil, err
	}
	for i, id := range orders {
		one, known := found[id]
		if !known {
			one, known = f.owners.get(id)
		}
		sees[i] = known && id != uuid.Nil && c.Sees(one.Account, one.Channel, one.CustomerID) && (q.Channel == "" || q.Channel == one.Channel)
		sees[i] = sees[i] && (c.SeesInternal() || !order.Internal(events[i].EventType))
	}
	return sees, nil
}

// find asks the store whose orders are.
func (f *Feed) find(ctx context.Context, unknown map[uuid.UUID]struct{}) (map[uuid.UUID]owner, error) {
	if len(unknown) == 0 {
		return nil, nil
	}
	ids := make([]uuid.UUID, 0, len(unknown))
	for id := range unknown {
		ids = append(ids, id)
	}
	first, err := f.store.First(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("ask whose orders these are: %w", err)
	}
	found := make(map[uuid.UUID]owner, len(first))
	for _, env := range first {
		if f.owners.note(env) {
			found[env.AggregateID], _ = f.owners.get(env.AggregateID)
		}
	}
	return found, nil
}
