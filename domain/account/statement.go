package account

import (
	"maps"
	"slices"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/domain/pricing"
)

// Kind is what a row of a statement is about.
type Kind string

// The kinds of rows.
const (
	KindLine     Kind = "line"
	KindShipping Kind = "shipping"
	// KindUnassigned is money that is for no line: captured elsewhere or in excess, or refunded for no line.
	KindUnassigned Kind = "unassigned"
)

// Row is what one line or shipping line costs in one shipment, and what has become of that money.
type Row struct {
	Kind Kind `json:"kind"`
	// ShipmentID is zero until the order is confirmed. Status is that of the shipment.
	ShipmentID uuid.UUID            `json:"shipment_id,omitzero"`
	Status     order.ShipmentStatus `json:"status,omitempty"`
	// LineID is the id of the line or of the shipping line, and Name its SKU or method.
	LineID   uuid.UUID `json:"line_id,omitzero"`
	Name     string    `json:"name,omitempty"`
	Quantity int       `json:"quantity,omitempty"`
	Amounts
	// Captures and Refunds are what the captured and the refunded amount are made of.
	Captures []Share `json:"captures,omitempty"`
	Refunds  []Share `json:"refunds,omitempty"`
}

// Amounts are those of a row, or their sums.
type Amounts struct {
	// Gross less Discount, with the taxes that are not included, is Payable. Tax is all taxes.
	Gross    money.Money `json:"gross"`
	Discount money.Money `json:"discount"`
	Tax      money.Money `json:"tax"`
	Payable  money.Money `json:"payable"`
	// Captured is what the gateway has taken, Refunded what went back, and Left the difference.
	Captured money.Money `json:"captured"`
	Refunded money.Money `json:"refunded"`
	Left     money.Money `json:"left"`
}

// Share is what a capture or a refund has moved for a row. The id is zero for what was captured elsewhere.
type Share struct {
	ID     uuid.UUID   `json:"id,omitzero"`
	Amount money.Money `json:"amount"`
}

// Statement tells for every cent of an order to which line, shipment, capture and refund it belongs.
type Statement struct {
	Currency string `json:"currency"`
	Rows     []Row  `json:"rows"`
	// Totals are the sums of the rows' columns.
	Totals Amounts `json:"totals"`
	// Owed is what is to go back besides: it is owed, or was asked for and has no answer.
	Owed money.Money `json:"owed"`
	// Credits are what this order has from others, and has given to them.
	Credits []payment.Credit `json:"credits,omitempty"`
}

// Of returns the statement of an order. The captured, refunded and left amounts of its rows add up to those of the
// payment. No row has captured more than it costs, nor refunded more than was captured. The unassigned one is the
// exception: what no line explains stands there. A refund that is for no line makes its rest negative.
func Of(o order.Order, p payment.Payment) Statement {
	s := Statement{Currency: o.Total.Currency, Owed: p.Owed(), Credits: p.Credits()}
	s.Rows = rowsOf(o)
	s.capture(p)
	s.refund(o, p)
	s.Totals = amountsOf(pricing.Plain(money.Zero(s.Currency)), s.Currency)
	for i := range s.Rows {
		r := &s.Rows[i]
		r.Left = r.Captured.Sub(r.Refunded)
		s.Totals = s.Totals.add(r.Amounts)
	}
	if s.Owed.Currency == "" {
		s.Owed = money.Zero(s.Currency)
	}
	return s
}

// rowsOf returns the rows of what the order costs: by shipments once there are some.
func rowsOf(o order.Order) []Row {
	rows := []Row{}
	shipping := func(id uuid.UUID) string {
		i := slices.IndexFunc(o.ShippingLines, func(l order.ShippingLine) bool { return l.ShippingLineID == id })
		if i < 0 {
			return ""
		}
		return o.ShippingLines[i].Method
	}
	for _, s := range o.Shipments {
		for _, l := range s.Lines {
			rows = append(rows, Row{
				Kind: KindLine, ShipmentID: s.ShipmentID, Status: s.Status, LineID: l.LineID, Name: l.SKU, Quantity: l.Quantity,
				Amounts: amountsOf(l.Breakdown(), o.Total.Currency),
			})
		}
		for _, share := range s.Shipping {
			rows = append(rows, Row{
				Kind: KindShipping, ShipmentID: s.ShipmentID, Status: s.Status, LineID: share.ShippingLineID, Name: shipping(share.ShippingLineID),
				Amounts: amountsOf(share.Breakdown(), o.Total.Currency),
			})
		}
	}
	if len(o.Shipments) > 0 {
		return rows
	}
	for _, i := range o.Items {
		rows = append(rows, Row{
			Kind: KindLine, LineID: i.LineID, Name: i.SKU, Quantity: i.Quantity, Amounts: amountsOf(i.Breakdown(), o.Total.Currency),
		})
	}
	for _, l := range o.ShippingLines {
		rows = append(rows, Row{
			Kind: KindShipping, LineID: l.ShippingLineID, Name: l.Method, Amounts: amountsOf(l.Breakdown(), o.Total.Currency),
		})
	}
	return rows
}

func amountsOf(b pricing.Breakdown, currency string) Amounts {
	none := money.Zero(currency)
	return Amounts{
		Gross: b.Gross, Discount: none.Add(b.Discount()), Tax: none.Add(b.Tax()), Payable: b.Payable, Captured: none, Refunded: none, Left: none,
	}
}

func (a Amounts) add(b Amounts) Amounts {
	return Amounts{
		Gross: a.Gross.Add(b.Gross), Discount: a.Discount.Add(b.Discount), Tax: a.Tax.Add(b.Tax), Payable: a.Payable.Add(b.Payable),
		Captured: a.Captured.Add(b.Captured), Refunded: a.Refunded.Add(b.Refunded), Left: a.Left.Add(b.Left),
	}
}

// capture shares out what was captured. A capture is for the rows of its own shipment first. What it has taken besides,
// and what was captured elsewhere, is for rows of other shipments that have left, from the first one.
func (s *Statement) capture(p payment.Payment) {
	elsewhere := money.Zero(s.Currency).Add(p.Captured)
	rest := map[uuid.UUID]money.Money{}
	captures := slices.SortedFunc(maps.Keys(p.Captures), func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	for _, id := range captures {
		elsewhere = elsewhere.Sub(p.Captures[id])
		rest[id] = s.take(id, p.Captures[id], func(r *Row) bool { return r.ShipmentID == id })
	}
	left := func(r *Row) bool { return r.ShipmentID != uuid.Nil && r.Status.Left() }
	for _, id := range captures {
		s.unassigned(id, s.take(id, rest[id], left))
	}
	s.unassigned(uuid.Nil, s.take(uuid.Nil, elsewhere, left))
}

// take gives an amount of a capture to the rows that it may be for, and returns what is beyond them.
func (s *Statement) take(capture uuid.UUID, amount money.Money, may func(*Row) bool) money.Money {
	for i := range s.Rows {
		r := &s.Rows[i]
		part := smaller(amount, r.Payable.Sub(r.Captured))
		if !part.IsPositive() || !may(r) {
			continue
		}
		r.Captured = r.Captured.Add(part)
		r.Captures = append(r.Captures, Share{ID: capture, Amount: part})
		amount = amount.Sub(part)
	}
	return amount
}

func (s *Statement) unassigned(capture uuid.UUID, amount money.Money) {
	if !amount.IsZero() {
		r := s.rest()
		r.Captured = r.Captured.Add(amount)
		r.Captures = append(r.Captures, Share{ID: capture, Amount: amount})
	}
}

// rest returns the row of what is for no line.
func (s *Statement) rest() *Row {
	if n := len(s.Rows); n == 0 || s.Rows[n-1].Kind != KindUnassigned {
		s.Rows = append(s.Rows, Row{Kind: KindUnassigned, Amounts: amountsOf(pricing.Plain(money.Zero(s.Currency)), s.Currency)})
	}
	return &s.Rows[len(s.Rows)-1]
}

// refund shares out what went back. Each refund is for the lines that it names, as far as something was captured for
// them, and beyond that for none.
//
// Of a line, it is for the shipments that it is about: the lost one, or those whose pieces came back. A refund that
// tells no shipment has what is left, those that never arrived first: it covers what is owed for them. So what belongs
// to a shipment stays with it, whatever leaves later.
func (s *Statement) refund(o order.Order, p payment.Payment) {
	other := money.Zero(s.Currency).Add(p.Refunded)
	about := make([]func(*Row) bool, len(p.Refunds))
	lefts := make([]money.Money, len(p.Refunds))
	parts := make([][]money.Money, len(p.Refunds))
	for i, r := range p.Refunds {
		lefts[i] = accepted(r)
		other = other.Sub(lefts[i])
		about[i] = shipmentsOf(o, r)
		for _, l := range r.Lines {
			part := smaller(lefts[i], l.Amount)
			lefts[i] = lefts[i].Sub(part)
			if about[i] != nil {
				part = s.giveBack(r.RefundID, l.LineID, part, about[i])
			}
			parts[i] = append(parts[i], part)
		}
	}
	lost := func(r *Row) bool {
		return r.Status == order.ShipmentStatusLost || r.Status == order.ShipmentStatusRefused
	}
	for i, r := range p.Refunds {
		for j, l := range r.Lines {
			rest := s.giveBack(r.RefundID, l.LineID, parts[i][j], lost)
			rest = s.giveBack(r.RefundID, l.LineID, rest, func(*Row) bool { return true })
			lefts[i] = lefts[i].Add(rest)
		}
		s.giveBackFromRest(r.RefundID, lefts[i])
	}
	s.giveBackFromRest(uuid.Nil, other)
}

// shipmentsOf chooses the rows that a refund is about, where its id or that of what it completes tells; nil otherwise.
func shipmentsOf(o order.Order, r payment.Refund) func(*Row) bool {
	fact := r.RefundID
	if r.Completes != uuid.Nil {
		fact = r.Completes
	}
	for _, shipment := range o.Shipments {
		if shipment.RefundID() == fact {
			return func(row *Row) bool { return row.ShipmentID == shipment.ShipmentID }
		}
	}
	if _, returned := o.FindReturn(fact); !returned {
		return nil
	}
	return func(row *Row) bool {
		shipment, _ := o.Shipment(row.ShipmentID)
		return slices.ContainsFunc(shipment.Lines, func(l order.ShipmentLine) bool { return l.LineID == row.LineID && l.Returned > 0 })
	}
}

// giveBack takes a refund of a line off the rows of that line that it may be for, and returns what is beyond them.
func (s *Statement) giveBack(refund, line uuid.UUID, amount money.Money, may func(*Row) bool) money.Money {
	for i := range s.Rows {
		r := &s.Rows[i]
		part := smaller(amount, r.Captured.Sub(r.Refunded))
		if r.LineID != line || !part.IsPositive() || !may(r) {
			continue
		}
		r.Refunded = r.Refunded.Add(part)
		r.refunded(refund, part)
		amount = amount.Sub(part)
	}
	return amount
}

// refunded notes a share of a refund. What it gives back of a row in several steps is one share.
func (r *Row) refunded(refund uuid.UUID, amount money.Money) {
	if i := slices.IndexFunc(r.Refunds, func(s Share) bool { return s.ID == refund }); i >= 0 {
		r.Refunds[i].Amount = r.Refunds[i].Amount.Add(amount)
		return
	}
	r.Refunds = append(r.Refunds, Share{ID: refund, Amount: amount})
}

func (s *Statement) giveBackFromRest(refund uuid.UUID, amount money.Money) {
	if !amount.IsZero() {
		r := s.rest()
		r.Refunded = r.Refunded.Add(amount)
		r.Refunds = append(r.Refunds, Share{ID: refund, Amount: amount})
	}
}

// accepted is what the gateway has paid of a refund, or has accepted and pays later.
func accepted(r payment.Refund) money.Money {
	sum := money.Zero(r.Amount.Currency)
	for _, a := range r.Attempts {
		if a.Status == payment.RefundStatusPending || a.Status == payment.RefundStatusPaid {
			sum = sum.Add(a.Amount)
		}
	}
	return sum
}

func smaller(a, b money.Money) money.Money {
	if a.Cmp(b) < 0 {
		return a
	}
	return b
}
