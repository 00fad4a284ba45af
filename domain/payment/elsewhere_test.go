package payment_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/stretchr/testify/require"
)

// foreignCapture is a capture that the gateway tells of and that no request of ours has made.
func foreignCapture(ref string, cents int64) payment.GatewayCapture {
	return payment.GatewayCapture{CaptureRef: ref, GatewayRef: "pi_1", Amount: eur(cents), At: at}
}

func told(captures ...payment.GatewayCapture) func(payment.Payment) ([]domain.Event, error) {
	return func(p payment.Payment) ([]domain.Event, error) { return payment.RecordCaptures(p, captures, at) }
}

// captureOf is a capture as [capture] makes it, of which a part is paid for by what was captured elsewhere.
func captureOf(id uuid.UUID, cents, applied int64) func(payment.Payment) ([]domain.Event, error) {
	return func(p payment.Payment) ([]domain.Event, error) {
		return payment.Capture(p, payment.CapturePayment{CaptureID: id, Amount: eur(cents), Applied: eur(applied), GatewayRef: "ch_1", At: at})
	}
}

func end(reason payment.EndReason) func(payment.Payment) ([]domain.Event, error) {
	return func(p payment.Payment) ([]domain.Event, error) { return payment.EndAuthorization(p, reason, at), nil }
}

func requireNothing(t *testing.T, p payment.Payment, decide func(payment.Payment) ([]domain.Event, error), why string) {
	t.Helper()
	events, err := decide(p)
	require.NoError(t, err)
	require.Empty(t, events, why)
}

func TestCapturesElsewhereCountOnceByTheirReference(t *testing.T) {
	t.Parallel()
	shipment := uuid.New()
	ours := payment.GatewayCapture{CaptureID: shipment, CaptureRef: "ch_1/a", GatewayRef: "pi_1", Amount: eur(40)}
	for name, c := range map[string]struct {
		booked int64
		told   []payment.GatewayCapture
		want   int64 // what is captured in the books
	}{
		"nothing but ours":                               {40, []payment.GatewayCapture{ours}, 40},
		"elsewhere alone":                                {0, []payment.GatewayCapture{foreignCapture("ch_1", 25)}, 25},
		"beside ours":                                    {40, []payment.GatewayCapture{ours, foreignCapture("ch_1", 25)}, 65},
		"ours is not booked yet":                         {0, []payment.GatewayCapture{ours, foreignCapture("ch_1", 25)}, 25},
		"two references":                                 {0, []payment.GatewayCapture{foreignCapture("ch_1", 25), foreignCapture("ch_2", 5)}, 30},
		"somebody had taken what ours was to take":       {40, []payment.GatewayCapture{foreignCapture("ch_1", 100)}, 100},
		"the gateway tells of less than we have booked":  {40, []payment.GatewayCapture{foreignCapture("ch_1", 25)}, 40},
		"the gateway has taken all at the first request": {40, []payment.GatewayCapture{{CaptureID: shipment, Amount: eur(100)}}, 40},
		"nothing is left of it":                          {0, []payment.GatewayCapture{foreignCapture("ch_1", 0)}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := must(t, payment.Payment{}, authorize(100))
			if c.booked > 0 {
				p = must(t, p, capture(shipment, c.booked))
			}
			for range 2 {
				p = must(t, p, told(c.told...))
				require.Equal(t, c.want, p.Captured.MinorUnits())
				require.Equal(t, int64(100), p.Authorized.MinorUnits())
			}
		})
	}
	long := foreignCapture(strings.Repeat("ch", 60), 25)
	p := must(t, must(t, payment.Payment{}, authorize(100)), told(long))
	require.Equal(t, int64(25), must(t, p, told(long)).Captured.MinorUnits(), "a long reference")
	p = must(t, must(t, payment.Payment{}, authorize(100)), told(foreignCapture("ch_1", 25)))
	p = must(t, p, told(foreignCapture("ch_1", 35)))
	require.Equal(t, int64(35), p.Captured.MinorUnits(), "the same reference has grown")
	_, err := payment.RecordCaptures(p, []payment.GatewayCapture{{CaptureRef: "ch_9", Amount: money.Must("1.00", "USD")}}, at)
	require.Equal(t, payment.CodeUnknownGatewayAnswer, domain.Code(err))
}

func TestWhatWasCapturedElsewherePaysForShipments(t *testing.T) {
	t.Parallel()
	first, second := uuid.New(), uuid.New()
	p := must(t, must(t, payment.Payment{}, authorize(100)), told(foreignCapture("ch_1", 55)))
	require.Equal(t, payment.StatusCaptured, p.Status)
	require.Equal(t, int64(55), p.Unapplied().MinorUnits())
	require.Equal(t, int64(45), p.Lacking(eur(100)).MinorUnits())

	p = must(t, p, captureOf(first, 0, 40))
	require.Equal(t, int64(40), p.Captures[first].MinorUnits())
	require.Equal(t, int64(55), p.Captured.MinorUnits(), "it is not taken again")
	requireNothing(t, p, captureOf(first, 0, 40), "the same once more")

	p = must(t, p, captureOf(second, 45, 15))
	require.Equal(t, int64(60), p.Captures[second].MinorUnits())
	require.Equal(t, int64(100), p.Captured.MinorUnits())
	require.True(t, p.Unapplied().IsZero())
}

func TestWhatWentBackPaysForNothing(t *testing.T) {
	t.Parallel()
	shipment := uuid.New()
	p := must(t, must(t, payment.Payment{}, authorize(100)), told(foreignCapture("ch_1", 100)))
	p = must(t, p, func(p payment.Payment) ([]domain.Event, error) {
		return payment.RecordGatewayRefund(p, payment.RefundAnswer{GatewayRef: "re_1", Status: payment.RefundStatusPaid, Amount: eur(70), At: at})
	})
	require.Equal(t, int64(30), p.Unapplied().MinorUnits())
	p = must(t, p, captureOf(shipment, 0, 40))
	require.Equal(t, int64(30), p.Captures[shipment].MinorUnits(), "what is there")
	p = must(t, p, func(p payment.Payment) ([]domain.Event, error) {
		return payment.RecordGatewayRefund(p, payment.RefundAnswer{GatewayRef: "re_1", Status: payment.RefundStatusFailed, At: at})
	})
	require.Equal(t, int64(70), p.Unapplied().MinorUnits(), "it came back")
}

func TestWhatAFailedRefundGivesBackOfASurplusIsOwedToo(t *testing.T) {
	t.Parallel()
	owe := func(p payment.Payment) ([]domain.Event, error) { return payment.OweUnapplied(p, at), nil }
	p := must(t, must(t, payment.Payment{}, authorize(100)), told(foreignCapture("ch_1", 100)))
	p = must(t, p, func(p payment.Payment) ([]domain.Event, error) {
		return payment.RecordGatewayRefund(p, payment.RefundAnswer{GatewayRef: "re_1", Status: payment.RefundStatusPaid, Amount: eur(70), At: at})
	})
	p = must(t, p, owe)
	require.Equal(t, int64(30), p.Owed().MinorUnits())
	p = must(t, p, func(p payment.Payment) ([]domain.Event, error) {
		return payment.RecordGatewayRefund(p, payment.RefundAnswer{GatewayRef: "re_1", Status: payment.RefundStatusFailed, At: at})
	})
	p = must(t, p, owe)
	require.Equal(t, int64(100), p.Owed().MinorUnits())
}

func TestWhatIsAppliedLeavesAShareThatCanBeCaptured(t *testing.T) {
	t.Parallel()
	p := must(t, must(t, payment.Payment{}, authorize(10_000)), told(foreignCapture("ch_1", 3_980)))
	l := money.Limits{CaptureMin: money.Must("0.50", "EUR").Amount}
	require.Equal(t, "39.50", p.Applicable(eur(4_000), l).Text(), "0.50 is the least that can be captured")
	require.Equal(t, "39.80", p.Applicable(eur(5_000), l).Text())
	require.Equal(t, "30.00", p.Applicable(eur(3_000), l).Text())
	require.Equal(t, "0.00", p.Applicable(eur(0), l).Text())
	l.Step = money.Must("0.50", "EUR").Amount
	require.Equal(t, "39.50", p.Applicable(eur(5_000), l).Text(), "in the gateway's step")
}

func TestAnAuthorisationThatEndedIsMadeAnew(t *testing.T) {
	t.Parallel()
	for _, reason := range []payment.EndReason{payment.EndReasonExpired, payment.EndReasonVoidedElsewhere} {
		p := must(t, payment.Payment{}, authorize(100))
		p = must(t, p, end(reason))
		requireNothing(t, p, end(reason), "once")
		require.Equal(t, payment.StatusExpired, p.Status)
		require.True(t, p.Held().IsZero())
		require.False(t, p.ExpiresAt.After(at), "nobody has asked for the next one before")
		_, err := payment.Capture(p, payment.CapturePayment{CaptureID: uuid.New(), Amount: eur(40), At: at})
		require.Equal(t, payment.CodeAuthorizationExpired, domain.Code(err))
		require.True(t, p.NeedsAuthorization(eur(100)))
		p = must(t, p, authorize(100))
		require.Equal(t, payment.StatusAuthorized, p.Status)
		require.Equal(t, 2, p.Generation)
	}
}

func TestACaptureElsewhereMayEndTheAuthorisationForTheRest(t *testing.T) {
	t.Parallel()
	p := must(t, must(t, payment.Payment{}, authorize(100)), told(foreignCapture("ch_1", 25)))
	p = must(t, p, end(payment.EndReasonVoidedElsewhere))
	require.Equal(t, payment.StatusCaptured, p.Status)
	require.True(t, p.Capturable().IsZero())
	p = must(t, p, authorize(75))
	p = must(t, p, captureOf(uuid.New(), 75, 25))
	require.Equal(t, int64(100), p.Captured.MinorUnits())
}

func TestMoneyThatComesAfterThePaymentWasClosedIsLetGo(t *testing.T) {
	t.Parallel()
	late := func(p payment.Payment) ([]domain.Event, error) {
		return payment.AuthorizeLate(p, payment.LateAuthorization{Amount: eur(100), GatewayRef: "pi_2", At: at}), nil
	}
	requireNothing(t, must(t, payment.Payment{}, authorize(100)), late, "the payment is open")
	p := must(t, must(t, payment.Payment{}, void), late)
	require.True(t, p.HoldsMoney())
	require.Equal(t, 2, p.VoidAttempt(), "under another key than the one before")
	requireNothing(t, p, late, "once")
	failed := apply(p.Clone(), payment.FailVoid(p, payment.FailedVoid{OrderID: orderID, Attempt: 2, Cause: "no", At: at}))
	require.Equal(t, eur(100), failed.VoidFailure.Amount)
	require.Equal(t, 3, failed.VoidAttempt())
	for _, p := range []payment.Payment{p, failed} {
		p = must(t, p, void)
		require.False(t, p.HoldsMoney())
		require.Nil(t, p.VoidFailure)
		require.Equal(t, payment.StatusVoided, p.Status)
	}
}

func TestCaptureKeyReadsBack(t *testing.T) {
	t.Parallel()
	id, shipment := uuid.New(), uuid.New()
	keys := map[string]bool{}
	for generation := range 3 {
		for attempt := range 3 {
			key := payment.CaptureKey(id, shipment, generation+1, attempt+1)
			read, ok := payment.ParseCaptureKey(id, key)
			require.True(t, ok)
			require.Equal(t, shipment, read)
			keys[key] = true
		}
	}
	require.Len(t, keys, 9, "each has a key of its own")
	for _, key := range []string{"", "x", payment.CaptureKey(uuid.New(), shipment, 1, 1), id.String() + "/capture/x", payment.CaptureKey(id, shipment, 1, 1) + "/x"} {
		_, ok := payment.ParseCaptureKey(id, key)
		require.False(t, ok, key)
	}
}
