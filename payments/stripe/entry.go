package stripe

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/payments"
	api "github.com/stripe/stripe-go/v85"
)

// disputesMax bounds the disputes of one intent.
const disputesMax = 100

// entry says what Stripe knows of a payment by its intents, of which there is at least one. Refunds are listed where
// there are any now; with all also those that have failed. Error: gateway_refused when a payment has moved money in two
// currencies, which can't be added.
func (g *Gateway) entry(ctx context.Context, paymentID uuid.UUID, intents []*api.PaymentIntent, all bool) (payments.LedgerEntry, error) {
	e := payments.LedgerEntry{PaymentID: paymentID}
	latest := slices.MaxFunc(intents, func(a, b *api.PaymentIntent) int {
		return cmp.Or(cmp.Compare(openness(a), openness(b)), cmp.Compare(a.Created, b.Created))
	})
	e.Authorization = payments.Authorization{AuthorizeResult: describe(latest), Amount: fromStripe(latest.Amount, string(latest.Currency))}
	for _, pi := range intents {
		if id := idOf(pi.Metadata, metaOrder); id != uuid.Nil {
			e.OrderID = id
		}
	}
	var excess int64
	for _, pi := range intents {
		from := len(e.Events)
		addAuthorization(&e, pi)
		addCaptures(&e, pi)
		var back returned
		if pi.AmountReceived > 0 && (all || isRefunded(pi)) {
			var err error
			if back, err = g.addRefunds(ctx, &e, pi); err != nil {
				return e, err
			}
		}
		excess += takeOffExcess(e.Events[from:], back.excess)
		if err := g.addDisputes(ctx, &e, pi); err != nil {
			return e, err
		}
		for i := from; i < len(e.Events); i++ {
			e.Events[i].PaymentID, e.Events[i].OrderID, e.Events[i].GatewayRef = paymentID, e.OrderID, pi.ID
		}
		if err := addTo(&e, pi, back); err != nil {
			return e, err
		}
	}
	takeOffExcess(e.Events, excess)
	return e, nil
}

// openness orders the intents of one payment by how much they say of where it stands. Money that is held comes first,
// then what waits for an answer. Of what is over, the last one counts, whatever an earlier one has taken. An intent
// that only closes a payment says nothing.
func openness(pi *api.PaymentIntent) int {
	switch pi.Status {
	case api.PaymentIntentStatusRequiresCapture:
		return 4
	case api.PaymentIntentStatusProcessing:
		return 3
	case api.PaymentIntentStatusRequiresAction:
		return 2
	}
	if pi.LatestCharge == nil && pi.LastPaymentError == nil && pi.Metadata[metaRequest] == "" {
		return 0
	}
	return 1
}

// addAuthorization lists that an intent was authorised or declined, and that it was let go.
func addAuthorization(e *payments.LedgerEntry, pi *api.PaymentIntent) {
	amount := fromStripe(pi.Amount, string(pi.Currency))
	event := payments.Event{Ref: pi.ID, Amount: amount, At: time.Unix(pi.Created, 0).UTC()}
	if isSettled(pi) && pi.LatestCharge != nil && (pi.LastPaymentError == nil || pi.Status != api.PaymentIntentStatusCanceled) {
		event.Kind = payments.EventAuthorized
		e.Events = append(e.Events, event)
	}
	if pi.LastPaymentError != nil && !isSettled(pi) {
		event.Kind, event.Code = payments.EventDeclined, neutral(string(pi.LastPaymentError.DeclineCode), string(pi.LastPaymentError.Code))
		e.Events = append(e.Events, event)
	}
	switch {
	case pi.Status == api.PaymentIntentStatusCanceled && hasRunOut(pi):
		event.Kind = payments.EventExpired
	case pi.Status == api.PaymentIntentStatusCanceled:
		if event.Kind = payments.EventVoided; pi.LatestCharge == nil {
			event.Amount = fromStripe(0, string(pi.Currency)) // it waited for the customer
		}
	case wasReleased(pi):
		event.Kind, event.Amount = payments.EventVoided, fromStripe(pi.Amount-pi.AmountReceived, string(pi.Currency))
	default:
		return
	}
	if pi.CanceledAt > 0 {
		event.At = time.Unix(pi.CanceledAt, 0).UTC()
	}
	event.Code = string(pi.CancellationReason)
	e.Events = append(e.Events, event)
}

// takeOffExcess takes what a void gave back off what was captured elsewhere, and returns how much more it gave back. A
// void takes it from the intent of which most is left, whichever took too much.
func takeOffExcess(events []payments.Event, excess int64) (more int64) {
	for i := range events {
		if e := &events[i]; e.Kind == payments.EventCaptured && e.Elsewhere() {
			off := min(minor(e.Amount), excess)
			e.Amount, excess = fromStripe(minor(e.Amount)-off, e.Amount.Currency), excess-off
		}
	}
	return excess
}

// addCaptures lists the captures of ours by their marks. What was received beyond them was captured elsewhere.
func addCaptures(e *payments.LedgerEntry, pi *api.PaymentIntent) {
	currency, elsewhere := string(pi.Currency), pi.AmountReceived
	for _, m := range marksOf(pi) {
		elsewhere -= m.amount
		e.Events = append(e.Events, payments.Event{
			Kind: payments.EventCaptured, Ref: chargeOf(pi) + "/" + strings.TrimPrefix(m.name, capturePrefix), Key: m.key, Amount: fromStripe(m.amount, currency),
		})
	}
	if elsewhere > 0 {
		e.Events = append(e.Events, payments.Event{Kind: payments.EventCaptured, Ref: chargeOf(pi), Amount: fromStripe(elsewhere, currency)})
	}
}

// addRefunds lists the refunds of an intent, and returns what went back. What was released is no refund: see
// [releaseAmong].
func (g *Gateway) addRefunds(ctx context.Context, e *payments.LedgerEntry, pi *api.PaymentIntent) (returned, error) {
	var back returned
	var refunds []*api.Refund
	err := g.eachRefund(ctx, pi.ID, func(r *api.Refund) bool {
		refunds = append(refunds, r)
		return true
	})
	if err != nil {
		return back, err
	}
	release := releaseAmong(pi, refunds)
	for _, r := range refunds {
		kind := kindOfRefund(r.Status)
		if r == release {
			continue
		}
		if kind != payments.EventRefundFailed {
			back.refunded += r.Amount
		}
		if strings.HasSuffix(r.Metadata[metaRequest], excessSuffix) {
			if kind != payments.EventRefundFailed {
				back.excess += r.Amount
			}
			continue
		}
		event := payments.Event{
			Kind: kind, Ref: r.ID, Key: r.Metadata[metaRequest], Amount: fromStripe(r.Amount, string(r.Currency)), At: time.Unix(r.Created, 0).UTC(),
		}
		if kind == payments.EventRefundFailed {
			event.Code = firstWord(string(r.FailureReason), string(r.Status))
		}
		e.Events = append(e.Events, event)
	}
	return back, nil
}

// addDisputes lists the disputes of an intent: that each was opened, what the bank has taken and given back for it, and
// how it ended.
func (g *Gateway) addDisputes(ctx context.Context, e *payments.LedgerEntry, pi *api.PaymentIntent) error {
	if pi.LatestCharge == nil || !pi.LatestCharge.Disputed {
		return nil
	}
	params := &api.DisputeListParams{PaymentIntent: api.String(pi.ID)}
	params.Limit = api.Int64(pageSize)
	n := 0
	for d, err := range g.client.V1Disputes.List(ctx, params).All(ctx) {
		if err != nil {
			return failed("list the disputes of "+pi.ID, err).noAnswer()
		}
		if n++; n > disputesMax {
			return payments.NoAnswer(errTooMany)
		}
		event := payments.Event{
			Kind: payments.EventDisputeOpened, Ref: d.ID, Amount: fromStripe(d.Amount, string(d.Currency)), Code: string(d.Reason),
			At: time.Unix(d.Created, 0).UTC(),
		}
		e.Events = append(e.Events, event)
		for _, moved := range d.BalanceTransactions {
			if event.Kind = payments.EventDisputeWithdrawn; moved.Amount > 0 {
				event.Kind = payments.EventDisputeReinstated
			}
			e.Events = append(e.Events, event)
		}
		if event.Kind = endOfDispute(d.Status); event.Kind != "" {
			e.Events = append(e.Events, event)
		}
	}
	return nil
}

// endOfDispute is how a dispute ended, empty for one that is open. An inquiry that was closed, and a dispute that was
// prevented, cost nothing.
func endOfDispute(status api.DisputeStatus) payments.EventKind {
	switch status {
	case api.DisputeStatusWon, api.DisputeStatusWarningClosed, api.DisputeStatusPrevented:
		return payments.EventDisputeWon
	case api.DisputeStatusLost:
		return payments.EventDisputeLost
	}
	return ""
}

// addTo adds what an intent holds to the balance of its payment, less what was taken in excess. Error:
// gateway_refused when a payment has moved money in two currencies, which can't be added.
func addTo(e *payments.LedgerEntry, pi *api.PaymentIntent, back returned) error {
	e.Refs = append(e.Refs, pi.ID)
	held, received := int64(0), pi.AmountReceived
	if pi.Status == api.PaymentIntentStatusRequiresCapture {
		held = pi.AmountCapturable
	}
	if held == 0 && received == 0 {
		return nil
	}
	currency := string(pi.Currency)
	if sum := e.Balance.Held; sum.Currency != "" && !sum.SameCurrency(fromStripe(0, currency)) {
		return refuse("payment %s is in %s and %s", e.PaymentID, sum.Currency, currency)
	}
	e.Balance.Held = e.Balance.Held.Add(fromStripe(held, currency))
	e.Balance.Captured = e.Balance.Captured.Add(fromStripe(received-back.excess, currency))
	e.Balance.Refunded = e.Balance.Refunded.Add(fromStripe(back.refunded-back.excess, currency))
	e.TakenAtOnce = e.TakenAtOnce || received > 0 && (!capturesSeveral(pi) || tookRest(pi))
	return nil
}
