package order_test

import (
	"testing"

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

// A preview tells what the money table shows once the request was carried out: of each line, and in all.
func TestAPreviewTellsWhatTheMoneyTableShowsAfterwards(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := placedBooks(t)
		for _, s := range b.o.Shipments {
			if rapid.Bool().Draw(t, "leaves") {
				b.leave(t, s.ShipmentID)
				b.o = must(t, b.o, deliver(s.ShipmentID))
			}
		}
		for range rapid.IntRange(0, 3).Draw(t, "before") {
			if item, ok := b.item(t); ok {
				b.refund(t, true, order.RefundLine{LineID: item.LineID, Quantity: rapid.IntRange(1, item.Quantity).Draw(t, "pieces")})
			}
		}
		rapid.SampledFrom([]func(*rapid.T){b.previewCancel, b.previewCancelLines, b.previewReturn, b.previewRefund}).Draw(t, "request")(t)
	})
}

// carryOut records what a request was decided to be.
func (b *moneyBooks) carryOut(t *rapid.T, told account.Preview, orders, payments []domain.Event) {
	owed := b.p.Owed()
	b.o = apply(b.o.Clone(), orders)
	require.True(t, b.pay(t, func(payment.Payment) ([]domain.Event, error) { return payments, nil }))
	require.Equal(t, told.Status, b.o.Status)
	require.Zero(t, told.Total.Cmp(b.o.Total))
	back := money.Zero(b.o.Total.Currency)
	if told.Refund != nil {
		back = back.Add(*told.Refund)
	}
	require.Zero(t, back.Cmp(b.p.Owed().Sub(owed)), "what goes back is what is owed more")
}

// byLine sums up a column of the money table for each line and shipping line; the zero id is money for no line.
func (b *moneyBooks) byLine(column func(account.Row) money.Money) map[uuid.UUID]money.Money {
	sums := map[uuid.UUID]money.Money{uuid.Nil: money.Zero(b.o.Total.Currency)}
	for _, r := range account.Of(b.o, b.p).Rows {
		sums[r.LineID] = sums[r.LineID].Add(column(r))
	}
	return sums
}

func payable(r account.Row) money.Money { return r.Payable }

// requireTold demands that each line's column has changed by what the preview tells of the line.
func requireTold(t *rapid.T, told account.Preview, before, after map[uuid.UUID]money.Money) {
	lines, sum := map[uuid.UUID]money.Money{}, money.Zero(told.Amount.Currency)
	for _, l := range told.Lines {
		require.True(t, l.Money == nil || l.Money.Consistent() && l.Money.Payable.Cmp(l.Amount) == 0)
		lines[l.LineID], sum = lines[l.LineID].Add(l.Amount), sum.Add(l.Amount)
	}
	lines[uuid.Nil] = told.Amount.Sub(sum)
	for id := range before {
		require.Zero(t, before[id].Sub(after[id]).Cmp(lines[id]), "line %s: %s and then %s, told %s", id, before[id], after[id], lines[id])
	}
}

func (b *moneyBooks) previewCancel(t *rapid.T) {
	orders, payments, err := account.Cancel(b.o, b.p, order.CancelOrder{Reason: "changed_mind", By: order.ByCustomer, At: at})
	if err != nil {
		require.NotEqual(t, order.StatusConfirmed, b.o.Status)
		return
	}
	told := account.PreviewOf(b.o, b.p, orders, payments)
	before := b.byLine(payable)
	b.carryOut(t, told, orders, payments)
	none := map[uuid.UUID]money.Money{}
	for id := range before { // all of it is cancelled
		none[id] = money.Zero(b.o.Total.Currency)
	}
	requireTold(t, told, before, none)
}

func (b *moneyBooks) previewCancelLines(t *rapid.T) {
	item, _ := b.item(t)
	c := order.CancelLines{
		RequestID: b.request(), Reason: "changed_mind", By: order.ByCustomer, At: at,
		Lines: []order.LineQuantity{{LineID: item.LineID, Quantity: rapid.IntRange(1, item.Quantity).Draw(t, "pieces")}},
	}
	orders, payments, err := account.CancelPart(b.o, b.p, c, money.Limits{})
	if err != nil {
		return
	}
	told := account.PreviewOf(b.o, b.p, orders, payments)
	before, total := b.byLine(payable), b.o.Total
	b.carryOut(t, told, orders, payments)
	requireTold(t, told, before, b.byLine(payable))
	require.Zero(t, total.Sub(b.o.Total).Cmp(told.Amount))
}

func (b *moneyBooks) previewReturn(t *rapid.T) {
	item, _ := b.item(t)
	c := order.ReturnOrder{
		ReturnID: b.request(), Reason: "too small", At: at,
		Lines: []order.ReturnLine{{LineID: item.LineID, Quantity: rapid.IntRange(1, item.Quantity).Draw(t, "pieces")}},
	}
	orders, payments, err := account.Return(b.o, b.p, c, false, money.Limits{})
	if err != nil {
		return
	}
	told := account.PreviewOf(b.o, b.p, orders, payments)
	b.carryOut(t, told, orders, payments)
	require.True(t, told.Refund == nil || told.Refund.Cmp(told.Amount) <= 0, "less, where a part went back before")
}

func (b *moneyBooks) previewRefund(t *rapid.T) {
	r := account.RefundRequest{RefundPayment: payment.RefundPayment{RefundID: b.request(), Reason: "goodwill", At: at}}
	item, _ := b.item(t)
	amount := money.FromMinorUnits(rapid.Int64Range(1, 900).Draw(t, "amount"), b.o.Total.Currency)
	switch rapid.IntRange(0, 3).Draw(t, "way") {
	case 0:
		r.Asked = []order.RefundLine{{LineID: item.LineID, Quantity: rapid.IntRange(1, item.Quantity).Draw(t, "pieces")}}
	case 1:
		r.Asked = []order.RefundLine{{LineID: item.LineID, Amount: amount.Amount}}
	case 2:
		r.Amount, r.Spread = amount, true
	default:
		r.Amount = amount
	}
	c, err := account.Refund(b.o, b.p, r)
	if err != nil {
		return
	}
	payments, err := payment.RequestRefund(b.p, c)
	if err != nil {
		return
	}
	told := account.PreviewOf(b.o, b.p, nil, payments)
	left := func(r account.Row) money.Money { return r.Left }
	before := b.byLine(left)
	b.carryOut(t, told, nil, payments)
	require.True(t, b.pay(t, func(p payment.Payment) ([]domain.Event, error) {
		return payment.AnswerRefund(p, payment.RefundAnswer{RefundID: c.RefundID, Attempt: 1, Status: payment.RefundStatusPaid, GatewayRef: "r", At: at})
	}))
	requireTold(t, told, before, b.byLine(left))
}

// A new order is told as it is once it was placed and confirmed on the same stock.
func TestAPreviewOfAnOrderIsTheConfirmedOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := anyContent(t)
		command := placeOrder(c.Items...)
		command.ShippingLines, command.Discounts, command.Rounding = c.ShippingLines, c.Discounts, c.Rounding
		command.Terms.ShippingByValue = rapid.Bool().Draw(t, "by value")
		stock := map[string]int{}
		for _, l := range order.Lines(command.Items) {
			for _, location := range []string{"berlin", "reno"} {
				stock[l.SKU+"@"+location] = rapid.IntRange(0, 9).Draw(t, "stock")
			}
		}
		supply := order.Supply{
			Locations: []inventory.Location{{ID: "berlin", Country: "DE"}, {ID: "reno", Country: "US"}},
			Available: func(sku, location string) int { return stock[sku+"@"+location] },
		}
		told, err := command.Preview(supply)
		require.NoError(t, err)
		placed := must(t, order.Order{}, func(o order.Order) ([]domain.Event, error) { return order.Place(o, command) })
		require.Zero(t, placed.Total.Cmp(told.Order.Total))
		if told.Goods == order.GoodsOutOfStock {
			require.Empty(t, told.Order.Shipments)
			return
		}
		allocations, err := supply.Allocate(order.Lines(placed.Items), command.ShipToCountry, false)
		require.NoError(t, err)
		require.Equal(t, must(t, placed, confirm(allocations...)), told.Order)
	})
}
