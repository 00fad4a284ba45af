package order

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/pricing"
)

// CancelLines asks to take pieces out of an order.
type CancelLines struct {
	RequestID uuid.UUID
	Lines     []LineQuantity
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
// carried out under the same id; as [CanCancelLines]; as [CancelLines.Check]. It blames entries that name no line or
// several, and those that ask for more pieces than there are, as [domain.Invalids]. When nothing of the order would
// be left, the error is nothing_left: that is for [Cancel].
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
		OrderID: o.ID, RequestID: c.RequestID, RequestContent: c.Request().Content, Amount: money.Zero(o.Total.Currency),
		Reason: c.Reason, CancelledBy: c.By, CancelledAt: c.At,
	}
	var bad domain.Invalids
	after := o.Clone()
	for _, taken := range takeLines(o, &bad, c.Lines, "have not left yet", after.takeFromShipments) {
		for _, t := range taken {
			e.Amount = e.Amount.Add(t.Amount)
		}
		e.Lines = append(e.Lines, taken...)
	}
	if err := bad.Err(); err != nil {
		return nil, err
	}
	e.Shipping = after.rescueShipping()
	e.Amount = e.Amount.Add(sumOf(e.Shipping, o.Total.Currency))
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
	checkRequestID(&bad, "request_id", c.RequestID)
	checkLines(&bad, c.Lines)
	checkCancel(&bad, c.Reason, c.By)
	return bad.Err()
}

// Request is over how many pieces of which lines, why, and for whom: in whatever order they stand. Each line counts as
// it is named. So a request that comes again is known, whatever its SKU means by then.
func (c CancelLines) Request() Request {
	pieces := map[string]int{}
	for _, l := range c.Lines {
		name := strconv.Quote(l.SKU)
		if l.LineID != uuid.Nil {
			name = l.LineID.String() + " " + name
		}
		pieces[name] += l.Quantity
	}
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(pieces)) {
		fmt.Fprintf(&text, "%s %d ", name, pieces[name])
	}
	fmt.Fprintf(&text, "%q %q", c.Reason, c.By)
	return Request{ID: c.RequestID, Content: domain.DerivedID(c.RequestID, text.String())}
}

// request is the one that the event carries out.
func (e OrderLinesCancelled) request() Request {
	return Request{ID: e.RequestID, Content: e.RequestContent}
}

func checkRequestID(bad *domain.Invalids, field string, id uuid.UUID) {
	if id == uuid.Nil {
		bad.Add(field, "is required")
	}
}

// takeFromShipments takes pieces of a line out of the shipments of o that have not left, the last ones first. It
// changes the shipments.
func (o Order) takeFromShipments(lineID uuid.UUID, quantity int) (taken []CancelledLine, short int) {
	short = quantity
	for i := len(o.Shipments) - 1; i >= 0 && short > 0; i-- {
		s := &o.Shipments[i]
		j := s.line(lineID)
		if s.Status != ShipmentStatusPlanned || j < 0 {
			continue
		}
		l := s.Lines[j]
		n := min(short, l.Quantity)
		short -= n
		cost := s.take(j, n)
		taken = append(taken, CancelledLine{
			ShipmentID: s.ShipmentID, Location: s.Location, LineID: lineID, SKU: l.SKU, Quantity: n, Amount: cost.Payable, Money: cost.Detail(),
		})
	}
	return taken, short
}

// take takes n pieces out of line j, and returns what they had cost.
func (s *Shipment) take(j, n int) pricing.Breakdown {
	l := &s.Lines[j]
	cost := l.next(n)
	s.Amount = s.Amount.Sub(cost.Payable)
	l.Quantity, l.Cancelled = l.Quantity-n, l.Cancelled+n
	if l.Quantity == 0 {
		s.Lines = slices.Delete(s.Lines, j, j+1)
	}
	if len(s.Lines) == 0 {
		s.Status = ShipmentStatusCancelled
	}
	return cost
}

// withoutLines takes the cancelled pieces out of the shipments and out of the order's own lines.
func (o Order) withoutLines(e OrderLinesCancelled) Order {
	o = o.Clone().withRequest(e.request())
	o.Total = o.Total.Sub(e.Amount)
	for _, c := range e.Lines {
		c = c.named(o)
		if s := o.shipment(c.ShipmentID); s != nil {
			if j := s.line(c.LineID); j >= 0 {
				s.take(j, c.Quantity)
			}
		}
		if i := o.item(c.LineID); i >= 0 {
			item := &o.Items[i]
			item.Money = item.Breakdown().Sub(breakdown(c.Money, c.Amount)).Detail()
			if item.Quantity -= c.Quantity; item.Quantity == 0 {
				o.Items = slices.Delete(o.Items, i, i+1)
			}
		}
	}
	o.rescueShipping()
	o.withoutShipping(e.Shipping)
	return o
}
