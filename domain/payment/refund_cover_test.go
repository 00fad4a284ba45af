package payment_test

import (
	"fmt"
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/domain/pricing"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// A refund that nobody owed covers a part of a loss. When it fails, that part is owed, and nobody has to see to it.
func TestWhatAFailedRefundHadCoveredIsOwedOnce(t *testing.T) {
	t.Parallel()
	asked, lost := uuid.New(), uuid.New()
	for name, cover := range map[string]func(payment.Payment) payment.Payment{
		"asked for": func(p payment.Payment) payment.Payment {
			return must(t, p, request(asked, 50, 0))
		},
		"made elsewhere": func(p payment.Payment) payment.Payment {
			return must(t, p, elsewhere("re_1", 50, payment.RefundStatusPaid))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := must(t, cover(captured(t, 100)), owe(lost, 100))
			r := requireRefund(t, p, lost, payment.RefundStatusOwed, 50)
			require.Equal(t, int64(50), r.Covered().MinorUnits())
			fail := settle(asked, 1, payment.RefundStatusFailed, "")
			if name == "made elsewhere" {
				fail = elsewhere("re_1", 50, payment.RefundStatusFailed)
			}
			p = must(t, p, fail)
			require.Equal(t, int64(100), p.Owed().MinorUnits(), "all of the loss is owed")
			require.Len(t, p.OpenRefunds(), 2)
			require.Len(t, p.OwedInstead(), 1)
			rest := requireRefund(t, p, p.OwedInstead()[0], payment.RefundStatusOwed, 50)
			require.Equal(t, []any{"shipment_lost", lost}, []any{rest.Reason, rest.Completes})
			require.Zero(t, p.Refunds[0].Amount.MinorUnits(), "the one that failed waits for nobody")
			require.Equal(t, payment.RefundStatusPaid, p.Refunds[0].Status())

			events, err := fail(p)
			require.NoError(t, err)
			require.Empty(t, events, "told twice, owed once")
			for _, id := range p.OpenRefunds() {
				p = must(t, must(t, p, request(id, 0, 0)), settle(id, 1, payment.RefundStatusPaid, "re_"+id.String()))
			}
			require.Equal(t, int64(100), p.Refunded.MinorUnits())
			require.Equal(t, payment.StatusRefunded, p.Status)
		})
	}
}

func TestAFailedRefundOfWhichNothingWasCoveredWaitsForAPerson(t *testing.T) {
	t.Parallel()
	asked := uuid.New()
	p := must(t, must(t, captured(t, 100), request(asked, 30, 0)), owe(uuid.New(), 40))
	p = must(t, p, settle(asked, 1, payment.RefundStatusFailed, ""))
	requireRefund(t, p, asked, payment.RefundStatusFailed, 30)
	require.Equal(t, int64(40), p.Owed().MinorUnits())

	p = must(t, must(t, captured(t, 100), request(asked, 50, 0)), owe(uuid.New(), 70))
	p = must(t, p, settle(asked, 1, payment.RefundStatusFailed, ""))
	requireRefund(t, p, asked, payment.RefundStatusFailed, 30)
	require.Equal(t, int64(70), p.Owed().MinorUnits(), "what had covered nothing stays with the person")
}

// What one refund covers is not owed because another one fails.
func TestOnlyTheRefundThatCoversIsOwedInItsPlace(t *testing.T) {
	t.Parallel()
	a, b := uuid.New(), uuid.New()
	byLine := func(id, line uuid.UUID, cents int64) func(payment.Payment) ([]domain.Event, error) {
		return func(p payment.Payment) ([]domain.Event, error) {
			return payment.RequestRefund(p, payment.RefundPayment{
				RefundID: id, Amount: eur(cents), Reason: "late", At: at,
				Lines: []payment.OwedLine{{LineID: line, Amount: eur(cents), Captured: pricing.Breakdown{Payable: eur(50)}}},
			})
		}
	}
	returned := func(p payment.Payment) ([]domain.Event, error) {
		return payment.Owe(p, payment.OweRefund{
			RefundID: uuid.NewSHA1(orderID, []byte("return")), Amount: eur(50), Reason: payment.ReasonReturn, At: at,
			Lines: []payment.OwedLine{{LineID: a, Amount: eur(50), Captured: pricing.Breakdown{Payable: eur(50)}}},
		}), nil
	}
	first, second := uuid.New(), uuid.New()
	p := must(t, captured(t, 100), byLine(first, a, 40))
	p = must(t, must(t, p, settle(first, 1, payment.RefundStatusPaid, "re_1")), byLine(second, b, 30))
	p = must(t, must(t, p, settle(second, 1, payment.RefundStatusPaid, "re_2")), returned)
	require.Equal(t, int64(10), p.Owed().MinorUnits())
	other := must(t, p, settle(second, 1, payment.RefundStatusFailed, "re_2"))
	require.Equal(t, int64(10), other.Owed().MinorUnits(), "it is of another line")
	p = must(t, p, settle(first, 1, payment.RefundStatusFailed, "re_1"))
	require.Equal(t, int64(50), p.Owed().MinorUnits())
}

func TestWhatWasCoveredIsOwedNoMoreThanIsRefundable(t *testing.T) {
	t.Parallel()
	asked := uuid.New()
	p := must(t, must(t, captured(t, 100), request(asked, 50, 0)), owe(uuid.New(), 100))
	p = must(t, p, disputed(payment.DisputeStatusLost, 20))
	p = must(t, p, settle(asked, 1, payment.RefundStatusFailed, ""))
	require.Equal(t, int64(80), p.Owed().MinorUnits())
	requireRefund(t, p, asked, payment.RefundStatusFailed, 20)

	// It was made all the same.
	p = must(t, p, settle(asked, 1, payment.RefundStatusPaid, "re_1"))
	for _, id := range p.OpenRefunds() {
		p = must(t, p, request(id, 0, 0))
	}
	require.LessOrEqual(t, p.Owed().Add(p.Refunded).MinorUnits(), int64(80))
}

// dinars are a currency whose gateway moves steps of ten.
var dinars = money.Limits{Step: decimal.RequireFromString("0.010")}

func kwd(n int64) money.Money { return money.FromMinorUnits(n, "KWD") }

func capturedDinars(t require.TestingT, n int64) payment.Payment {
	p := payment.Evolve(payment.Payment{}, payment.PaymentAuthorized{
		PaymentID: payment.ID(orderID), OrderID: orderID, Amount: kwd(n), GatewayRef: "pi_1", AuthorizedAt: at, ExpiresAt: expiry,
	})
	return must(t, p, func(p payment.Payment) ([]domain.Event, error) {
		return payment.Capture(p, payment.CapturePayment{CaptureID: uuid.New(), Amount: kwd(n), GatewayRef: "pi_1", At: at})
	})
}

func TestSmallRefundsTogetherGiveBackWhatTheyShould(t *testing.T) {
	t.Parallel()
	p := capturedDinars(t, 100)
	line := uuid.New()
	var amounts, rests []int64
	for i := range 8 {
		p = must(t, p, func(p payment.Payment) ([]domain.Event, error) {
			return payment.Owe(p, payment.OweRefund{
				RefundID: domain.DerivedID(orderID, fmt.Sprint(i)), Amount: kwd(13), Reason: payment.ReasonReturn, Limits: dinars, At: at,
				Lines: []payment.OwedLine{{LineID: line, Amount: kwd(13), Captured: pricing.Breakdown{Payable: kwd(104)}}},
			}), nil
		})
		amounts, rests = append(amounts, p.Refunds[i].Amount.MinorUnits()), append(rests, p.RefundRest.MinorUnits())
	}
	require.Equal(t, []int64{10, 10, 10, 20, 10, 10, 20, 10}, amounts, "104 were due, and 100 were captured")
	require.Equal(t, []int64{3, 6, 9, 2, 5, 8, 1, 0}, rests)
}

func TestLessThanAStepJoinsTheNextRefund(t *testing.T) {
	t.Parallel()
	p := capturedDinars(t, 100)
	first, second := uuid.New(), uuid.New()
	p = must(t, p, func(p payment.Payment) ([]domain.Event, error) {
		return payment.Owe(p, payment.OweRefund{RefundID: first, Amount: kwd(4), Reason: payment.ReasonReturn, Limits: dinars, At: at}), nil
	})
	require.Empty(t, p.OpenRefunds())
	require.Equal(t, int64(4), p.RefundRest.MinorUnits())
	p = must(t, p, func(p payment.Payment) ([]domain.Event, error) {
		return payment.Owe(p, payment.OweRefund{RefundID: second, Amount: kwd(16), Reason: payment.ReasonReturn, Limits: dinars, At: at}), nil
	})
	requireRefund(t, p, second, payment.RefundStatusOwed, 20)
	require.Zero(t, p.RefundRest.MinorUnits())
}

func TestObligationsAreCutOffTogether(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		taken := 10 * rapid.Int64Range(1, 60).Draw(t, "captured")
		p := capturedDinars(t, taken)
		due := int64(0)
		for i, n := range rapid.SliceOfN(rapid.Int64Range(1, 90), 1, 12).Draw(t, "due") {
			due += n
			p = must(t, p, func(p payment.Payment) ([]domain.Event, error) {
				return payment.Owe(p, payment.OweRefund{
					RefundID: domain.DerivedID(orderID, fmt.Sprint(i)), Amount: kwd(n), Reason: payment.ReasonReturn, Limits: dinars, At: at,
				}), nil
			})
			owed := min(due, taken)
			require.Equal(t, owed-owed%10, p.Owed().MinorUnits())
			require.Equal(t, owed%10, p.RefundRest.MinorUnits())
		}
	})
}
