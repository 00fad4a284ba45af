package payment

import (
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
)

// Status is where a payment stands. What is captured or refunded in part is told by the amounts.
type Status string

// The states of a payment. The empty status is a payment of which nothing is known yet.
const (
	StatusActionRequired Status = "action_required"
	StatusAuthorized     Status = "authorized"
	StatusDeclined       Status = "declined"
	// StatusPaymentRequired means that nothing was captured, and the order waits for another means of payment.
	StatusPaymentRequired Status = "payment_required"
	StatusVoided          Status = "voided"
	// StatusExpired means that nothing was captured before the gateway let the money go.
	StatusExpired Status = "expired"
	// StatusCaptured means that something was captured, perhaps not all.
	StatusCaptured Status = "captured"
	// StatusRefunded means that all that was captured went back.
	StatusRefunded Status = "refunded"
)

// Payment is the state of one order's payment. The zero value is no payment yet.
type Payment struct {
	ID         uuid.UUID   `json:"payment_id"`
	OrderID    uuid.UUID   `json:"order_id"`
	Status     Status      `json:"status"`
	Authorized money.Money `json:"authorized"`
	Captured   money.Money `json:"captured"`
	Refunded   money.Money `json:"refunded"`
	GatewayRef string      `json:"gateway_ref"`
	ActionURL  string      `json:"action_url,omitempty"`
	ExpiresAt  time.Time   `json:"expires_at"`
	// RequiredAt is since when the customer's bank was waited for, the last time that it was.
	RequiredAt time.Time `json:"required_at,omitzero"`
	// Awaited is what the customer's bank is asked to confirm; nothing once it has answered.
	Awaited money.Money `json:"awaited,omitzero"`
	// Generation counts the authorisations that were asked for and are answered, or over.
	Generation int `json:"generation"`
	// Differences are the amounts in which the gateway's ledger and this stream disagree.
	Differences []Difference `json:"differences,omitempty"`
	// Declined is the generation that the gateway declined last, 0 for none; DeclineCode says why.
	Declined    int    `json:"declined,omitempty"`
	DeclineCode string `json:"decline_code,omitempty"`
	// DeclinedAt is when that was.
	DeclinedAt time.Time `json:"declined_at,omitzero"`
	// Lapsed is true from the end of an authorisation that no void of ours has let go, until the next one or a void.
	Lapsed   bool                      `json:"lapsed,omitempty"`
	Captures map[uuid.UUID]money.Money `json:"captures,omitempty"`
	// Waivers are what is never captured, oldest first.
	Waivers []Waiver `json:"waivers,omitempty"`
	// CaptureFailures are the captures that the gateway refused and has not made since, oldest first.
	CaptureFailures []CaptureFailure `json:"capture_failures,omitempty"`
	// CapturedElsewhere is what was captured elsewhere, by the gateway's references. Applied is what of it pays for
	// shipments.
	CapturedElsewhere []ForeignCapture `json:"captured_elsewhere,omitempty"`
	Applied           money.Money      `json:"applied,omitzero"`
	// CapturedElsewhereAt is when that was done, the last time.
	CapturedElsewhereAt time.Time `json:"captured_elsewhere_at,omitzero"`
	// HeldLate is what the gateway has reserved after the payment was closed.
	HeldLate money.Money `json:"held_late,omitzero"`
	// Earlier are the gateway's payments that money was captured from before the present one.
	Earlier []Source `json:"earlier,omitempty"`
	// Refunds are those that are owed, asked for or made, oldest first. Refunded sums what the gateway has paid or
	// accepted of them.
	Refunds []Refund `json:"refunds,omitempty"`
	// RefundRest is what is owed in all and less than the gateway's step. The next obligation takes it along.
	RefundRest money.Money `json:"refund_rest,omitzero"`
	Disputes   []Dispute   `json:"disputes,omitempty"`
	// VoidFailure is set while the gateway refuses to let the authorisation go.
	VoidFailure *VoidFailure `json:"void_failure,omitempty"`
	// Voids counts the voids that the gateway was asked for.
	Voids int `json:"voids,omitempty"`
	// Requested is set while an authorisation was asked for once more and has no answer.
	Requested *AuthorizationRequest `json:"requested,omitempty"`
	// Required is set while the order waits for money, and Ending while an authorisation is about to end.
	Required *Requirement `json:"required,omitempty"`
	Ending   *Ending      `json:"ending,omitempty"`
	// Methods are the means of payment that were given after the order was placed, oldest first.
	Methods []Method `json:"methods,omitempty"`
	// Access is whether the gateway takes our credentials.
	Access Access `json:"access,omitzero"`
}

// Source is one of the gateway's own payments, and what was captured from it.
type Source struct {
	GatewayRef string      `json:"gateway_ref"`
	Captured   money.Money `json:"captured"`
}

// ID returns the id of an order's payment.
func ID(orderID uuid.UUID) uuid.UUID { return domain.DerivedID(orderID, "payment") }

// Evolve returns the payment after the event. Unknown events change nothing.
func Evolve(p Payment, e domain.Event) Payment {
	p = evolveAccess(p, e)
	switch e := e.(type) {
	case PaymentAuthorized:
		p = p.withGatewayRef(e.GatewayRef)
		p.ID, p.OrderID, p.ExpiresAt = e.PaymentID, e.OrderID, e.ExpiresAt
		if p.Generation++; p.Captured.Currency == "" {
			p.Captured, p.Refunded = money.Zero(e.Amount.Currency), money.Zero(e.Amount.Currency)
		}
		p.Authorized, p.Lapsed, p.Requested, p.Required, p.Ending = p.Captured.Add(e.Amount), false, nil, nil, nil
		p.Awaited = money.Money{}
		p.Status = p.settledOr(StatusAuthorized)
	case PaymentAuthorizationExpired:
		p.Authorized, p.Lapsed, p.VoidFailure, p.Ending = p.Captured, true, nil, nil
		if p.Status == StatusAuthorized {
			p.Status = StatusExpired
		}
	case PaymentDeclined:
		if p.ID, p.OrderID = e.PaymentID, e.OrderID; !p.Capturable().IsPositive() { // else another authorisation holds
			p.Status = p.settledOr(StatusDeclined)
		}
		p.Requested, p.Awaited = nil, money.Money{}
		p.Declined, p.DeclineCode, p.DeclinedAt = p.Generation+1, e.Code, e.DeclinedAt
	case PaymentActionRequired:
		p = p.withGatewayRef(e.GatewayRef)
		p.ID, p.OrderID, p.Status, p.ActionURL, p.RequiredAt = e.PaymentID, e.OrderID, StatusActionRequired, e.ActionURL, e.RequiredAt
		p.Awaited = e.Amount
		p.Requested = nil
	case PaymentCaptured:
		if p.Captures == nil {
			p.Captures = map[uuid.UUID]money.Money{}
		}
		p.Captures[e.CaptureID] = p.Captures[e.CaptureID].Add(e.Amount)
		p.Captured, p.Status = p.Captured.Add(e.Amount), StatusCaptured
		p.CaptureFailures = p.withoutCaptureFailure(e.CaptureID)
		p = p.withoutNeed()
	case CaptureFailed:
		p.CaptureFailures = append(p.withoutCaptureFailure(e.CaptureID), CaptureFailure{
			CaptureID: e.CaptureID, Attempt: e.Attempt, Amount: e.Amount, Cause: e.Cause, FailedAt: e.FailedAt,
			Generation: p.Generation, Carrier: e.Carrier, TrackingNumber: e.TrackingNumber,
		})
	case CaptureWaived:
		p.Waivers = append(slices.Clip(p.Waivers), Waiver{
			WaiverID: e.WaiverID, Amount: e.Amount, Reason: e.Reason, Lines: e.Lines, WaivedAt: e.WaivedAt,
		})
	case PaymentVoided:
		p.Status = p.settledOr(StatusVoided)
		p = p.letGo()
		p.ID, p.OrderID, p.Voids = e.PaymentID, e.OrderID, p.Voids+1
	case VoidResolved:
		p.Status = p.settledOr(StatusVoided)
		p = p.letGo()
	case VoidFailed:
		p.ID, p.OrderID, p.Voids = e.PaymentID, e.OrderID, e.Attempt
		p.VoidFailure = &VoidFailure{Attempt: e.Attempt, Amount: e.Amount, Cause: e.Cause, FailedAt: e.FailedAt}
	default:
		return evolveRequest(p, e)
	}
	return p
}

// letGo returns the payment with nothing authorised, asked for or waited for.
func (p Payment) letGo() Payment {
	p.Authorized, p.Lapsed, p.VoidFailure, p.HeldLate = p.Captured, false, nil, money.Money{}
	p.Requested, p.Required, p.Ending, p.Awaited = nil, nil, nil, money.Money{}
	return p
}

// settledOr returns the status given, unless something was captured: what becomes of the rest of an authorisation
// does not change that money was taken.
func (p Payment) settledOr(status Status) Status {
	switch {
	case p.Captured.IsZero():
		return status
	case p.Refunded.Cmp(p.Captured) == 0:
		return StatusRefunded
	default:
		return StatusCaptured
	}
}

// Capturable is what is authorised and not yet captured.
func (p Payment) Capturable() money.Money { return p.Authorized.Sub(p.Captured) }

// withGatewayRef returns the payment with another of the gateway's payments. It keeps what was captured from the one
// before, because a refund goes back the way the money came.
func (p Payment) withGatewayRef(ref string) Payment {
	if captured := p.capturedHere(); ref != p.GatewayRef && captured.IsPositive() {
		p.Earlier = append(slices.Clone(p.Earlier), Source{GatewayRef: p.GatewayRef, Captured: captured})
	}
	p.GatewayRef = ref
	return p
}

// capturedHere is what was captured from the present one of the gateway's payments.
func (p Payment) capturedHere() money.Money {
	here := p.Captured
	for _, s := range p.Earlier {
		here = here.Sub(s.Captured)
	}
	return here
}

// Clone returns a copy that shares nothing which [Evolve] changes.
func (p Payment) Clone() Payment {
	p.Captures = maps.Clone(p.Captures) // all else is copied when it changes
	return p
}
