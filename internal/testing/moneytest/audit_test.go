package moneytest_test

import (
	"slices"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/attention"
	"github.com/orderloom/orderloom/domain/catalog"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/payments/stripe/stripefake"
	"github.com/orderloom/orderloom/readmodel"
)

// audit compares what the gateway has done, what the books say, what people are shown, and what lies in stock.
func (l *life) audit() {
	s := l.look()
	view := l.view()
	l.auditGateway(s)
	l.auditRequests()
	l.auditView(s, view)
	l.auditObligations(s, view)
	l.auditCustomer(s)
	l.auditStock(s)
	l.auditPreviews()
}

// view is the order as the API shows it.
func (l *life) view() readmodel.OrderView {
	load := func(aggregateType string, id uuid.UUID) []domain.Envelope {
		events, err := l.store.Load(l.ctx, eventstore.StreamID{Type: aggregateType, ID: id}, 0)
		if err != nil {
			panic(err)
		}
		return events
	}
	v, err := readmodel.FoldOrder(load(domain.AggregateOrder, l.orderID), load(domain.AggregatePayment, payment.ID(l.orderID)))
	if err != nil {
		panic(err)
	}
	shown, err := v.Shown().View()
	if err != nil {
		panic(err)
	}
	return shown
}

// ledger sums up what the gateway has done to a payment. What a single capture took beyond what was asked for, and a
// void gave back, is neither captured nor refunded.
type ledger struct{ held, captured, refunded, authorized money.Money }

func (l *life) ledger(s sight) ledger {
	var held, taken, refunded, authorized int64
	for _, pi := range s.intents {
		held, taken, authorized = held+pi.Held, taken+pi.Captured, max(authorized, pi.Amount)
		for _, r := range pi.Refunds {
			switch {
			case !r.Live():
			case isExcess(r):
				taken -= r.Amount
			default:
				refunded += r.Amount
			}
		}
	}
	return ledger{held: l.minor(held), captured: l.minor(taken), refunded: l.minor(refunded), authorized: l.minor(authorized)}
}

func (l *life) minor(n int64) money.Money { return money.FromMinorUnits(n, l.setting.currency) }

// auditGateway compares the books with the gateway.
func (l *life) auditGateway(s sight) {
	g, none := l.ledger(s), money.Zero(l.setting.currency)
	books := ledger{held: none.Add(s.p.Capturable()), captured: none.Add(s.p.Captured), refunded: none.Add(s.p.Refunded.Sub(s.p.RefundedOutside()))}
	if !l.now().Before(s.p.ExpiresAt) && !s.o.Status.Ended() {
		books.held = none // the saga notices it with the next shipment
	}
	open := none.Add(s.p.Capturable())
	if ahead := g.captured.Sub(books.captured); !s.o.Status.Ended() && l.capturesOnce() && ahead.IsPositive() && ahead.Cmp(open) <= 0 {
		// What a single capture took for the shipments that are still to leave. That it is kept beyond the end of the
		// authorisation is recorded by the saga of an order that stays open.
		g.captured = g.captured.Sub(ahead)
		if books.held.IsPositive() {
			g.held = g.held.Add(ahead)
		}
	}
	if s.p.VoidFailure != nil { // a person is told of it, also of what the customer has confirmed at the bank since
		g.held, g.captured = books.held, books.captured
	}
	for what, pair := range map[string][2]money.Money{
		"held": {g.held, books.held}, "captured": {g.captured, books.captured}, "refunded": {g.refunded, books.refunded},
	} {
		if pair[0].Cmp(pair[1]) != 0 {
			l.fault("%s: the gateway says %s, the books say %s", what, pair[0].Text(), pair[1].Text())
		}
	}
	twice := none // what was captured in the dashboard and went back, so that its goods were paid for otherwise
	for _, c := range s.p.CapturedElsewhere {
		twice = twice.Add(c.Amount)
	}
	if twice.Cmp(g.refunded) > 0 {
		twice = g.refunded
	}
	total := l.setting.limits.Ceil(l.ordered())
	for _, r := range s.p.Refunds { // it was taken anew after it had gone back, and came back from the bank later
		total = total.Add(r.Amount).Sub(r.Live())
	}
	if g.captured.Sub(twice).Cmp(total) > 0 {
		l.fault("%s was captured, and at most %s may be", g.captured.Text(), total.Text())
	}
	asked := money.Zero(l.setting.currency)
	for _, r := range s.p.Refunds {
		if !r.MadeElsewhere {
			asked = asked.Add(r.Live())
		}
	}
	if asked.Cmp(books.captured) > 0 {
		l.fault("%s was given back of %s", asked.Text(), books.captured.Text())
	}
	l.auditIntents(s)
	if g.held.IsPositive() && s.o.Status.Ended() && s.p.VoidFailure == nil {
		l.fault("%s is still held for an order that has ended", g.held.Text())
	}
}

// ordered is what the order has cost with all that came to it, whatever was taken out of it since.
func (l *life) ordered() money.Money {
	sum := l.setting.content().Total()
	for _, f := range l.facts() {
		for _, e := range f.orders {
			if edited, ok := e.(order.OrderEdited); ok {
				sum = sum.Add(edited.Amount)
			}
		}
	}
	return sum
}

// auditRequests looks at the books after each event. Never more is asked back than was captured, whatever the gateway
// would have refused.
func (l *life) auditRequests() {
	events, err := l.store.Load(l.ctx, eventstore.StreamID{Type: domain.AggregatePayment, ID: payment.ID(l.orderID)}, 0)
	if err != nil {
		panic(err)
	}
	var p payment.Payment
	for _, env := range events {
		e, err := catalog.Decode(env)
		if err != nil {
			panic(err)
		}
		p = payment.Evolve(p, e)
		asked := money.Zero(l.setting.currency)
		for _, r := range p.Refunds {
			if !r.MadeElsewhere {
				asked = asked.Add(r.Live())
			}
		}
		if _, requested := e.(payment.RefundRequested); requested && asked.Cmp(p.Captured) > 0 {
			l.fault("with event %d, %s is asked back of %s", env.Version, asked.Text(), p.Captured.Text())
			return
		}
	}
}

func (l *life) capturesOnce() bool {
	return l.onceOnly || l.setting.singleOnly || l.setting.card == stripefake.CardOnceOnly || l.setting.card == stripefake.CardBreaksPromise
}

// auditIntents looks at each of the gateway's payments. At most what was authorised was taken, and at most what was
// taken went back. Each request was carried out once.
func (l *life) auditIntents(s sight) {
	seen := map[string]bool{}
	for _, pi := range s.intents {
		if pi.Captured > pi.Amount || left(pi) < 0 {
			l.fault("%s of %d: %d captured, %d of it left", pi.ID, pi.Amount, pi.Captured, left(pi))
		}
		for _, r := range pi.Refunds {
			if r.Key == "" || isExcess(r) {
				continue
			}
			if seen[r.Key] {
				l.fault("request %s was refunded twice", r.Key)
			}
			seen[r.Key] = true
			l.auditRefund(s, pi, r)
		}
	}
}

// auditRefund compares a refund at the gateway with the attempt in the books that it was made for.
func (l *life) auditRefund(s sight, pi stripefake.Intent, r stripefake.Refund) {
	id, number, ok := payment.ParseRefundKey(s.p.ID, r.Key)
	known, found := s.p.Refund(id)
	if !ok || !found {
		l.fault("refund %s of %d is not in the books", r.ID, r.Amount)
		return
	}
	for _, a := range known.Attempts {
		if a.Attempt != number {
			continue
		}
		if a.Amount.MinorUnits() != r.Amount || (a.Status == payment.RefundStatusPaid) != r.Live() {
			l.fault("refund %s of %d is %s at the gateway, and in the books %s %s", r.ID, r.Amount, r.Status, a.Amount.Text(), a.Status)
		}
		return
	}
	l.fault("refund %s of %d from %s was never requested", r.ID, r.Amount, pi.ID)
}

// auditView compares what people are shown with the books.
func (l *life) auditView(s sight, v readmodel.OrderView) {
	none := money.Zero(l.setting.currency)
	if v.Captured.Cmp(none.Add(s.p.Captured)) != 0 || v.Refunded.Cmp(none.Add(s.p.Refunded)) != 0 || v.Status != s.o.Status {
		l.fault("shown are %s, %s captured and %s refunded", v.Status, v.Captured.Text(), v.Refunded.Text())
	}
	if len(v.Refunds) != len(s.p.Refunds) {
		l.fault("%d of %d refunds are shown", len(v.Refunds), len(s.p.Refunds))
	}
}

// auditObligations demands that each refund is paid, or waits for a person who is told.
func (l *life) auditObligations(s sight, v readmodel.OrderView) {
	waits := func(cause attention.Cause, refundID uuid.UUID) bool {
		for _, item := range v.Attention {
			if item.Cause == cause && (refundID == uuid.Nil || item.RefundID == refundID) {
				return true
			}
		}
		return false
	}
	for _, r := range v.Refunds {
		switch r.Status {
		case payment.RefundStatusPaid:
		case payment.RefundStatusFailed:
			if !waits(attention.CauseRefundFailed, r.RefundID) {
				l.fault("refund %s of %s has failed, and nobody is told", r.RefundID, r.Amount.Text())
			}
		default:
			l.fault("refund %s of %s for %s is %s in the end", r.RefundID, r.Amount.Text(), r.Reason, r.Status)
		}
	}
	if s.p.VoidFailure != nil && !waits(attention.CauseVoidFailed, uuid.Nil) {
		l.fault("a void was refused, and nobody is told")
	}
}

// auditCustomer compares what the customer has paid in the end with what the goods are worth that they keep.
func (l *life) auditCustomer(s sight) {
	none := money.Zero(l.setting.currency)
	net := none.Add(s.p.Captured).Sub(s.p.Refunded)
	for _, d := range s.p.Disputes {
		if d.Status == payment.DisputeStatusLost {
			net = net.Sub(d.Amount)
		}
	}
	kept := none
	for _, shipment := range s.o.Shipments {
		if shipment.Status == order.ShipmentStatusDelivered || shipment.Status == order.ShipmentStatusDispatched {
			for _, line := range shipment.Lines {
				kept = kept.Add(line.Kept())
			}
			for _, share := range shipment.Shipping {
				kept = kept.Add(share.Amount)
			}
		}
	}
	slack := money.Money{Amount: l.setting.limits.Step.Add(l.setting.limits.CaptureMin), Currency: l.setting.currency}
	given, outstanding := none, none.Add(l.writtenOff) // without goods, and still to be paid
	for _, r := range s.p.Refunds {
		if !r.Owed {
			given = given.Add(r.Live())
		}
		if r.Owed && r.Status() == payment.RefundStatusFailed {
			outstanding = outstanding.Add(r.Remaining())
		}
	}
	for _, d := range s.p.Disputes {
		if d.Status == payment.DisputeStatusLost {
			given = given.Add(d.Amount)
		}
	}
	if !s.o.Status.Ended() {
		// What was captured elsewhere pays for what is still to leave, and a person is told of what exceeds that.
		unapplied := s.p.Unapplied()
		outstanding = outstanding.Add(unapplied)
		told := slices.ContainsFunc(attention.Of(s.o, s.p), func(i attention.Item) bool { return i.Cause == attention.CauseCapturedInExcess })
		if excess := unapplied.Sub(s.o.Planned()).Sub(slack); excess.IsPositive() && !told {
			l.fault("%s more was captured than the order costs, and nobody is told", excess.Text())
		}
	}
	if net.Cmp(kept.Add(outstanding).Add(slack)) > 0 {
		l.fault("the customer has paid %s for goods worth %s, and %s is outstanding", net.Text(), kept.Text(), outstanding.Text())
	}
	if net.Add(given).Add(slack).Cmp(kept) < 0 {
		l.fault("the customer has paid %s and was given %s, for goods worth %s", net.Text(), given.Text(), kept.Text())
	}
}

// auditStock compares the stock with what has left and come back.
func (l *life) auditStock(s sight) {
	gone, reserved := map[place]int{}, map[place]int{}
	for _, shipment := range s.o.Shipments {
		if shipment.Digital() {
			continue
		}
		for _, line := range shipment.Lines {
			at := place{line.SKU, shipment.Location}
			switch shipment.Status {
			case order.ShipmentStatusDispatched, order.ShipmentStatusDelivered, order.ShipmentStatusLost:
				gone[at] += line.Quantity
			case order.ShipmentStatusPlanned:
				reserved[at] += line.Quantity
			}
		}
	}
	if s.o.Editing != nil { // its money is waited for
		for _, al := range s.o.Editing.Allocations {
			reserved[place{al.SKU, al.Location}] += al.Quantity
		}
	}
	events, err := l.store.Load(l.ctx, eventstore.StreamID{Type: domain.AggregateOrder, ID: l.orderID}, 0)
	if err != nil {
		panic(err)
	}
	for _, env := range events {
		e, err := catalog.Decode(env)
		if err != nil {
			panic(err)
		}
		if returned, ok := e.(order.OrderReturned); ok {
			for _, line := range returned.Lines {
				if line.Restock {
					gone[place{line.SKU, line.Location}] -= line.Quantity
				}
			}
		}
	}
	for at, received := range l.received {
		item, _, err := eventstore.Fold(l.ctx, l.events, stockItems, inventory.ID(at.sku, at.location))
		if err != nil {
			panic(err)
		}
		if item.OnHand != received-gone[at] || item.Reserved != reserved[at] {
			l.fault("%s at %s: %d on hand and %d reserved, should be %d and %d",
				at.sku, at.location, item.OnHand, item.Reserved, received-gone[at], reserved[at])
		}
	}
}
