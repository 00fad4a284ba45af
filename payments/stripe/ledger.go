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
	api.EventTypePaymentIntentPaymentFailed, api.EventTypeChargeCaptured, api.EventTypeChargeRefunded, api.EventTypeChargeUpdated,
	api.EventTypeRefundCreated, api.EventTypeRefundFailed, api.EventTypeRefundUpdated,
	api.EventTypeChargeDisputeCreated, api.EventTypeChargeDisputeUpdated, api.EventTypeChargeDisputeFundsWithdrawn,
	api.EventTypeChargeDisputeFundsReinstated, api.EventTypeChargeDisputeClosed,
}

var (
	errSearchBehind = errors.New("stripe's search doesn't find a payment yet that its list shows")
	errTooLong      = errors.New("stripe's ledger of this time is too long to be read at once")
)

// Ledger implements [payments.LedgerReader]. The intents made in that time and Stripe's events, which go
// back 30 days, tell which payments moved. The balances are read ten payments at a time.
func (g *Gateway) Ledger(ctx context.Context, from, to time.Time) iter.Seq2[payments.LedgerEntry, error] {
	return func(yield func(payments.LedgerEntry, error) bool) {
		moved, refunds, err := g.moved(ctx, from, to)
		if err != nil {
			yield(payments.LedgerEntry{}, err)
			return
		}
		for ids := range slices.Chunk(moved, searchClausesMax) {
			entries, err := g.balances(ctx, ids, refunds)
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

// moved returns the payments of which something changed, each once, and which of them have had refunds.
func (g *Gateway) moved(ctx context.Context, from, to time.Time) (ids []uuid.UUID, refunds map[uuid.UUID]bool, err error) {
	if g.now().Sub(from) > eventsLife {
		return nil, nil, domain.Refuse(payments.CodeLedgerOutOfReach, "Stripe tells what happened in the last 30 days, not since %s", from.UTC().Format(time.RFC3339))
	}
	refunds = map[uuid.UUID]bool{}
	seen, refs := map[uuid.UUID]bool{}, map[string]bool{}
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
			return nil, nil, failed("list payments", err).noAnswer()
		}
		if err := add(idOf(pi.Metadata, metaPayment)); err != nil {
			return nil, nil, err
		}
	}
	happened := &api.EventListParams{CreatedRange: within}
	happened.Limit = api.Int64(pageSize)
	for _, t := range moves {
		happened.Types = append(happened.Types, api.String(string(t)))
	}
	for event, err := range g.client.V1Events.List(ctx, happened).All(ctx) {
		if err != nil {
			return nil, nil, failed("list events", err).noAnswer()
		}
		id, ref := paymentOf(event)
		if id == uuid.Nil && ref != "" && !refs[ref] {
			refs[ref] = true
			if id, err = g.paymentBehind(ctx, ref); err != nil {
				return nil, nil, err
			}
		}
		if strings.Contains(string(event.Type), "refund") {
			refunds[id] = true
		}
		if err := add(id); err != nil {
			return nil, nil, err
		}
	}
	return ids, refunds, nil
}

// paymentOf returns the payment that an event is about: intents, charges and our refunds bear it, a charge because
// Stripe copies its intent's metadata. A dispute and a refund made elsewhere only name their intent.
func paymentOf(event *api.Event) (id uuid.UUID, ref string) {
	if event.Data == nil {
		return uuid.Nil, ""
	}
	metadata, _ := event.Data.Object["metadata"].(map[string]any)
	text, _ := metadata[metaPayment].(string)
	ref, _ = event.Data.Object["payment_intent"].(string)
	return idOf(map[string]string{metaPayment: text}, metaPayment), ref
}

// paymentBehind returns the payment of an intent, the zero id for one that is not ours.
func (g *Gateway) paymentBehind(ctx context.Context, ref string) (uuid.UUID, error) {
	pi, err := g.retrieve(ctx, ref)
	switch {
	case domain.Code(err) == payments.CodeGatewayRefused:
		return uuid.Nil, nil
	case err != nil:
		return uuid.Nil, err
	}
	return idOf(pi.Metadata, metaPayment), nil
}

// balances returns the entry of each payment.
func (g *Gateway) balances(ctx context.Context, ids []uuid.UUID, refunds map[uuid.UUID]bool) ([]payments.LedgerEntry, error) {
	intents, err := g.search(ctx, ids)
	if err != nil {
		return nil, err
	}
	entries := make([]payments.LedgerEntry, 0, len(ids))
	for _, id := range ids {
		var own []*api.PaymentIntent
		for _, pi := range intents {
			if idOf(pi.Metadata, metaPayment) == id {
				own = append(own, pi)
			}
		}
		if len(own) == 0 { // a search lags behind a list
			if own, err = g.find(ctx, id); err != nil {
				return nil, err
			}
		}
		if len(own) == 0 {
			return nil, payments.NoAnswer(fmt.Errorf("payment %s: %w", id, errSearchBehind))
		}
		entry, err := g.entry(ctx, id, own, refunds[id])
		if err != nil {
			return nil, err
		}
		entries = append(entries, entry)
	}
	return entries, nil
}
