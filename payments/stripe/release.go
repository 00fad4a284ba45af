package stripe

import (
	"context"
	"slices"

	"github.com/orderloom/orderloom/payments"
	api "github.com/stripe/stripe-go/v85"
)

// returned is what of an intent went back to the customer. Excess is the part of it that a void gave back because
// nobody had asked to capture it. In the end it was neither captured nor refunded.
type returned struct{ refunded, excess int64 }

// returned asks what of an intent went back. It asks nothing where Stripe has counted no refund.
func (g *Gateway) returned(ctx context.Context, pi *api.PaymentIntent) (returned, error) {
	if pi.AmountReceived == 0 || !isRefunded(pi) {
		return returned{}, nil
	}
	return g.addRefunds(ctx, &payments.LedgerEntry{}, pi)
}

// isRefunded reports whether Stripe counts refunds of an intent, the release of what was not captured among them.
func isRefunded(pi *api.PaymentIntent) bool {
	return pi.LatestCharge != nil && pi.LatestCharge.AmountRefunded > 0
}

// releaseAmong returns the refund that only tells that the rest of an authorisation was let go, nil when there is none.
//
// Stripe has shown the rest that a last capture leaves as a refund of the charge, and counts it in amount_refunded. The
// customer never paid it. Not every account and API version has it. A release is the first refund of exactly the rest,
// and bears neither metadata nor a reason of a person's. The bank is told of a reversal, never of a refund.
//
// A person may refund exactly that amount without a reason. It is told from a release by what the bank was told of, or
// where there are two.
func releaseAmong(pi *api.PaymentIntent, refunds []*api.Refund) *api.Refund {
	rest := pi.Amount - pi.AmountReceived
	if rest <= 0 || pi.Status != api.PaymentIntentStatusSucceeded && pi.Status != api.PaymentIntentStatusCanceled {
		return nil
	}
	for _, r := range slices.Backward(refunds) { // Stripe lists the newest first
		if r.Amount == rest && r.Status == api.RefundStatusSucceeded && len(r.Metadata) == 0 && !hasPersonsReason(r) && !toldAsRefund(r) {
			return r
		}
	}
	return nil
}

// hasPersonsReason reports whether a person has said why money goes back. Stripe has a reason of its own for a release.
func hasPersonsReason(r *api.Refund) bool {
	return r.Reason != "" && r.Reason != api.RefundReasonExpiredUncapturedCharge
}

// toldAsRefund reports whether the bank was told to give money back that it had booked.
func toldAsRefund(r *api.Refund) bool {
	d := r.DestinationDetails
	return d != nil && d.Card != nil && d.Card.Type == api.RefundDestinationDetailsCardTypeRefund
}
