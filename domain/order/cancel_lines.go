package order

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/money"
)

// CancelLines asks to take pieces out of an order.
type CancelLines struct {
	RequestID uuid.UUID
	Lines     []inventory.Line
	Reason    string
	By        string
	At        time.Time
}

// CodeNothingLeft refuses to cancel lines when nothing of the order would be left.
const CodeNothingLeft domain.ErrorCode = "nothing_left"

// CancelPart takes pieces out of shipments that have not left, the last shipments first. The rest of the order goes
// on, and ends when all that it still waited for is cancelled.
//
// It returns no events when the request was carried out before. Errors: idempotency_key_reused when another one was
// carried out under the same id; as [CanCancelLines]; as [CancelLines.Check]. It blames lines that ask for more
// pieces than there are, as [domain.Invalids]. When nothing of the order would be left, the error is nothing_left:
// that is for [Cancel].
func CancelPart(o Order, c CancelLines) ([]domain.Event, error) {
	if o.Status == "" {
		return nil, notFound(o)
	}
	if done, err := o.CarriedOut(c.Request()); done || err != nil {
		return nil, err
	}
	if err := CanCancelLines(o); err != nil {
		return nil, err
	}
	if err := c.Check(); err != nil {
		return nil, err
	}
	e := OrderLinesCancelled{
		OrderID: o.ID, RequestID: c.RequestID, Amount: money.Zero(o.Total.Currency), Reason: c.Reason, CancelledBy: c.By, CancelledAt: c.At,
	}
	var bad domain.Invalids
	after := o.Clone()
	for i, line := range c.Lines {
		taken, short := takeFromShipments(after, line)
		if line.Quantity < 1 {
			bad.Add(fmt.Sprintf("lines[%d].quantity", i), "must be at least 1, got %d", line.Quantity)
		} else if short > 0 {
			bad.Add(fmt.Sprintf("lines[%d]", i), "of %s only %d have not left yet", domain.Clip(line.SKU), line.Quantity-short)
		}
		for _, t := range taken {
			e.Amount = e.Amount.Add(t.Amount)
		}
		e.Lines = append(e.Lines, taken...)
	}
	if err := bad.Err(); err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(after.Shipments, func(s Shipment) bool { return len(s.Lines) > 0 }) {
		return nil, domain.Refuse(CodeNothingLeft, "nothing of order %s would be left: cancel the order", o.Number)
	}
	// What was cancelled may have been all that the order still waited for.
	return append([]domain.Event{e}, after.end(c.At)...), nil
}

// CanCancelLines says why no line of an order can be cancelled; nil when some may. Errors: not_found; not_cancellable
// unless the order is confirmed or shipped.
func CanCancelLines(o Order) error {
	switch o.Status {
	case "":
		return notFound(o)
	case StatusConfirmed, StatusShipped:
		return nil
	default:
		return domain.Refuse(CodeNotCancellable, "order %s is %s: lines can be cancelled once it is confirmed and before they leave",
			o.Number, o.Status)
	}
}

// Check names what is wrong with the request whatever the order holds, as [domain.Invalids].
func (c CancelLines) Check() error {
	var bad domain.Invalids
	checkRequest(&bad, "request_id", c.RequestID, len(c.Lines))
	checkCancel(&bad, c.Reason, c.By)
	return bad.Err()
}

// Request is over how many pieces of which SKUs, why, and for whom: however the lines are written.
func (c CancelLines) Request() Request {
	pieces := map[string]int{}
	for _, l := range c.Lines {
		pieces[l.SKU] += l.Quantity
	}
	var text strings.Builder
	for _, sku := range slices.Sorted(maps.Keys(pieces)) {
		fmt.Fprintf(&text, "%q %d ", sku, pieces[sku])
	}
	fmt.Fprintf(&text, "%q %q", c.Reason, c.By)
	return Request{ID: c.RequestID, Content: domain.DerivedID(c.RequestID, text.String())}
}

// request is the one that the event carries out: all that was asked for.
func (e OrderLinesCancelled) request() Request {
	c := CancelLines{RequestID: e.RequestID, Reason: e.Reason, By: e.CancelledBy, At: e.CancelledAt}
	for _, l := range e.Lines {
		c.Lines = append(c.Lines, inventory.Line{SKU: l.SKU, Quantity: l.Quantity})
	}
	return c.Request()
}

func checkRequest(bad *domain.Invalids, idField string, id uuid.UUID, lines int) {
	if id == uuid.Nil {
		bad.Add(idField, "is required")
	}
	if lines < 1 || lines > ItemsMax {
		bad.Add("lines", "has from 1 to %d entries, got %d", ItemsMax, lines)
	}
}

// takeFromShipments takes pieces out of the shipments of o that have not left, the last ones first.
func takeFromShipments(o Order, line inventory.Line) (taken []CancelledLine, short int) {
	short = line.Quantity
	for i := len(o.Shipments) - 1; i >= 0 && short > 0; i-- {
		s := &o.Shipments[i]
		if s.Status != ShipmentStatusPlanned {
			continue
		}
		for j := len(s.Lines) - 1; j >= 0 && short > 0; j-- {
			l := &s.Lines[j]
			if l.SKU != line.SKU {
				continue
			}
			n := min(short, l.Quantity)
			short -= n
			amount := l.UnitPrice.Times(n)
			taken = append(taken, CancelledLine{ShipmentID: s.ShipmentID, Location: s.Location, SKU: l.SKU, Quantity: n, Amount: amount})
			s.take(j, n)
		}
	}
	return taken, short
}

// take takes n pieces out of line j.
func (s *Shipment) take(j, n int) {
	s.Amount = s.Amount.Sub(s.Lines[j].UnitPrice.Times(n))
	if s.Lines[j].Quantity -= n; s.Lines[j].Quantity == 0 {
		s.Lines = slices.Delete(s.Lines, j, j+1)
	}
	if len(s.Lines) == 0 {
		s.Status = ShipmentStatusCancelled
	}
}

// withoutLines takes the cancelled pieces out of the shipments and out of the order's own lines.
func (o Order) withoutLines(e OrderLinesCancelled) Order {
	o = o.Clone().withRequest(e.request())
	o.Total = o.Total.Sub(e.Amount)
	for _, c := range e.Lines {
		s := o.shipment(c.ShipmentID)
		if s == nil {
			continue
		}
		price := c.Amount
		for j := len(s.Lines) - 1; j >= 0; j-- {
			if l := s.Lines[j]; l.SKU == c.SKU && l.Quantity >= c.Quantity && l.UnitPrice.Times(c.Quantity).Cmp(price) == 0 {
				s.take(j, c.Quantity)
				break
			}
		}
		for j := len(o.Items) - 1; j >= 0; j-- {
			if item := &o.Items[j]; item.SKU == c.SKU && item.Quantity >= c.Quantity && item.UnitPrice.Times(c.Quantity).Cmp(price) == 0 {
				if item.Quantity -= c.Quantity; item.Quantity == 0 {
					o.Items = slices.Delete(o.Items, j, j+1)
				}
				break
			}
		}
	}
	return o
}
