package readmodel

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
)

// How soon [Reader.Settled] looks when it is told of nothing, and how long it waits at most between looks. It is not
// told what another process appends.
const (
	LookAfterDefault = 50 * time.Millisecond
	lookEveryMax     = 400 * time.Millisecond
)

// IsSettled reports whether an order waits for somebody, or for nothing any more. It is then confirmed or beyond,
// cancelled, held for a review, or its payment needs its customer.
func (v OrderView) IsSettled() bool {
	return v.Status != "" && v.Status != order.StatusCreated || v.Held != "" || v.PaymentStatus == string(payment.StatusActionRequired) ||
		v.PaymentStatus == string(payment.StatusPaymentRequired)
}

// Settled waits until an order is settled ([OrderView.IsSettled]) or ctx ends, and returns it as its events tell it
// then, ahead of the views. An order that is fresh has just been accepted, so the first look at it can wait a little.
// Errors: not_found when ctx ended before anything was recorded of it; those of the event store.
func (r *Reader) Settled(ctx context.Context, id uuid.UUID, fresh bool) (Shown, error) {
	if r.events == nil {
		return Shown{}, notFound(id)
	}
	// Its first event only places the order, and is not worth a look.
	appended, stop := r.events.Watch(map[uuid.UUID]int64{id: 1, payment.ID(id): 0})
	defer stop()
	s, err := Shown{}, notFound(id)
	for poll := r.lookAfter; ; poll = min(2*poll, lookEveryMax) {
		if !fresh {
			now, foldErr := r.fold(ctx, id)
			switch {
			case foldErr == nil && now.IsSettled():
				s = now.Shown()
				r.cache.Put(ctx, s)
				return s, nil
			case foldErr == nil:
				s, err = now.Shown(), nil
			case domain.Code(foldErr) == CodeNotFound:
				s, err = Shown{}, foldErr
			case ctx.Err() == nil:
				return Shown{}, foldErr
			}
		}
		fresh = false
		timer := time.NewTimer(poll)
		select {
		case <-appended:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
		if ctx.Err() != nil {
			return s, err
		}
	}
}
