package account_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/account"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/stretchr/testify/require"
)

var at = time.Date(2026, 11, 27, 8, 0, 0, 0, time.UTC)

func eur(s string) money.Money { return money.Must(s, "EUR") }

func evolved(t *testing.T, o order.Order, events []domain.Event, err error) order.Order {
	t.Helper()
	require.NoError(t, err)
	for _, e := range events {
		o = order.Evolve(o, e)
	}
	return o
}

// shipped is an order of two pieces from Berlin and one from Reno, of which the first has left and is captured.
func shipped(t *testing.T) (order.Order, payment.Payment) {
	t.Helper()
	id := uuid.MustParse("3f0f2c5e-5d0a-5b8e-9d53-6f2f9a0f7c11")
	events, err := order.Place(order.Order{}, order.PlaceOrder{
		OrderID: id, CustomerID: "c", ShipToCountry: "DE", At: at,
		Items: []order.Item{
			{ProductID: "p", SKU: "CUP", Quantity: 2, UnitPrice: eur("10.00")}, {ProductID: "q", SKU: "TEA", Quantity: 1, UnitPrice: eur("100.00")},
		},
		ShippingLines: []order.ShippingLine{{Method: "standard", Amount: eur("4.90")}},
	})
	o := evolved(t, order.Order{}, events, err)
	shipments := order.PlanShipments(o, []inventory.Allocation{
		{SKU: "CUP", Location: "berlin", Quantity: 2}, {SKU: "TEA", Location: "reno", Quantity: 1},
	})
	events, err = order.Confirm(o, order.ConfirmOrder{Shipments: shipments, At: at})
	o = evolved(t, o, events, err)
	events, err = order.Dispatch(o, order.DispatchShipment{ShipmentID: shipments[0].ShipmentID, Carrier: "DHL", TrackingNumber: "1", At: at})
	o = evolved(t, o, events, err)
	p := payment.Payment{
		ID: payment.ID(id), OrderID: id, Status: payment.StatusCaptured, Authorized: eur("124.90"), Captured: eur("24.90"), Refunded: eur("0"),
		Captures: map[uuid.UUID]money.Money{shipments[0].ShipmentID: eur("24.90")},
	}
	return o, p
}

func refunded(p payment.Payment, amount string, lines ...payment.RefundLine) payment.Payment {
	p.Refunded = p.Refunded.Add(eur(amount))
	p.Refunds = append(p.Refunds, payment.Refund{RefundID: uuid.New(), Amount: eur(amount), Lines: lines, Attempts: []payment.RefundAttempt{{
		RefundPart: payment.RefundPart{Attempt: 1, Amount: eur(amount)}, Status: payment.RefundStatusPaid,
	}}})
	return p
}

func TestAStatementIsATableForPeople(t *testing.T) {
	t.Parallel()
	o, p := shipped(t)
	p = refunded(p, "10.00", payment.RefundLine{LineID: o.Items[0].LineID, Amount: eur("10.00"), Quantity: 1})
	s := account.Of(o, p)
	require.Equal(t, `                     qty   gross  discount   tax  payable  captured  refunded   left
shipment `+o.Shipments[0].ShipmentID.String()+`, dispatched
  CUP                  2   20.00      0.00  0.00    20.00     20.00     10.00  10.00
  shipping standard         4.90      0.00  0.00     4.90      4.90      0.00   4.90
shipment `+o.Shipments[1].ShipmentID.String()+`, planned
  TEA                  1  100.00      0.00  0.00   100.00      0.00      0.00   0.00
total in EUR              124.90      0.00  0.00   124.90     24.90     10.00  14.90
`, s.Text())
	require.Equal(t, p.Refunds[0].RefundID, s.Rows[0].Refunds[0].ID)
	require.Equal(t, o.Shipments[0].ShipmentID, s.Rows[1].Captures[0].ID)
}

// What no line explains has a row of its own, so that each column adds up all the same.
func TestMoneyForNoLineIsUnassigned(t *testing.T) {
	t.Parallel()
	o, p := shipped(t)
	p.Captured = eur("30.00") // 5.10 were captured elsewhere
	p = refunded(refunded(p, "2.00"), "7.00", payment.RefundLine{LineID: o.ShippingLines[0].ShippingLineID, Amount: eur("7.00")})
	s := account.Of(o, p)
	rest := s.Rows[len(s.Rows)-1]
	require.Equal(t, account.KindUnassigned, rest.Kind)
	require.Equal(t, []string{"5.10", "4.10", "1.00"}, []string{rest.Captured.Text(), rest.Refunded.Text(), rest.Left.Text()})
	require.Equal(t, []string{"30.00", "9.00", "21.00"}, []string{s.Totals.Captured.Text(), s.Totals.Refunded.Text(), s.Totals.Left.Text()})
}

func TestAnOrderThatIsNotConfirmedHasItsLines(t *testing.T) {
	t.Parallel()
	o, _ := shipped(t)
	o.Shipments = nil
	s := account.Of(o, payment.Payment{})
	require.Len(t, s.Rows, 3)
	require.Equal(t, "124.90", s.Totals.Payable.Text())
	require.Equal(t, "0.00", s.Totals.Left.Text())
}

// What belongs to a shipment stays with it, whatever leaves later.
func TestARefundStaysWithTheShipmentThatItIsAbout(t *testing.T) {
	t.Parallel()
	id := uuid.MustParse("3f0f2c5e-5d0a-5b8e-9d53-6f2f9a0f7c11")
	events, err := order.Place(order.Order{}, order.PlaceOrder{
		OrderID: id, CustomerID: "c", ShipToCountry: "DE", At: at, Items: []order.Item{{ProductID: "p", SKU: "CUP", Quantity: 4, UnitPrice: eur("10.00")}},
	})
	o := evolved(t, order.Order{}, events, err)
	plan := order.PlanShipments(o, []inventory.Allocation{{SKU: "CUP", Location: "berlin", Quantity: 1}, {SKU: "CUP", Location: "reno", Quantity: 3}})
	events, err = order.Confirm(o, order.ConfirmOrder{Shipments: plan, At: at})
	o = evolved(t, o, events, err)
	leave := func(s order.Shipment) {
		events, err = order.Dispatch(o, order.DispatchShipment{ShipmentID: s.ShipmentID, At: at})
		o = evolved(t, o, events, err)
	}
	leave(plan[1])
	p := payment.Payment{
		ID: payment.ID(id), OrderID: id, Status: payment.StatusCaptured, Authorized: eur("40.00"), Captured: eur("30.00"), Refunded: eur("0"),
		Captures: map[uuid.UUID]money.Money{plan[1].ShipmentID: eur("30.00")},
	}
	line := o.Items[0].LineID
	p = refunded(p, "10.00", payment.RefundLine{LineID: line, Amount: eur("10.00"), Quantity: 1})
	events, err = order.Lose(o, order.LoseShipment{ShipmentID: plan[1].ShipmentID, At: at})
	o = evolved(t, o, events, err)
	p = refunded(p, "20.00", payment.RefundLine{LineID: line, Amount: eur("20.00"), Quantity: 3})
	p.Refunds[1].RefundID = plan[1].RefundID()
	leave(plan[0])
	p.Captured, p.Captures[plan[0].ShipmentID] = eur("40.00"), eur("10.00")
	of := map[uuid.UUID]account.Row{}
	for _, r := range account.Of(o, p).Rows {
		of[r.ShipmentID] = r
	}
	require.Equal(t, []string{"10.00", "30.00"}, []string{of[plan[0].ShipmentID].Left.Text(), of[plan[1].ShipmentID].Refunded.Text()})

	events, err = order.Deliver(o, order.DeliverShipment{ShipmentID: plan[0].ShipmentID, At: at})
	o = evolved(t, o, events, err)
	events, err = order.Return(o, order.ReturnOrder{ReturnID: uuid.New(), Lines: []order.ReturnLine{{LineID: line, Quantity: 1}}, At: at})
	o = evolved(t, o, events, err)
	p = refunded(p, "10.00", payment.RefundLine{LineID: line, Amount: eur("10.00"), Quantity: 1})
	p.Refunds[2].RefundID = o.Returns[0].ReturnID
	for _, r := range account.Of(o, p).Rows {
		require.Equal(t, "0.00", r.Left.Text())
		require.Equal(t, r.ShipmentID == plan[0].ShipmentID, len(r.Refunds) == 1 && r.Refunds[0].ID == p.Refunds[2].RefundID)
	}
}
