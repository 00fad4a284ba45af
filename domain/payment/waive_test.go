package payment_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/domain/pricing"
	"github.com/stretchr/testify/require"
)

func TestWhatIsWaivedIsRecordedOnceAndNeverRefunded(t *testing.T) {
	t.Parallel()
	one, two := uuid.New(), uuid.New()
	p := captured(t, 60)
	c := payment.WaiveCapture{
		WaiverID: uuid.New(), Amount: eur(30), Reason: payment.ReasonBelowMinimum, At: at,
		Lines: []payment.RefundLine{{LineID: one, Amount: eur(20)}, {LineID: two, Amount: eur(50)}},
	}
	for range 2 {
		p = must(t, p, func(p payment.Payment) ([]domain.Event, error) { return payment.Waive(p, c), nil })
		require.Equal(t, "0.30 EUR", p.Waived().String())
		require.Equal(t, "0.90 EUR", p.Taken().String())
		require.Equal(t, []payment.RefundLine{{LineID: one, Amount: eur(20)}, {LineID: two, Amount: eur(10)}}, p.Waivers[0].Lines)
	}
	c.WaiverID, c.Amount = uuid.New(), eur(0)
	require.Empty(t, payment.Waive(p, c))

	owed := payment.OweRefund{RefundID: uuid.New(), Amount: eur(40), Reason: payment.ReasonReturn, At: at, Lines: []payment.OwedLine{
		{LineID: one, Amount: eur(20), Captured: pricing.Plain(eur(20))}, {LineID: two, Amount: eur(20), Captured: pricing.Plain(eur(50))}, {LineID: two, Amount: eur(30), Captured: pricing.Plain(eur(50))},
	}}
	p = must(t, p, func(p payment.Payment) ([]domain.Event, error) { return payment.Owe(p, owed), nil })
	require.Equal(t, "0.40 EUR", p.Refunds[0].Amount.String())
	require.Equal(t, []payment.RefundLine{{LineID: two, Amount: eur(20)}, {LineID: two, Amount: eur(20)}}, p.Refunds[0].Lines)
}
