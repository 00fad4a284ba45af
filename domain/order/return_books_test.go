package order_test

import (
	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/account"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// returnLife has returns requested, decided on and received, each as the draws have it.
func (b *moneyBooks) returnLife(t *rapid.T) {
	r, open := b.openReturn(t)
	if !open || rapid.IntRange(0, 2).Draw(t, "another") == 0 {
		b.requestReturn(t)
		return
	}
	action := rapid.SampledFrom([]order.ReturnAction{order.ReturnApprove, order.ReturnApprove, order.ReturnRefuse, order.ReturnCancel}).Draw(t, "decision")
	if r.Status == order.ReturnStatusApproved && rapid.IntRange(0, 3).Draw(t, "the goods come") > 0 {
		b.receiveReturn(t, r)
		return
	}
	if r.Status == order.ReturnStatusApproved && action == order.ReturnApprove {
		b.happen(order.EndReturns(b.o, r.ExpiresAt)...)
		return
	}
	b.change(t, decideReturn(r.ReturnID, action))
}

func (b *moneyBooks) openReturn(t *rapid.T) (order.ReturnRecord, bool) {
	var open []order.ReturnRecord
	for _, r := range b.o.Returns {
		if r.Status.Open() {
			open = append(open, r)
		}
	}
	if len(open) == 0 {
		return order.ReturnRecord{}, false
	}
	return rapid.SampledFrom(open).Draw(t, "return"), true
}

func (b *moneyBooks) requestReturn(t *rapid.T) {
	item, ok := b.item(t)
	if !ok {
		return
	}
	n := rapid.IntRange(1, item.Quantity).Draw(t, "pieces")
	free := b.freePieces(item.LineID)
	events, err := askToReturn(b.request(), order.ReturnLine{LineID: item.LineID, Quantity: n, Reason: "other"})(b.o)
	if b.o.Status == order.StatusDelivered {
		require.Equal(t, n <= free, err == nil, "%d of %d pieces: %v", n, free, err)
	}
	b.happen(events...)
}

// freePieces are those of a line that were delivered, and are neither returned nor under a return.
func (b *moneyBooks) freePieces(line uuid.UUID) int {
	n := -b.o.UnderReturn(line)
	for _, s := range b.o.Shipments {
		for _, l := range s.Lines {
			if l.LineID == line && s.Status == order.ShipmentStatusDelivered {
				n += l.Quantity - l.Returned
			}
		}
	}
	return n
}

func (b *moneyBooks) receiveReturn(t *rapid.T, r order.ReturnRecord) {
	c := order.ReturnOrder{ReturnID: r.ReturnID, At: at}
	for _, l := range r.Lines {
		c.Lines = append(c.Lines, order.ReturnLine{LineID: l.LineID, Quantity: rapid.IntRange(1, l.Quantity).Draw(t, "came"), Restock: true})
	}
	refundable := b.p.Refundable()
	goods, owed, err := account.Return(b.o, b.p, c, true, money.Limits{})
	require.NoError(t, err)
	sum := money.Zero(b.o.Total.Currency)
	for _, l := range goods[0].(order.OrderReturned).Lines {
		sum = sum.Add(l.Amount)
	}
	require.Zero(t, sum.Cmp(goods[0].(order.OrderReturned).Amount))
	before := b.p.Owed()
	b.pay(t, func(payment.Payment) ([]domain.Event, error) { return owed, nil })
	more := b.p.Owed().Sub(before)
	require.True(t, more.Cmp(sum) <= 0 && more.Cmp(refundable) <= 0, "no more than the goods cost, and than is left")
	b.happen(goods...)
	for _, told := range account.Returns(b.o, b.p) {
		if refund, known := b.p.Refund(told.ReturnID); told.ReturnID == r.ReturnID && known && refund.Amount.IsPositive() {
			require.Equal(t, order.ReturnStatusReceived, told.Status, "what is owed is not refunded yet")
		}
	}
}

// endReturns lets each open return end: its goods come, or it is cancelled.
func (b *moneyBooks) endReturns(t *rapid.T) {
	for _, r := range b.o.Returns {
		switch {
		case r.Status == order.ReturnStatusApproved:
			b.receiveReturn(t, r)
		case r.Status.Open():
			b.change(t, decideReturn(r.ReturnID, order.ReturnCancel))
		}
	}
}

// checkReturns demands that no piece is returned twice, nor under two returns.
func (b *moneyBooks) checkReturns(t *rapid.T) {
	for _, item := range b.o.Items {
		require.GreaterOrEqual(t, b.freePieces(item.LineID), 0)
	}
}
