package order

import (
	"fmt"

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
	if s := o.shipment(shipmentID); s != nil && s.Status == ShipmentStatusPlanned {
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
// Taken is false for a currency that the service does not take. It says nothing of lines that [CheckOrder] refuses.
func CheckChargeable(items []Item, l money.Limits, taken bool) error {
	var bad domain.Invalids
	if len(items) == 0 || !sameCurrency(items) {
		return nil
	}
	total := Total(items)
	switch {
	case !money.KnownCurrency(total.Currency):
	case !taken:
		bad.Add("currency", "the payment gateway takes no %s", total.Currency)
	case l.Authorizes(total) && l.Captures(total):
	case !l.InStep(total):
		for i, item := range items {
			if !l.InStep(item.Total()) {
				bad.Add(fmt.Sprintf("items[%d].unit_price", i), "the payment gateway takes %s in steps of %s, and the order comes to %s",
					total.Currency, money.Money{Amount: l.Step, Currency: total.Currency}.Text(), total.Text())
			}
		}
	case total.Amount.Cmp(l.AuthorizeMin) < 0, total.Amount.Cmp(l.CaptureMin) < 0:
		bad.Add("items", "the payment gateway takes at least %s, and the order comes to %s",
			money.Money{Amount: decimal.Max(l.AuthorizeMin, l.CaptureMin), Currency: total.Currency}, total.Text())
	default:
		bad.Add("items", "the payment gateway takes at most %s, and the order comes to %s",
			money.Money{Amount: l.Max, Currency: total.Currency}, total.Text())
	}
	return bad.Err()
}

func sameCurrency(items []Item) bool {
	for _, item := range items {
		if !item.UnitPrice.SameCurrency(items[0].UnitPrice) {
			return false
		}
	}
	return true
}
