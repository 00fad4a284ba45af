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
		return cmp.Or(cmp.Compare(weight(a), weight(b)), cmp.Compare(a.Created, b.Created))
	})
	e.Authorization = payments.Authorization{AuthorizeResult: describe(latest), Amount: fromStripe(latest.Amount, string(latest.Currency))}
	for _, pi := range intents {
		if id := idOf(pi.Metadata, metaOrder); id != uuid.Nil {
			e.OrderID = id
		}
	}
	for _, pi := range intents {
		from := len(e.Events)
		addAuthorization(&e, pi)
		addCaptures(&e, pi)
		excess, err := int64(0), error(nil)
		if all && pi.AmountReceived > 0 || refunded(pi) > 0 {
			excess, err = g.addRefunds(ctx, &e, pi)
		}
		if err != nil {
			return e, err
		}
		takeOffExcess(e.Events[from:], excess, string(pi.Currency))
		if err := g.addDisputes(ctx, &e, pi); err != nil {
			return e, err
		}
		for i := from; i < len(e.Events); i++ {
			e.Events[i].PaymentID, e.Events[i].OrderID, e.Events[i].GatewayRef = paymentID, e.OrderID, pi.ID
		}
		if err := addTo(&e, pi, excess); err != nil {
			return e, err
		}
	}
	return e, nil
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
	case pi.Status == api.PaymentIntentStatusSucceeded && pi.AmountReceived < pi.Amount:
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

// takeOffExcess takes what a void gave back off what was captured elsewhere.
func takeOffExcess(events []payments.Event, excess int64, currency string) {
	for i := range events {
		if e := &events[i]; e.Kind == payments.EventCaptured && e.Elsewhere() {
			e.Amount = fromStripe(max(minor(e.Amount)-excess, 0), currency)
		}
	}
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

// addRefunds lists the refunds of an intent. It returns what a void gave back because nobody had asked to capture it,
// which in the end was neither captured nor refunded.
func (g *Gateway) addRefunds(ctx context.Context, e *payments.LedgerEntry, pi *api.PaymentIntent) (excess int64, err error) {
	err = g.eachRefund(ctx, pi.ID, func(r *api.Refund) bool {
		kind := kindOfRefund(r.Status)
		if strings.HasSuffix(r.Metadata[metaRequest], excessSuffix) {
			if kind != payments.EventRefundFailed {
				excess += r.Amount
			}
			return true
		}
		event := payments.Event{
			Kind: kind, Ref: r.ID, Key: r.Metadata[metaRequest], Amount: fromStripe(r.Amount, string(r.Currency)), At: time.Unix(r.Created, 0).UTC(),
		}
		if kind == payments.EventRefundFailed {
			event.Code = firstWord(string(r.FailureReason), string(r.Status))
		}
		e.Events = append(e.Events, event)
		return true
	})
	return excess, err
}

// excess is what a void gave back because nobody had asked to capture it.
func (g *Gateway) excess(ctx context.Context, pi *api.PaymentIntent) (int64, error) {
	if refunded(pi) == 0 {
		return 0, nil
	}
	return g.addRefunds(ctx, &payments.LedgerEntry{}, pi)
}

// refunded is what an intent has given back.
func refunded(pi *api.PaymentIntent) int64 {
	if pi.LatestCharge == nil {
		return 0
	}
	return pi.LatestCharge.AmountRefunded
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
func addTo(e *payments.LedgerEntry, pi *api.PaymentIntent, excess int64) error {
	e.Refs = append(e.Refs, pi.ID)
	held, received, back := int64(0), pi.AmountReceived, refunded(pi)
	if pi.Status == api.PaymentIntentStatusRequiresCapture {
		held = pi.AmountCapturable
	}
	if held == 0 && received == 0 && back == 0 {
		return nil
	}
	received, back = received-excess, back-excess
	currency := string(pi.Currency)
	if sum := e.Balance.Held; sum.Currency != "" && !sum.SameCurrency(fromStripe(0, currency)) {
		return refuse("payment %s is in %s and %s", e.PaymentID, sum.Currency, currency)
	}
	e.Balance.Held = e.Balance.Held.Add(fromStripe(held, currency))
	e.Balance.Captured = e.Balance.Captured.Add(fromStripe(received, currency))
	e.Balance.Refunded = e.Balance.Refunded.Add(fromStripe(back, currency))
	e.TakenAtOnce = e.TakenAtOnce || received > 0 && (!capturesSeveral(pi) || tookRest(pi))
	return nil
}
