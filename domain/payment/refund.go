package payment

import (
	"errors"
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
// Errors: idempotency_key_reused when a refund of another amount was made under this id; refund_exceeds_capture, never
// more than was captured.
func Refund(p Payment, c RefundPayment) ([]domain.Event, error) {
	if before, done := p.Refunds[c.RefundID]; done {
		if !before.SameCurrency(c.Amount) || before.Cmp(c.Amount) != 0 {
			return nil, domain.Refuse(domain.CodeIdempotencyKeyReused, "refund %s was of %s", c.RefundID, before)
		}
		return nil, nil
	}
	if !c.Amount.IsPositive() || !c.Amount.SameCurrency(p.Captured) || c.Amount.Cmp(p.Refundable()) > 0 {
		return nil, domain.Refuse(CodeRefundExceedsCapture, "can refund %s of payment %s, asked for %s", p.Refundable(), p.ID, c.Amount)
	}
	return []domain.Event{PaymentRefunded{
		PaymentID: p.ID, OrderID: p.OrderID, RefundID: c.RefundID, Amount: c.Amount, Reason: c.Reason, GatewayRef: c.GatewayRef, RefundedAt: c.At,
	}}, nil
}

// CheckRefund names what is wrong with an amount to give back, whatever was captured, as [domain.Invalids].
func CheckRefund(amount money.Money) error {
	var bad domain.Invalids
	m, err := money.New(amount.Amount, amount.Currency)
	var refusal *domain.Error
	switch {
	case domain.Code(err) == money.CodeUnknownCurrency && errors.As(err, &refusal):
		bad.Add("currency", "%s", refusal.Message)
	case errors.As(err, &refusal):
		bad.Add("amount", "%s", refusal.Message)
	case !m.IsPositive():
		bad.Add("amount", "must be more than 0, got %s", m.Text())
	}
	return bad.Err()
}

// CheckRefundCurrency names a refund in another currency than the order was paid in, as [domain.Invalids].
func CheckRefundCurrency(amount, paid money.Money) error {
	var bad domain.Invalids
	if !amount.SameCurrency(paid) {
		bad.Add("currency", "the order was paid in %s", paid.Currency)
	}
	return bad.Err()
}
