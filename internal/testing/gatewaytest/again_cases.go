package gatewaytest

import (
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/payments"
	"github.com/stretchr/testify/require"
)

// again asks for the authorisation of a payment in the place of another one.
func (b *bundle) again(name, token, captured, replaces, abandons string) payments.AuthorizeResult {
	b.Helper()
	result, err := b.Gateway.Authorize(b.Context(), payments.AuthorizeRequest{
		IdempotencyKey: b.key(Authorize, name), AskedAt: b.Now(), PaymentID: b.paymentID, OrderID: b.orderID, Amount: eur("60.00"), Token: token,
		Captured: eur(captured), Replaces: replaces, Abandons: abandons,
	})
	require.NoError(b, err)
	return result
}

// The old authorisation goes once the new one is made, and not before: money is never held twice for long.
func replacesAnAuthorisation(b *bundle) {
	first := b.authorized()
	declined := b.again("2", b.Declined, "0.00", first, "")
	require.Equal(b, payment.StatusDeclined, declined.Status)
	b.holds("100.00", "0.00", "0.00")
	var second payments.AuthorizeResult
	for range 2 {
		second = b.again("3", b.Approved, "0.00", first, "")
		require.Equal(b, payment.StatusAuthorized, second.Status)
		b.holds("60.00", "0.00", "0.00")
	}
	b.captured(second.GatewayRef, "1", "60.00", "60.00")
	b.holds("0.00", "60.00", "0.00")
}

// What was captured from the old authorisation stays.
func replacesTheRestOfAnAuthorisation(b *bundle) {
	first := b.authorized()
	b.captured(first, "1", "40.00", "100.00")
	second := b.again("2", b.Approved, "40.00", first, "")
	b.holds("60.00", "40.00", "0.00")
	b.captured(second.GatewayRef, "2", "60.00", "60.00")
	b.holds("0.00", "100.00", "0.00")
}

// Nobody confirms a link any more that was given up.
func abandonsWhatWaits(b *bundle) {
	first, err := b.authorize(b.Context(), b.NeedsAction, eur("100.00"))
	require.NoError(b, err)
	require.Equal(b, payment.StatusActionRequired, first.Status)
	second := b.again("2", b.NeedsAction, "0.00", "", first.GatewayRef)
	require.Equal(b, payment.StatusActionRequired, second.Status)
	b.Confirm(b.paymentID, second.GatewayRef, true)
	b.holds("60.00", "0.00", "0.00")
	require.Equal(b, payment.StatusAuthorized, b.find().Authorization.Status)
}
