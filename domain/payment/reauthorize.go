package payment

import (
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
)

// Refusals.
const (
	// CodePaymentRequired refuses to take money that is missing: an authorisation that was needed again was declined.
	CodePaymentRequired domain.ErrorCode = "payment_required"
	// CodePaymentNotRequired refuses another means of payment where no money is missing.
	CodePaymentNotRequired domain.ErrorCode = "payment_not_required"
	// CodePaymentUnderWay refuses another means of payment while the gateway's answer about one is not known.
	CodePaymentUnderWay domain.ErrorCode = "payment_under_way"
	// CodePaymentMethodNotKept refuses to authorise more where the customer has not agreed to that.
	CodePaymentMethodNotKept domain.ErrorCode = "payment_method_not_kept"
)

// Why an authorisation is asked for once more: [AuthorizationRequested].Reason.
const (
	RequestReasonEnded   = "authorization_ended"
	RequestReasonRenewal = "renewal"
	RequestReasonMethod  = "payment_method"
	// RequestReasonEdit is an edit of the order that costs more. A decline of it leaves what was authorised before.
	RequestReasonEdit = "order_edited"
)

// Why money is missing, beside the codes of declines: [PaymentRequired].Reason.
const (
	// MissingNotKept is an authorisation that has ended without the customer's consent to make it anew.
	MissingNotKept = "payment_method_not_kept"
	// MissingConfirmation is money that the customer's bank wants confirmed.
	MissingConfirmation = "action_required"
	// MissingToken is a means of payment that can't be read any more.
	MissingToken = "payment_token_gone"
)

// AuthorizationRequest is an authorisation that was asked for once more and has no answer yet.
type AuthorizationRequest struct {
	Amount money.Money `json:"amount"`
	Reason string      `json:"reason"`
	// Replaces and Abandons are as in [AuthorizationRequested].
	Replaces    string    `json:"replaces,omitempty"`
	Abandons    string    `json:"abandons,omitempty"`
	RequestedAt time.Time `json:"requested_at"`
}

// Method is a means of payment that the customer gave after the order was placed.
type Method struct {
	RequestID   uuid.UUID `json:"request_id"`
	RequestHash string    `json:"request_hash"`
	// Attempt is the first authorisation that it was used for.
	Attempt int `json:"attempt"`
	// Token seals the payment token, a JSON string. Keep is as in the order's terms.
	Token domain.Sealed `json:"token"`
	Keep  bool          `json:"keep,omitempty"`
}

// Requirement is money that an order waits for.
type Requirement struct {
	// Amount is what is missing.
	Amount money.Money `json:"amount"`
	// Reason is the code of the decline, or why nothing could be asked for.
	Reason     string    `json:"reason"`
	RequiredAt time.Time `json:"required_at"`
	// DeadlineAt is when everything that has not left is cancelled.
	DeadlineAt time.Time `json:"deadline_at"`
}

// Ending is an authorisation that is about to end and can't be renewed.
type Ending struct {
	Amount    money.Money `json:"amount"`
	Reason    string      `json:"reason"`
	ExpiresAt time.Time   `json:"expires_at"`
	EndingAt  time.Time   `json:"ending_at"`
}

// AskAgain asks for an authorisation of money that was authorised before.
type AskAgain struct {
	// Amount is what has not left and is to be captured.
	Amount money.Money
	// Kept says that the customer has agreed that the means of payment is authorised again.
	Kept bool
	// Within is how long the order waits for money that turns out to be missing.
	Within time.Duration
	At     time.Time
}

// Reauthorize decides on an authorisation that has ended while its money is still needed. It is asked for once more, or
// the money is missing because the customer has not agreed to that. It returns no events where none is needed, one is
// asked for already, or the order waits for money.
func Reauthorize(p Payment, c AskAgain) []domain.Event {
	switch {
	case p.Generation == 0, p.Requested != nil, p.Required != nil, !c.Amount.IsPositive(), !p.NeedsAuthorization(c.Amount):
		return nil
	case p.Status == StatusActionRequired:
		return nil
	case !c.Kept:
		return []domain.Event{p.require(c.Amount, MissingNotKept, c.Within, c.At)}
	}
	return []domain.Event{AuthorizationRequested{
		PaymentID: p.ID, OrderID: p.OrderID, Attempt: p.nextAttempt(), Amount: c.Amount, Reason: RequestReasonEnded,
		Replaces: p.GatewayRef, RequestedAt: c.At,
	}}
}

// Renew decides on an authorisation that holds and is about to end. Another one is asked for in its place, or it is
// recorded that the customer has not agreed to that. It returns no events where nothing is held, or that is known.
func Renew(p Payment, c AskAgain) []domain.Event {
	if p.Requested != nil || p.Required != nil || p.Ending != nil || !p.Holds(c.At) || !c.Amount.IsPositive() {
		return nil
	}
	if !c.Kept {
		return []domain.Event{AuthorizationEnding{
			PaymentID: p.ID, OrderID: p.OrderID, Amount: p.Capturable(), Reason: MissingNotKept, ExpiresAt: p.ExpiresAt, EndingAt: c.At,
		}}
	}
	return []domain.Event{AuthorizationRequested{
		PaymentID: p.ID, OrderID: p.OrderID, Attempt: p.nextAttempt(), Amount: c.Amount, Reason: RequestReasonRenewal,
		Replaces: p.GatewayRef, RequestedAt: c.At,
	}}
}

// AuthorizeMore asks for more money than is authorised, in place of it. It returns no events where enough is.
//
// Errors: payment_under_way while the gateway's answer about another request is not known; payment_required while the
// order waits for money, or its authorisation has ended; payment_method_not_kept. That is so without the customer's
// consent, and for an order that has had no payment.
func AuthorizeMore(p Payment, c AskAgain) ([]domain.Event, error) {
	switch {
	case p.Requested != nil:
		return nil, domain.Refuse(CodePaymentUnderWay, "the gateway's answer about payment %s is not known yet", p.ID)
	case !c.Amount.IsPositive(), p.Generation > 0 && p.Holds(c.At) && c.Amount.Cmp(p.Capturable()) <= 0:
		return nil, nil
	case p.Generation == 0:
		return nil, domain.Refuse(CodePaymentMethodNotKept, "the order has cost nothing, and has no means of payment")
	case p.Required != nil, p.Status == StatusActionRequired, !p.Holds(c.At):
		return nil, domain.Refuse(CodePaymentRequired, "payment %s lacks money, or its authorisation has ended", p.ID)
	case !c.Kept:
		return nil, domain.Refuse(CodePaymentMethodNotKept, "the customer has not agreed that the means of payment is authorised again")
	}
	return []domain.Event{AuthorizationRequested{
		PaymentID: p.ID, OrderID: p.OrderID, Attempt: p.nextAttempt(), Amount: c.Amount, Reason: RequestReasonEdit,
		Replaces: p.GatewayRef, RequestedAt: c.At,
	}}, nil
}

// AsksForEdit reports whether the gateway is asked for the money of an edit.
func (p Payment) AsksForEdit() bool {
	return p.Requested != nil && p.Requested.Reason == RequestReasonEdit
}

// ProvideMethod gives another means of payment.
type ProvideMethod struct {
	// RequestID and RequestHash tell a request that comes again from another one.
	RequestID   uuid.UUID
	RequestHash string
	// Token seals the payment token. Keep is as in the order's terms.
	Token domain.Sealed
	Keep  bool
	// Amount is what has not left and is to be captured.
	Amount money.Money
	At     time.Time
}

// Provide records another means of payment, which the gateway is about to be asked for. An attempt that waits for the
// customer's bank is abandoned, so that money is never held twice.
//
// It returns no events when the request was carried out before. Errors: idempotency_key_reused; as [CanProvide].
func Provide(p Payment, c ProvideMethod) ([]domain.Event, error) {
	if done, err := p.Provided(c.RequestID, c.RequestHash); done || err != nil {
		return nil, err
	}
	if err := CanProvide(p); err != nil {
		return nil, err
	}
	e := AuthorizationRequested{
		PaymentID: p.ID, OrderID: p.OrderID, Attempt: p.nextAttempt(), Amount: c.Amount, Reason: RequestReasonMethod,
		RequestID: c.RequestID, RequestHash: c.RequestHash, Token: c.Token, Keep: c.Keep, RequestedAt: c.At,
	}
	switch {
	case p.Status == StatusActionRequired:
		e.Abandons = p.GatewayRef
	case p.Generation > 0: // also where it has run out: clocks differ
		e.Replaces = p.GatewayRef
	}
	return []domain.Event{e}, nil
}

// CanProvide says why another means of payment can't be used; nil when it can. Errors: payment_under_way while the
// gateway's answer is not known; payment_not_required where no money is missing.
func CanProvide(p Payment) error {
	switch {
	case p.Requested != nil:
		return domain.Refuse(CodePaymentUnderWay, "the gateway's answer about payment %s is not known yet", p.ID)
	case p.Required == nil && p.Status != StatusActionRequired:
		return domain.Refuse(CodePaymentNotRequired, "payment %s lacks no money", p.ID)
	}
	return nil
}

// Provided reports whether a request for another means of payment was carried out. Error: idempotency_key_reused when
// another one was, under the same id.
func (p Payment) Provided(id uuid.UUID, hash string) (bool, error) {
	i := slices.IndexFunc(p.Methods, func(m Method) bool { return m.RequestID == id })
	switch {
	case i < 0:
		return false, nil
	case p.Methods[i].RequestHash != hash:
		return true, domain.Refuse(domain.CodeIdempotencyKeyReused, "another means of payment was given under the same key")
	}
	return true, nil
}

// Method is the means of payment that was given last; none while it is that of the order's terms.
func (p Payment) Method() (Method, bool) {
	if len(p.Methods) == 0 {
		return Method{}, false
	}
	return p.Methods[len(p.Methods)-1], true
}

// Holds reports whether money is authorised at a time, and not captured.
func (p Payment) Holds(at time.Time) bool {
	return !p.Lapsed && p.Capturable().IsPositive() && (p.ExpiresAt.IsZero() || at.Before(p.ExpiresAt))
}

// Unpaid reports whether an order waits for money, or its payment was closed without it.
func (p Payment) Unpaid() bool { return p.Required != nil || p.Status == StatusVoided }

// ShownStatus is the status as people are told it: an order that waits for money does so whatever was captured before.
func (p Payment) ShownStatus() Status {
	if p.Required != nil && p.Status != StatusActionRequired {
		return StatusPaymentRequired
	}
	return p.Status
}

// nextAttempt numbers the next authorisation. One that was declined or left to the customer's bank is over.
func (p Payment) nextAttempt() int {
	if p.Declined == p.Generation+1 || p.Status == StatusActionRequired {
		return p.Generation + 2
	}
	return p.Generation + 1
}

// require says that money is missing. A deadline that is running goes on.
func (p Payment) require(amount money.Money, reason string, within time.Duration, at time.Time) PaymentRequired {
	e := PaymentRequired{PaymentID: p.ID, OrderID: p.OrderID, Amount: amount, Reason: reason, RequiredAt: at, DeadlineAt: at.Add(within)}
	if p.Required != nil {
		e.RequiredAt, e.DeadlineAt = p.Required.RequiredAt, p.Required.DeadlineAt
	}
	return e
}

// evolveRequest returns the payment after an event about money that is needed once more.
func evolveRequest(p Payment, e domain.Event) Payment {
	switch e := e.(type) {
	case AuthorizationRequested:
		p.Generation = e.Attempt - 1
		p.Requested = &AuthorizationRequest{
			Amount: e.Amount, Reason: e.Reason, Replaces: e.Replaces, Abandons: e.Abandons, RequestedAt: e.RequestedAt,
		}
		if e.RequestID != uuid.Nil {
			p.Methods = append(slices.Clip(p.Methods), Method{
				RequestID: e.RequestID, RequestHash: e.RequestHash, Attempt: e.Attempt, Token: e.Token, Keep: e.Keep,
			})
		}
	case PaymentRequired:
		p.ID, p.OrderID = e.PaymentID, e.OrderID
		p.Required = &Requirement{Amount: e.Amount, Reason: e.Reason, RequiredAt: e.RequiredAt, DeadlineAt: e.DeadlineAt}
		if p.Status != StatusActionRequired && !p.Capturable().IsPositive() {
			p.Status = p.settledOr(StatusPaymentRequired)
		}
	case AuthorizationEnding:
		p.Ending = &Ending{Amount: e.Amount, Reason: e.Reason, ExpiresAt: e.ExpiresAt, EndingAt: e.EndingAt}
	default:
		return evolveGateway(p, e)
	}
	return p
}

// withoutNeed returns the payment after a capture: what is taken is not missing any more.
func (p Payment) withoutNeed() Payment {
	left := p.Capturable()
	if p.Lapsed || left.IsPositive() {
		return p
	}
	p.Required, p.Ending = nil, nil
	return p
}
