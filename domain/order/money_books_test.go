package order_test

import (
	"fmt"
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
	"pgregory.net/rapid"
)

// moneyBooks are an order and its payment, and what each line and shipping line cost when the order was placed.
type moneyBooks struct {
	o         order.Order
	p         payment.Payment
	placed    map[uuid.UUID]pricing.Breakdown
	cancelled map[uuid.UUID]pricing.Breakdown
	requests  int
	// log are all events of both, in their order.
	log []domain.Event
}

// change applies a decision about the order that has to be allowed.
func (b *moneyBooks) change(t require.TestingT, decide func(order.Order) ([]domain.Event, error)) {
	events, err := decide(b.o)
	require.NoError(t, err)
	must(t, b.o, decide)
	b.happen(events...)
}

// happen applies events of the order.
func (b *moneyBooks) happen(events ...domain.Event) {
	b.o, b.log = apply(b.o.Clone(), events), append(b.log, events...)
}

// anyContent draws what an order consists of, and prices it. Currencies have 0, 2 and 3 digits; lines may be free or
// digital. Taxes are inside or on top, given or computed. There are discounts of all kinds.
func anyContent(t *rapid.T) order.Content {
	currency := rapid.SampledFrom([]string{"JPY", "EUR", "KWD"}).Draw(t, "currency")
	amount := func(most int64) money.Money {
		return money.FromMinorUnits(rapid.OneOf(rapid.Int64Range(0, 30), rapid.Int64Range(0, most)).Draw(t, "amount"), currency)
	}
	taxes := func() (rules []pricing.TaxRule) {
		given := rapid.Bool().Draw(t, "given")
		for range rapid.IntRange(0, 2).Draw(t, "taxes") {
			rule := pricing.TaxRule{Name: "tax", Rate: decimal.New(rapid.Int64Range(0, 30).Draw(t, "rate"), -2), Included: rapid.Bool().Draw(t, "included")}
			if given {
				rule.Amount = new(amount(5).Amount)
			}
			rules = append(rules, rule)
		}
		return rules
	}
	c := order.Content{Rounding: pricing.Rounding{Per: rapid.SampledFrom([]pricing.RoundingUnit{"", pricing.PerUnit}).Draw(t, "per")}}
	p := pricing.Order{Currency: currency, Rounding: c.Rounding}
	for i := range rapid.IntRange(1, 4).Draw(t, "lines") {
		item := order.Item{ProductID: "p", SKU: fmt.Sprint("sku-", i%3), Quantity: rapid.IntRange(1, 5).Draw(t, "quantity"), UnitPrice: amount(3_000)}
		if rapid.IntRange(0, 4).Draw(t, "digital") == 0 {
			item.RequiresShipping = new(false)
		}
		c.Items = append(c.Items, item)
		p.Lines = append(p.Lines, pricing.Line{UnitPrice: item.UnitPrice, Quantity: item.Quantity, Taxes: taxes()})
	}
	for range rapid.IntRange(0, 2).Draw(t, "shipping lines") {
		line := order.ShippingLine{Method: "standard", Amount: amount(1_000)}
		c.ShippingLines = append(c.ShippingLines, line)
		p.Shipping = append(p.Shipping, pricing.ShippingLine{Amount: line.Amount, Taxes: taxes()})
	}
	for range rapid.IntRange(0, 2).Draw(t, "discounts") {
		d := pricing.Discount{Target: pricing.TargetOrder}
		switch rapid.IntRange(0, 3).Draw(t, "target") {
		case 0:
			d.Target, d.Lines = pricing.TargetLine, []int{0}
		case 1:
			if len(p.Shipping) > 0 {
				d.Target = pricing.TargetShipping
			}
		}
		if d.Percentage = decimal.NewFromInt(rapid.Int64Range(1, 100).Draw(t, "percentage")); rapid.Bool().Draw(t, "an amount") {
			d.Amount, d.Percentage = amount(40).Amount, decimal.Zero
		}
		c.Discounts, p.Discounts = append(c.Discounts, order.Discount{Target: d.Target}), append(p.Discounts, d)
	}
	priced, err := pricing.Price(p)
	if err != nil {
		t.Skip(err)
	}
	return c.Priced(priced)
}

func placedBooks(t *rapid.T) *moneyBooks {
	c := anyContent(t)
	b := &moneyBooks{placed: map[uuid.UUID]pricing.Breakdown{}, cancelled: map[uuid.UUID]pricing.Breakdown{}}
	command := placeOrder(c.Items...)
	command.ShippingLines, command.Discounts, command.Rounding = c.ShippingLines, c.Discounts, c.Rounding
	command.Terms.ShippingByValue = rapid.Bool().Draw(t, "by value")
	b.change(t, func(o order.Order) ([]domain.Event, error) { return order.Place(o, command) })
	require.Zero(t, b.o.Total.Cmp(c.Total()))
	for _, item := range b.o.Items {
		b.placed[item.LineID] = item.Breakdown()
	}
	for _, l := range b.o.ShippingLines {
		b.placed[l.ShippingLineID] = l.Breakdown()
	}
	for id, whole := range b.placed {
		b.cancelled[id] = whole.Share(1, 0, 0)
	}
	var allocations []inventory.Allocation
	for _, l := range order.Lines(b.o.Items) {
		here := rapid.IntRange(0, l.Quantity).Draw(t, "from berlin")
		for location, n := range map[string]int{"berlin": here, "reno": l.Quantity - here} {
			if n > 0 {
				allocations = append(allocations, inventory.Allocation{SKU: l.SKU, Location: location, Quantity: n})
			}
		}
	}
	b.change(t, confirm(allocations...))
	b.pay(t, func(p payment.Payment) ([]domain.Event, error) {
		if b.o.Total.IsZero() {
			return nil, nil
		}
		return payment.Authorize(p, payment.RecordAuthorization{
			OrderID: orderID, Amount: b.o.Total, Status: payment.StatusAuthorized, GatewayRef: "g", ExpiresAt: at.AddDate(1, 0, 0), At: at,
		})
	})
	return b
}

func (b *moneyBooks) pay(t require.TestingT, decide func(payment.Payment) ([]domain.Event, error)) bool {
	events, err := decide(b.p)
	if err != nil {
		return false
	}
	for _, e := range events {
		b.p = payment.Evolve(b.p, e)
	}
	b.log = append(b.log, events...)
	return true
}

func (b *moneyBooks) request() uuid.UUID {
	b.requests++
	return domain.DerivedID(orderID, fmt.Sprint("request/", b.requests))
}

// shipment draws one in a state; false when there is none.
func (b *moneyBooks) shipment(t *rapid.T, in order.ShipmentStatus) (order.Shipment, bool) {
	var found []order.Shipment
	for _, s := range b.o.Shipments {
		if s.Status == in {
			found = append(found, s)
		}
	}
	if len(found) == 0 {
		return order.Shipment{}, false
	}
	return rapid.SampledFrom(found).Draw(t, "shipment"), true
}

func (b *moneyBooks) leave(t *rapid.T, id uuid.UUID) {
	leaving, _ := b.o.Leaving(id)
	share := b.o.Share(id, b.p.Taken(), money.Limits{})
	require.Zero(t, share.Cmp(leaving.Amount), "what is captured is what the shipment carries")
	if share.IsPositive() {
		require.True(t, b.pay(t, func(p payment.Payment) ([]domain.Event, error) {
			return payment.Capture(p, payment.CapturePayment{CaptureID: id, Amount: share, GatewayRef: "g", At: at})
		}), "it can be captured")
	}
	b.change(t, dispatch(id))
	left, _ := b.o.Shipment(id)
	require.Zero(t, left.Amount.Cmp(leaving.Amount))
}

// owe records what a fact owes, as the steps do.
func (b *moneyBooks) owe(t *rapid.T, id uuid.UUID, reason string, parts []order.LineAmount) {
	c := payment.OweRefund{RefundID: id, Amount: money.Zero(b.o.Total.Currency), Reason: reason, At: at}
	for _, part := range parts {
		c.Amount, c.Lines = c.Amount.Add(part.Amount), append(c.Lines, b.owed(part))
	}
	b.pay(t, func(p payment.Payment) ([]domain.Event, error) { return payment.Owe(p, c), nil })
}

func (b *moneyBooks) owed(part order.LineAmount) payment.OwedLine {
	captured, _ := b.o.CapturedOf(part.LineID)
	return payment.OwedLine{LineID: part.LineID, Amount: part.Amount, Quantity: part.Quantity, Cost: part.Cost, Captured: captured}
}

func (b *moneyBooks) lose(t *rapid.T, s order.Shipment, decide func(uuid.UUID) func(order.Order) ([]domain.Event, error)) {
	b.owe(t, s.RefundID(), payment.ReasonShipmentLost, s.Parts())
	b.change(t, decide(s.ShipmentID))
}

// refund asks for a refund by lines. The gateway pays it, or refuses it. It reports whether it was paid.
func (b *moneyBooks) refund(t *rapid.T, pays bool, lines ...order.RefundLine) bool {
	amounts, err := order.RefundLines(b.o, lines, func(id uuid.UUID) order.GoneBack { return order.GoneBack(b.p.WentBack(id)) })
	if err != nil {
		return false
	}
	return b.refundAmounts(t, pays, amounts)
}

func (b *moneyBooks) refundAmounts(t *rapid.T, pays bool, amounts []order.LineAmount) bool {
	c := payment.RefundPayment{RefundID: b.request(), Amount: money.Zero(b.o.Total.Currency), Reason: "goodwill", At: at}
	for _, part := range amounts {
		c.Amount, c.Lines = c.Amount.Add(part.Amount), append(c.Lines, b.owed(part))
	}
	if !b.pay(t, func(p payment.Payment) ([]domain.Event, error) { return payment.RequestRefund(p, c) }) {
		return false
	}
	answer := payment.RefundAnswer{RefundID: c.RefundID, Attempt: 1, Status: payment.RefundStatusPaid, GatewayRef: "r", At: at}
	if !pays {
		answer.Status, answer.Cause = payment.RefundStatusFailed, "no"
	}
	require.True(t, b.pay(t, func(p payment.Payment) ([]domain.Event, error) { return payment.AnswerRefund(p, answer) }))
	return pays
}

func (b *moneyBooks) item(t *rapid.T) (order.Item, bool) {
	if len(b.o.Items) == 0 {
		return order.Item{}, false
	}
	return rapid.SampledFrom(b.o.Items).Draw(t, "line"), true
}

func (b *moneyBooks) cancelSome(t *rapid.T) {
	item, _ := b.item(t)
	n := rapid.IntRange(1, item.Quantity).Draw(t, "pieces")
	events, err := cancelLines(b.request(), order.LineQuantity{LineID: item.LineID, Quantity: n})(b.o)
	if err != nil {
		return
	}
	b.noteCancelled(t, events[0].(order.OrderLinesCancelled))
	b.happen(events...)
}

func (b *moneyBooks) noteCancelled(t *rapid.T, e order.OrderLinesCancelled) {
	sum := money.Zero(b.o.Total.Currency)
	note := func(id uuid.UUID, amount money.Money, detail *pricing.Breakdown) {
		part := pricing.Plain(amount)
		if detail != nil {
			part = *detail
		}
		require.True(t, part.Consistent() && part.Payable.Cmp(amount) == 0, "%+v", part)
		b.cancelled[id], sum = b.cancelled[id].Add(part), sum.Add(amount)
	}
	for _, l := range e.Lines {
		note(l.LineID, l.Amount, l.Money)
	}
	for _, share := range e.Shipping {
		note(share.ShippingLineID, share.Amount, share.Money)
	}
	require.Zero(t, sum.Cmp(e.Amount))
}

// editSome changes the quantity of a line and adds another one. What that costs more is authorised before.
func (b *moneyBooks) editSome(t *rapid.T) {
	item, ok := b.item(t)
	if !ok {
		return
	}
	c := order.EditOrder{RequestID: b.request(), RequestHash: "h", Reason: "wish", By: "customer", At: at}
	c.Set = []order.LineQuantity{{LineID: item.LineID, Quantity: rapid.IntRange(0, 8).Draw(t, "quantity")}}
	if rapid.Bool().Draw(t, "a new line") {
		price := money.FromMinorUnits(rapid.Int64Range(0, 900).Draw(t, "price"), b.o.Total.Currency)
		c.Add = []order.Item{{ProductID: "p", SKU: "sku-new", Quantity: rapid.IntRange(1, 3).Draw(t, "pieces"), UnitPrice: price}}
	}
	plan, err := c.Plan(b.o)
	if err != nil {
		return
	}
	for _, l := range order.Lines(plan.Add) {
		from := rapid.SampledFrom([]string{"berlin", "reno"}).Draw(t, "from")
		plan.Allocations = append(plan.Allocations, inventory.Allocation{SKU: l.SKU, Location: from, Quantity: l.Quantity})
	}
	events, err := plan.Apply(b.o, at)
	if err != nil {
		return
	}
	preview, err := plan.Outcome(b.o, at)
	require.NoError(t, err)
	ask := payment.AskAgain{Amount: preview.Planned(), Kept: true, At: at}
	if !b.pay(t, func(p payment.Payment) ([]domain.Event, error) { return payment.AuthorizeMore(p, ask) }) {
		return // it has cost nothing, and has no means of payment
	}
	if b.p.AsksForEdit() {
		require.True(t, b.pay(t, func(p payment.Payment) ([]domain.Event, error) {
			return payment.Authorize(p, payment.RecordAuthorization{
				OrderID: orderID, Amount: ask.Amount, Status: payment.StatusAuthorized, GatewayRef: "g", ExpiresAt: at.AddDate(1, 0, 0), Attempt: p.Generation + 1, At: at,
			})
		}))
	}
	for _, e := range events {
		switch e := e.(type) {
		case order.OrderEdited:
			for _, added := range e.Items {
				b.placed[added.LineID], b.cancelled[added.LineID] = added.Breakdown(), added.Breakdown().Share(1, 0, 0)
			}
		case order.OrderLinesCancelled:
			b.noteCancelled(t, e)
		}
	}
	b.happen(events...)
	require.Zero(t, b.o.Total.Cmp(preview.Total), "the preview is the edit")
}

func (b *moneyBooks) returnSome(t *rapid.T, item order.Item, n int) bool {
	id := b.request()
	events, err := bringBack(id, order.ReturnLine{LineID: item.LineID, Quantity: n})(b.o)
	if err != nil {
		return false
	}
	e := events[0].(order.OrderReturned)
	goods, owed, err := account.Return(b.o, b.p, order.ReturnOrder{
		ReturnID: id, Lines: []order.ReturnLine{{LineID: item.LineID, Quantity: n}}, Reason: e.Reason, At: e.ReturnedAt,
	}, false, money.Limits{})
	require.NoError(t, err)
	told := goods[0].(order.OrderReturned)
	e.NothingOwed = told.NothingOwed
	require.Equal(t, e, told)
	require.Equal(t, told.NothingOwed, len(owed) == 0)
	previewed := b.p.Clone()
	for _, o := range owed {
		previewed = payment.Evolve(previewed, o)
	}
	var parts []order.LineAmount
	for _, l := range e.Lines {
		parts = append(parts, order.LineAmount{LineID: l.LineID, Quantity: l.Quantity, Amount: l.Amount})
	}
	b.owe(t, id, payment.ReasonReturn, parts)
	require.Zero(t, previewed.Owed().Cmp(b.p.Owed()), "what a preview tells is what is owed")
	b.happen(goods...)
	return true
}

// Whatever becomes of an order and its money, every part of every amount adds up. None is below zero or counted twice.
// In the end all goes back, and that is what was captured.
func TestEveryPartOfTheMoneyAddsUp(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := placedBooks(t)
		b.check(t)
		pays := func() bool { return rapid.IntRange(0, 3).Draw(t, "pays") > 0 }
		t.Repeat(map[string]func(*rapid.T){
			"leave": func(t *rapid.T) {
				if s, ok := b.shipment(t, order.ShipmentStatusPlanned); ok && !b.o.Status.Ended() {
					b.leave(t, s.ShipmentID)
				}
			},
			"cancel lines": func(t *rapid.T) {
				if len(b.o.Items) > 0 {
					b.cancelSome(t)
				}
			},
			"edit": b.editSome,
			"arrive": func(t *rapid.T) {
				if s, ok := b.shipment(t, order.ShipmentStatusDispatched); ok {
					b.change(t, deliver(s.ShipmentID))
				}
			},
			"lose": func(t *rapid.T) {
				if s, ok := b.shipment(t, order.ShipmentStatusDispatched); ok {
					b.lose(t, s, lose)
				}
			},
			"refuse": func(t *rapid.T) {
				if s, ok := b.shipment(t, order.ShipmentStatusDispatched); ok {
					b.lose(t, s, comeBack)
				}
			},
			"return": func(t *rapid.T) {
				if item, ok := b.item(t); ok {
					b.returnSome(t, item, rapid.IntRange(1, item.Quantity).Draw(t, "pieces"))
				}
			},
			"return step by step": b.returnLife,
			"refund pieces": func(t *rapid.T) {
				if item, ok := b.item(t); ok {
					b.refund(t, pays(), order.RefundLine{LineID: item.LineID, Quantity: rapid.IntRange(1, item.Quantity).Draw(t, "pieces")})
				}
			},
			"refund an amount of a line": func(t *rapid.T) {
				if item, ok := b.item(t); ok {
					amount := money.FromMinorUnits(rapid.Int64Range(1, 500).Draw(t, "amount"), b.o.Total.Currency)
					b.refund(t, pays(), order.RefundLine{LineID: item.LineID, Amount: amount.Amount})
				}
			},
			"refund shipping": func(t *rapid.T) {
				for _, l := range b.o.ShippingLines {
					b.refund(t, pays(), order.RefundLine{ShippingLineID: l.ShippingLineID})
				}
			},
			"refund an amount of the order": func(t *rapid.T) {
				amount := money.FromMinorUnits(rapid.Int64Range(1, 2_000).Draw(t, "amount"), b.o.Total.Currency)
				spread := order.SpreadRefund(b.o, amount, b.left)
				sum := money.Zero(b.o.Total.Currency)
				for _, part := range spread {
					sum = sum.Add(part.Amount)
				}
				require.LessOrEqual(t, sum.Cmp(amount), 0)
				if len(spread) > 0 {
					b.refundAmounts(t, pays(), spread)
				}
			},
			"": func(t *rapid.T) { b.check(t) },
		})
		b.giveAllBack(t)
	})
}

// left is what of a line or shipping line can still go back.
func (b *moneyBooks) left(id uuid.UUID) money.Money {
	captured, _ := b.o.CapturedOf(id)
	return b.p.LeftOf(id, captured)
}

// check demands that all parts add up.
func (b *moneyBooks) check(t *rapid.T) {
	lines := map[uuid.UUID]pricing.Breakdown{}
	for _, item := range b.o.Items {
		lines[item.LineID] = item.Breakdown()
	}
	for _, l := range b.o.ShippingLines {
		lines[l.ShippingLineID] = l.Breakdown()
	}
	for id, whole := range b.placed {
		now, kept := lines[id]
		if !kept {
			now = whole.Share(1, 0, 0)
		}
		require.True(t, now.Consistent(), "%+v", now)
		require.True(t, now.Add(b.cancelled[id]).Equal(whole), "what is left and what was cancelled is what was placed:\n%+v\n%+v\n%+v", now, b.cancelled[id], whole)
	}
	require.Zero(t, b.o.Total.Cmp(b.o.Content().Total()))
	if totals := b.o.Content().Totals(); totals != nil {
		require.Zero(t, b.o.Total.Cmp(totals.Total))
	}
	shipped := money.Zero(b.o.Total.Currency)
	for _, s := range b.o.Shipments {
		sum := money.Zero(b.o.Total.Currency)
		for _, part := range s.Parts() {
			sum = sum.Add(part.Amount)
		}
		require.Zero(t, sum.Cmp(s.Amount), "a shipment carries its parts")
		shipped = shipped.Add(s.Amount)
	}
	require.Zero(t, shipped.Cmp(b.o.Total), "the shipments carry what the order costs")
	require.Zero(t, b.p.Captured.Cmp(b.o.Due()), "what has left is captured")
	require.LessOrEqual(t, b.p.Refunded.Add(b.p.Owed()).Cmp(b.p.Captured), 0)
	for id := range b.placed {
		require.True(t, b.notGoneBack(t, id).Consistent(), "%+v", b.notGoneBack(t, id))
	}
	b.checkStatement(t)
	b.checkReturns(t)
}

// checkStatement demands that the statement explains every minor unit. Each column adds up to what the payment and the
// order tell, and each row to its captures and refunds.
func (b *moneyBooks) checkStatement(t *rapid.T) {
	s := account.Of(b.o, b.p)
	none := money.Zero(b.o.Total.Currency)
	captures, refunds := map[uuid.UUID]money.Money{}, map[uuid.UUID]money.Money{}
	for _, r := range s.Rows {
		captured, refunded := none, none
		for _, c := range r.Captures {
			captured, captures[c.ID] = captured.Add(c.Amount), captures[c.ID].Add(c.Amount)
		}
		for _, back := range r.Refunds {
			refunded, refunds[back.ID] = refunded.Add(back.Amount), refunds[back.ID].Add(back.Amount)
		}
		require.True(t, captured.Cmp(r.Captured) == 0 && refunded.Cmp(r.Refunded) == 0 && r.Left.Cmp(r.Captured.Sub(r.Refunded)) == 0, "%+v", r)
		require.Equal(t, account.KindUnassigned == r.Kind, r.LineID == uuid.Nil)
		if r.Kind != account.KindUnassigned {
			require.False(t, r.Left.Amount.IsNegative() || r.Captured.Cmp(r.Payable) > 0, "%+v", r)
		}
	}
	for id, amount := range b.p.Captures {
		require.Zero(t, captures[id].Cmp(amount), "a capture is explained")
	}
	for id, amount := range refunds {
		refund, known := b.p.Refund(id)
		require.True(t, known && refund.Amount.Cmp(amount) >= 0, "a refund explains no more than it is")
	}
	require.Zero(t, s.Totals.Payable.Cmp(b.o.Total), "what the rows cost is what the order costs")
	require.Zero(t, s.Totals.Captured.Cmp(none.Add(b.p.Captured)))
	require.Zero(t, s.Totals.Refunded.Cmp(none.Add(b.p.Refunded)))
	require.Zero(t, s.Totals.Left.Cmp(none.Add(b.p.Captured).Sub(b.p.Refunded)))
}

// notGoneBack explains what of a line or shipping line was captured and went back in no refund.
func (b *moneyBooks) notGoneBack(t *rapid.T, id uuid.UUID) pricing.Breakdown {
	left, _ := b.o.CapturedOf(id)
	for _, r := range b.p.Refunds {
		for _, l := range r.Lines {
			if l.LineID != id || r.Status() == payment.RefundStatusFailed {
				continue
			}
			part := pricing.Plain(l.Amount)
			if l.Money != nil {
				part = *l.Money
			}
			require.True(t, part.Consistent() && part.Payable.Cmp(l.Amount) == 0, "%+v", part)
			left = left.Sub(part)
		}
	}
	return left
}

// giveAllBack lets all that is left leave, and gives all of it back: piece by piece, and shipping at last.
func (b *moneyBooks) giveAllBack(t *rapid.T) {
	for _, s := range b.o.Shipments {
		if s.Status == order.ShipmentStatusPlanned {
			b.leave(t, s.ShipmentID)
		}
	}
	for _, s := range b.o.Shipments {
		if s.Status == order.ShipmentStatusDispatched {
			b.change(t, deliver(s.ShipmentID))
		}
	}
	b.endReturns(t)
	for _, item := range b.o.Items {
		for range item.Quantity {
			if rapid.Bool().Draw(t, "the piece comes back") && b.returnSome(t, item, 1) {
				continue
			}
			b.refund(t, true, order.RefundLine{LineID: item.LineID, Quantity: 1})
		}
		if left := b.left(item.LineID); left.IsPositive() { // an amount went back before for pieces that came back now
			b.refund(t, true, order.RefundLine{LineID: item.LineID, Amount: left.Amount})
		}
	}
	for _, l := range b.o.ShippingLines {
		b.refund(t, true, order.RefundLine{ShippingLineID: l.ShippingLineID})
	}
	b.check(t)
	require.Zero(t, b.p.Refunded.Add(b.p.Owed()).Cmp(b.p.Captured), "a full refund is what was captured")
	for id := range b.placed {
		left := b.notGoneBack(t, id)
		// Of what was discounted to nothing, price and discount are the same, and nothing goes back.
		require.True(t, left.Net().IsZero() && left.Tax().IsZero() && left.Payable.IsZero(), "%+v", left)
	}
}
