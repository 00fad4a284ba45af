package payment_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/stretchr/testify/require"
)

// Each step of a refund and of a dispute moves its amount from one of the sums to another.
func TestWhatIsOwedAndInDisputeFollowsTheEvents(t *testing.T) {
	t.Parallel()
	asked, owed := uuid.New(), uuid.New()
	p := captured(t, 100)
	for _, step := range []struct {
		name                                    string
		decide                                  func(payment.Payment) ([]domain.Event, error)
		refunded, owed, disputed, lost, present int64
	}{
		{"asked for", request(asked, 10, 0), 0, 10, 0, 0, 90},
		{"refused", settle(asked, 1, payment.RefundStatusFailed, ""), 0, 0, 0, 0, 100},
		{"asked for again", request(asked, 10, 1), 0, 10, 0, 0, 90},
		{"paid", settle(asked, 2, payment.RefundStatusPaid, "re_1"), 10, 0, 0, 0, 90},
		{"owed", owe(owed, 40), 10, 40, 0, 0, 50},
		{"owed and asked for", request(owed, 40, 0), 10, 40, 0, 0, 50},
		{"accepted", settle(owed, 1, payment.RefundStatusPending, "re_2"), 50, 0, 0, 0, 50},
		{"come back", settle(owed, 1, payment.RefundStatusFailed, "re_2"), 10, 40, 0, 0, 50},
		{"made elsewhere", elsewhere("re_3", 5, payment.RefundStatusPaid), 15, 40, 0, 0, 45},
		{"disputed", disputed(payment.DisputeStatusOpen, 20), 15, 40, 20, 0, 45},
		{"funds withdrawn", disputed(payment.DisputeStatusFundsWithdrawn, 20), 15, 40, 20, 0, 45},
		{"lost", disputed(payment.DisputeStatusLost, 20), 15, 40, 0, 20, 25},
	} {
		p = must(t, p, step.decide)
		require.Equal(t, []int64{step.refunded, step.owed, step.disputed, step.lost, step.present}, []int64{
			p.Refunded.MinorUnits(), p.Owed().MinorUnits(), p.InDispute().MinorUnits(), p.LostInDisputes().MinorUnits(), p.Refundable().MinorUnits(),
		}, step.name)
	}
	won := must(t, must(t, captured(t, 100), disputed(payment.DisputeStatusOpen, 20)), disputed(payment.DisputeStatusWon, 20))
	require.True(t, won.InDispute().IsZero())
	require.True(t, won.LostInDisputes().IsZero())
}

// The bank's money may be another one than the shop's.
func TestAClaimInAnotherCurrencyHoldsAllThatHasNotGoneBack(t *testing.T) {
	t.Parallel()
	for name, amount := range map[string]money.Money{"another currency": money.Must("110.00", "USD"), "no amount": {}, "nothing": eur(0)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			claim := func(status payment.DisputeStatus) func(payment.Payment) ([]domain.Event, error) {
				return func(p payment.Payment) ([]domain.Event, error) {
					return payment.RecordDispute(p, payment.GatewayDispute{GatewayRef: "dp_1", Amount: amount, Status: status, At: at})
				}
			}
			p := must(t, captured(t, 10_000), elsewhere("re_1", 3_000, payment.RefundStatusPaid))
			p = must(t, p, claim(payment.DisputeStatusOpen))
			require.True(t, p.Disputed())
			require.Equal(t, "70.00", p.InDispute().Text())
			p = must(t, p, claim(payment.DisputeStatusLost))
			require.Equal(t, "70.00", p.LostInDisputes().Text())
			require.True(t, p.Refundable().IsZero())
		})
	}
	_, err := payment.RecordDispute(payment.Payment{}, payment.GatewayDispute{GatewayRef: "dp_1", Amount: money.Must("1.00", "USD"), Status: payment.DisputeStatusOpen, At: at})
	require.ErrorIs(t, err, domain.Refuse(payment.CodeUnknownGatewayAnswer, ""))
}
