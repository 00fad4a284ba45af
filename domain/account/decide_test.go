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
	"github.com/orderloom/orderloom/domain/pricing"
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

// Pieces that go back tell the price that they had, and not a part of it that was rounded anew.
func TestARefundOfPiecesTellsTheirPrice(t *testing.T) {
	t.Parallel()
	priced, err := pricing.Price(pricing.Order{
		Currency: "EUR", Discounts: []pricing.Discount{{Target: pricing.TargetOrder, Amount: decimal.RequireFromString("2.99")}},
		Lines: []pricing.Line{{
			UnitPrice: eur("9.90"), Quantity: 3, Taxes: []pricing.TaxRule{{Name: "VAT", Rate: decimal.RequireFromString("0.07"), Included: true}},
		}},
	})
	require.NoError(t, err)
	items := []order.Item{{ProductID: "p", SKU: "ESPRESSO", Quantity: 3, UnitPrice: eur("9.90"), Money: priced.Lines[0].Detail()}}
	id := uuid.New()
	events, err := order.Place(order.Order{}, order.PlaceOrder{OrderID: id, CustomerID: "c", ShipToCountry: "DE", Items: items, At: at})
	o := evolved(t, order.Order{}, events, err)
	plan := order.PlanShipments(o, []inventory.Allocation{{SKU: "ESPRESSO", Location: "berlin", Quantity: 3}})
	events, err = order.Confirm(o, order.ConfirmOrder{Shipments: plan, At: at})
	o = evolved(t, o, events, err)
	events, err = order.Dispatch(o, order.DispatchShipment{ShipmentID: plan[0].ShipmentID, At: at})
	o = evolved(t, o, events, err)
	events, err = order.Deliver(o, order.DeliverShipment{ShipmentID: plan[0].ShipmentID, At: at})
	o = evolved(t, o, events, err)
	p := payment.Payment{
		ID: payment.ID(id), OrderID: id, Status: payment.StatusCaptured, GatewayRef: "pi", Authorized: o.Total, Captured: o.Total,
		Refunded: eur("0"), Captures: map[uuid.UUID]money.Money{plan[0].ShipmentID: o.Total},
	}
	var gross []string
	left := o.Items[0].Breakdown()
	for range 2 {
		p, _, err = refundRequested(o, p, account.RefundRequest{
			RefundPayment: payment.RefundPayment{RefundID: uuid.New(), Reason: "late", At: at}, Asked: []order.RefundLine{{SKU: "ESPRESSO", Quantity: 1}},
		})
		require.NoError(t, err)
		told := *p.Refunds[len(p.Refunds)-1].Lines[0].Money
		gross, left = append(gross, told.Gross.Text()), left.Sub(told)
	}
	goods, owed, err := account.Return(o, p, order.ReturnOrder{ReturnID: uuid.New(), Lines: []order.ReturnLine{{SKU: "ESPRESSO", Quantity: 3}}, At: at}, false, money.Limits{})
	require.NoError(t, err)
	require.Len(t, goods, 1)
	last := *owed[0].(payment.RefundOwed).Lines[0].Money
	require.Equal(t, []string{"9.90", "9.90", "9.90"}, append(gross, last.Gross.Text()))
	require.True(t, left.Equal(last), "all of them add up to the line: %v and %v", left, last)

	goods, owed, err = account.Return(o, payment.Payment{ID: p.ID, OrderID: id, Status: p.Status, Captured: o.Total, Refunded: eur("0"), Captures: p.Captures},
		order.ReturnOrder{ReturnID: uuid.New(), Lines: []order.ReturnLine{{SKU: "ESPRESSO", Quantity: 1}}, At: at}, false, money.Limits{})
	require.NoError(t, err)
	require.True(t, goods[0].(order.OrderReturned).Lines[0].Money.Equal(*owed[0].(payment.RefundOwed).Lines[0].Money), "the refund is told as the return")
}
