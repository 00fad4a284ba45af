package order

import (
	"slices"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
)

// Request tells a request that comes again, however late, from another one under the same id.
type Request struct {
	// ID is what the request is known by: at the API it follows from the Idempotency-Key.
	ID uuid.UUID
	// Content stands for what is asked.
	Content uuid.UUID
}

// CarriedOut reports whether the order has done what this request asks. Errors: idempotency_key_reused when
// it has done something else under the same id.
func (o Order) CarriedOut(r Request) (bool, error) {
	switch {
	case !slices.Contains(o.Requests, r.ID):
		return false, nil
	case !slices.Contains(o.Asked, r.Content):
		return false, domain.Refuse(domain.CodeIdempotencyKeyReused, "order %s was changed by another request under the same key", o.Number)
	}
	return true, nil
}

// withRequest notes that a request was carried out.
func (o Order) withRequest(r Request) Order {
	o.Requests, o.Asked = append(slices.Clone(o.Requests), r.ID), append(slices.Clone(o.Asked), r.Content)
	return o
}
