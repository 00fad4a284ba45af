package payment_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/stretchr/testify/require"
)

func TestLateAnswerCantReviveAPayment(t *testing.T) {
	t.Parallel()
	voided := must(t, payment.Payment{}, void)
	require.Equal(t, payment.StatusVoided, voided.Status, "also one of which nothing was known")
	for _, decide := range []func(payment.Payment) ([]domain.Event, error){
		authorize(100), answer(payment.StatusActionRequired), answer(payment.StatusDeclined),
	} {
		_, err := decide(voided)
		require.EqualValues(t, "payment_closed", domain.Code(err))
	}
	declined := must(t, payment.Payment{}, answer(payment.StatusDeclined))
	_, err := authorize(100)(declined)
	require.EqualValues(t, "payment_closed", domain.Code(err))
	events, err := answer(payment.StatusDeclined)(declined)
	require.NoError(t, err)
	require.Empty(t, events)
}

func TestVoidClosesAnExpiredPayment(t *testing.T) {
	t.Parallel()
	p := must(t, must(t, payment.Payment{}, authorize(100)), expire)
	require.Equal(t, payment.StatusExpired, p.Status)
	p = must(t, p, void)
	_, err := authorize(100)(p)
	require.EqualValues(t, "payment_closed", domain.Code(err), "an authorisation under way when the order was cancelled")
}

func TestActionRequiredMayEndEitherWay(t *testing.T) {
	t.Parallel()
	p := must(t, payment.Payment{}, answer(payment.StatusActionRequired))
	require.Equal(t, payment.StatusActionRequired, p.Status)
	require.Equal(t, payment.StatusAuthorized, must(t, p, authorize(100)).Status)
	require.Equal(t, payment.StatusDeclined, must(t, p, answer(payment.StatusDeclined)).Status)
	require.Equal(t, payment.StatusVoided, must(t, p, void).Status)
}

func TestExpiredAuthorizationIsMadeAnew(t *testing.T) {
	t.Parallel()
	p := must(t, must(t, payment.Payment{}, authorize(100)), capture(uuid.New(), 40))
	require.Empty(t, payment.Expire(p, expiry.Add(-1)), "it still holds")
	_, err := payment.Capture(p, payment.CapturePayment{CaptureID: uuid.New(), Amount: eur(60), At: expiry})
	require.EqualValues(t, "authorization_expired", domain.Code(err))
	p = must(t, p, expire)
	require.Equal(t, payment.StatusCaptured, p.Status)
	require.True(t, p.NeedsAuthorization(eur(60)))
	p = must(t, p, authorize(60))
	require.Equal(t, 2, p.Generation)
	require.Equal(t, int64(60), p.Capturable().MinorUnits())
	require.False(t, p.NeedsAuthorization(eur(60)))
}

// A first attempt that timed out may come back long after its retry: it must not reserve money again.
func TestLateDuplicateOfAnAuthorization(t *testing.T) {
	t.Parallel()
	p := must(t, payment.Payment{}, authorize(100))
	for _, cents := range []int64{40, 60} {
		p = must(t, p, capture(uuid.New(), cents))
		require.False(t, p.NeedsAuthorization(eur(100)))
		events, err := authorize(100)(p)
		require.NoError(t, err)
		require.Empty(t, events)
	}
}

// The second authorisation of a part-captured payment is declined: the money that was taken is still
// told of, and can be refunded.
func TestDeclineOfTheRestKeepsWhatWasCaptured(t *testing.T) {
	t.Parallel()
	p := must(t, must(t, must(t, payment.Payment{}, authorize(100)), capture(uuid.New(), 40)), expire)
	p = must(t, p, answer(payment.StatusDeclined))
	require.Equal(t, payment.StatusCaptured, p.Status)
	require.Equal(t, payment.StatusRefunded, must(t, p, refund(uuid.New(), 40)).Status)
}

func TestAnswersThatCantBeKept(t *testing.T) {
	t.Parallel()
	for _, c := range []payment.RecordAuthorization{
		{GatewayRef: "a\x00"}, {DeclineCode: long}, {ActionURL: "https://bank.example/" + long}, {GatewayRef: "\xff"},
	} {
		c.OrderID, c.Amount, c.Status = orderID, eur(100), payment.StatusAuthorized
		_, err := payment.Authorize(payment.Payment{}, c)
		require.Equal(t, domain.CodeInvalid, domain.Code(err))
	}
	_, err := answer("maybe")(payment.Payment{})
	require.EqualValues(t, "unknown_gateway_answer", domain.Code(err))
}
