package orphans

import (
	"context"

	"github.com/google/uuid"
)

// Verification is what comparing the sagas at Temporal with the events has shown.
type Verification struct {
	// Orphaned counts orders that need a saga and have none, Surplus those that have ended and still have one.
	Orphaned int `json:"orphaned"`
	Surplus  int `json:"surplus"`
	// Differences describes the first of them.
	Differences []Difference `json:"differences,omitempty"`
}

// Difference is an order whose saga does not fit its events.
type Difference struct {
	OrderID uuid.UUID `json:"order_id"`
	Number  string    `json:"order_number"`
	Status  string    `json:"status"`
	Cause   string    `json:"cause"`
}

// OK reports whether every saga fits its order.
func (v Verification) OK() bool { return v.Orphaned+v.Surplus == 0 }

// differencesMax bounds the differences that are described; all are counted.
const differencesMax = 100

// Verify compares the sagas with the events, and changes nothing. It ends with the first error.
func (f *Finder) Verify(ctx context.Context) (v Verification, err error) {
	for o, err := range f.Find(ctx) {
		if err != nil {
			return v, err
		}
		if o.Surplus {
			v.Surplus++
		} else {
			v.Orphaned++
		}
		if len(v.Differences) < differencesMax {
			v.Differences = append(v.Differences, Difference{
				OrderID: o.Order.ID, Number: o.Order.Number, Status: string(o.Order.Status), Cause: o.Cause,
			})
		}
	}
	return v, nil
}
