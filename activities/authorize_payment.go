package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/payments"
)

// AuthorizePayment is the input of [Activities.AuthorizePayment].
type AuthorizePayment struct {
	OrderID uuid.UUID   `json:"order_id"`
	Amount  money.Money `json:"amount"`
	// Token is the payment token. A saga that goes on from the events has it sealed instead: see [order.Terms].
	Token  string        `json:"token,omitempty"`
	Sealed domain.Sealed `json:"sealed_token,omitzero"`
	// Again is set when an earlier execution may have asked the gateway for the same: the gateway looks it up first.
	Again bool `json:"again,omitempty"`
	// Since is when the execution was started that asks, unless Again is set. Nobody has asked before.
	Since time.Time `json:"since,omitzero"`
	// Keep is as in [payments.AuthorizeRequest].
	Keep bool `json:"keep_payment_method,omitempty"`
	// Confirm is where the order's goods are reserved, when it lacks nothing but an authorisation: it is confirmed
	// with the authorisation then.
	Confirm []inventory.Allocation `json:"confirm,omitempty"`
	At      time.Time              `json:"at"`
}

// Authorized is the gateway's answer.
type Authorized struct {
	// Status is authorized, declined or action_required.
	Status      payment.Status `json:"status"`
	DeclineCode string         `json:"decline_code,omitempty"`
	ActionURL   string         `json:"action_url,omitempty"`
	// Confirmed is the plan of shipments of an order that was confirmed with it. Without shipments,
	// [Activities.ConfirmOrder] has to be asked.
	Confirmed Confirmed `json:"confirmed,omitzero"`
}

// AuthorizePayment asks the gateway to reserve the amount and records the answer. A decline is an
// answer. An authorisation that has expired is made anew, for the amount that is still to be captured.
// Refusal: payment_closed when the payment was voided before or meanwhile; nothing is then left
// authorised at the gateway.
//
// The order is confirmed in the same append where that was asked for and nothing stands against it, which
// is the common case.
func (a *Activities) AuthorizePayment(ctx context.Context, in AuthorizePayment) (Authorized, error) {
	id := payment.ID(in.OrderID)
	in.Amount = a.limits(in.Amount.Currency).Ceil(in.Amount)
	p, err := a.currentPayment(ctx, in)
	if err != nil {
		return Authorized{}, err
	}
	if err := payment.CanAuthorize(p); err != nil {
		return Authorized{}, Refusal(err)
	}
	if p.Status == payment.StatusActionRequired {
		return Authorized{Status: p.Status, ActionURL: p.ActionURL}, nil
	}
	if p.Status == payment.StatusDeclined {
		return Authorized{Status: p.Status, DeclineCode: p.DeclineCode}, nil
	}
	if in.Amount = p.Lacking(in.Amount); !p.NeedsAuthorization(in.Amount) || in.Amount.IsZero() {
		return Authorized{Status: payment.StatusAuthorized}, nil
	}
	token, err := a.paymentToken(ctx, in)
	if err != nil {
		return Authorized{}, err
	}
	generation := p.Generation + 1
	request := payments.AuthorizeRequest{
		IdempotencyKey: authorizeKey(id, generation), AskedAt: askedToAuthorize(p, in), At: in.At,
		PaymentID: id, OrderID: in.OrderID, Amount: in.Amount, Captured: p.Captured, Token: token, Keep: in.Keep,
	}
	if p.Generation > 0 {
		request.EarlierRef = p.GatewayRef
	}
	answer, err := a.gateway.Authorize(ctx, request)
	if err != nil {
		return Authorized{}, Refusal(fmt.Errorf("authorise payment %s: %w", id, err))
	}
	return a.recordAuthorization(ctx, in, generation, answer)
}

// recordAuthorization records what the gateway has answered, and confirms the order with it where that was asked for.
func (a *Activities) recordAuthorization(
	ctx context.Context, in AuthorizePayment, generation int, answer payments.AuthorizeResult,
) (Authorized, error) {
	id := payment.ID(in.OrderID)
	st := stamp(ctx, fmt.Sprintf("authorize-payment/%d/%s", generation, answer.Status), in.OrderID, in.At)
	var confirmed Confirmed
	streams := []eventstore.StreamID{{Type: domain.AggregatePayment, ID: id}}
	confirms := len(in.Confirm) > 0 && answer.Status == payment.StatusAuthorized
	if confirms {
		streams = append(orderStream(in.OrderID), streams...)
	}
	err := a.events.Decide(ctx, st, streams, func(tx *eventstore.Tx) error {
		events, err := payment.Authorize(eventstore.State(tx, paymentAggregate, id), payment.RecordAuthorization{
			OrderID: in.OrderID, Amount: in.Amount, Status: answer.Status, GatewayRef: answer.GatewayRef,
			DeclineCode: answer.DeclineCode, ActionURL: answer.ActionURL, ExpiresAt: answer.ExpiresAt, At: in.At,
		})
		if err != nil {
			return err
		}
		eventstore.Record(tx, paymentAggregate, id, events...)
		if confirms && len(events) > 0 {
			confirmed = confirmWithPayment(tx, in.OrderID, in.Confirm, in.At)
		}
		return nil
	})
	if err != nil {
		err = Refusal(fmt.Errorf("%s: %w", st.Source, err))
	}
	if isRefusal(err, payment.CodePaymentClosed) && answer.Status != payment.StatusDeclined {
		// It was voided while the gateway was being asked: what the gateway reserved goes back.
		late := payment.LateAuthorization{GatewayRef: answer.GatewayRef, At: in.At}
		if answer.Status == payment.StatusAuthorized {
			late.Amount = in.Amount
		}
		if voidErr := a.voidLatePayment(ctx, in.OrderID, late); voidErr != nil {
			return Authorized{}, voidErr
		}
	}
	if err != nil {
		return Authorized{}, err
	}
	return Authorized{Status: answer.Status, DeclineCode: answer.DeclineCode, ActionURL: answer.ActionURL, Confirmed: confirmed}, nil
}

// CodePaymentTokenGone refuses an authorisation whose payment token can't be had any more.
const CodePaymentTokenGone domain.ErrorCode = "payment_token_gone"

// paymentToken returns the token that names the customer's means of payment. Refusal: payment_token_gone when the
// customer was erased, or the order was placed by a program that did not keep the token.
func (a *Activities) paymentToken(ctx context.Context, in AuthorizePayment) (string, error) {
	if in.Token != "" {
		return in.Token, nil
	}
	var token string
	err := a.vault.Open(ctx, in.Sealed, &token)
	switch {
	case errors.Is(err, domain.ErrErased), err == nil && token == "":
		return "", Refusal(domain.Refuse(CodePaymentTokenGone, "the payment token of order %s is gone", in.OrderID))
	case err != nil:
		return "", fmt.Errorf("open the payment token of order %s: %w", in.OrderID, err)
	}
	return token, nil
}

// currentPayment returns the payment with an authorisation that has run out recorded as expired.
func (a *Activities) currentPayment(ctx context.Context, in AuthorizePayment) (payment.Payment, error) {
	id := payment.ID(in.OrderID)
	p, _, err := eventstore.Fold(ctx, a.events, paymentAggregate, id)
	if err != nil {
		return p, fmt.Errorf("load payment %s: %w", id, err)
	}
	if len(payment.Expire(p, in.At)) == 0 {
		return p, nil
	}
	st := stamp(ctx, fmt.Sprintf("expire-payment/%d", p.Generation), in.OrderID, in.At)
	err = changeAggregate(ctx, a, paymentAggregate, id, st, func(now payment.Payment) ([]domain.Event, error) {
		events := payment.Expire(now, in.At)
		for _, e := range events {
			now = payment.Evolve(now.Clone(), e)
		}
		p = now.Clone()
		return events, nil
	})
	return p, err
}

// confirmWithPayment confirms an order within another decision, or leaves that to ConfirmOrder, which says why not.
func confirmWithPayment(tx *eventstore.Tx, orderID uuid.UUID, allocations []inventory.Allocation, at time.Time) Confirmed {
	o := eventstore.State(tx, orderAggregate, orderID)
	shipments := order.PlanShipments(o, allocations)
	events, err := order.Confirm(o, order.ConfirmOrder{Shipments: shipments, At: at})
	if err != nil || len(events) == 0 {
		return Confirmed{}
	}
	eventstore.Record(tx, orderAggregate, orderID, events...)
	return Confirmed{Shipments: shipments}
}

// authorizeKey is the idempotency key of a payment's first, second, … authorisation.
func authorizeKey(id uuid.UUID, generation int) string {
	return fmt.Sprintf("%s/authorize/%d", id, generation)
}
