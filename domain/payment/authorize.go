package payment

import (
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
)

// Limits of what a gateway may tell, in characters.
const (
	TextLengthMax = 500
	URLLengthMax  = 2_000
)

// AuthorizationLife is how long a card authorisation holds when its gateway does not say: the seven days that the card
// schemes commonly allow.
const AuthorizationLife = 7 * 24 * time.Hour

// Refusals.
const (
	// CodePaymentClosed refuses an authorisation that comes after the payment was declined or voided.
	CodePaymentClosed domain.ErrorCode = "payment_closed"
	// CodeAuthorizationSuperseded refuses the answer to an authorisation that is over: another one was asked for.
	CodeAuthorizationSuperseded domain.ErrorCode = "authorization_superseded"
	// CodeUnknownGatewayAnswer refuses an answer of the gateway that is none of those it may give.
	CodeUnknownGatewayAnswer domain.ErrorCode = "unknown_gateway_answer"
)

// RecordAuthorization is the gateway's answer to an authorisation.
type RecordAuthorization struct {
	OrderID uuid.UUID
	Amount  money.Money
	// Status is [StatusAuthorized], [StatusDeclined] or [StatusActionRequired].
	Status      Status
	GatewayRef  string
	DeclineCode string
	ActionURL   string
	ExpiresAt   time.Time
	// Attempt is which authorisation was asked for; 0 where the gateway says by itself what has become of it.
	Attempt int
	// Within is as in [AskAgain].
	Within time.Duration
	At     time.Time
}

// Authorize records what the gateway has answered. It returns no events when that answer is known already.
//
// Errors: payment_closed when the payment was declined or voided before; unknown_gateway_answer; [domain.Invalids]
// for texts that can't be kept. After payment_closed the caller voids at the gateway, so that a late answer leaves no
// money reserved.
func Authorize(p Payment, c RecordAuthorization) ([]domain.Event, error) {
	switch p.Status {
	case "", StatusActionRequired, StatusExpired, StatusPaymentRequired:
	case StatusAuthorized:
		if p.Requested == nil {
			return nil, nil
		}
	case StatusCaptured, StatusRefunded:
		if !p.NeedsAuthorization(c.Amount) {
			return nil, nil
		}
	case StatusDeclined:
		if p.Requested != nil {
			break
		}
		if c.Status == StatusDeclined {
			return nil, nil
		}
		return nil, domain.Refuse(CodePaymentClosed, "payment %s was declined before", p.ID)
	case StatusVoided:
		return nil, CanAuthorize(p)
	}
	if c.Attempt != 0 && c.Attempt != p.Generation+1 {
		return nil, domain.Refuse(CodeAuthorizationSuperseded, "payment %s was asked for again meanwhile", p.ID)
	}
	var bad domain.Invalids
	bad.Text("gateway_ref", c.GatewayRef, TextLengthMax)
	bad.Text("decline_code", c.DeclineCode, TextLengthMax)
	bad.Text("action_url", c.ActionURL, URLLengthMax)
	if len(bad) > 0 {
		return nil, bad
	}
	if c.Status == StatusDeclined && p.Declined == p.Generation+1 {
		return nil, nil
	}
	if c.Status == StatusActionRequired && p.AsksForEdit() { // the order does not wait for a bank to be changed
		c.Status, c.DeclineCode = StatusDeclined, MissingConfirmation
	}
	id := ID(c.OrderID)
	switch c.Status {
	case StatusAuthorized:
		return []domain.Event{PaymentAuthorized{
			PaymentID: id, OrderID: c.OrderID, Amount: c.Amount, GatewayRef: c.GatewayRef, AuthorizedAt: c.At, ExpiresAt: c.ExpiresAt,
		}}, nil
	case StatusDeclined:
		declined := PaymentDeclined{PaymentID: id, OrderID: c.OrderID, Amount: c.Amount, Code: c.DeclineCode, DeclinedAt: c.At}
		return append([]domain.Event{declined}, p.waitForMoney(c, c.DeclineCode)...), nil
	case StatusActionRequired:
		if p.Status == StatusActionRequired && p.Requested == nil {
			return nil, nil
		}
		action := PaymentActionRequired{
			PaymentID: id, OrderID: c.OrderID, Amount: c.Amount, GatewayRef: c.GatewayRef, ActionURL: c.ActionURL, RequiredAt: c.At,
		}
		return append([]domain.Event{action}, p.waitForMoney(c, MissingConfirmation)...), nil
	}
	return nil, domain.Refuse(CodeUnknownGatewayAnswer, "the gateway answered %q", c.Status)
}

// waitForMoney says that money is missing, unless it is the first authorisation: an order that was never paid is given
// up then. Neither is money missing for an edit that was declined.
func (p Payment) waitForMoney(c RecordAuthorization, reason string) []domain.Event {
	if p.Generation == 0 || p.AsksForEdit() {
		return nil
	}
	p.ID, p.OrderID = ID(c.OrderID), c.OrderID
	return []domain.Event{p.require(c.Amount, reason, c.Within, c.At)}
}

// CanAuthorize says why the gateway must not be asked for an authorisation; nil when it may be. Error: payment_closed
// when the payment was voided before.
func CanAuthorize(p Payment) error {
	if p.Status == StatusVoided {
		return domain.Refuse(CodePaymentClosed, "payment %s was voided before", p.ID)
	}
	return nil
}

// NeedsAuthorization reports whether amount can't be captured before it is authorised (anew).
func (p Payment) NeedsAuthorization(amount money.Money) bool {
	if p.Requested != nil {
		return true
	}
	switch p.Status {
	case "", StatusActionRequired, StatusExpired, StatusPaymentRequired:
		return true
	case StatusCaptured, StatusRefunded:
		// Only what ran out is made anew: a late duplicate of the first attempt must not reserve money again.
		return p.awaitsFirst() || p.Lapsed && amount.Cmp(p.Capturable()) > 0
	default:
		return false
	}
}

// Expire records that the gateway has let the reserved money go. It returns no events when nothing is
// reserved, or the authorisation still holds at that time.
func Expire(p Payment, at time.Time) []domain.Event {
	switch p.Status {
	case StatusAuthorized, StatusCaptured, StatusRefunded:
	default:
		return nil
	}
	if at.Before(p.ExpiresAt) || !p.Capturable().IsPositive() {
		return nil
	}
	return EndAuthorization(p, EndReasonExpired, at)
}
