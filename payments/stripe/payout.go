package stripe

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/payments"
	api "github.com/stripe/stripe-go/v85"
)

// payoutEntriesMax bounds the entries of one payout, which are held in memory.
const payoutEntriesMax = 200_000

// Payouts implements [payments.PayoutReader]. Payouts that failed or were cancelled are left out: their money is in a
// later one. Stripe tells of what an automatic payout consists, once it has put that together
// (https://docs.stripe.com/payouts/reconciliation). It does not of one that a person has made.
func (g *Gateway) Payouts(ctx context.Context, from, to time.Time) iter.Seq2[payments.Payout, error] {
	return func(yield func(payments.Payout, error) bool) {
		params := &api.PayoutListParams{CreatedRange: &api.RangeQueryParams{GreaterThanOrEqual: from.Unix(), LesserThan: to.Unix()}}
		params.Limit = api.Int64(pageSize)
		intents := map[string]uuid.UUID{} // of which the payment was asked for
		for po, err := range g.client.V1Payouts.List(ctx, params).All(ctx) {
			if err != nil {
				yield(payments.Payout{}, failed("list payouts", err).noAnswer())
				return
			}
			if po.Status == api.PayoutStatusFailed || po.Status == api.PayoutStatusCanceled {
				continue
			}
			out := payments.Payout{
				Ref: po.ID, Amount: fromStripe(po.Amount, string(po.Currency)), At: time.Unix(po.Created, 0).UTC(),
				Itemised: po.Automatic && po.ReconciliationStatus == api.PayoutReconciliationStatusCompleted,
			}
			if out.Itemised {
				if out.Entries, err = g.entriesOf(ctx, po.ID, intents); err != nil {
					yield(payments.Payout{}, err)
					return
				}
			}
			if !yield(out, nil) {
				return
			}
		}
	}
}

// entriesOf lists of what a payout consists. The list has the payout itself, which is left out.
func (g *Gateway) entriesOf(ctx context.Context, payout string, intents map[string]uuid.UUID) (entries []payments.PayoutEntry, err error) {
	params := &api.BalanceTransactionListParams{Payout: api.String(payout)}
	params.Limit = api.Int64(pageSize)
	params.AddExpand("data.source")
	for t, err := range g.client.V1BalanceTransactions.List(ctx, params).All(ctx) {
		if err != nil {
			return nil, failed("list what payout "+payout+" consists of", err).noAnswer()
		}
		if t.Type == api.BalanceTransactionTypePayout {
			continue
		}
		if len(entries) == payoutEntriesMax {
			return nil, payments.NoAnswer(fmt.Errorf("payout %s: %w", payout, errTooLong))
		}
		e, err := g.payoutEntry(ctx, t, intents)
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// payoutEntry is a balance transaction (https://docs.stripe.com/reports/balance-transaction-types).
func (g *Gateway) payoutEntry(ctx context.Context, t *api.BalanceTransaction, intents map[string]uuid.UUID) (payments.PayoutEntry, error) {
	currency := string(t.Currency)
	e := payments.PayoutEntry{
		Ref: t.ID, Kind: payments.PayoutOther, Gross: fromStripe(t.Amount, currency), Fee: fromStripe(t.Fee, currency), Net: fromStripe(t.Net, currency),
	}
	switch t.Type {
	case api.BalanceTransactionTypeCharge, api.BalanceTransactionTypePayment:
		e.Kind = payments.PayoutCapture
	case api.BalanceTransactionTypeRefund, api.BalanceTransactionTypePaymentRefund:
		e.Kind = payments.PayoutRefund
	case api.BalanceTransactionTypeRefundFailure, api.BalanceTransactionTypePaymentFailureRefund:
		e.Kind = payments.PayoutRefundFailed
	case api.BalanceTransactionTypeStripeFee, api.BalanceTransactionTypeStripeFxFee, api.BalanceTransactionTypeTaxFee:
		e.Kind = payments.PayoutFee
	}
	if t.Source == nil {
		return e, nil
	}
	e.Movement = t.Source.ID
	var metadata map[string]string
	switch s := t.Source; {
	case s.Charge != nil:
		metadata = s.Charge.Metadata
		if s.Charge.PaymentIntent != nil {
			e.GatewayRef = s.Charge.PaymentIntent.ID
		}
	case s.Refund != nil:
		if metadata = s.Refund.Metadata; strings.HasSuffix(metadata[metaRequest], excessSuffix) {
			e.Kind = payments.PayoutExcess
		}
		if s.Refund.PaymentIntent != nil {
			e.GatewayRef = s.Refund.PaymentIntent.ID
		}
	case s.Dispute != nil:
		e.Kind = payments.PayoutDispute
		if s.Dispute.PaymentIntent != nil {
			e.GatewayRef = s.Dispute.PaymentIntent.ID
		}
	}
	if e.PaymentID = idOf(metadata, metaPayment); e.PaymentID != uuid.Nil || e.GatewayRef == "" {
		return e, nil
	}
	id, asked := intents[e.GatewayRef]
	if !asked {
		var err error
		if id, err = g.paymentBehind(ctx, e.GatewayRef); err != nil {
			return e, err
		}
		intents[e.GatewayRef] = id
	}
	e.PaymentID = id
	return e, nil
}
