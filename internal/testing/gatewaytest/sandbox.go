package gatewaytest

import (
	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/payments"
	"github.com/orderloom/orderloom/payments/sandbox"
)

// AtSandbox is what people do at a sandbox, also at one that keeps the money of another gateway's fake.
func AtSandbox(g *sandbox.Gateway) *Elsewhere {
	return &Elsewhere{
		Capture: func(id uuid.UUID, _ string, m money.Money) { _, _ = g.CaptureElsewhere(id, m) },
		Void:    func(id uuid.UUID, _ string) { _ = g.VoidElsewhere(id) },
		Refund: func(id uuid.UUID, _ string, m money.Money) string {
			ref, _ := g.RefundElsewhere(id, m)
			return ref
		},
		FailRefund: func(ref string) { _ = g.FailRefund(ref) },
		Dispute: func(id uuid.UUID, _ string, m money.Money) {
			for _, kind := range []payments.EventKind{payments.EventDisputeOpened, payments.EventDisputeWithdrawn, payments.EventDisputeLost} {
				_, _ = g.Dispute(id, kind, m)
			}
		},
	}
}
