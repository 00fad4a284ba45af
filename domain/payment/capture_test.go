package payment_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/stretchr/testify/require"
)

func TestCaptureRefusals(t *testing.T) {
	t.Parallel()
	authorized := must(t, payment.Payment{}, authorize(100))
	for name, c := range map[string]struct {
		p      payment.Payment
		amount money.Money
		code   domain.ErrorCode
	}{
		"nothing authorised": {payment.Payment{}, eur(1), "not_capturable"},
		"declined":           {must(t, payment.Payment{}, answer(payment.StatusDeclined)), eur(1), "not_capturable"},
		"voided":             {must(t, authorized, void), eur(1), "not_capturable"},
		"too much":           {authorized, eur(101), "capture_exceeds_authorization"},
		"nothing":            {authorized, eur(0), "capture_exceeds_authorization"},
		"negative":           {authorized, eur(-1), "capture_exceeds_authorization"},
		"another currency":   {authorized, money.Must("1", "USD"), "capture_exceeds_authorization"},
		"all of it":          {authorized, eur(100), ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := payment.Capture(c.p, payment.CapturePayment{CaptureID: uuid.New(), Amount: c.amount, At: at})
			require.Equal(t, c.code, domain.Code(err), name)
		})
	}
}

// The first shipment came back before the second one left: the rest of the money can still be taken, or
// let go.
func TestRefundOfOneShipmentLeavesTheRest(t *testing.T) {
	t.Parallel()
	p := must(t, must(t, payment.Payment{}, authorize(100)), capture(uuid.New(), 40))
	p = must(t, p, refund(uuid.New(), 40))
	require.Equal(t, payment.StatusRefunded, p.Status)
	require.Equal(t, payment.StatusCaptured, must(t, p.Clone(), capture(uuid.New(), 60)).Status)

	events, err := void(p)
	require.NoError(t, err)
	require.Len(t, events, 1)
	require.Equal(t, int64(60), events[0].(payment.PaymentVoided).Amount.MinorUnits())
	require.Zero(t, apply(p, events).Capturable().MinorUnits())
}

func TestVoidAfterACaptureFreesTheRest(t *testing.T) {
	t.Parallel()
	p := must(t, must(t, payment.Payment{}, authorize(100)), capture(uuid.New(), 40))
	p = must(t, p, void)
	require.Equal(t, payment.StatusCaptured, p.Status)
	require.Zero(t, p.Capturable().MinorUnits())
	require.Equal(t, int64(40), p.Refundable().MinorUnits())
	all := must(t, must(t, payment.Payment{}, authorize(100)), capture(uuid.New(), 100))
	events, err := void(all)
	require.NoError(t, err)
	require.Empty(t, events, "all captured: nothing to let go")
}
