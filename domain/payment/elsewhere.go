package payment

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
)

// ReasonCapturedElsewhere is why money is owed that was captured elsewhere and pays for nothing any more.
const ReasonCapturedElsewhere = "captured_elsewhere"

// ForeignCapture is money that was captured elsewhere.
type ForeignCapture struct {
	// CaptureRef is the gateway's reference of the capture.
	CaptureRef string      `json:"capture_ref"`
	Amount     money.Money `json:"amount"`
}

// GatewayCapture is what the gateway tells of a capture.
type GatewayCapture struct {
	// CaptureID is ours, when a request of ours has made it; zero for one that was made elsewhere.
	CaptureID uuid.UUID
	// CaptureRef is the gateway's reference of the capture, and GatewayRef that of the authorisation.
	CaptureRef, GatewayRef string
	// Amount is all that was taken under this reference.
	Amount money.Money
	At     time.Time
}

// RecordCaptures records what was captured elsewhere. Told are all captures that the gateway knows of the payment.
//
// It returns no events for what is known: each reference counts once, and again by as much as its amount has grown. A
// capture of ours that left nothing to take for the gateway, because somebody had taken it before, is not counted
// again. Errors: unknown_gateway_answer for an amount in another currency.
func RecordCaptures(p Payment, told []GatewayCapture, at time.Time) ([]domain.Event, error) {
	// What this stream knows of is what was captured elsewhere, and by requests of ours. Of those, the gateway may tell
	// nothing: it took nothing more for them.
	covered := p.Captured.Sub(p.capturedElsewhere())
	for _, c := range told {
		if p.Captured.Currency != "" && !c.Amount.SameCurrency(p.Captured) {
			return nil, domain.Refuse(CodeUnknownGatewayAnswer, "payment %s is in %s, and %s was captured at the gateway", p.ID, p.Captured.Currency, c.Amount)
		}
		if _, booked := p.Captures[c.CaptureID]; booked && p.foreignCapture(c.CaptureRef).Amount.IsZero() {
			covered = covered.Sub(c.Amount)
		}
	}
	covered = atLeastNothing(covered)
	var events []domain.Event
	for _, c := range told {
		if c.CaptureID != uuid.Nil {
			continue
		}
		news := c.Amount.Sub(p.foreignCapture(c.CaptureRef).Amount)
		rest := atLeastNothing(news.Sub(covered))
		covered = atLeastNothing(covered.Sub(atLeastNothing(news)))
		if !rest.IsPositive() {
			continue
		}
		if !c.At.IsZero() {
			at = c.At
		}
		events = append(events, PaymentCapturedElsewhere{
			PaymentID: p.ID, OrderID: p.OrderID, Amount: rest, CaptureRef: domain.Valid(c.CaptureRef), GatewayRef: domain.Valid(c.GatewayRef), CapturedAt: at,
		})
	}
	return events, nil
}

// OweUnapplied records that what was captured elsewhere and pays for nothing goes back. It is for an order that is
// cancelled. It returns no events when there is no such money, or the obligation is known.
func OweUnapplied(p Payment, at time.Time) []domain.Event {
	return Owe(p, OweRefund{RefundID: domain.DerivedID(p.ID, p.SurplusKey()), Amount: p.Unapplied(), Reason: ReasonCapturedElsewhere, At: at})
}

// SurplusKey names the facts after which money that was captured elsewhere pays for nothing. It is another one once
// more was captured elsewhere, and once a refund has failed that had given some of it back.
func (p Payment) SurplusKey() string {
	key := ReasonCapturedElsewhere + "/" + p.capturedElsewhere().Text()
	for _, r := range p.Refunds {
		if !r.Owed && r.Unapplied.IsPositive() && r.has(RefundStatusFailed) {
			key += "/" + r.RefundID.String()
		}
	}
	return key
}

// Excess is what a gateway has taken of a payment beyond what anybody had asked for, and has not given back. That is
// the rest of a single capture after its void was lost, or had failed at the bank.
type Excess struct {
	// Taken is all that the gateway has taken, less what went back as excess.
	Taken money.Money
	// GatewayRef is the gateway's payment that it was taken from.
	GatewayRef string
	At         time.Time
}

// RecordExcess records what was taken in excess, and that it is owed. It is for an order of which nothing is to be
// captured any more. It returns no events while something is held, because a void gives the excess back.
func RecordExcess(p Payment, c Excess) []domain.Event {
	if p.Held().IsPositive() || p.VoidFailure != nil || !c.Taken.SameCurrency(p.Captured) || c.Taken.Cmp(p.CapturedAtGateway()) <= 0 {
		return nil
	}
	taken := PaymentCapturedElsewhere{
		PaymentID: p.ID, OrderID: p.OrderID, Amount: c.Taken.Sub(p.CapturedAtGateway()), CaptureRef: domain.Valid(c.GatewayRef) + "/excess",
		GatewayRef: domain.Valid(c.GatewayRef), CapturedAt: c.At,
	}
	return append([]domain.Event{taken}, OweUnapplied(Evolve(p, taken), c.At)...)
}

// TakenFrom is what was captured from one of the gateway's payments, as far as is known.
func (p Payment) TakenFrom(gatewayRef string) money.Money {
	taken := p.Captured
	for _, s := range p.Earlier {
		if s.GatewayRef == gatewayRef {
			return s.Captured
		}
		taken = taken.Sub(s.Captured)
	}
	if gatewayRef != p.GatewayRef {
		return money.Zero(p.Captured.Currency)
	}
	return taken
}

// EndAuthorization records that the gateway holds the reserved money no more, although no void of ours has let it go.
// It returns no events when nothing is held as far as the events tell.
func EndAuthorization(p Payment, reason EndReason, at time.Time) []domain.Event {
	if !p.Held().IsPositive() && p.VoidFailure == nil {
		return nil
	}
	return []domain.Event{AuthorizationEnded{PaymentID: p.ID, OrderID: p.OrderID, Amount: p.Held(), Reason: reason, GatewayRef: p.GatewayRef, EndedAt: at}}
}

// Closed reports whether the gateway has no reason to hold money of the payment. It was declined or voided, or all was
// captured. Nothing is asked for, and no authorisation has ended that is made anew.
func (p Payment) Closed() bool {
	switch p.Status {
	case StatusVoided, StatusDeclined:
		return true
	case StatusCaptured, StatusRefunded:
		return !p.Lapsed && p.Requested == nil && p.Required == nil && !p.Capturable().IsPositive() && !p.awaitsFirst()
	default:
		return false
	}
}

// LateAuthorization is money that the gateway has reserved after the payment was closed.
type LateAuthorization struct {
	Amount     money.Money
	GatewayRef string
	At         time.Time
}

// AuthorizeLate records what the gateway has reserved after the payment was closed. That is so too where a request was
// thought to have made nothing, and all was captured otherwise. Who calls it voids that, and records the gateway's
// answer with it. It returns no events for a payment that is not closed, or when that is known.
func AuthorizeLate(p Payment, c LateAuthorization) []domain.Event {
	if !p.Closed() || p.HeldLate.IsPositive() || !c.Amount.IsPositive() {
		return nil
	}
	return []domain.Event{PaymentAuthorizedLate{
		PaymentID: p.ID, OrderID: p.OrderID, Amount: c.Amount, GatewayRef: domain.Valid(c.GatewayRef), AuthorizedAt: c.At,
	}}
}

// Unapplied is what was captured elsewhere, has not gone back, and pays for no shipment.
func (p Payment) Unapplied() money.Money {
	left := p.capturedElsewhere().Sub(p.Applied)
	for _, r := range p.Refunds {
		left = left.Sub(smaller(r.Unapplied, r.reserved()))
	}
	return atLeastNothing(left)
}

// Applicable is what of the money captured elsewhere pays for a share. What is left of the share can be captured, or is
// nothing.
func (p Payment) Applicable(share money.Money, l money.Limits) money.Money {
	applied := smaller(p.Unapplied(), share)
	if rest := share.Sub(applied); rest.IsPositive() {
		if least := (money.Money{Amount: l.CaptureMin, Currency: share.Currency}); rest.Cmp(least) < 0 {
			rest = smaller(least, share)
		}
		applied = share.Sub(smaller(l.Ceil(rest), share))
	}
	return applied
}

// Apply records that money which was captured elsewhere pays for an amount of a shipment, as far as there is such
// money. It returns no events when there is none.
func Apply(p Payment, captureID uuid.UUID, amount money.Money, at time.Time) []domain.Event {
	applied := smaller(amount, p.Unapplied())
	if !applied.IsPositive() {
		return nil
	}
	return []domain.Event{CaptureApplied{PaymentID: p.ID, OrderID: p.OrderID, CaptureID: captureID, Amount: applied, AppliedAt: at}}
}

// Lacking is what of an amount is not paid for by money that was captured elsewhere.
func (p Payment) Lacking(amount money.Money) money.Money {
	return atLeastNothing(amount.Sub(p.Unapplied()))
}

// CaptureKey is the idempotency key of an attempt at a capture. An authorisation that comes in the place of another one
// is of a later generation, and has keys of its own. What was taken from the other one is no answer to it.
func CaptureKey(paymentID, captureID uuid.UUID, generation, attempt int) string {
	key := paymentID.String() + capturePart + captureID.String()
	if generation > 1 {
		key += fmt.Sprintf("/g%d", generation)
	}
	if attempt > 1 {
		key += fmt.Sprintf("/%d", attempt)
	}
	return key
}

const capturePart = "/capture/"

// captureKeyForm is what stands behind the payment's id in a [CaptureKey].
var captureKeyForm = regexp.MustCompile(`^([0-9a-f-]{36})(/g[1-9][0-9]*)?(/[1-9][0-9]*)?$`)

// ParseCaptureKey reads a [CaptureKey]; false when the key is none of this payment.
func ParseCaptureKey(paymentID uuid.UUID, key string) (captureID uuid.UUID, ok bool) {
	rest, ours := strings.CutPrefix(key, paymentID.String()+capturePart)
	parts := captureKeyForm.FindStringSubmatch(rest)
	if !ours || parts == nil {
		return uuid.Nil, false
	}
	captureID, err := uuid.Parse(parts[1])
	return captureID, err == nil
}

// evolveGateway is [Evolve] for what happens at the gateway by itself.
func evolveGateway(p Payment, e domain.Event) Payment {
	switch e := e.(type) {
	case AuthorizationEnded:
		p.Authorized, p.Lapsed, p.VoidFailure, p.HeldLate, p.Ending = p.Captured, true, nil, money.Money{}, nil
		if p.Status == StatusAuthorized {
			p.Status = StatusExpired
		}
		if e.EndedAt.Before(p.ExpiresAt) {
			p.ExpiresAt = e.EndedAt
		}
	case PaymentAuthorizedLate:
		p = p.withGatewayRef(e.GatewayRef)
		p.HeldLate = e.Amount
	case PaymentCapturedElsewhere:
		p = p.withForeignCapture(e)
	case CaptureApplied:
		if p.Captures == nil {
			p.Captures = map[uuid.UUID]money.Money{}
		}
		p.Captures[e.CaptureID] = p.Captures[e.CaptureID].Add(e.Amount)
		p.Applied = p.Applied.Add(e.Amount)
		p.CaptureFailures = p.withoutCaptureFailure(e.CaptureID)
	case PaymentDifferenceFound:
		p.Differences = append(p.withoutDifference(e.What), Difference{What: e.What, Gateway: e.Gateway, Stream: e.Stream, FoundAt: e.FoundAt})
	case PaymentDifferenceEnded:
		p.Differences = p.withoutDifference(e.What)
	default:
		return evolveRefund(p, e)
	}
	return p
}

// withForeignCapture returns the payment with money that was captured elsewhere, from the present one of the gateway's
// payments or an earlier one. It shares nothing that it changes with p.
func (p Payment) withForeignCapture(e PaymentCapturedElsewhere) Payment {
	all := slices.Clone(p.CapturedElsewhere)
	if i := slices.IndexFunc(all, func(c ForeignCapture) bool { return c.CaptureRef == e.CaptureRef }); i >= 0 {
		all[i].Amount = all[i].Amount.Add(e.Amount)
	} else {
		all = append(all, ForeignCapture{CaptureRef: e.CaptureRef, Amount: e.Amount})
	}
	p.CapturedElsewhere, p.CapturedElsewhereAt = all, e.CapturedAt
	p.ID, p.OrderID = e.PaymentID, e.OrderID
	if e.GatewayRef != "" && e.GatewayRef != p.GatewayRef {
		p.Earlier = slices.Clone(p.Earlier)
		if i := slices.IndexFunc(p.Earlier, func(s Source) bool { return s.GatewayRef == e.GatewayRef }); i >= 0 {
			p.Earlier[i].Captured = p.Earlier[i].Captured.Add(e.Amount)
		} else {
			p.Earlier = append(p.Earlier, Source{GatewayRef: e.GatewayRef, Captured: e.Amount})
		}
		p.Authorized = p.Authorized.Add(e.Amount) // what the present one holds stays the same
	}
	if p.Captured = p.Captured.Add(e.Amount); p.Refunded.Currency == "" {
		p.Refunded = money.Zero(e.Amount.Currency)
	}
	if p.Captured.Cmp(p.Authorized) > 0 {
		p.Authorized = p.Captured
	}
	p.Status = p.settledOr(StatusCaptured)
	return p
}

// capturedElsewhere is all that was captured elsewhere.
func (p Payment) capturedElsewhere() money.Money {
	total := money.Zero(p.Captured.Currency)
	for _, c := range p.CapturedElsewhere {
		total = total.Add(c.Amount)
	}
	return total
}

func (p Payment) foreignCapture(ref string) ForeignCapture {
	for _, c := range p.CapturedElsewhere {
		if c.CaptureRef == ref {
			return c
		}
	}
	return ForeignCapture{CaptureRef: ref}
}

// unappliedOf is what of a refund gives back money that was captured elsewhere and pays for nothing. A refund of lines
// gives back what was paid for them.
func unappliedOf(unapplied money.Money, r Refund) money.Money {
	if len(r.Lines) > 0 {
		return money.Money{}
	}
	return smaller(unapplied, r.Amount)
}
