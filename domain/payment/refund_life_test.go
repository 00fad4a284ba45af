package payment_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/stretchr/testify/require"
)

func captured(t require.TestingT, cents int64) payment.Payment {
	return must(t, must(t, payment.Payment{}, authorize(cents)), capture(uuid.New(), cents))
}

func request(id uuid.UUID, cents int64, after int) func(payment.Payment) ([]domain.Event, error) {
	return func(p payment.Payment) ([]domain.Event, error) {
		return payment.RequestRefund(p, payment.RefundPayment{RefundID: id, Amount: eur(cents), Reason: "late", After: after, At: at})
	}
}

func owe(id uuid.UUID, cents int64) func(payment.Payment) ([]domain.Event, error) {
	return func(p payment.Payment) ([]domain.Event, error) {
		return payment.Owe(p, payment.OweRefund{RefundID: id, Amount: eur(cents), Reason: "shipment_lost", At: at}), nil
	}
}

func settle(id uuid.UUID, attempt int, status payment.RefundStatus, ref string) func(payment.Payment) ([]domain.Event, error) {
	return func(p payment.Payment) ([]domain.Event, error) {
		return payment.AnswerRefund(p, payment.RefundAnswer{
			RefundID: id, Attempt: attempt, Status: status, GatewayRef: ref, Cause: "card_closed", At: at,
		})
	}
}

func elsewhere(ref string, cents int64, status payment.RefundStatus) func(payment.Payment) ([]domain.Event, error) {
	return func(p payment.Payment) ([]domain.Event, error) {
		return payment.RecordGatewayRefund(p, payment.RefundAnswer{GatewayRef: ref, Status: status, Amount: eur(cents), Cause: "card_closed", At: at})
	}
}

func disputed(status payment.DisputeStatus, cents int64) func(payment.Payment) ([]domain.Event, error) {
	return func(p payment.Payment) ([]domain.Event, error) {
		return payment.RecordDispute(p, payment.GatewayDispute{GatewayRef: "dp_1", Amount: eur(cents), Status: status, Reason: "fraudulent", At: at})
	}
}

func requireRefund(t *testing.T, p payment.Payment, id uuid.UUID, status payment.RefundStatus, cents int64) payment.Refund {
	t.Helper()
	r, known := p.Refund(id)
	require.True(t, known)
	require.Equal(t, status, r.Status())
	require.Equal(t, cents, r.Amount.MinorUnits())
	return r
}

func TestARequestReservesItsAmountBeforeTheGatewayIsAsked(t *testing.T) {
	t.Parallel()
	p := captured(t, 60)
	first := uuid.New()
	p = must(t, p, request(first, 50, 0))
	require.Equal(t, int64(10), p.Refundable().MinorUnits())
	require.Zero(t, p.Refunded.MinorUnits(), "the gateway has not answered")
	_, err := request(uuid.New(), 50, 0)(must(t, p, settle(first, 1, payment.RefundStatusPaid, "re_1")))
	require.Equal(t, payment.CodeRefundExceedsCapture, domain.Code(err))

	p = must(t, p, settle(first, 1, payment.RefundStatusFailed, ""))
	require.Equal(t, int64(60), p.Refundable().MinorUnits(), "what was refused is free again")
	require.Equal(t, "card_closed", requireRefund(t, p, first, payment.RefundStatusFailed, 50).Cause())
}

// A program that has lost the key of its request asks again under another one.
func TestNoRefundIsAskedForBesideOneThatHasNoAnswer(t *testing.T) {
	t.Parallel()
	first, returned := uuid.New(), uuid.New()
	p := must(t, captured(t, 100), request(first, 10, 0))
	for _, cents := range []int64{10, 20, 100} {
		_, err := request(uuid.New(), cents, 0)(p)
		require.Equal(t, payment.CodeRefundUnderWay, domain.Code(err))
		require.ErrorContains(t, err, first.String(), "it names the open one")
	}
	events, err := request(first, 10, 0)(p)
	require.NoError(t, err)
	require.Empty(t, events, "the same one is known")
	owed := must(t, must(t, p, owe(returned, 30)), request(returned, 0, 0))
	requireRefund(t, owed, returned, payment.RefundStatusRequested, 30)

	for name, status := range map[string]payment.RefundStatus{
		"re_1": payment.RefundStatusPaid, "re_2": payment.RefundStatusPending, "": payment.RefundStatusFailed,
	} {
		answered := must(t, p, settle(first, 1, status, name))
		second := uuid.New()
		requireRefund(t, must(t, answered, request(second, 20, 0)), second, payment.RefundStatusRequested, 20)
	}
	onlyOwed := must(t, must(t, captured(t, 100), owe(returned, 30)), request(returned, 0, 0))
	requireRefund(t, must(t, onlyOwed, request(first, 10, 0)), first, payment.RefundStatusRequested, 10)
}

func TestWhatIsOwedIsCappedAndStaysReservedUntilItIsPaid(t *testing.T) {
	t.Parallel()
	returned, lost := uuid.New(), uuid.New()
	p := must(t, captured(t, 10_000), refund(uuid.New(), 1_000))
	p = must(t, p, owe(returned, 10_000))
	requireRefund(t, p, returned, payment.RefundStatusOwed, 9_000)
	require.Empty(t, payment.Owe(p, payment.OweRefund{RefundID: lost, Amount: eur(1), At: at}), "nothing is left to owe")
	_, err := request(uuid.New(), 1, 0)(p)
	require.Equal(t, payment.CodeRefundExceedsCapture, domain.Code(err), "what is owed is nobody else's")
	_, err = request(uuid.New(), 1, 0)(payment.Payment{})
	require.ErrorContains(t, err, ": nothing that was captured is left to refund, asked for 0.01 EUR", "a payment that was never asked for has no id")
	require.Equal(t, []uuid.UUID{returned}, p.OpenRefunds())

	p = must(t, p, request(returned, 0, 0))
	require.Equal(t, []uuid.UUID{returned}, p.OpenRefunds())
	p = must(t, p, settle(returned, 1, payment.RefundStatusFailed, ""))
	requireRefund(t, p, returned, payment.RefundStatusFailed, 9_000)
	require.Empty(t, p.OpenRefunds(), "it waits for a person")
	require.Zero(t, p.Refundable().MinorUnits(), "and stays owed")

	p = must(t, p, request(returned, 0, 1))
	require.Equal(t, 2, requireRefund(t, p, returned, payment.RefundStatusRequested, 9_000).Attempts[1].Attempt, "under a key of its own")
	p = must(t, p, settle(returned, 2, payment.RefundStatusPending, "re_2"))
	requireRefund(t, p, returned, payment.RefundStatusPending, 9_000)
	require.Equal(t, payment.StatusRefunded, p.Status)
	p = must(t, p, settle(returned, 2, payment.RefundStatusPaid, "re_2"))
	require.Equal(t, at, requireRefund(t, p, returned, payment.RefundStatusPaid, 9_000).PaidAt())
}

func TestARefundThatFailsLaterGivesItsAmountBackToTheBooks(t *testing.T) {
	t.Parallel()
	id := uuid.New()
	p := must(t, must(t, captured(t, 100), owe(id, 100)), request(id, 0, 0))
	p = must(t, must(t, p, settle(id, 1, payment.RefundStatusPending, "re_1")), settle(id, 1, payment.RefundStatusPaid, "re_1"))
	require.Equal(t, payment.StatusRefunded, p.Status)
	p = must(t, p, elsewhere("re_1", 100, payment.RefundStatusFailed))
	require.Zero(t, p.Refunded.MinorUnits())
	require.Equal(t, payment.StatusCaptured, p.Status)
	requireRefund(t, p, id, payment.RefundStatusFailed, 100)
	p = must(t, p, settle(id, 1, payment.RefundStatusPaid, "re_1"))
	requireRefund(t, p, id, payment.RefundStatusFailed, 100) // an older report, which comes late
}

func TestARefundMadeElsewhereCountsOnceAndReducesWhatIsOwed(t *testing.T) {
	t.Parallel()
	first, second := uuid.New(), uuid.New()
	p := must(t, must(t, captured(t, 100), owe(first, 60)), owe(second, 40))
	p = must(t, p, elsewhere("re_dashboard", 50, payment.RefundStatusPaid))
	require.Equal(t, int64(50), p.Refunded.MinorUnits())
	p = must(t, p, elsewhere("re_dashboard", 50, payment.RefundStatusPending))
	require.Equal(t, int64(50), p.Refunded.MinorUnits(), "told by the webhook and by the reconciliation")

	p = must(t, p, request(first, 0, 0))
	requireRefund(t, p, first, payment.RefundStatusRequested, 50)
	p = must(t, must(t, p, settle(first, 1, payment.RefundStatusPaid, "re_1")), request(second, 0, 0))
	requireRefund(t, p, second, payment.RefundStatusPaid, 0)
	require.Equal(t, int64(100), p.Refunded.MinorUnits())

	p = must(t, p, elsewhere("re_dashboard", 50, payment.RefundStatusFailed))
	require.Equal(t, int64(50), p.Refunded.MinorUnits())
	events, err := elsewhere("re_unknown", 5, payment.RefundStatusFailed)(p)
	require.NoError(t, err)
	require.Empty(t, events, "it never counted")
	_, err = payment.RecordGatewayRefund(p, payment.RefundAnswer{GatewayRef: "re_x", Status: payment.RefundStatusPaid, Amount: eur(0)})
	require.Equal(t, payment.CodeRefundExceedsCapture, domain.Code(err))
}

func TestAnAnswerThatIsLearntLateStillCounts(t *testing.T) {
	t.Parallel()
	id := uuid.New()
	p := must(t, must(t, captured(t, 100), owe(id, 100)), request(id, 0, 0))
	p = must(t, p, settle(id, 1, payment.RefundStatusFailed, "")) // the gateway seemed to refuse
	p = must(t, p, settle(id, 1, payment.RefundStatusPaid, "re_1"))
	require.Equal(t, int64(100), p.Refunded.MinorUnits())
	_, err := settle(id, 2, payment.RefundStatusPaid, "re_2")(p)
	require.Equal(t, payment.CodeUnknownRefund, domain.Code(err))
	_, err = settle(id, 1, "vanished", "re_1")(p)
	require.Equal(t, payment.CodeUnknownGatewayAnswer, domain.Code(err))
}

func TestRefundsWaitForTheEndOfADispute(t *testing.T) {
	t.Parallel()
	id := uuid.New()
	p := must(t, must(t, captured(t, 100), owe(id, 80)), disputed(payment.DisputeStatusFundsWithdrawn, 70))
	require.Len(t, p.Disputes, 1, "opened with it")
	for name, decide := range map[string]func(payment.Payment) ([]domain.Event, error){
		"one that is owed": request(id, 0, 0), "another one": request(uuid.New(), 10, 0),
	} {
		_, err := decide(p)
		require.Equal(t, payment.CodePaymentDisputed, domain.Code(err), name)
	}
	won := must(t, p, disputed(payment.DisputeStatusWon, 70))
	requireRefund(t, must(t, won, request(id, 0, 0)), id, payment.RefundStatusRequested, 80)
	require.Equal(t, won, must(t, won, disputed(payment.DisputeStatusFundsWithdrawn, 70)), "an older report, which comes late")

	lost := must(t, p, disputed(payment.DisputeStatusLost, 70))
	require.Zero(t, lost.Refundable().MinorUnits())
	requireRefund(t, must(t, lost, request(id, 0, 0)), id, payment.RefundStatusRequested, 30)
	_, err := disputed("vanished", 70)(p)
	require.Equal(t, payment.CodeUnknownGatewayAnswer, domain.Code(err))
}

func TestARefundGoesBackTheWaysTheMoneyCame(t *testing.T) {
	t.Parallel()
	p := captured(t, 60)
	p = apply(p, []domain.Event{
		payment.PaymentAuthorizationExpired{Amount: eur(0)},
		payment.PaymentAuthorized{PaymentID: p.ID, OrderID: orderID, Amount: eur(40), GatewayRef: "pi_2", ExpiresAt: expiry},
	})
	p = must(t, p, capture(uuid.New(), 40))
	id := uuid.New()
	p = must(t, p, request(id, 90, 0))
	r := requireRefund(t, p, id, payment.RefundStatusRequested, 90)
	require.Len(t, r.Attempts, 2)
	require.Equal(t, payment.RefundPart{Attempt: 1, Source: "pi_2", Amount: eur(40)}, r.Attempts[0].RefundPart)
	require.Equal(t, payment.RefundPart{Attempt: 2, Source: "pi_1", Amount: eur(50)}, r.Attempts[1].RefundPart)

	p = must(t, must(t, p, settle(id, 1, payment.RefundStatusPaid, "re_1")), settle(id, 2, payment.RefundStatusFailed, ""))
	requireRefund(t, p, id, payment.RefundStatusFailed, 90)
	p = must(t, p, request(id, 0, 2))
	r = requireRefund(t, p, id, payment.RefundStatusRequested, 90)
	require.Equal(t, payment.RefundPart{Attempt: 3, Source: "pi_1", Amount: eur(50)}, r.Attempts[2].RefundPart, "only what was not paid")
}

func TestAVoidThatIsRefusedIsKnownUntilItSucceeds(t *testing.T) {
	t.Parallel()
	p := must(t, payment.Payment{}, authorize(100))
	fail := func(p payment.Payment, attempt int) []domain.Event {
		return payment.FailVoid(p, payment.FailedVoid{OrderID: orderID, Attempt: attempt, Cause: "no such payment", At: at})
	}
	require.Empty(t, fail(must(t, p, void), 1), "nothing is held")
	p = apply(p, fail(p, p.VoidAttempt()))
	require.Equal(t, &payment.VoidFailure{Attempt: 1, Amount: eur(100), Cause: "no such payment", FailedAt: at}, p.VoidFailure)
	require.Empty(t, fail(p, 1), "the same once more")
	require.Equal(t, 2, p.VoidAttempt(), "under another key")
	require.Equal(t, payment.StatusAuthorized, p.Status, "the gateway holds the money still")
	require.Nil(t, must(t, p, void).VoidFailure)
}

func TestRefundKeyReadsBack(t *testing.T) {
	t.Parallel()
	id, refundID := uuid.New(), uuid.New()
	read, attempt, ok := payment.ParseRefundKey(id, payment.RefundKey(id, refundID, 3))
	require.True(t, ok)
	require.Equal(t, refundID, read)
	require.Equal(t, 3, attempt)
	for _, key := range []string{"", "x", payment.RefundKey(uuid.New(), refundID, 1), id.String() + "/refund/x/1", payment.RefundKey(id, refundID, 0)} {
		_, _, ok := payment.ParseRefundKey(id, key)
		require.False(t, ok, key)
	}
}
