package attention_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/attention"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/stretchr/testify/require"
)

// A cancelled order is finished once its money is let go, or is back with the customer.
func TestAnOrderIsSettledOnceItsMoneyIs(t *testing.T) {
	t.Parallel()
	id, refund := uuid.New(), uuid.New()
	pay, price := payment.ID(id), money.Must("60.00", "EUR")
	var events []domain.Event
	for i, step := range []struct {
		event   domain.Event
		settled bool
	}{
		{order.OrderPlaced{OrderID: id, Total: price}, false},
		{payment.PaymentAuthorized{PaymentID: pay, OrderID: id, Amount: price, GatewayRef: "pi_1"}, false},
		{order.OrderCancelled{OrderID: id, Reason: "changed_mind"}, false},
		{payment.VoidFailed{PaymentID: pay, OrderID: id, Attempt: 1, Amount: price, Cause: "no such payment"}, false},
		{payment.PaymentCaptured{PaymentID: pay, OrderID: id, CaptureID: uuid.New(), Amount: price}, true},
		{payment.RefundRequested{
			PaymentID: pay, OrderID: id, RefundID: refund, Amount: price,
			Parts: []payment.RefundPart{{Attempt: 1, Source: "pi_1", Amount: price}},
		}, false},
		{payment.RefundFailed{PaymentID: pay, OrderID: id, RefundID: refund, Attempt: 1, Amount: price, Cause: "lost_or_stolen_card"}, false},
		{payment.RefundResolved{PaymentID: pay, OrderID: id, RefundID: refund, Attempt: 2, Amount: price, Reference: "SEPA-1", ResolvedBy: "ann"}, true},
	} {
		events = append(events, step.event)
		o, p := fold(events...)
		require.Equal(t, step.settled, attention.Settled(o, p), "after event %d, %T", i, step.event)
	}
}
