package order

import (
	"errors"
	"slices"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/pricing"
	"github.com/shopspring/decimal"
)

// NeverArrived reports whether the shipment left and did not reach the customer, so that its amount is refunded.
func (s Shipment) NeverArrived() bool {
	return s.Status == ShipmentStatusLost || s.Status == ShipmentStatusRefused
}

// RefundID is the id of the refund of a shipment's whole amount. It is the same for every saga of the order.
func (s Shipment) RefundID() uuid.UUID { return domain.DerivedID(s.ShipmentID, "refund") }

// CapturedOf explains what was captured for a line or shipping line of the order, and tells the pieces: those that have
// left. It is nothing where none has.
func (o Order) CapturedOf(id uuid.UUID) (b pricing.Breakdown, pieces int) {
	if shipping, carried := o.shippingOf(id, ShipmentStatus.Left); carried {
		return shipping, 0
	}
	b = pricing.Plain(money.Zero(o.Total.Currency))
	for _, s := range o.Shipments {
		j := s.line(id)
		if !s.Status.Left() || j < 0 {
			continue
		}
		share := s.Lines[j].Breakdown()
		if pieces > 0 {
			share = share.Add(b)
		}
		b, pieces = share, pieces+s.Lines[j].Quantity
	}
	return b, pieces
}

// CapturedFor is what was captured for a line or shipping line of the order.
func (o Order) CapturedFor(id uuid.UUID) money.Money {
	b, _ := o.CapturedOf(id)
	return b.Payable
}

// Parts are what each line and each shipping line of a shipment costs.
func (s Shipment) Parts() []LineAmount {
	var parts []LineAmount
	for _, l := range s.Lines {
		parts = append(parts, LineAmount{LineID: l.LineID, Quantity: l.Quantity, Amount: l.Cost(), Cost: l.Breakdown().Detail()})
	}
	for _, share := range s.Shipping {
		parts = append(parts, LineAmount{LineID: share.ShippingLineID, Amount: share.Amount, Cost: share.Money})
	}
	return parts
}

// RefundLine asks for the money of one line of an order: what some pieces have cost, or an amount. The line is named as
// in [LineQuantity]. Or it asks for the money of a shipping line: for an amount, or for all that is left of it.
type RefundLine struct {
	LineID         uuid.UUID       `json:"line_id,omitzero"`
	SKU            string          `json:"sku,omitempty"`
	ShippingLineID uuid.UUID       `json:"shipping_line_id,omitzero"`
	Quantity       int             `json:"quantity,omitempty"`
	Amount         decimal.Decimal `json:"amount,omitzero"`
}

// LineAmount is money that a line or shipping line of an order is about.
type LineAmount struct {
	// LineID is the id of the line or of the shipping line.
	LineID uuid.UUID
	// Quantity is the pieces that it is for; zero where it is an amount.
	Quantity int
	Amount   money.Money
	// Cost explains what the pieces or the shipping had cost; nil where it is not known, or is just a price.
	Cost *pricing.Breakdown
}

// GoneBack is what of a line or shipping line went back, or is to go back. A part of it was for pieces.
type GoneBack struct {
	Amount    money.Money
	Pieces    int
	ForPieces money.Money
}

// CheckRefundLines names what is wrong with the lines of a refund, whatever the order holds, as [domain.Invalids].
func CheckRefundLines(lines []RefundLine) error {
	var bad domain.Invalids
	if len(lines) < 1 || len(lines) > ItemsMax {
		bad.Add("lines", "has from 1 to %d entries, got %d", ItemsMax, len(lines))
		return bad
	}
	for i, l := range lines {
		at := path("lines", i)
		shipping := l.ShippingLineID != uuid.Nil
		switch {
		case shipping && (l.LineID != uuid.Nil || l.SKU != ""):
			bad.Add(at, "names a line or a shipping line, not both")
		case shipping && l.Quantity != 0:
			bad.Add(at+".quantity", "a shipping line has no pieces")
		case !shipping && l.LineID == uuid.Nil && l.SKU == "":
			bad.Add(at, "names no line: line_id, sku or shipping_line_id is required")
		case !shipping && (l.Quantity == 0) == l.Amount.IsZero():
			bad.Add(at, "has either a quantity or an amount")
		case l.Quantity < 0:
			bad.Add(at+".quantity", "must be at least 1, got %d", l.Quantity)
		case l.Amount.IsNegative():
			bad.Add(at+".amount", "must be more than 0")
		}
	}
	return bad.Err()
}

// RefundLines returns what each line of a refund comes to. Back tells what went back before for a line or shipping
// line. How much of that a line has left to get back is told by its payment.
//
// Pieces come to a cumulative difference. It is what belongs to all pieces that went back, with these, less what went
// back for the others. So the last piece gets all that is left.
//
// Errors: not_found; as [CheckRefundLines]. [domain.Invalids] blame entries that name no line or several, and those of
// more pieces than have left, or of pieces that are under a return.
func RefundLines(o Order, lines []RefundLine, back func(id uuid.UUID) GoneBack) ([]LineAmount, error) {
	if o.Status == "" {
		return nil, notFound(o)
	}
	if err := CheckRefundLines(lines); err != nil {
		return nil, err
	}
	var bad domain.Invalids
	var out []LineAmount
	earlier := map[uuid.UUID]LineAmount{} // of this refund
	for i, l := range lines {
		at := path("lines", i)
		id, known := o.refundedLine(&bad, at, l)
		if !known {
			continue
		}
		gone := back(id)
		gone.Pieces, gone.ForPieces = gone.Pieces+earlier[id].Quantity, gone.ForPieces.Add(earlier[id].Amount)
		amount, err := l.amountOf(o, id, gone)
		if refusal := (*domain.Error)(nil); errors.As(err, &refusal) {
			bad.Add(at, "%s", refusal.Message)
		}
		out = append(out, LineAmount{LineID: id, Quantity: l.Quantity, Amount: amount, Cost: o.costOf(id, gone.Pieces, l.Quantity)})
		if l.Quantity > 0 {
			before := earlier[id]
			earlier[id] = LineAmount{Quantity: before.Quantity + l.Quantity, Amount: before.Amount.Add(amount)}
		}
	}
	return out, bad.Err()
}

// AsksFor reports whether a refund that came to these amounts is the one that is asked for. It is for the same pieces,
// or the same amounts, of the same lines. What pieces come to depends on what went back before. So a request that comes
// again is known by its pieces.
func AsksFor(o Order, lines []RefundLine, amounts []LineAmount) bool {
	return slices.EqualFunc(lines, amounts, func(l RefundLine, a LineAmount) bool {
		id, known := o.refundedLine(new(domain.Invalids), "", l)
		whole := l.ShippingLineID != uuid.Nil && l.Amount.IsZero()
		return known && id == a.LineID && l.Quantity == a.Quantity && (l.Quantity > 0 || whole || l.Amount.Equal(a.Amount.Amount))
	})
}

// refundedLine returns the id of the line or shipping line that an entry of a refund means. When it means none, or more
// than one, bad blames the entry.
func (o Order) refundedLine(bad *domain.Invalids, at string, l RefundLine) (uuid.UUID, bool) {
	if l.ShippingLineID == uuid.Nil {
		line, known := o.lineMeant(bad, at, LineQuantity{LineID: l.LineID, SKU: l.SKU})
		return line.LineID, known
	}
	if !slices.ContainsFunc(o.ShippingLines, func(s ShippingLine) bool { return s.ShippingLineID == l.ShippingLineID }) {
		bad.Add(at+".shipping_line_id", "order %s has no shipping line %s", o.Number, l.ShippingLineID)
		return uuid.Nil, false
	}
	return l.ShippingLineID, true
}

// amountOf is what a line of a refund comes to.
func (l RefundLine) amountOf(o Order, id uuid.UUID, gone GoneBack) (money.Money, error) {
	captured, pieces := o.CapturedOf(id)
	switch {
	case !l.Amount.IsZero():
		return money.New(l.Amount, o.Total.Currency)
	case l.Quantity == 0: // all that is left of a shipping line
		left := captured.Payable.Sub(gone.Amount)
		if !left.IsPositive() {
			return left, domain.Refuse(domain.CodeInvalid, "nothing of this shipping line is left to refund")
		}
		return left, nil
	case l.Quantity > pieces:
		return money.Zero(o.Total.Currency), domain.Refuse(domain.CodeInvalid, "fewer than %d pieces of this line have left", l.Quantity)
	}
	if under := o.UnderReturn(id); under > 0 && gone.Pieces+l.Quantity+under > pieces {
		return money.Zero(o.Total.Currency), domain.Refuse(domain.CodeInvalid, "%d pieces of this line are under a return, which refunds them", under)
	}
	if gone.Pieces+l.Quantity > pieces { // more than is left, which the payment refuses
		return captured.Share(int64(pieces), int64(pieces-l.Quantity), int64(pieces)).Payable, nil
	}
	due := captured.Share(int64(pieces), 0, int64(gone.Pieces+l.Quantity)).Payable.Sub(gone.ForPieces)
	if due.Amount.IsNegative() {
		return money.Zero(o.Total.Currency), nil
	}
	return due, nil
}

// costOf explains what pieces of a line had cost that go back after others. It is nil where fewer were captured, or
// where the cost is just a price.
func (o Order) costOf(id uuid.UUID, before, quantity int) *pricing.Breakdown {
	captured, pieces := o.CapturedOf(id)
	if quantity == 0 || before+quantity > pieces {
		return nil
	}
	return captured.Share(int64(pieces), int64(before), int64(before+quantity)).Detail()
}

// SpreadRefund shares out an amount over all that is left of the lines and shipping lines that were captured, in
// proportion. Left tells what is left of one. What is beyond all of it is for none.
func SpreadRefund(o Order, amount money.Money, left func(id uuid.UUID) money.Money) []LineAmount {
	var ids []uuid.UUID
	for _, i := range o.Items {
		ids = append(ids, i.LineID)
	}
	for _, l := range o.ShippingLines {
		ids = append(ids, l.ShippingLineID)
	}
	lefts := make([]money.Money, len(ids))
	for i, id := range ids {
		lefts[i] = left(id)
	}
	var out []LineAmount
	for i, part := range pricing.Spread(amount, lefts) {
		if part.IsPositive() {
			out = append(out, LineAmount{LineID: ids[i], Amount: part})
		}
	}
	return out
}
