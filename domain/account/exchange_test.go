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
	"pgregory.net/rapid"
)

// exchangeBooks are a delivered order, its payment, and the payment of the order that its goods pay for.
type exchangeBooks struct {
	o        order.Order
	from, to payment.Payment
	x        order.Exchange
	newID    uuid.UUID
	events   int
}

func (b *exchangeBooks) id() uuid.UUID {
	b.events++
	return domain.DerivedID(b.newID, string(rune('a'+b.events%26))+time.Duration(b.events).String())
}

func applied(p payment.Payment, events []domain.Event) payment.Payment {
	p = p.Clone()
	for _, e := range events {
		p = payment.Evolve(p, e)
	}
	return p
}

// deliveredOrder is an order of up to three lines, all of it delivered and captured.
func deliveredOrder(t *rapid.T) (order.Order, payment.Payment) {
	id := uuid.MustParse("3f0f2c5e-5d0a-5b8e-9d53-6f2f9a0f7c11")
	var items []order.Item
	for i := range rapid.IntRange(1, 3).Draw(t, "lines") {
		items = append(items, order.Item{
			ProductID: "p", SKU: string(rune('A' + i)), Quantity: rapid.IntRange(1, 3).Draw(t, "quantity"),
			UnitPrice: money.FromMinorUnits(rapid.Int64Range(0, 2_000).Draw(t, "price"), "EUR"),
		})
	}
	evolve := func(o order.Order, events []domain.Event, err error) order.Order {
		require.NoError(t, err)
		o = o.Clone()
		for _, e := range events {
			o = order.Evolve(o, e)
		}
		return o
	}
	events, err := order.Place(order.Order{}, order.PlaceOrder{OrderID: id, CustomerID: "c", ShipToCountry: "DE", Items: items, At: at})
	o := evolve(order.Order{}, events, err)
	var allocations []inventory.Allocation
	for _, l := range order.Lines(o.Items) {
		allocations = append(allocations, inventory.Allocation{SKU: l.SKU, Location: "berlin", Quantity: l.Quantity})
	}
	events, err = order.Confirm(o, order.ConfirmOrder{Shipments: order.PlanShipments(o, allocations), At: at})
	o = evolve(o, events, err)
	shipment := o.Shipments[0].ShipmentID
	events, err = order.Dispatch(o, order.DispatchShipment{ShipmentID: shipment, Carrier: "DHL", TrackingNumber: "1", At: at})
	o = evolve(o, events, err)
	events, err = order.Deliver(o, order.DeliverShipment{ShipmentID: shipment, At: at})
	o = evolve(o, events, err)
	p := payment.Payment{
		ID: payment.ID(id), OrderID: id, Status: payment.StatusCaptured, Authorized: o.Total, Captured: o.Total, Refunded: eur("0"), GatewayRef: "pi",
		Captures: map[uuid.UUID]money.Money{shipment: o.Total}, Generation: 1,
	}
	return o, p
}

// refund gives money back, as a gateway does and as orders do that had it from each other.
func (b *exchangeBooks) refund(t *rapid.T, p *payment.Payment, c payment.RefundPayment) {
	events, err := payment.RequestRefund(*p, c)
	if err != nil {
		return
	}
	*p = applied(*p, events)
	r, _ := p.Refund(c.RefundID)
	for _, a := range r.Attempts {
		if a.Status != payment.RefundStatusRequested {
			continue
		}
		ref := a.Source
		from, credit := payment.CreditedOrder(a.Source)
		if !credit {
			ref = "re_" + b.id().String()
		}
		paid, err := payment.AnswerRefund(*p, payment.RefundAnswer{RefundID: r.RefundID, Attempt: a.Attempt, Status: payment.RefundStatusPaid, GatewayRef: ref, At: at})
		require.NoError(t, err)
		*p = applied(*p, paid)
		if credit {
			require.Equal(t, b.o.ID, from)
			b.from = applied(b.from, payment.TakeBack(b.from, b.newID, a.Amount, at))
		}
	}
}

func (b *exchangeBooks) payAll(t *rapid.T) {
	for _, id := range b.to.OpenRefunds() {
		b.refund(t, &b.to, payment.RefundPayment{RefundID: id, At: at})
	}
	for _, id := range b.from.OpenRefunds() {
		b.refund(t, &b.from, payment.RefundPayment{RefundID: id, At: at})
	}
}

// check demands that what one order has given the other one has, and that no money goes back twice.
func (b *exchangeBooks) check(t *rapid.T) {
	stands := eur("0")
	for _, c := range append(b.from.Credits(), b.to.Credits()...) {
		stands = stands.Add(c.Amount)
	}
	require.True(t, stands.IsZero(), "%v and %v", b.from.Credits(), b.to.Credits())
	for _, p := range []payment.Payment{b.from, b.to} {
		require.LessOrEqual(t, p.Refunded.Add(p.Owed()).Cmp(p.Captured), 0)
		require.False(t, p.CapturedAtGateway().Amount.IsNegative() || p.RefundedAtGateway().Amount.IsNegative())
		require.LessOrEqual(t, p.RefundedAtGateway().Cmp(p.CapturedAtGateway()), 0, "no gateway gives back more than it has taken")
	}
	for _, item := range b.o.Items {
		back := eur("0")
		for _, r := range b.from.Refunds {
			for _, l := range r.Lines {
				if l.LineID == item.LineID {
					back = back.Add(l.Amount)
				}
			}
		}
		require.LessOrEqual(t, back.Cmp(b.o.CapturedFor(item.LineID)), 0, "no line gets back more than it has cost")
	}
	s := account.Of(b.o, b.from)
	require.Zero(t, s.Totals.Captured.Cmp(b.from.Captured))
	require.Zero(t, s.Totals.Refunded.Cmp(b.from.Refunded))
}

// Whatever becomes of an exchange, the credit is on one side or the other. In the end, when the new order has given all
// back and all goods came, the customer has what these goods had cost.
func TestACreditIsOnOneSideOrTheOther(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		o, p := deliveredOrder(t)
		b := &exchangeBooks{o: o, from: p, newID: uuid.MustParse("0b7e1c52-3a64-5f0e-9c1d-7a5b2e4f6d80")}
		b.x = order.Exchange{OrderID: o.ID, ReturnID: domain.DerivedID(b.newID, "return")}
		if rapid.Bool().Draw(t, "a refund before") {
			b.refund(t, &b.from, payment.RefundPayment{RefundID: b.id(), Amount: money.FromMinorUnits(rapid.Int64Range(1, 500).Draw(t, "amount"), "EUR"), Reason: "late", At: at})
		}
		var lines []order.ReturnLine
		for _, item := range o.Items {
			if n := rapid.IntRange(0, item.Quantity).Draw(t, "pieces"); n > 0 {
				lines = append(lines, order.ReturnLine{LineID: item.LineID, Quantity: n, Reason: "other"})
			}
		}
		total := money.FromMinorUnits(rapid.Int64Range(0, 4_000).Draw(t, "total"), "EUR")
		x, err := account.Exchange(b.o, b.from, account.ExchangeRequest{
			Exchange: b.x, NewOrderID: b.newID, Total: total,
			Return:   order.AskToReturn{ReturnID: b.x.ReturnID, Lines: lines, Reason: "r", By: order.ByOperator, At: at},
			Approval: order.DecideReturn{ReturnID: b.x.ReturnID, Action: order.ReturnApprove, By: "ann", At: at},
		})
		if err != nil {
			return
		}
		require.Zero(t, x.Credit.Add(x.Due).Cmp(total))
		require.LessOrEqual(t, x.Credit.Cmp(x.Value), 0)
		for _, e := range x.Orders {
			b.o = order.Evolve(b.o.Clone(), e)
		}
		b.from, b.to = applied(b.from, x.Payments), applied(payment.Payment{}, x.Taken)
		b.check(t)
		before := b.from.RefundedAtGateway()
		came := eur("0")
		t.Repeat(map[string]func(*rapid.T){
			"goods come": func(t *rapid.T) {
				r, _ := b.o.FindReturn(b.x.ReturnID)
				c := order.ReturnOrder{ReturnID: r.ReturnID, At: at}
				for _, l := range r.Lines {
					c.Lines = append(c.Lines, order.ReturnLine{LineID: l.LineID, Quantity: rapid.IntRange(1, l.Quantity).Draw(t, "came")})
				}
				goods, owed, err := account.Return(b.o, b.from, c, true, money.Limits{})
				if err != nil || len(goods) == 0 {
					return
				}
				came = goods[0].(order.OrderReturned).Amount
				b.o, b.from = order.Evolve(b.o.Clone(), goods[0]), applied(b.from, owed)
				if short := b.to.Unapplied().Sub(came); rapid.Bool().Draw(t, "on receipt") {
					reduced := payment.Reduce(b.to, b.id(), b.o.ID, short, at)
					if b.to = applied(b.to, reduced); len(reduced) > 0 {
						b.from = applied(b.from, payment.TakeBack(b.from, b.newID, short, at))
					}
				}
			},
			"a part pays for a shipment": func(t *rapid.T) {
				b.to = applied(b.to, payment.Apply(b.to, b.id(), money.FromMinorUnits(rapid.Int64Range(1, 1_000).Draw(t, "amount"), "EUR"), at))
			},
			"the new order gives some back": func(t *rapid.T) {
				b.refund(t, &b.to, payment.RefundPayment{RefundID: b.id(), Amount: money.FromMinorUnits(rapid.Int64Range(1, 1_000).Draw(t, "amount"), "EUR"), Reason: "late", At: at})
			},
			"what is owed is paid": b.payAll,
			"":                     func(t *rapid.T) { b.check(t) },
		})
		if left := b.to.Refundable(); left.IsPositive() {
			b.refund(t, &b.to, payment.RefundPayment{RefundID: b.id(), Amount: left, Reason: "all", At: at})
		}
		b.payAll(t)
		b.check(t)
		require.Empty(t, b.from.Credits(), "all of the credit is back")
		if back := b.from.RefundedAtGateway().Sub(before); before.IsZero() {
			require.Zero(t, back.Cmp(came), "the customer has %s for goods of %s", back, came)
		}
	})
}
