package readmodel

import (
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/catalog"
)

// Touch marks a local cache as up to date.
func Touch(c *LocalCache) { c.touch(time.Now()) }

// Started reports whether a follower has its position.
func Started(c *Changes) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.started
}

// Loading is how many readers wait for an order to be loaded.
func Loading(r *Reader) int64 { return r.flights.waiting.Load() }

// FoldPaymentFirst folds the payment's events before the order's.
func FoldPaymentFirst(orderEvents, paymentEvents []domain.Envelope) (OrderView, error) {
	v := NewOrderView(uuid.Nil)
	for _, env := range paymentEvents {
		e, err := catalog.Decode(env)
		if err != nil {
			return v, err
		}
		v = v.ApplyPayment(env, e)
	}
	for _, env := range orderEvents {
		e, err := catalog.Decode(env)
		if err != nil {
			return v, err
		}
		v = v.ApplyOrder(env, e)
	}
	return v, nil
}
