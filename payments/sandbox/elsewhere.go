package sandbox

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/payments"
)

// CaptureElsewhere plays a person who captures money in the gateway's dashboard, and returns the capture's reference.
// Error: gateway_refused.
func (g *Gateway) CaptureElsewhere(paymentID uuid.UUID, amount money.Money) (ref string, err error) {
	e := Entry{Key: elsewhereKey(), Kind: kindCapture, PaymentID: paymentID, Amount: amount, Elsewhere: true}
	written, err := g.move(context.Background(), e, refOf(paymentID), (*account).held)
	return written.Ref, err
}

// RefundElsewhere plays a person who gives money back in the gateway's dashboard, and returns the refund's reference.
// Error: gateway_refused.
func (g *Gateway) RefundElsewhere(paymentID uuid.UUID, amount money.Money) (ref string, err error) {
	e := Entry{Key: elsewhereKey(), Kind: kindRefund, PaymentID: paymentID, Amount: amount, Elsewhere: true}
	written, err := g.move(context.Background(), e, refOf(paymentID), (*account).refundable)
	return written.Ref, err
}

// VoidElsewhere plays a person who lets an authorisation go in the gateway's dashboard.
func (g *Gateway) VoidElsewhere(paymentID uuid.UUID) error {
	return g.locked(context.Background(), func() error {
		_, err := g.write(Entry{
			Key: elsewhereKey(), Kind: kindVoid, PaymentID: paymentID, Amount: g.account(paymentID).held(), Ref: refOf(paymentID), Elsewhere: true,
		})
		return err
	})
}

// FailRefund plays a bank that can't book a refund: it fails after it was made, and the money is back at the merchant.
// Error: gateway_refused when there is no such refund, or it has failed before.
func (g *Gateway) FailRefund(ref string) error {
	return g.locked(context.Background(), func() error {
		for _, e := range g.entries {
			if e.Kind == kindRefund && e.Ref == ref && !g.failedRefunds[ref] {
				_, err := g.write(Entry{
					Key: elsewhereKey(), Kind: kindRefundFailed, PaymentID: e.PaymentID, Amount: e.Amount, Ref: ref, Code: "expired_or_canceled_card",
				})
				return err
			}
		}
		return domain.Refuse(payments.CodeGatewayRefused, "there is no refund %s that could fail", ref)
	})
}

// Dispute plays a customer who contests a payment at the bank, and what becomes of that: kind is one of the dispute
// kinds of [payments.EventKind]. It returns the dispute's reference. Error: gateway_refused for another kind.
func (g *Gateway) Dispute(paymentID uuid.UUID, kind payments.EventKind, amount money.Money) (ref string, err error) {
	switch kind {
	case payments.EventDisputeOpened, payments.EventDisputeWithdrawn, payments.EventDisputeReinstated, payments.EventDisputeWon, payments.EventDisputeLost:
	default:
		return "", domain.Refuse(payments.CodeGatewayRefused, "%q is nothing that becomes of a dispute", kind)
	}
	ref = "sandbox_dispute_" + paymentID.String()
	return ref, g.locked(context.Background(), func() error {
		_, err := g.write(Entry{
			Key: ref + "/" + string(kind), Kind: string(kind), PaymentID: paymentID, Amount: amount, Ref: ref, Code: "fraudulent", Elsewhere: true,
		})
		return err
	})
}

// elsewhereKey is the key of what no request of ours has made.
func elsewhereKey() string { return fmt.Sprintf("elsewhere/%s", uuid.New()) }
