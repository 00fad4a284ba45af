package payment_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/domain/pricing"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// capturedFrom is a payment of which money was captured from several of the gateway's payments, the last one first.
func capturedFrom(t require.TestingT, amounts ...money.Money) payment.Payment {
	var p payment.Payment
	for i := len(amounts) - 1; i >= 0; i-- {
		p = payment.Evolve(p, payment.PaymentAuthorized{
			PaymentID: payment.ID(orderID), OrderID: orderID, Amount: amounts[i].Add(amounts[i]), GatewayRef: source(i), AuthorizedAt: at, ExpiresAt: expiry,
		})
		p = must(t, p, func(p payment.Payment) ([]domain.Event, error) {
			return payment.Capture(p, payment.CapturePayment{CaptureID: uuid.New(), Amount: amounts[i], GatewayRef: "c", At: at})
		})
		if i > 0 {
			p = apply(p, payment.Expire(p, expiry.Add(time.Hour)))
		}
	}
	return p
}

func source(i int) string { return "pi_" + string(rune('a'+i)) }

func owedOf(amount money.Money, id uuid.UUID, l money.Limits) func(payment.Payment) ([]domain.Event, error) {
	return func(p payment.Payment) ([]domain.Event, error) {
		return payment.Owe(p, payment.OweRefund{RefundID: id, Amount: amount, Reason: payment.ReasonReturn, Limits: l, At: at}), nil
	}
}

func requestOf(id uuid.UUID, l money.Limits, after int) func(payment.Payment) ([]domain.Event, error) {
	return func(p payment.Payment) ([]domain.Event, error) {
		return payment.RequestRefund(p, payment.RefundPayment{RefundID: id, Limits: l, After: after, At: at})
	}
}

// limitsOf are the limits of a gateway, in the currency's minor unit.
func limitsOf(currency string, step, least, most int64) money.Limits {
	return money.Limits{
		Step: money.FromMinorUnits(step, currency).Amount, RefundMin: money.FromMinorUnits(least, currency).Amount,
		CaptureMin: money.FromMinorUnits(least, currency).Amount, Max: money.FromMinorUnits(most, currency).Amount,
	}
}

func TestARefundIsSplitIntoWhatTheGatewayGivesBack(t *testing.T) {
	t.Parallel()
	limits := limitsOf("EUR", 1, 50, 0)
	for name, c := range map[string]struct {
		captured []int64
		limits   money.Limits
		owed     int64
		parts    map[string]int64 // "" is what fails
	}{
		"from one payment":                           {[]int64{1000, 1000}, limits, 300, map[string]int64{"pi_a": 300}},
		"from two":                                   {[]int64{1000, 1000}, limits, 1500, map[string]int64{"pi_a": 1000, "pi_b": 500}},
		"the last part is not too small":             {[]int64{1000, 1000}, limits, 1020, map[string]int64{"pi_a": 970, "pi_b": 50}},
		"a payment with too little left is left out": {[]int64{40, 1000}, limits, 60, map[string]int64{"pi_b": 60}},
		"another payment pays it alone":              {[]int64{50, 1000}, limits, 70, map[string]int64{"pi_b": 70}},
		"what no payment can give back fails":        {[]int64{1000, 30}, limits, 1030, map[string]int64{"pi_a": 1000, "": 30}},
		"too little in all":                          {[]int64{1000}, limits, 30, map[string]int64{"": 30}},
		"more than one refund moves":                 {[]int64{1000}, limitsOf("EUR", 1, 50, 400), 820, map[string]int64{"pi_a": 820}},
		"out of step":                                {[]int64{1000}, limitsOf("EUR", 10, 0, 0), 335, map[string]int64{"pi_a": 330}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			amounts := make([]money.Money, len(c.captured))
			for i, n := range c.captured {
				amounts[i] = eur(n)
			}
			p, id := capturedFrom(t, amounts...), uuid.New()
			p = must(t, p, owedOf(eur(c.owed), id, c.limits))
			p = must(t, p, requestOf(id, c.limits, 0))
			got := map[string]int64{}
			for _, a := range p.Refunds[0].Attempts {
				got[a.Source] += a.Amount.MinorUnits()
				require.Equal(t, a.Source == "", a.Status == payment.RefundStatusFailed)
			}
			require.Equal(t, c.parts, got)
		})
	}
}

func TestARefundBelowTheMinimumIsShownAndJoinsTheNext(t *testing.T) {
	t.Parallel()
	limits, small, next, line := limitsOf("EUR", 1, 50, 0), uuid.New(), uuid.New(), uuid.New()
	p := capturedFrom(t, eur(1000))
	p = must(t, p, func(p payment.Payment) ([]domain.Event, error) {
		return payment.Owe(p, payment.OweRefund{
			RefundID: small, Amount: eur(30), Reason: payment.ReasonReturn, At: at, Lines: []payment.OwedLine{{LineID: line, Amount: eur(30), Captured: pricing.Plain(eur(30))}},
		}), nil
	})
	p = must(t, p, requestOf(small, limits, 0))
	r, _ := p.Refund(small)
	require.Equal(t, payment.RefundStatusFailed, r.Status(), "a person sees it")
	require.Equal(t, payment.CauseNotPayable, r.Cause())
	require.Empty(t, p.OpenRefunds())
	require.Equal(t, "9.70 EUR", p.Refundable().String(), "and it stays reserved")

	p = must(t, p, owedOf(eur(200), next, limits))
	p = must(t, p, requestOf(next, limits, 0))
	r, _ = p.Refund(small)
	require.True(t, r.Amount.IsZero())
	require.Equal(t, payment.RefundStatusPaid, r.Status())
	r, _ = p.Refund(next)
	require.Equal(t, "2.30 EUR", r.Amount.String())
	require.Equal(t, []payment.RefundLine{{LineID: line, Amount: eur(30)}}, r.Lines, "with the line that it is for")
	require.Equal(t, "7.70 EUR", p.Refundable().String())

	_, err := payment.RequestRefund(p, payment.RefundPayment{RefundID: uuid.New(), Amount: eur(30), Limits: limits, At: at})
	var bad domain.Invalids
	require.ErrorAs(t, err, &bad, "a person is told at once")
}

// Several facts owe refunds of a payment whose money came from several of the gateway's payments. The currencies have
// no, two and three decimals. The gateway has steps, a least and a largest amount.
func TestRefundsKeepTheGatewaysLimits(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		currency := rapid.SampledFrom([]string{"JPY", "EUR", "KWD"}).Draw(t, "currency")
		step := rapid.SampledFrom([]int64{1, 5, 10}).Draw(t, "step")
		least := rapid.Int64Range(0, 60).Draw(t, "least")
		limits := limitsOf(currency, step, least, rapid.SampledFrom([]int64{0, 200, 500}).Draw(t, "most"))
		var amounts []money.Money
		left := map[string]money.Money{}
		for i, n := range rapid.SliceOfN(rapid.Int64Range(1, 60), 1, 4).Draw(t, "captured") {
			amounts = append(amounts, money.FromMinorUnits(n*step, currency))
			left[source(i)] = amounts[i]
		}
		p := capturedFrom(t, amounts...)
		for range rapid.IntRange(1, 5).Draw(t, "facts") {
			id := uuid.New()
			p = must(t, p, owedOf(money.FromMinorUnits(rapid.Int64Range(1, 200).Draw(t, "owed"), currency), id, limits))
			if r, known := p.Refund(id); !known || !limits.InStep(r.Amount) {
				require.False(t, known, "what is owed is in steps")
				continue
			}
			p = must(t, p, requestOf(id, limits, 0))
			r, _ := p.Refund(id)
			for _, a := range r.Attempts {
				if a.Source == "" {
					require.Equal(t, payment.CauseNotPayable, a.Cause)
					continue
				}
				require.True(t, limits.Refunds(a.Amount), a.Amount)
				left[a.Source] = left[a.Source].Sub(a.Amount)
				require.False(t, left[a.Source].Amount.IsNegative(), "never more than was captured from this payment")
			}
			p = must(t, p, settleAll(id))
			r, _ = p.Refund(id)
			require.Contains(t, []payment.RefundStatus{payment.RefundStatusPaid, payment.RefundStatusFailed}, r.Status(), "all is paid, or shown")
			require.Equal(t, r.Status() == payment.RefundStatusPaid, r.Remaining().IsZero())
		}
		total := decimal.Zero
		for _, r := range p.Refunds {
			total = total.Add(r.Amount.Amount)
		}
		require.LessOrEqual(t, total.Cmp(p.Captured.Amount), 0)
		require.Zero(t, p.Refundable().Amount.Add(total).Cmp(p.Captured.Amount), "what is owed, paid and left adds up")
	})
}

// settleAll pays what was asked for.
func settleAll(id uuid.UUID) func(payment.Payment) ([]domain.Event, error) {
	return func(p payment.Payment) (events []domain.Event, err error) {
		r, _ := p.Refund(id)
		for _, a := range r.Attempts {
			if a.Status == payment.RefundStatusRequested {
				paid, err := payment.AnswerRefund(p, payment.RefundAnswer{RefundID: id, Attempt: a.Attempt, GatewayRef: "re", Status: payment.RefundStatusPaid, At: at})
				if err != nil {
					return nil, err
				}
				events = append(events, paid...)
			}
		}
		return events, nil
	}
}
