package activities

import (
	"cmp"
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
	// Renew lets an authorisation that is about to end be replaced by another one.
	Renew bool `json:"renew,omitempty"`
	// Within is how long the order waits for money that turns out to be missing.
	Within time.Duration `json:"within,omitempty"`
	At     time.Time     `json:"at"`
}

// Authorized is the gateway's answer.
type Authorized struct {
	// Status is authorized, declined, action_required, or payment_required: the order waits for money.
	Status      payment.Status `json:"status"`
	DeclineCode string         `json:"decline_code,omitempty"`
	ActionURL   string         `json:"action_url,omitempty"`
	// Required is the money that the order waits for.
	Required *payment.Requirement `json:"required,omitempty"`
	// LookAt is when somebody has to look at the authorisation, because it is about to end; zero for never.
	LookAt time.Time `json:"look_at,omitzero"`
	// Confirmed is the plan of shipments of an order that was confirmed with it. Without shipments,
	// [Activities.ConfirmOrder] has to be asked.
	Confirmed Confirmed `json:"confirmed,omitzero"`
}

// AuthorizePayment asks the gateway to reserve the amount and records the answer. A decline is an
// answer. An authorisation that has ended is made anew, for the amount that is still to be captured, if the customer
// has agreed to that. Where it can't be, the order waits for money.
// Refusal: payment_closed when the payment was voided before or meanwhile; nothing is then left
// authorised at the gateway.
//
// Whatever is asked for after the first authorisation is recorded before. The order is confirmed in the same append
// where that was asked for and nothing stands against it, which is the common case.
func (a *Activities) AuthorizePayment(ctx context.Context, in AuthorizePayment) (Authorized, error) {
	in.Amount = a.limits(in.Amount.Currency).Ceil(in.Amount)
	p, err := a.currentPayment(ctx, in)
	if err != nil {
		return Authorized{}, err
	}
	if err := payment.CanAuthorize(p); err != nil {
		return Authorized{}, Refusal(err)
	}
	if answer, known := a.known(p, in.Amount, in.At); known {
		return answer, nil
	}
	if in.Amount = p.Lacking(in.Amount); p.Requested != nil {
		in.Amount = p.Requested.Amount
		if p, err = a.adoptReplaced(ctx, in, p); err != nil {
			return Authorized{}, err
		}
	}
	answer, err := a.askToAuthorize(ctx, in, p)
	if err != nil {
		return Authorized{}, err
	}
	return a.recordAuthorization(ctx, in, p.Generation+1, answer)
}

// known answers an authorisation that the gateway need not be asked for.
func (a *Activities) known(p payment.Payment, amount money.Money, at time.Time) (Authorized, bool) {
	answer := Authorized{Status: payment.StatusAuthorized, Required: p.Required, LookAt: a.lookAt(p)}
	switch {
	case p.Requested != nil:
		return answer, false
	case p.Status == payment.StatusActionRequired:
		answer.Status, answer.ActionURL = p.Status, p.ActionURL
	case p.Required != nil && !p.Holds(at):
		answer.Status, answer.DeclineCode = payment.StatusPaymentRequired, p.Required.Reason
	case p.Status == payment.StatusDeclined, p.FirstDeclined():
		answer.Status, answer.DeclineCode = payment.StatusDeclined, p.DeclineCode
	case p.NeedsAuthorization(amount) && p.Lacking(amount).IsPositive():
		return answer, false
	}
	return answer, true
}

// askToAuthorize asks the gateway, with the means of payment that was given last.
func (a *Activities) askToAuthorize(ctx context.Context, in AuthorizePayment, p payment.Payment) (payments.AuthorizeResult, error) {
	id, again := payment.ID(in.OrderID), p.Requested
	if method, given := p.Method(); given {
		in.Token, in.Sealed, in.Keep = "", method.Token, method.Keep
	}
	token, err := a.paymentToken(ctx, in)
	if again != nil && isRefusal(err, CodePaymentTokenGone) {
		return payments.AuthorizeResult{Status: payment.StatusDeclined, DeclineCode: payment.MissingToken}, nil
	}
	if err != nil {
		return payments.AuthorizeResult{}, err
	}
	request := payments.AuthorizeRequest{
		IdempotencyKey: authorizeKey(id, p.Generation+1), AskedAt: askedToAuthorize(p, in), At: in.At,
		PaymentID: id, OrderID: in.OrderID, Amount: in.Amount, Captured: p.CapturedAtGateway(), Token: token, Keep: in.Keep,
	}
	if again != nil {
		request.Replaces, request.Abandons = again.Replaces, again.Abandons
		if again.Reason != payment.RequestReasonMethod {
			request.EarlierRef = p.GatewayRef
		}
	}
	answer, err := a.gateway.Authorize(ctx, request)
	if err = a.noteAccess(ctx, in.OrderID, p.Access, in.At, err); err != nil {
		return answer, Refusal(fmt.Errorf("authorise payment %s: %w", id, err))
	}
	return answer, nil
}

// recordAuthorization records what the gateway has answered, and confirms the order with it where that was asked for.
func (a *Activities) recordAuthorization(
	ctx context.Context, in AuthorizePayment, generation int, answer payments.AuthorizeResult,
) (Authorized, error) {
	id := payment.ID(in.OrderID)
	st := stamp(ctx, fmt.Sprintf("authorize-payment/%d/%s", generation, answer.Status), in.OrderID, in.At)
	var confirmed Confirmed
	var after payment.Payment
	streams := []eventstore.StreamID{{Type: domain.AggregatePayment, ID: id}}
	confirms := len(in.Confirm) > 0 && answer.Status == payment.StatusAuthorized
	if confirms {
		streams = append(orderStream(in.OrderID), streams...)
	}
	err := a.events.Decide(ctx, st, streams, func(tx *eventstore.Tx) error {
		p := eventstore.State(tx, paymentAggregate, id)
		events, err := payment.Authorize(p, payment.RecordAuthorization{
			OrderID: in.OrderID, Amount: in.Amount, Status: answer.Status, GatewayRef: answer.GatewayRef, DeclineCode: answer.DeclineCode,
			ActionURL: answer.ActionURL, ExpiresAt: answer.ExpiresAt, Attempt: generation, Within: in.Within, At: in.At,
		})
		if err != nil {
			return err
		}
		after = paymentAfter(p, events)
		eventstore.Record(tx, paymentAggregate, id, events...)
		if confirms && len(events) > 0 {
			confirmed = confirmWithPayment(tx, in.OrderID, in.Confirm, in.At)
		}
		return nil
	})
	if domain.Code(err) == payment.CodeAuthorizationSuperseded { // the step looks once more at where the payment stands
		return Authorized{}, fmt.Errorf("%s: %s", st.Source, err.Error())
	}
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
	out := Authorized{
		Status: answer.Status, DeclineCode: answer.DeclineCode, ActionURL: answer.ActionURL, Required: after.Required, LookAt: a.lookAt(after),
		Confirmed: confirmed,
	}
	if out.Status == payment.StatusDeclined && after.Required != nil {
		out.Status = payment.StatusPaymentRequired
	}
	return out, nil
}

// renewBefore is how long before its end an authorisation is renewed at the earliest; it is a quarter of a short life.
const renewBefore = 24 * time.Hour

// lookAt is when an authorisation has to be renewed, or has ended where it can't be; zero when nothing is held.
func (a *Activities) lookAt(p payment.Payment) time.Time {
	switch {
	case p.Lapsed, p.ExpiresAt.IsZero(), !p.Capturable().IsPositive(), p.Requested != nil:
		return time.Time{}
	case p.Required != nil, p.Ending != nil:
		return p.ExpiresAt
	}
	life := cmp.Or(a.can.AuthorizationLife, payment.AuthorizationLife)
	return p.ExpiresAt.Add(-min(renewBefore, life/4))
}

// CodePaymentTokenGone refuses an authorisation whose payment token can't be had any more.
const CodePaymentTokenGone domain.ErrorCode = "payment_token_gone"

// paymentToken returns the token that names the customer's means of payment. Refusal: payment_token_gone.
// The customer was erased, or no process has the key that it is sealed under, or the order was placed without keeping
// it.
func (a *Activities) paymentToken(ctx context.Context, in AuthorizePayment) (string, error) {
	if in.Token != "" {
		return in.Token, nil
	}
	var token string
	err := a.vault.Open(ctx, in.Sealed, &token)
	switch {
	case closedForGood(err), err == nil && token == "":
		return "", Refusal(domain.Refuse(CodePaymentTokenGone, "the payment token of order %s is gone", in.OrderID))
	case err != nil:
		return "", fmt.Errorf("open the payment token of order %s: %w", in.OrderID, err)
	}
	return token, nil
}

// currentPayment returns the payment with an authorisation that has run out recorded as expired. One that is needed and
// has ended, or is about to, is recorded as asked for.
func (a *Activities) currentPayment(ctx context.Context, in AuthorizePayment) (payment.Payment, error) {
	id := payment.ID(in.OrderID)
	p, _, err := eventstore.Fold(ctx, a.events, paymentAggregate, id)
	if err != nil {
		return p, fmt.Errorf("load payment %s: %w", id, err)
	}
	if len(a.decideAgain(p, in)) == 0 {
		return p, nil
	}
	entry, err := a.gateway.Find(ctx, payments.FindRequest{PaymentID: id, GatewayRef: p.GatewayRef})
	if err = a.noteAccess(ctx, in.OrderID, p.Access, in.At, err); err != nil {
		return p, Refusal(fmt.Errorf("find payment %s: %w", id, err))
	}
	if p, err = a.adoptCaptures(ctx, entry, p, in.At); err != nil {
		return p, err
	}
	if taken := takenAtOnce(entry, p); taken.IsPositive() && taken.Cmp(p.Lacking(in.Amount)) >= 0 {
		return a.keepTaken(ctx, p, in, taken)
	}
	st := stamp(ctx, fmt.Sprintf("ask-again/%d/%s", p.Generation, in.At.UTC().Format(time.RFC3339Nano)), in.OrderID, in.At)
	p, _, err = a.changePayment(ctx, in.OrderID, st, func(p payment.Payment) ([]domain.Event, error) { return a.decideAgain(p, in), nil })
	return p, err
}

// adoptCaptures records what an authorisation that is to be replaced was captured for without an answer. That pays for
// what was to be captured, and is not asked for anew. None of these captures is under way any more.
func (a *Activities) adoptCaptures(ctx context.Context, entry payments.LedgerEntry, p payment.Payment, at time.Time) (payment.Payment, error) {
	r := gatewayRecord{Activities: a, payment: p, at: at, unanswered: true}
	err := r.captures(ctx, entry)
	return r.payment, err
}

// adoptReplaced is [Activities.adoptCaptures] of the authorisation in whose place another one was asked for, such as by
// an edit. What it was captured for without an answer would be captured from the other one again.
func (a *Activities) adoptReplaced(ctx context.Context, in AuthorizePayment, p payment.Payment) (payment.Payment, error) {
	if p.Requested.Replaces == "" {
		return p, nil
	}
	entry, err := a.gateway.Find(ctx, payments.FindRequest{PaymentID: p.ID, GatewayRef: p.Requested.Replaces})
	if err = a.noteAccess(ctx, in.OrderID, p.Access, in.At, err); err != nil {
		return p, Refusal(fmt.Errorf("find payment %s: %w", p.ID, err))
	}
	return a.adoptCaptures(ctx, entry, p, in.At)
}

// takenAtOnce is what a gateway that captures once has taken for shipments that have not left.
func takenAtOnce(entry payments.LedgerEntry, p payment.Payment) money.Money {
	if !entry.TakenAtOnce {
		return money.Zero(p.Captured.Currency)
	}
	return entry.Balance.Captured.Sub(p.CapturedAtGateway())
}

// takenLife is how long an authorisation holds of which the money is taken: for longer than any order is open.
const takenLife = 10 * 365 * 24 * time.Hour

// keepTaken records that an authorisation goes on to hold, because its money is taken. The customer is asked for
// nothing. All of it stays to be captured, so that what no shipment claims is given back in the end. It does nothing
// before the authorisation would have ended.
func (a *Activities) keepTaken(ctx context.Context, p payment.Payment, in AuthorizePayment, taken money.Money) (payment.Payment, error) {
	st := stamp(ctx, fmt.Sprintf("keep-taken/%d", p.Generation), in.OrderID, in.At)
	p, _, err := a.changePayment(ctx, in.OrderID, st, func(p payment.Payment) ([]domain.Event, error) {
		ended := payment.Expire(p, in.At)
		after := paymentAfter(p, ended)
		kept, err := payment.Authorize(after, payment.RecordAuthorization{
			OrderID: in.OrderID, Amount: taken, Status: payment.StatusAuthorized, GatewayRef: p.GatewayRef,
			ExpiresAt: in.At.Add(takenLife), At: in.At,
		})
		return append(ended, kept...), err
	})
	return p, err
}

// decideAgain decides what the end of an authorisation means, whether it has come or is near.
func (a *Activities) decideAgain(p payment.Payment, in AuthorizePayment) []domain.Event {
	again := payment.AskAgain{Amount: p.Lacking(in.Amount), Kept: in.Keep, Within: in.Within, At: in.At}
	if method, given := p.Method(); given {
		again.Kept = method.Keep
	}
	events := payment.Expire(p, in.At)
	events = append(events, payment.Reauthorize(paymentAfter(p, events), again)...)
	if look := a.lookAt(p); len(events) == 0 && in.Renew && !look.IsZero() && !in.At.Before(look) {
		events = payment.Renew(p, again)
	}
	return events
}

// paymentAfter returns the payment after the events. It changes nothing of p.
func paymentAfter(p payment.Payment, events []domain.Event) payment.Payment {
	p = p.Clone()
	for _, e := range events {
		p = payment.Evolve(p, e)
	}
	return p
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
