package sandbox

import (
	"context"
	"strings"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/payments"
)

// Find implements [payments.Gateway].
func (g *Gateway) Find(ctx context.Context, r payments.FindRequest) (entry payments.LedgerEntry, err error) {
	if err := ctx.Err(); err != nil {
		return entry, payments.NoAnswer(err)
	}
	if r.PaymentID == uuid.Nil {
		if r.PaymentID, err = uuid.Parse(strings.TrimPrefix(r.GatewayRef, refOfPrefix)); err != nil {
			return entry, nil //nolint:nilerr // nobody knows such a reference
		}
	}
	err = g.locked(ctx, func() error {
		entry = g.entry(r.PaymentID)
		return nil
	})
	return entry, err
}

// entry is what the ledger says of a payment: nothing for one that it never heard of.
func (g *Gateway) entry(id uuid.UUID) payments.LedgerEntry {
	var out payments.LedgerEntry
	for _, i := range g.ofPayment[id] {
		e := g.entries[i]
		if e.Kind == kindAttempt {
			continue
		}
		out.PaymentID, out.Refs = id, []string{refOf(id)}
		if e.OrderID != uuid.Nil {
			out.OrderID = e.OrderID
		}
		if authorization, ok := g.authorization(e); ok {
			out.Authorization = authorization
		}
		if event, ok := g.event(e); ok {
			out.Events = append(out.Events, event)
		}
	}
	if out.PaymentID == uuid.Nil {
		return out
	}
	g.takeOffExcess(out.Events, id)
	a := g.account(id)
	out.Balance = payment.GatewayBalance{Held: a.held(), Captured: a.captured, Refunded: a.refunded}
	if out.Authorization.Status != payment.StatusDeclined && a.captured.IsZero() && a.held().IsZero() && a.pending.IsZero() || a.closed && a.captured.IsZero() {
		out.Authorization.Status = payment.StatusVoided
	}
	for i := range out.Events {
		out.Events[i].OrderID = out.OrderID
	}
	return out
}

// takeOffExcess takes what voids gave back off the captures made elsewhere, the latest first.
func (g *Gateway) takeOffExcess(events []payments.Event, id uuid.UUID) {
	var excess money.Money
	for _, i := range g.ofPayment[id] {
		if e := g.entries[i]; e.Kind == kindGiveBack {
			excess = excess.Add(e.Amount)
		}
	}
	for i := len(events) - 1; i >= 0 && excess.IsPositive(); i-- {
		if e := &events[i]; e.Kind == payments.EventCaptured && e.Elsewhere() {
			taken := excess
			if taken.Cmp(e.Amount) > 0 {
				taken = e.Amount
			}
			e.Amount, excess = e.Amount.Sub(taken), excess.Sub(taken)
		}
	}
}

// authorization is where an authorisation stands after an entry.
func (g *Gateway) authorization(e Entry) (payments.Authorization, bool) {
	switch e.Kind {
	case kindAuthorize, kindDecline, kindActionRequired:
		return payments.Authorization{AuthorizeResult: g.answer(e), Amount: e.Amount}, true
	}
	return payments.Authorization{}, false
}

// event is what an entry says to others. A give_back was never captured as far as anybody knows.
func (g *Gateway) event(e Entry) (payments.Event, bool) {
	out := payments.Event{PaymentID: e.PaymentID, GatewayRef: refOf(e.PaymentID), Ref: e.Ref, Amount: e.Amount, Code: e.Code, At: e.At}
	if !e.Elsewhere {
		out.Key = e.Key
	}
	switch e.Kind {
	case kindAuthorize:
		out.Kind, out.Ref = payments.EventAuthorized, e.Key
	case kindDecline:
		out.Kind, out.Ref = payments.EventDeclined, e.Key
	case kindVoid, kindRelease:
		out.Kind, out.Ref = payments.EventVoided, e.Key
	case kindCapture:
		out.Kind = payments.EventCaptured
	case kindRefund:
		if out.Kind = payments.EventRefunded; g.failedRefunds[e.Ref] {
			out.Kind, out.Code = payments.EventRefundFailed, "expired_or_canceled_card"
		}
	case kindAttempt, kindActionRequired, kindGiveBack, kindRefundFailed:
		return out, false
	default:
		out.Kind = payments.EventKind(e.Kind)
	}
	return out, true
}
