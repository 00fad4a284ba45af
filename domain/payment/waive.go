package payment

import (
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
)

// ReasonBelowMinimum is why a share is waived that no capture can take.
const ReasonBelowMinimum = "below_minimum"

// Waiver is money that is owed for goods which have left, and that is never taken.
type Waiver struct {
	WaiverID uuid.UUID    `json:"waiver_id"`
	Amount   money.Money  `json:"amount"`
	Reason   string       `json:"reason"`
	Lines    []RefundLine `json:"lines,omitempty"`
	WaivedAt time.Time    `json:"waived_at"`
}

// WaiveCapture says that no capture will take an amount.
type WaiveCapture struct {
	// WaiverID follows from the fact that left it behind, so that it is waived once.
	WaiverID uuid.UUID
	Amount   money.Money
	Reason   string
	// Lines share out the amount; what of them exceeds it is cut off.
	Lines []RefundLine
	At    time.Time
}

// Waive records that the customer is spared an amount, so that the books say what has become of it. It returns no
// events for no amount, and for a waiver that is known.
func Waive(p Payment, c WaiveCapture) []domain.Event {
	known := slices.ContainsFunc(p.Waivers, func(w Waiver) bool { return w.WaiverID == c.WaiverID })
	if known || !c.Amount.IsPositive() || !c.Amount.SameCurrency(p.Captured) {
		return nil
	}
	return []domain.Event{CaptureWaived{
		PaymentID: p.ID, OrderID: p.OrderID, WaiverID: c.WaiverID, Amount: c.Amount, Reason: c.Reason, Lines: trimLines(c.Lines, c.Amount), WaivedAt: c.At,
	}}
}

// Waived is what the customer is spared in all.
func (p Payment) Waived() money.Money {
	total := money.Zero(p.Captured.Currency)
	for _, w := range p.Waivers {
		total = total.Add(w.Amount)
	}
	return total
}

// Taken is what needs no capture any more: what was captured for shipments, here or elsewhere, or was waived. Money
// that is owed because its shipment never left, or because it was captured in excess, is for other goods.
func (p Payment) Taken() money.Money {
	total := p.Waived()
	for _, captured := range p.Captures {
		total = total.Add(captured)
	}
	for _, r := range p.Refunds {
		if r.Owed && (r.Reason == ReasonShipmentCancelled || r.Reason == ReasonCapturedInExcess) {
			total = total.Sub(r.Obligation)
		}
	}
	return total
}
