package order

import (
	"fmt"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
)

// Share returns what is captured when a planned shipment leaves. Captures are what was captured for each shipment.
//
// It is the shipment's amount where the payment service moves every amount. Where it does not, the shares of all
// shipments add up to the total: see [money.Limits.Share]. A share of zero joins that of the next shipment.
func (o Order) Share(shipmentID uuid.UUID, captures map[uuid.UUID]money.Money, l money.Limits) money.Money {
	zero := money.Zero(o.Total.Currency)
	amount, due, taken, rest := zero, zero, zero, zero
	for _, s := range o.Shipments {
		switch {
		case s.ShipmentID == shipmentID:
			amount, due = s.Amount, due.Add(s.Amount)
		case s.Status.Left():
			due, taken = due.Add(s.Amount), taken.Add(captures[s.ShipmentID])
		case s.Status == ShipmentStatusPlanned:
			rest = rest.Add(s.Amount)
		}
	}
	if l.IsZero() {
		return amount
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
	left := money.Zero(o.Total.Currency)
	for _, s := range o.Shipments {
		if s.Status == ShipmentStatusPlanned {
			left = left.Add(s.Amount)
		}
	}
	return left
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
	case l.Authorizes(total):
	case !l.InStep(total):
		for i, item := range items {
			if !l.InStep(item.Total()) {
				bad.Add(fmt.Sprintf("items[%d].unit_price", i), "the payment gateway takes %s in steps of %s, and the order comes to %s",
					total.Currency, money.Money{Amount: l.Step, Currency: total.Currency}.Text(), total.Text())
			}
		}
	case total.Amount.Cmp(l.AuthorizeMin) < 0:
		bad.Add("items", "the payment gateway takes at least %s, and the order comes to %s",
			money.Money{Amount: l.AuthorizeMin, Currency: total.Currency}, total.Text())
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
