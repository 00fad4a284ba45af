package order

import (
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/shopspring/decimal"
)

// NeverArrived reports whether the shipment left and did not reach the customer, so that its amount is refunded.
func (s Shipment) NeverArrived() bool {
	return s.Status == ShipmentStatusLost || s.Status == ShipmentStatusRefused
}

// RefundID is the id of the refund of a shipment's whole amount. It is the same for every saga of the order.
func (s Shipment) RefundID() uuid.UUID { return domain.DerivedID(s.ShipmentID, "refund") }

// CapturedFor is what was captured for a line of the order: the price of its pieces that have left.
func (o Order) CapturedFor(lineID uuid.UUID) money.Money {
	captured := money.Zero(o.Total.Currency)
	for _, s := range o.Shipments {
		if !s.Status.Left() {
			continue
		}
		for _, l := range s.Lines {
			if l.LineID == lineID {
				captured = captured.Add(l.UnitPrice.Times(l.Quantity))
			}
		}
	}
	return captured
}

// RefundLine asks for the money of one line of an order: the price of some pieces, or an amount. The line is named as
// in [LineQuantity].
type RefundLine struct {
	LineID   uuid.UUID       `json:"line_id,omitzero"`
	SKU      string          `json:"sku,omitempty"`
	Quantity int             `json:"quantity,omitempty"`
	Amount   decimal.Decimal `json:"amount,omitzero"`
}

// LineAmount is money that a line of an order is about.
type LineAmount struct {
	LineID uuid.UUID
	Amount money.Money
}

// CheckRefundLines names what is wrong with the lines of a refund, whatever the order holds, as [domain.Invalids].
func CheckRefundLines(lines []RefundLine) error {
	var bad domain.Invalids
	if len(lines) < 1 || len(lines) > ItemsMax {
		bad.Add("lines", "has from 1 to %d entries, got %d", ItemsMax, len(lines))
		return bad
	}
	for i, l := range lines {
		path := fmt.Sprintf("lines[%d]", i)
		switch {
		case l.LineID == uuid.Nil && l.SKU == "":
			bad.Add(path, "names no line: line_id or sku is required")
		case l.Quantity != 0 && !l.Amount.IsZero(), l.Quantity == 0 && l.Amount.IsZero():
			bad.Add(path, "has either a quantity or an amount")
		case l.Quantity < 0:
			bad.Add(path+".quantity", "must be at least 1, got %d", l.Quantity)
		case l.Amount.IsNegative():
			bad.Add(path+".amount", "must be more than 0")
		}
	}
	return bad.Err()
}

// RefundLines returns what each line of a refund comes to. How much of that a line has left to get back is told by its
// payment.
//
// Errors: not_found; as [CheckRefundLines]. [domain.Invalids] blame entries that name no line or several, and those of
// more pieces than have left.
func RefundLines(o Order, lines []RefundLine) ([]LineAmount, error) {
	if o.Status == "" {
		return nil, notFound(o)
	}
	if err := CheckRefundLines(lines); err != nil {
		return nil, err
	}
	var bad domain.Invalids
	var out []LineAmount
	for i, l := range lines {
		path := fmt.Sprintf("lines[%d]", i)
		line, known := o.lineMeant(&bad, path, LineQuantity{LineID: l.LineID, SKU: l.SKU})
		if !known {
			continue
		}
		amount, err := l.amountOf(o, line)
		if refusal := (*domain.Error)(nil); errors.As(err, &refusal) {
			bad.Add(path, "%s", refusal.Message)
		}
		out = append(out, LineAmount{LineID: line.LineID, Amount: amount})
	}
	return out, bad.Err()
}

// amountOf is what a line of a refund comes to.
func (l RefundLine) amountOf(o Order, line Item) (money.Money, error) {
	if l.Quantity == 0 {
		return money.New(l.Amount, line.UnitPrice.Currency)
	}
	amount := line.UnitPrice.Times(l.Quantity)
	if left := o.CapturedFor(line.LineID); amount.Cmp(left) > 0 {
		return amount, domain.Refuse(domain.CodeInvalid, "fewer than %d pieces of this line have left", l.Quantity)
	}
	return amount, nil
}
