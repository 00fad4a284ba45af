package payment

import (
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
)

// CodeRefundExceedsCapture refuses to refund more than was captured and not refunded.
const CodeRefundExceedsCapture domain.ErrorCode = "refund_exceeds_capture"

// RefundPayment asks to give captured money back.
type RefundPayment struct {
	RefundID   uuid.UUID
	Amount     money.Money
	Reason     string
	GatewayRef string
	At         time.Time
}

// Refund records a refund. Called before the gateway is asked, it says whether the refund would be allowed. No events
// and no error then mean that the refund was made before.
//
// Errors: refund_exceeds_capture, never more than was captured.
func Refund(p Payment, c RefundPayment) ([]domain.Event, error) {
	if _, done := p.Refunds[c.RefundID]; done {
		return nil, nil
	}
	if !c.Amount.IsPositive() || !c.Amount.SameCurrency(p.Captured) || c.Amount.Cmp(p.Refundable()) > 0 {
		return nil, domain.Refuse(CodeRefundExceedsCapture, "can refund %s of payment %s, asked for %s", p.Refundable(), p.ID, c.Amount)
	}
	return []domain.Event{PaymentRefunded{
		PaymentID: p.ID, OrderID: p.OrderID, RefundID: c.RefundID, Amount: c.Amount, Reason: c.Reason, GatewayRef: c.GatewayRef, RefundedAt: c.At,
	}}, nil
}
