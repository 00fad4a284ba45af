package payment

import (
	"slices"
	"time"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
)

// DisputeStatus is where a dispute stands.
type DisputeStatus string

// The states of a dispute. Only the last two end it.
const (
	DisputeStatusOpen           DisputeStatus = "open"
	DisputeStatusFundsWithdrawn DisputeStatus = "funds_withdrawn"
	DisputeStatusWon            DisputeStatus = "won"
	DisputeStatusLost           DisputeStatus = "lost"
)

// Ended reports whether nothing more is to be expected of the dispute.
func (s DisputeStatus) Ended() bool { return s == DisputeStatusWon || s == DisputeStatusLost }

// Dispute is a customer's claim at the bank to get captured money back.
type Dispute struct {
	GatewayRef string        `json:"gateway_ref"`
	Amount     money.Money   `json:"amount"`
	Status     DisputeStatus `json:"status"`
	// Reason is the bank's, such as "fraudulent".
	Reason   string    `json:"reason,omitempty"`
	OpenedAt time.Time `json:"opened_at"`
}

// GatewayDispute is what the gateway tells of a dispute.
type GatewayDispute struct {
	GatewayRef string
	Amount     money.Money
	Status     DisputeStatus
	Reason     string
	At         time.Time
}

// RecordDispute records what the gateway tells of a dispute. A dispute of which nothing was known is opened first.
//
// A claim in another currency, or of no amount, counts as one to all that has not gone back. Nobody knows how much of
// that the bank takes, and nothing may go back twice.
//
// It returns no events for what is known, or is older than that: one that has ended stays so. Errors:
// unknown_gateway_answer for a status that there is not, no reference, or a payment that nothing was captured of.
func RecordDispute(p Payment, c GatewayDispute) ([]domain.Event, error) {
	rank := []DisputeStatus{DisputeStatusOpen, DisputeStatusFundsWithdrawn, DisputeStatusWon, DisputeStatusLost}
	told := slices.Index(rank, c.Status)
	if told < 0 || c.GatewayRef == "" || p.Captured.Currency == "" {
		return nil, domain.Refuse(CodeUnknownGatewayAnswer, "the gateway told of a dispute %q about %s", domain.Clip(string(c.Status)), c.Amount)
	}
	i := p.disputeIndex(c.GatewayRef)
	switch {
	case c.Amount.SameCurrency(p.Captured) && c.Amount.IsPositive():
	case i >= 0:
		c.Amount = p.Disputes[i].Amount
	default:
		c.Amount = atLeastNothing(p.Captured.Sub(p.Refunded).Sub(p.LostInDisputes()))
	}
	var events []domain.Event
	known := DisputeStatusOpen
	if i < 0 {
		events = append(events, DisputeOpened{
			PaymentID: p.ID, OrderID: p.OrderID, GatewayRef: c.GatewayRef, Amount: c.Amount, Reason: domain.Clip(domain.Valid(c.Reason)), OpenedAt: c.At,
		})
	} else {
		known = p.Disputes[i].Status
	}
	if known.Ended() || told <= slices.Index(rank, known) {
		return events, nil
	}
	switch c.Status {
	case DisputeStatusFundsWithdrawn:
		events = append(events, DisputeFundsWithdrawn{PaymentID: p.ID, OrderID: p.OrderID, GatewayRef: c.GatewayRef, Amount: c.Amount, WithdrawnAt: c.At})
	case DisputeStatusWon:
		events = append(events, DisputeWon{PaymentID: p.ID, OrderID: p.OrderID, GatewayRef: c.GatewayRef, Amount: c.Amount, WonAt: c.At})
	case DisputeStatusLost:
		events = append(events, DisputeLost{PaymentID: p.ID, OrderID: p.OrderID, GatewayRef: c.GatewayRef, Amount: c.Amount, LostAt: c.At})
	}
	return events, nil
}

// Disputed reports whether a dispute is open. Refunds wait for its end, so that no money goes back twice.
func (p Payment) Disputed() bool {
	return slices.ContainsFunc(p.Disputes, func(d Dispute) bool { return !d.Status.Ended() })
}

// InDispute is what the customer claims at the bank in disputes that are open.
func (p Payment) InDispute() money.Money {
	return p.disputed(func(d Dispute) bool { return !d.Status.Ended() })
}

// LostInDisputes is what the customer's bank has taken back for good.
func (p Payment) LostInDisputes() money.Money {
	return p.disputed(func(d Dispute) bool { return d.Status == DisputeStatusLost })
}

// disputed is the amount of the disputes that are chosen.
func (p Payment) disputed(chosen func(Dispute) bool) money.Money {
	total := money.Zero(p.Captured.Currency)
	for _, d := range p.Disputes {
		if chosen(d) {
			total = total.Add(d.Amount)
		}
	}
	return total
}

func (p Payment) disputeIndex(ref string) int {
	return slices.IndexFunc(p.Disputes, func(d Dispute) bool { return d.GatewayRef == ref })
}

// withDispute returns the payment with a dispute changed. It shares nothing that it changes with p.
func (p Payment) withDispute(d Dispute) Payment {
	p.Disputes = slices.Clone(p.Disputes)
	if i := p.disputeIndex(d.GatewayRef); i >= 0 {
		d.Reason, d.OpenedAt = p.Disputes[i].Reason, p.Disputes[i].OpenedAt
		p.Disputes[i] = d
		return p
	}
	p.Disputes = append(p.Disputes, d)
	return p
}
