package payment_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/domain/pricing"
	"github.com/stretchr/testify/require"
)

// Fails where a refund that has failed in part counts in full. What is due for the same line afterwards would not be
// owed, and the part could not be tried again.
func TestTheFailedPartOfARefundLetsItsLinesGo(t *testing.T) {
	t.Parallel()
	id, line := uuid.New(), uuid.New()
	of := payment.OwedLine{LineID: line, Amount: eur(10_00), Captured: pricing.Plain(eur(10_00))}
	p := payment.Payment{
		ID: uuid.New(), OrderID: uuid.New(), Status: payment.StatusCaptured, GatewayRef: "two", Authorized: eur(4_00), Captured: eur(10_00),
		Refunded: eur(0), Captures: map[uuid.UUID]money.Money{uuid.New(): eur(10_00)}, Earlier: []payment.Source{{GatewayRef: "one", Captured: eur(6_00)}},
		Refunds: []payment.Refund{{
			RefundID: id, Amount: eur(10_00), Lines: []payment.RefundLine{{LineID: line, Amount: eur(10_00)}},
			Attempts: []payment.RefundAttempt{
				{RefundPart: payment.RefundPart{Attempt: 1, Source: "two", Amount: eur(4_00)}, Status: payment.RefundStatusFailed},
				{RefundPart: payment.RefundPart{Attempt: 2, Source: "one", Amount: eur(6_00)}, Status: payment.RefundStatusPaid},
			},
		}},
	}
	owed := payment.Owe(p, payment.OweRefund{
		RefundID: uuid.New(), Amount: eur(10_00), Reason: payment.ReasonShipmentRefused, Lines: []payment.OwedLine{of}, At: at,
	})
	require.Len(t, owed, 1)
	require.Equal(t, "4.00", owed[0].(payment.RefundOwed).Amount.Text())

	again, err := payment.RequestRefund(p, payment.RefundPayment{RefundID: id, Lines: []payment.OwedLine{of}, After: 2, At: at})
	require.NoError(t, err)
	require.Equal(t, "4.00", again[0].(payment.RefundRequested).Parts[0].Amount.Text())
}
