package order

import (
	"fmt"
	"maps"
	"slices"
	"strings"
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

// ReturnLine is how many pieces of a line came back. The line is named as in [LineQuantity].
type ReturnLine struct {
	LineID   uuid.UUID `json:"line_id,omitzero"`
	SKU      string    `json:"sku,omitempty"`
	Quantity int       `json:"quantity"`
	// Restock is false for pieces that can't be sold again.
	Restock bool `json:"restock"`
}

// Return records goods that came back, and what they had cost.
//
// It returns no events for a return known already. Errors: not_found; idempotency_key_reused when another return is
// known by this id; not_returnable before the order is delivered; return_window_closed. [domain.Invalids] blame entries
// that name no line or several, and those of more pieces than were delivered and kept.
func Return(o Order, c ReturnOrder) ([]domain.Event, error) {
	if o.Status == "" {
		return nil, notFound(o)
	}
	if known, err := o.CarriedOut(c.request(o)); known || err != nil {
		return nil, err
	}
	switch {
	case o.Status != StatusDelivered:
		return nil, domain.Refuse(CodeNotReturnable, "order %s is %s, not delivered", o.Number, o.Status)
	case c.At.After(o.DeliveredAt.Add(ReturnWindow)):
		return nil, domain.Refuse(CodeReturnWindowClosed, "order %s could be returned until %s",
			o.Number, o.DeliveredAt.Add(ReturnWindow).Format(time.RFC3339))
	}
	e := OrderReturned{OrderID: o.ID, ReturnID: c.ReturnID, Amount: money.Zero(o.Total.Currency), Reason: c.Reason, ReturnedAt: c.At}
	var bad domain.Invalids
	checkRequestID(&bad, "return_id", c.ReturnID)
	checkLines(&bad, c.Pieces())
	bad.Text("reason", c.Reason, TextLengthMax)
	if len(bad) > 0 {
		return nil, bad
	}
	after := o.Clone()
	for i, taken := range takeLines(o, &bad, c.Pieces(), "were delivered and not returned yet", after.takeBack) {
		for _, t := range taken {
			t.Restock = c.Lines[i].Restock
			e.Amount = e.Amount.Add(t.Amount)
			e.Lines = append(e.Lines, t)
		}
	}
	if err := bad.Err(); err != nil {
		return nil, err
	}
	return []domain.Event{e}, nil
}

// Pieces are the lines of the return without what is to become of them.
func (c ReturnOrder) Pieces() []LineQuantity {
	pieces := make([]LineQuantity, len(c.Lines))
	for i, l := range c.Lines {
		pieces[i] = LineQuantity{LineID: l.LineID, SKU: l.SKU, Quantity: l.Quantity}
	}
	return pieces
}

// takeBack marks pieces of a line in delivered shipments as returned, changing the shipments of o.
func (o Order) takeBack(lineID uuid.UUID, quantity int) (taken []ReturnedLine, short int) {
	short = quantity
	for i := range o.Shipments {
		s := &o.Shipments[i]
		j := s.line(lineID)
		if s.Status != ShipmentStatusDelivered || j < 0 {
			continue
		}
		l := &s.Lines[j]
		n := min(short, l.Quantity-l.Returned)
		if n <= 0 {
			continue
		}
		short -= n
		cost := l.next(n)
		l.Returned += n
		taken = append(taken, ReturnedLine{
			ShipmentID: s.ShipmentID, LineID: lineID, SKU: l.SKU, Quantity: n, Location: s.Location, Amount: cost.Payable, Money: cost.Detail(),
		})
	}
	return taken, short
}

// request is over how many pieces of which lines came back, what becomes of them, and why: however the lines are named.
func (c ReturnOrder) request(o Order) Request {
	pieces := map[string]int{}
	for i, l := range c.Pieces() {
		name := l.SKU
		if line, known := o.lineMeant(new(domain.Invalids), "", l); known {
			name = line.LineID.String()
		}
		pieces[fmt.Sprintf("%q restock %t", name, c.Lines[i].Restock)] += l.Quantity
	}
	return returnRequest(c.ReturnID, pieces, c.Reason)
}

// request is the one that the event carries out.
func (e OrderReturned) request(o Order) Request {
	pieces := map[string]int{}
	for _, l := range e.Lines {
		pieces[fmt.Sprintf("%q restock %t", l.named(o).LineID.String(), l.Restock)] += l.Quantity
	}
	return returnRequest(e.ReturnID, pieces, e.Reason)
}

func returnRequest(id uuid.UUID, pieces map[string]int, reason string) Request {
	var text strings.Builder
	for _, line := range slices.Sorted(maps.Keys(pieces)) {
		fmt.Fprintf(&text, "%s %d ", line, pieces[line])
	}
	fmt.Fprintf(&text, "%q", reason)
	return Request{ID: id, Content: domain.DerivedID(id, "return "+text.String())}
}

func (o Order) withReturn(e OrderReturned) Order {
	o = o.Clone().withRequest(e.request(o))
	o.Returns = append(o.Returns, Refundable{ReturnID: e.ReturnID, Amount: e.Amount, Reason: e.Reason, ReturnedAt: e.ReturnedAt})
	for _, l := range e.Lines {
		l = l.named(o)
		if s := o.shipment(l.ShipmentID); s != nil {
			if j := s.line(l.LineID); j >= 0 {
				s.Lines[j].Returned += l.Quantity
			}
		}
	}
	return o
}
