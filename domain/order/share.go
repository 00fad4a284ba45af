package order

import (
	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/shopspring/decimal"
)

// Share returns what is captured when a planned shipment leaves. Taken is what the order's goods need no more capture
// for: what was captured for them, and what was waived.
//
// The shares of all shipments add up to the total, in whatever order they leave: see [money.Limits.Share]. A share of
// zero joins that of the next shipment. What joins none in the end is told by [Order.Unsettled].
func (o Order) Share(shipmentID uuid.UUID, taken money.Money, l money.Limits) money.Money {
	due, rest := o.Due(), o.Planned()
	if s, known := o.Leaving(shipmentID); known && s.Status == ShipmentStatusPlanned {
		due, rest = due.Add(s.Amount), rest.Sub(s.Amount)
	}
	return l.Share(due, taken, rest)
}

// Uncaptured is what the order still costs that has not left. An order that has ended costs nothing more.
func (o Order) Uncaptured() money.Money {
	switch {
	case o.Status.Ended():
		return money.Zero(o.Total.Currency)
	case o.Status == StatusCreated:
		return o.Total
	}
	return o.Planned()
}

// Due is what the shipments cost that have left, whatever has become of them since.
func (o Order) Due() money.Money { return o.sum(ShipmentStatus.Left) }

// Planned is what the shipments cost that are still to leave.
func (o Order) Planned() money.Money {
	return o.sum(func(s ShipmentStatus) bool { return s == ShipmentStatusPlanned })
}

func (o Order) sum(counts func(ShipmentStatus) bool) money.Money {
	total := money.Zero(o.Total.Currency)
	for _, s := range o.Shipments {
		if counts(s.Status) {
			total = total.Add(s.Amount)
		}
	}
	return total
}

// Unsettled tells how the shares end once no shipment is to leave any more; both are zero before. Missing is what no
// capture has taken, and none will: it is less than the gateway captures. Excess is what was taken with a share for a
// shipment that was cancelled afterwards: the customer gets it back.
func (o Order) Unsettled(taken money.Money) (missing, excess money.Money) {
	missing, excess = money.Zero(o.Total.Currency), money.Zero(o.Total.Currency)
	if o.Planned().IsPositive() {
		return missing, excess
	}
	if diff := o.Due().Sub(taken); diff.IsPositive() {
		missing = diff
	} else {
		excess = excess.Sub(diff)
	}
	return missing, excess
}

// UncapturedOf is what of a shipment that has left waits for a later capture. Captures are what was captured with each.
func (o Order) UncapturedOf(s Shipment, captures map[uuid.UUID]money.Money, taken money.Money) money.Money {
	open := o.Due().Sub(taken)
	if own := s.Amount.Sub(captures[s.ShipmentID]); own.Cmp(open) < 0 {
		open = own
	}
	if !open.IsPositive() {
		return money.Zero(o.Total.Currency)
	}
	return open
}

// CheckChargeable names what a payment service that moves these amounts can't charge of an order, as [domain.Invalids].
// Taken is false for a currency that the service does not take. It says nothing of lines that [CheckOrder] refuses. An
// order that costs nothing is not charged.
func CheckChargeable(c Content, l money.Limits, taken bool) error {
	var bad domain.Invalids
	if len(c.Items) == 0 || !sameCurrency(c.Items) {
		return nil
	}
	total := c.Total()
	switch {
	case !money.KnownCurrency(total.Currency), total.IsZero():
	case !taken:
		bad.Add("currency", "the payment gateway takes no %s", total.Currency)
	case l.Authorizes(total) && l.Captures(total):
	case !l.InStep(total):
		c.checkSteps(&bad, l, total)
	case total.Amount.Cmp(l.AuthorizeMin) < 0, total.Amount.Cmp(l.CaptureMin) < 0:
		bad.Add("items", "the payment gateway takes at least %s, and the order comes to %s",
			money.Money{Amount: decimal.Max(l.AuthorizeMin, l.CaptureMin), Currency: total.Currency}, total.Text())
	default:
		bad.Add("items", "the payment gateway takes at most %s, and the order comes to %s",
			money.Money{Amount: l.Max, Currency: total.Currency}, total.Text())
	}
	return bad.Err()
}

// checkSteps blames the parts of an order that are no multiple of the step.
func (c Content) checkSteps(bad *domain.Invalids, l money.Limits, total money.Money) {
	step := money.Money{Amount: l.Step, Currency: total.Currency}
	blame := func(field string) {
		bad.Add(field, "the payment gateway takes %s in steps of %s, and the order comes to %s", total.Currency, step.Text(), total.Text())
	}
	for i, item := range c.Items {
		switch {
		case !l.InStep(item.UnitPrice.Times(item.Quantity)):
			blame(path("items", i) + ".unit_price")
		case !l.InStep(item.Total()):
			blame(path("items", i))
		}
	}
	for i, line := range c.ShippingLines {
		if !l.InStep(line.Total()) {
			blame(path("shipping_lines", i) + ".amount")
		}
	}
}

func sameCurrency(items []Item) bool {
	for _, item := range items {
		if !item.UnitPrice.SameCurrency(items[0].UnitPrice) {
			return false
		}
	}
	return true
}
