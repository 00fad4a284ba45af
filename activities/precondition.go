package activities

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/domain/precondition"
	"github.com/orderloom/orderloom/eventstore"
)

// asked is [stamp] for the step that decides on a request. The request may want the order and its payment to be in
// one of some states. What the step records is stored only if they are. A step that was carried out before records
// nothing, and so has no precondition.
//
// What follows from a request is stamped without: it has to be carried out in whatever state the order is then.
func asked(ctx context.Context, step string, orderID uuid.UUID, at time.Time) eventstore.Stamp {
	st := stamp(ctx, step, orderID, at)
	if p := precondition.From(ctx); p != "" {
		st.If = &eventstore.Condition{
			Streams: withPayment(orderID),
			Holds: func(versions []int64) error {
				return p.Check(precondition.State{Order: versions[0], Payment: versions[1]})
			},
		}
	}
	return st
}

// CheckPrecondition refuses a request whose order is in another state than it wants, before anything is done about it.
// The step that decides on the request compares once more. Refusal: precondition_failed.
func (a *Activities) CheckPrecondition(ctx context.Context, orderID uuid.UUID) error {
	p := precondition.From(ctx)
	if p == "" {
		return nil
	}
	var now precondition.State
	var err error
	if _, now.Order, err = eventstore.Fold(ctx, a.events, orderAggregate, orderID); err == nil {
		_, now.Payment, err = eventstore.Fold(ctx, a.events, paymentAggregate, payment.ID(orderID))
	}
	if err != nil {
		return fmt.Errorf("look at order %s: %w", orderID, err)
	}
	return Refusal(p.Check(now))
}
