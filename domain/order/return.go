package order

import (
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
)

// ReturnWindow is how long after its delivery an order may be returned. It is a month, beyond the fourteen days of
// the EU's Consumer Rights Directive (2011/83/EU, article 9).
const ReturnWindow = 30 * 24 * time.Hour

// Refusals.
const (
	// CodeNotReturnable refuses a return of goods that were not delivered.
	CodeNotReturnable domain.ErrorCode = "not_returnable"
	// CodeReturnWindowClosed refuses a return that comes later than [ReturnWindow] after the delivery.
	CodeReturnWindowClosed domain.ErrorCode = "return_window_closed"
)

// ReturnOrder reports goods that came back.
type ReturnOrder struct {
	ReturnID uuid.UUID
	Lines    []ReturnLine
	Reason   string
	At       time.Time
}

// ReturnLine is how many pieces of a SKU came back.
type ReturnLine struct {
	SKU      string `json:"sku"`
	Quantity int    `json:"quantity"`
	// Restock is false for pieces that can't be sold again.
	Restock bool `json:"restock"`
}

// Return records goods that came back, and what they had cost.
//
// It returns no events for a return known already. Errors: not_found; not_returnable before the order
// is delivered; return_window_closed; [domain.Invalids] for more pieces than were delivered and kept.
func Return(o Order, c ReturnOrder) ([]domain.Event, error) {
	switch {
	case o.Status == "":
		return nil, notFound(o)
	case slices.ContainsFunc(o.Returns, func(r Refundable) bool { return r.ReturnID == c.ReturnID }):
		return nil, nil
	case o.Status != StatusDelivered:
		return nil, domain.Refuse(CodeNotReturnable, "order %s is %s, not delivered", o.Number, o.Status)
	case c.At.After(o.DeliveredAt.Add(ReturnWindow)):
		return nil, domain.Refuse(CodeReturnWindowClosed, "order %s could be returned until %s",
			o.Number, o.DeliveredAt.Add(ReturnWindow).Format(time.RFC3339))
	}
	e := OrderReturned{OrderID: o.ID, ReturnID: c.ReturnID, Amount: money.Zero(o.Total.Currency), Reason: c.Reason, ReturnedAt: c.At}
	var bad domain.Invalids
	checkRequest(&bad, "return_id", c.ReturnID, len(c.Lines))
	bad.Text("reason", c.Reason, TextLengthMax)
	if len(bad) > 0 {
		return nil, bad
	}
	after := o.Clone()
	for i, line := range c.Lines {
		taken, short := after.takeBack(line)
		if line.Quantity < 1 {
			bad.Add(fmt.Sprintf("lines[%d].quantity", i), "must be at least 1, got %d", line.Quantity)
		} else if short > 0 {
			bad.Add(fmt.Sprintf("lines[%d]", i), "of %s only %d were delivered and not returned yet", domain.Clip(line.SKU), line.Quantity-short)
		}
		for _, t := range taken {
			e.Amount = e.Amount.Add(t.Amount)
		}
		e.Lines = append(e.Lines, taken...)
	}
	if err := bad.Err(); err != nil {
		return nil, err
	}
	return []domain.Event{e}, nil
}

// takeBack marks pieces of delivered shipments as returned, changing the shipments of o.
func (o Order) takeBack(line ReturnLine) (taken []ReturnedLine, short int) {
	short = line.Quantity
	for i := range o.Shipments {
		s := &o.Shipments[i]
		if s.Status != ShipmentStatusDelivered {
			continue
		}
		for j := range s.Lines {
			l := &s.Lines[j]
			n := min(short, l.Quantity-l.Returned)
			if l.SKU != line.SKU || n <= 0 {
				continue
			}
			short -= n
			l.Returned += n
			taken = append(taken, ReturnedLine{SKU: l.SKU, Quantity: n, Location: s.Location, Restock: line.Restock, Amount: l.UnitPrice.Times(n)})
		}
	}
	return taken, short
}

func (o Order) withReturn(e OrderReturned) Order {
	o = o.Clone()
	o.Returns = append(o.Returns, Refundable{ReturnID: e.ReturnID, Amount: e.Amount})
	for _, l := range e.Lines {
		o.takeBack(ReturnLine{SKU: l.SKU, Quantity: l.Quantity, Restock: l.Restock})
	}
	return o
}
