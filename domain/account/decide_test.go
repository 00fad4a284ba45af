package account_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/account"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
)

func kwd(s string) money.Money { return money.Must(s, "KWD") }

// dinars is an order of four pieces at 0.335, captured by a gateway that moves dinars in steps of 0.010.
func dinars(t *testing.T) (order.Order, payment.Payment, money.Limits) {
	t.Helper()
	id := uuid.New()
	events, err := order.Place(order.Order{}, order.PlaceOrder{
		OrderID: id, CustomerID: "c", ShipToCountry: "KW", At: at,
		Items: []order.Item{{ProductID: "p", SKU: "CUP", Quantity: 4, UnitPrice: kwd("0.335")}},
	})
	o := evolved(t, order.Order{}, events, err)
	shipments := order.PlanShipments(o, []inventory.Allocation{{SKU: "CUP", Location: "here", Quantity: 4}})
	events, err = order.Confirm(o, order.ConfirmOrder{Shipments: shipments, At: at})
	o = evolved(t, o, events, err)
	events, err = order.Dispatch(o, order.DispatchShipment{ShipmentID: shipments[0].ShipmentID, Carrier: "DHL", TrackingNumber: "1", At: at})
	o = evolved(t, o, events, err)
	p := payment.Payment{
		ID: payment.ID(id), OrderID: id, Status: payment.StatusCaptured, GatewayRef: "pi", Authorized: kwd("1.340"), Captured: kwd("1.340"),
		Refunded: kwd("0"), Captures: map[uuid.UUID]money.Money{shipments[0].ShipmentID: kwd("1.340")},
	}
	return o, p, money.Limits{Step: decimal.RequireFromString("0.010")}
}

// refundRequested asks for a refund and records the request.
func refundRequested(o order.Order, p payment.Payment, r account.RefundRequest) (payment.Payment, money.Money, error) {
	c, err := account.Refund(o, p, r)
	if err != nil {
		return p, c.Amount, err
	}
	events, err := payment.RequestRefund(p, c)
	for _, e := range events {
		p = payment.Evolve(p, e)
	}
	for i := range p.Refunds { // the gateway has paid
		for j := range p.Refunds[i].Attempts {
			p.Refunds[i].Attempts[j].Status = payment.RefundStatusPaid
		}
	}
	return p, c.Amount, err
}

func TestPiecesAreRefundedInTheGatewaysStepAndTheLastOneGetsTheRest(t *testing.T) {
	t.Parallel()
	o, p, limits := dinars(t)
	for _, want := range []string{"0.330", "0.340", "0.330", "0.340"} {
		var amount money.Money
		var err error
		p, amount, err = refundRequested(o, p, account.RefundRequest{
			RefundPayment: payment.RefundPayment{RefundID: uuid.New(), Reason: "late", Limits: limits, At: at},
			Asked:         []order.RefundLine{{SKU: "CUP", Quantity: 1}},
		})
		require.NoError(t, err)
		require.Equal(t, want, amount.Text())
	}
	require.True(t, p.Refundable().IsZero())
}

func TestLinesThatComeToAnAmountOffTheStepAreBlamed(t *testing.T) {
	t.Parallel()
	o, p, limits := dinars(t)
	_, _, err := refundRequested(o, p, account.RefundRequest{
		RefundPayment: payment.RefundPayment{RefundID: uuid.New(), Reason: "late", Limits: limits, At: at},
		Asked:         []order.RefundLine{{SKU: "CUP", Amount: decimal.RequireFromString("0.335")}},
	})
	require.Equal(t, map[string]string{"lines": "the payment gateway refunds KWD in steps of 0.010, and not 0.335"}, blamed(t, err))
}

func TestARefundIsNotTakenForTheSameOneThatIsSpread(t *testing.T) {
	t.Parallel()
	o, p, limits := dinars(t)
	plain := account.RefundRequest{RefundPayment: payment.RefundPayment{RefundID: uuid.New(), Amount: kwd("0.100"), Reason: "late", Limits: limits, At: at}}
	spread := plain
	spread.Spread = true
	plainly, _, err := refundRequested(o, p, plain)
	require.NoError(t, err)
	_, _, err = refundRequested(o, plainly, spread)
	require.Equal(t, domain.CodeIdempotencyKeyReused, domain.Code(err))

	spreadOut, _, err := refundRequested(o, p, spread)
	require.NoError(t, err)
	again, _, err := refundRequested(o, spreadOut, spread)
	require.NoError(t, err)
	require.Equal(t, spreadOut, again, "the same request comes to nothing new")
	_, err = payment.RequestRefund(spreadOut, plain.RefundPayment)
	require.Equal(t, domain.CodeIdempotencyKeyReused, domain.Code(err))
}

// blamed returns the fields that an error blames, and why.
func blamed(t *testing.T, err error) map[string]string {
	t.Helper()
	var bad domain.Invalids
	require.ErrorAs(t, err, &bad)
	out := map[string]string{}
	for _, b := range bad {
		out[b.Field] = b.Message
	}
	return out
}
