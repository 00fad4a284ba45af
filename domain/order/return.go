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
// the EU's Consumer Rights Directive (2011/83/EU, article 9). A return that was requested in time may come later.
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
	// Location takes the pieces in; empty for the one that they had left from.
	Location string `json:"location,omitempty"`
	// Reason and Note say why they came back.
	Reason ReturnReason `json:"reason,omitempty"`
	Note   string       `json:"note,omitempty"`
}

// Return records goods that came back, and what they had cost. Nobody has asked for it before: it is requested,
// approved and received at once.
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
	if err := canReturn(o, c.At); err != nil {
		return nil, err
	}
	return c.takeBack(o)
}

// canReturn says why nothing of an order may be returned; nil when some may.
func canReturn(o Order, at time.Time) error {
	switch {
	case o.Status != StatusDelivered:
		return domain.Refuse(CodeNotReturnable, "order %s is %s, not delivered", o.Number, o.Status)
	case at.After(o.DeliveredAt.Add(ReturnWindow)):
		return domain.Refuse(CodeReturnWindowClosed, "order %s could be returned until %s",
			o.Number, o.DeliveredAt.Add(ReturnWindow).Format(time.RFC3339))
	}
	return nil
}

// Receive records the goods of an approved return that came back, and what they had cost. Fewer pieces than were
// approved may come, and then no more of them are expected. Goods of a return that has expired may still come.
//
// It returns no events when the same was recorded before. Errors: not_found; return_not_approved; return_decided when
// the return has ended otherwise. [domain.Invalids] blame entries that name no line or several, and those of more
// pieces than were approved.
func Receive(o Order, c ReturnOrder) ([]domain.Event, error) {
	r, err := findReturn(o, c.ReturnID)
	if err != nil {
		return nil, err
	}
	switch r.Status {
	case ReturnStatusApproved, ReturnStatusExpired:
	case ReturnStatusRequested:
		return nil, domain.Refuse(CodeReturnNotApproved, "return %s of order %s is not approved", r.ReturnID, o.Number)
	default:
		if slices.Contains(o.Asked, c.request(o).Content) {
			return nil, nil
		}
		return nil, r.decided(o)
	}
	var bad domain.Invalids
	came := map[uuid.UUID]int{}
	for i, l := range c.Pieces() {
		if line, known := o.lineMeant(new(domain.Invalids), "", l); known {
			if came[line.LineID] += l.Quantity; came[line.LineID] > r.Quantity(line.LineID) {
				bad.Add(path("lines", i), "of this line of %s only %d are approved to come back", domain.Clip(line.SKU), r.Quantity(line.LineID))
			}
		}
	}
	if err := bad.Err(); err != nil {
		return nil, err
	}
	return c.takeBack(o)
}

// takeBack returns the event of goods that came back.
func (c ReturnOrder) takeBack(o Order) ([]domain.Event, error) {
	e := OrderReturned{
		OrderID: o.ID, ReturnID: c.ReturnID, RequestContent: c.request(o).Content, Amount: money.Zero(o.Total.Currency), Reason: c.Reason, ReturnedAt: c.At,
	}
	if r, known := o.FindReturn(c.ReturnID); known {
		e.Reason = r.Reason
	}
	var bad domain.Invalids
	checkRequestID(&bad, "return_id", c.ReturnID)
	checkLines(&bad, c.Pieces())
	bad.Text("reason", c.Reason, TextLengthMax)
	for i, l := range c.Lines {
		l.Reason.check(&bad, path("lines", i)+".reason", false)
		bad.Note(path("lines", i)+".note", l.Note, ReturnNoteMax)
	}
	if len(bad) > 0 {
		return nil, bad
	}
	after := o.Clone()
	take := func(lineID uuid.UUID, quantity int) (taken []ReturnedLine, short int) {
		free := min(quantity, after.keptPieces(lineID)-o.underReturn(lineID, c.ReturnID))
		taken, short = after.takeBack(lineID, max(free, 0))
		return taken, short + quantity - max(free, 0)
	}
	for i, taken := range takeLines(o, &bad, c.Pieces(), haveReturnable, take) {
		for _, t := range taken {
			t.Restock, t.Reason, t.Note = c.Lines[i].Restock, c.Lines[i].Reason, c.Lines[i].Note
			if t.Location != "" && c.Lines[i].Location != "" {
				t.Location = c.Lines[i].Location
			}
			e.Amount = e.Amount.Add(t.Amount)
			e.Lines = append(e.Lines, t)
		}
	}
	if err := bad.Err(); err != nil {
		return nil, err
	}
	return []domain.Event{e}, nil
}

// haveReturnable says of which pieces there are too few.
const haveReturnable = "were delivered, and are neither returned nor under another return"

// Pieces are the lines of the return without what is to become of them.
func (c ReturnOrder) Pieces() []LineQuantity {
	pieces := make([]LineQuantity, len(c.Lines))
	for i, l := range c.Lines {
		pieces[i] = LineQuantity{LineID: l.LineID, SKU: l.SKU, Quantity: l.Quantity}
	}
	return pieces
}

// keptPieces are the pieces of a line that were delivered and did not come back.
func (o Order) keptPieces(lineID uuid.UUID) (n int) {
	for _, s := range o.Shipments {
		if j := s.line(lineID); j >= 0 && s.Status == ShipmentStatusDelivered {
			n += s.Lines[j].Quantity - s.Lines[j].Returned
		}
	}
	return n
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
		pieces[c.Lines[i].named(name)] += l.Quantity
	}
	return returnRequest(c.ReturnID, pieces, c.Reason)
}

// named tells an entry from others that are about the same line. One that says no more than what becomes of the pieces
// is told as it was when returns had nothing else to say.
func (l ReturnLine) named(line string) string {
	text := fmt.Sprintf("%q restock %t", line, l.Restock)
	if l.Location != "" || l.Reason != "" || l.Note != "" {
		text += fmt.Sprintf(" at %q because %q %q", l.Location, l.Reason, l.Note)
	}
	return text
}

// request is the one that the event carries out. Events before version 4 do not tell it.
func (e OrderReturned) request(o Order) Request {
	if e.RequestContent != uuid.Nil {
		return Request{ID: e.ReturnID, Content: e.RequestContent}
	}
	pieces := map[string]int{}
	for _, l := range e.Lines {
		pieces[ReturnLine{Restock: l.Restock}.named(l.named(o).LineID.String())] += l.Quantity
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

// withReturn takes the goods back that came, and ends their return.
func (o Order) withReturn(e OrderReturned) Order {
	o = o.Clone().withRequest(e.request(o))
	i := o.returnIndex(e.ReturnID)
	if i < 0 {
		i = len(o.Returns)
		o.Returns = append(o.Returns, ReturnRecord{ReturnID: e.ReturnID, Reason: e.Reason})
	}
	r := &o.Returns[i]
	r.Amount, r.NothingOwed, r.ReturnedAt, r.EndedAt = e.Amount, e.NothingOwed, e.ReturnedAt, time.Time{}
	told := e.RequestContent != uuid.Nil // events before version 4 leave a record as it was then
	if told {
		r.Status = ReturnStatusReceived
	}
	atOnce := r.Lines == nil
	for _, l := range e.Lines {
		l = l.named(o)
		if told {
			r.come(l, atOnce)
		}
		if s := o.shipment(l.ShipmentID); s != nil {
			if j := s.line(l.LineID); j >= 0 {
				s.Lines[j].Returned += l.Quantity
			}
		}
	}
	return o
}
