package activities

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/attention"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/payments"
)

// PaymentFacts is what the saga of an order has to know of what others do to its payment.
type PaymentFacts struct {
	// Attention are the causes for which the order waits for a person.
	Attention []attention.Cause `json:"attention,omitempty"`
	// MoneyHeld is as [attention.MoneyHeld].
	MoneyHeld bool `json:"money_held,omitempty"`
	// VoidRefused is true while the gateway refuses to let the money go, so that a person has to look into it.
	VoidRefused bool `json:"void_refused,omitempty"`
}

func paymentFacts(o order.Order, p payment.Payment) PaymentFacts {
	return PaymentFacts{
		Attention: attention.CausesOf(attention.Of(o, p)), MoneyHeld: attention.MoneyHeld(o, p), VoidRefused: p.VoidFailure != nil,
	}
}

// LookAtPayment is the input of [Activities.LookAtPayment] and [Activities.LookForHold].
type LookAtPayment struct {
	OrderID uuid.UUID `json:"order_id"`
	At      time.Time `json:"at"`
}

// LookAtPayment tells the saga of an order what the events say of its payment. It changes nothing and may be repeated.
func (a *Activities) LookAtPayment(ctx context.Context, in LookAtPayment) (PaymentFacts, error) {
	o, err := a.foldOrder(ctx, in.OrderID)
	if err != nil {
		return PaymentFacts{}, err
	}
	p, _, err := eventstore.Fold(ctx, a.events, paymentAggregate, payment.ID(in.OrderID))
	if err != nil {
		return PaymentFacts{}, fmt.Errorf("load the payment of order %s: %w", in.OrderID, err)
	}
	return paymentFacts(o, p), nil
}

// LookForHold asks the gateway whether it still holds the money of an order that has ended. It records that the gateway
// has let it go, such as in its dashboard. A payment that the gateway does not know stays as it is. It may be repeated.
func (a *Activities) LookForHold(ctx context.Context, in LookAtPayment) (PaymentFacts, error) {
	id := payment.ID(in.OrderID)
	p, _, err := eventstore.Fold(ctx, a.events, paymentAggregate, id)
	if err != nil {
		return PaymentFacts{}, fmt.Errorf("load payment %s: %w", id, err)
	}
	entry, err := a.gateway.Find(ctx, payments.FindRequest{PaymentID: id})
	if err = a.noteAccess(ctx, in.OrderID, p.Access, in.At, err); err != nil {
		return PaymentFacts{}, Refusal(fmt.Errorf("ask whether payment %s is held: %w", id, err))
	}
	if entry.PaymentID == id {
		if _, err := a.recordGatewayEvents(ctx, entry, in.At); err != nil {
			return PaymentFacts{}, err
		}
		if !entry.Balance.Held.IsPositive() && entry.Authorization.Status != payment.StatusActionRequired {
			void := payment.VoidPayment{OrderID: in.OrderID, Reason: "let_go_at_the_gateway", At: in.At}
			st := stamp(ctx, "let-go", in.OrderID, in.At)
			_, _, err := a.changePayment(ctx, in.OrderID, st, func(p payment.Payment) ([]domain.Event, error) {
				if !p.HoldsMoney() {
					return nil, nil
				}
				return payment.Void(p, void), nil
			})
			if err != nil {
				return PaymentFacts{}, err
			}
		}
	}
	return a.LookAtPayment(ctx, in)
}
