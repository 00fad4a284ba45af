package activities

import (
	"context"
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
	Token   string      `json:"token"`
	// Confirm is where the order's goods are set aside, when an authorisation is all that it still lacks: it is
	// confirmed with it then.
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
	p, err := a.currentPayment(ctx, in)
	if err != nil {
		return Authorized{}, err
	}
	if p.Status == payment.StatusVoided {
		return Authorized{}, Refusal(domain.Refuse(payment.CodePaymentClosed, "payment %s was voided before", id))
	}
	if p.Status == payment.StatusActionRequired {
		return Authorized{Status: p.Status, ActionURL: p.ActionURL}, nil
	}
	if p.Status != payment.StatusDeclined && !p.NeedsAuthorization(in.Amount) {
		return Authorized{Status: payment.StatusAuthorized}, nil
	}
	generation := p.Generation + 1
	answer, err := a.gateway.Authorize(ctx, payments.AuthorizeRequest{
		IdempotencyKey: authorizeKey(id, generation), AskedAt: in.At, PaymentID: id, OrderID: in.OrderID, Amount: in.Amount,
		Captured: p.Captured, Token: in.Token,
	})
	if err != nil {
		return Authorized{}, Refusal(fmt.Errorf("authorise payment %s: %w", id, err))
	}
	st := stamp(ctx, fmt.Sprintf("authorize-payment/%d/%s", generation, answer.Status), in.OrderID, in.At)
	var confirmed Confirmed
	streams := []eventstore.StreamID{{Type: domain.AggregatePayment, ID: id}}
	confirms := len(in.Confirm) > 0 && answer.Status == payment.StatusAuthorized
	if confirms {
		streams = withOrder(in.OrderID, streams)
	}
	err = a.events.Decide(ctx, st, streams, func(tx *eventstore.Tx) error {
		events, err := payment.Authorize(eventstore.State(tx, paymentAggregate, id), payment.RecordAuthorization{
			OrderID: in.OrderID, Amount: in.Amount, Status: answer.Status, GatewayRef: answer.GatewayRef,
			DeclineCode: answer.DeclineCode, ActionURL: answer.ActionURL, ExpiresAt: answer.ExpiresAt, At: in.At,
		})
		if err != nil {
			return err
		}
		eventstore.Record(tx, paymentAggregate, id, events...)
		if confirms && len(events) > 0 {
			confirmed = confirm(tx, in.OrderID, in.Confirm, in.At)
		}
		return nil
	})
	if err != nil {
		err = Refusal(fmt.Errorf("%s: %w", st.Source, err))
	}
	if isRefusal(err, payment.CodePaymentClosed) && answer.Status != payment.StatusDeclined {
		// It was voided while the gateway was being asked: what the gateway reserved goes back.
		if voidErr := a.voidLate(ctx, id, answer.GatewayRef, in.At); voidErr != nil {
			return Authorized{}, voidErr
		}
	}
	if err != nil {
		return Authorized{}, err
	}
	return Authorized{Status: answer.Status, DeclineCode: answer.DeclineCode, ActionURL: answer.ActionURL, Confirmed: confirmed}, nil
}

// confirm confirms an order within another decision, or leaves that to ConfirmOrder, which says why not.
func confirm(tx *eventstore.Tx, orderID uuid.UUID, allocations []inventory.Allocation, at time.Time) Confirmed {
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
	err = change(ctx, a, paymentAggregate, id, st, func(now payment.Payment) ([]domain.Event, error) {
		events := payment.Expire(now, in.At)
		for _, e := range events {
			now = payment.Evolve(now.Clone(), e)
		}
		p = now.Clone()
		return events, nil
	})
	return p, err
}

// RecordPayment is the input of [Activities.RecordPayment].
type RecordPayment struct {
	OrderID     uuid.UUID      `json:"order_id"`
	Amount      money.Money    `json:"amount"`
	Status      payment.Status `json:"status"`
	GatewayRef  string         `json:"gateway_ref"`
	DeclineCode string         `json:"decline_code,omitempty"`
	ExpiresAt   time.Time      `json:"expires_at"`
	At          time.Time      `json:"at"`
}

// RecordPayment records the gateway's later answer to a payment that it had left open. When the
// payment was voided meanwhile, it voids at the gateway what came too late. Refusal: payment_closed.
func (a *Activities) RecordPayment(ctx context.Context, in RecordPayment) error {
	id := payment.ID(in.OrderID)
	err := change(ctx, a, paymentAggregate, id, stamp(ctx, "record-payment/"+string(in.Status), in.OrderID, in.At), func(p payment.Payment) ([]domain.Event, error) {
		return payment.Authorize(p, payment.RecordAuthorization{
			OrderID: in.OrderID, Amount: in.Amount, Status: in.Status, GatewayRef: in.GatewayRef,
			DeclineCode: in.DeclineCode, ExpiresAt: in.ExpiresAt, At: in.At,
		})
	})
	if isRefusal(err, payment.CodePaymentClosed) && in.Status == payment.StatusAuthorized {
		if voidErr := a.voidLate(ctx, id, in.GatewayRef, in.At); voidErr != nil {
			return voidErr
		}
	}
	return err
}

// voidLate lets go of what the gateway has authorised for a payment that was closed meanwhile.
func (a *Activities) voidLate(ctx context.Context, id uuid.UUID, ref string, at time.Time) error {
	err := a.gateway.Void(ctx, payments.VoidRequest{IdempotencyKey: id.String() + "/void-late", AskedAt: at, PaymentID: id, GatewayRef: ref})
	if err != nil {
		return Refusal(fmt.Errorf("void payment %s, authorised too late: %w", id, err))
	}
	return nil
}

// SettleLatePayment is the input of [Activities.SettleLatePayment].
type SettleLatePayment struct {
	OrderID uuid.UUID `json:"order_id"`
	// Authorized is the gateway's news; otherwise it has declined, and there is nothing to let go.
	Authorized bool      `json:"authorized"`
	GatewayRef string    `json:"gateway_ref"`
	At         time.Time `json:"at"`
}

// LatePaymentSettled says whether the news need not be passed on to anyone.
type LatePaymentSettled struct {
	Settled bool `json:"settled"`
}

// SettleLatePayment lets money go that was authorised after its payment was closed. It settles nothing
// while the payment is open: then somebody waits for the news, or is about to.
func (a *Activities) SettleLatePayment(ctx context.Context, in SettleLatePayment) (LatePaymentSettled, error) {
	id := payment.ID(in.OrderID)
	p, _, err := eventstore.Fold(ctx, a.events, paymentAggregate, id)
	if err != nil {
		return LatePaymentSettled{}, fmt.Errorf("load payment %s: %w", id, err)
	}
	switch p.Status {
	case "", payment.StatusActionRequired, payment.StatusExpired:
		return LatePaymentSettled{}, nil
	case payment.StatusVoided, payment.StatusDeclined:
		if !in.Authorized {
			break
		}
		if err := a.voidLate(ctx, id, in.GatewayRef, in.At); err != nil {
			return LatePaymentSettled{}, err
		}
	}
	return LatePaymentSettled{Settled: true}, nil
}

// RefundPayment is the input of [Activities.RefundPayment].
type RefundPayment struct {
	OrderID  uuid.UUID   `json:"order_id"`
	RefundID uuid.UUID   `json:"refund_id"`
	Amount   money.Money `json:"amount"`
	Reason   string      `json:"reason"`
	At       time.Time   `json:"at"`
}

// RefundPayment gives captured money back. Refusals: refund_exceeds_capture; gateway_refused.
func (a *Activities) RefundPayment(ctx context.Context, in RefundPayment) error {
	id := payment.ID(in.OrderID)
	record := payment.RefundPayment{RefundID: in.RefundID, Amount: in.Amount, Reason: in.Reason, At: in.At}
	p, _, err := eventstore.Fold(ctx, a.events, paymentAggregate, id)
	if err != nil {
		return fmt.Errorf("load payment %s: %w", id, err)
	}
	if events, err := payment.Refund(p, record); err != nil || len(events) == 0 {
		return Refusal(err)
	}
	step := "refund/" + in.RefundID.String()
	record.GatewayRef, err = a.gateway.Refund(ctx, payments.RefundRequest{
		IdempotencyKey: id.String() + "/" + step, AskedAt: in.At, PaymentID: id, GatewayRef: p.GatewayRef, Amount: in.Amount, Reason: in.Reason,
	})
	if err != nil {
		return Refusal(fmt.Errorf("%s of payment %s: %w", step, id, err))
	}
	return change(ctx, a, paymentAggregate, id, stamp(ctx, step, in.OrderID, in.At), func(p payment.Payment) ([]domain.Event, error) {
		return payment.Refund(p, record)
	})
}

// VoidPayment is the input of [Activities.VoidPayment].
type VoidPayment struct {
	OrderID uuid.UUID `json:"order_id"`
	Reason  string    `json:"reason"`
	At      time.Time `json:"at"`
}

// VoidPayment lets go of what is authorised and not captured, also when the answer to the
// authorisation never came. It does nothing when there is nothing to let go.
func (a *Activities) VoidPayment(ctx context.Context, in VoidPayment) error {
	id := payment.ID(in.OrderID)
	p, _, err := eventstore.Fold(ctx, a.events, paymentAggregate, id)
	if err != nil {
		return fmt.Errorf("load payment %s: %w", id, err)
	}
	void := payment.VoidPayment{OrderID: in.OrderID, Reason: in.Reason, At: in.At}
	if len(payment.Void(p, void)) == 0 {
		return nil
	}
	// The gateway first: if it can't be reached the step is retried, and nobody was told anything yet.
	request := payments.VoidRequest{
		IdempotencyKey: id.String() + "/void", AskedAt: in.At, PaymentID: id, GatewayRef: p.GatewayRef, Captured: p.Captured,
	}
	if p.NeedsAuthorization(money.Money{}) || p.Lapsed {
		request.AuthorizeKey = authorizeKey(id, p.Generation+1)
	}
	err = a.gateway.Void(ctx, request)
	if err != nil {
		return Refusal(fmt.Errorf("void payment %s: %w", id, err))
	}
	return change(ctx, a, paymentAggregate, id, stamp(ctx, "void-payment", in.OrderID, in.At), func(p payment.Payment) ([]domain.Event, error) {
		return payment.Void(p, void), nil
	})
}
