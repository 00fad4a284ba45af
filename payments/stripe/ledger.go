package stripe

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/payments"
	api "github.com/stripe/stripe-go/v85"
)

const (
	// eventsLife is for how long Stripe lists events (https://docs.stripe.com/api/events).
	eventsLife = 30 * 24 * time.Hour
	// searchClausesMax is how many payments one search may name.
	searchClausesMax = 10
	// ledgerPaymentsMax bounds the payments of one listing, whose ids are held in memory.
	ledgerPaymentsMax = 1_000_000
)

// moves are the events after which a payment's balance is another one.
var moves = []api.EventType{
	api.EventTypePaymentIntentAmountCapturableUpdated, api.EventTypePaymentIntentCanceled, api.EventTypePaymentIntentSucceeded,
	api.EventTypeChargeCaptured, api.EventTypeChargeRefunded, api.EventTypeChargeUpdated, api.EventTypeRefundFailed, api.EventTypeRefundUpdated,
}

var (
	errSearchBehind = errors.New("stripe's search doesn't find a payment yet that its list shows")
	errTooLong      = errors.New("stripe's ledger of this time is too long to be read at once")
)

// Ledger implements [payments.LedgerReader]. The intents made in that time and Stripe's events, which go
// back 30 days, tell which payments moved. The balances are read ten payments at a time. Disputes are not
// in it: money that a bank takes back is seen in Stripe's dashboard only.
func (g *Gateway) Ledger(ctx context.Context, from, to time.Time) iter.Seq2[payments.LedgerEntry, error] {
	return func(yield func(payments.LedgerEntry, error) bool) {
		moved, err := g.moved(ctx, from, to)
		if err != nil {
			yield(payments.LedgerEntry{}, err)
			return
		}
		for ids := range slices.Chunk(moved, searchClausesMax) {
			entries, err := g.balances(ctx, ids)
			if err != nil {
				yield(payments.LedgerEntry{}, err)
				return
			}
			for _, e := range entries {
				if !yield(e, nil) {
					return
				}
			}
		}
	}
}

// moved returns the payments of which something changed, each once.
func (g *Gateway) moved(ctx context.Context, from, to time.Time) ([]uuid.UUID, error) {
	if g.now().Sub(from) > eventsLife {
		return nil, domain.Refuse(payments.CodeLedgerOutOfReach, "Stripe tells what happened in the last 30 days, not since %s", from.UTC().Format(time.RFC3339))
	}
	var ids []uuid.UUID
	seen := map[uuid.UUID]bool{}
	add := func(id uuid.UUID) error {
		if id != uuid.Nil && !seen[id] {
			seen[id], ids = true, append(ids, id)
		}
		if len(ids) > ledgerPaymentsMax {
			return domain.Refuse(payments.CodeLedgerOutOfReach, "%v", errTooLong)
		}
		return nil
	}
	within := &api.RangeQueryParams{GreaterThanOrEqual: from.Unix(), LesserThan: to.Unix()}
	made := &api.PaymentIntentListParams{CreatedRange: within}
	made.Limit = api.Int64(pageSize)
	for pi, err := range g.client.V1PaymentIntents.List(ctx, made).All(ctx) {
		if err != nil {
			return nil, payments.NoAnswer(failed("list payments", err))
		}
		if err := add(idOf(pi.Metadata, metaPayment)); err != nil {
			return nil, err
		}
	}
	happened := &api.EventListParams{CreatedRange: within}
	happened.Limit = api.Int64(pageSize)
	for _, t := range moves {
		happened.Types = append(happened.Types, api.String(string(t)))
	}
	for event, err := range g.client.V1Events.List(ctx, happened).All(ctx) {
		if err != nil {
			return nil, payments.NoAnswer(failed("list events", err))
		}
		if err := add(paymentOf(event)); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// paymentOf returns the payment that an event is about: intents, refunds and charges bear it, a charge
// because Stripe copies its intent's metadata.
func paymentOf(event *api.Event) uuid.UUID {
	if event.Data == nil {
		return uuid.Nil
	}
	metadata, _ := event.Data.Object["metadata"].(map[string]any)
	id, _ := metadata[metaPayment].(string)
	return idOf(map[string]string{metaPayment: id}, metaPayment)
}

// balances returns the balance of each payment.
func (g *Gateway) balances(ctx context.Context, ids []uuid.UUID) ([]payments.LedgerEntry, error) {
	intents, err := g.search(ctx, ids)
	if err != nil {
		return nil, err
	}
	entries := make([]payments.LedgerEntry, len(ids))
	for i, id := range ids {
		entries[i].PaymentID = id
	}
	for _, pi := range intents {
		if i := slices.Index(ids, idOf(pi.Metadata, metaPayment)); i >= 0 {
			excess, err := g.excess(ctx, pi)
			if err != nil {
				return nil, err
			}
			if err := addTo(&entries[i], pi, excess); err != nil {
				return nil, err
			}
		}
	}
	for _, e := range entries {
		if len(e.Refs) == 0 {
			return nil, payments.NoAnswer(fmt.Errorf("payment %s: %w", e.PaymentID, errSearchBehind))
		}
	}
	return entries, nil
}

// excess returns what a void gave back because nobody had asked to capture it: in the end it was neither
// captured nor refunded.
func (g *Gateway) excess(ctx context.Context, pi *api.PaymentIntent) (sum int64, err error) {
	if pi.LatestCharge == nil || pi.LatestCharge.AmountRefunded == 0 {
		return 0, nil
	}
	err = g.eachRefund(ctx, pi.ID, func(r *api.Refund) bool {
		if strings.HasSuffix(r.Metadata[metaRequest], excessSuffix) && r.Status != api.RefundStatusFailed && r.Status != api.RefundStatusCanceled {
			sum += r.Amount
		}
		return true
	})
	return sum, err
}

// addTo adds what an intent holds to the balance of its payment, less what was taken in excess. Error:
// gateway_refused when a payment has moved money in two currencies, which can't be added.
func addTo(e *payments.LedgerEntry, pi *api.PaymentIntent, excess int64) error {
	e.Refs = append(e.Refs, pi.ID)
	if id := idOf(pi.Metadata, metaOrder); id != uuid.Nil {
		e.OrderID = id
	}
	held, received, refunded := int64(0), pi.AmountReceived, int64(0)
	if pi.Status == api.PaymentIntentStatusRequiresCapture {
		held = pi.AmountCapturable
	}
	if pi.LatestCharge != nil {
		refunded = pi.LatestCharge.AmountRefunded
	}
	if held == 0 && received == 0 && refunded == 0 {
		return nil
	}
	received, refunded = received-excess, refunded-excess
	currency := string(pi.Currency)
	if sum := e.Balance.Held; sum.Currency != "" && !sum.SameCurrency(fromStripe(0, currency)) {
		return refuse("payment %s is in %s and %s", e.PaymentID, sum.Currency, currency)
	}
	e.Balance.Held = e.Balance.Held.Add(fromStripe(held, currency))
	e.Balance.Captured = e.Balance.Captured.Add(fromStripe(received, currency))
	e.Balance.Refunded = e.Balance.Refunded.Add(fromStripe(refunded, currency))
	e.TakenAtOnce = e.TakenAtOnce || received > 0 && !capturesSeveral(pi)
	return nil
}
