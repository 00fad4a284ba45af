// Package sandbox is a payment gateway that moves no money. It behaves by token, keeps a ledger of
// all that it did, and honours idempotency keys, so that a double charge would be visible.
//
// The ledger is a file of JSON lines that several processes may share; each operation holds a lock
// on it, reads what others have written, and appends one line. With no file it lives in memory.
//
//	tok_approve             authorised at once
//	tok_decline             declined: card_declined
//	tok_insufficient_funds  declined: insufficient_funds
//	tok_require_action      the customer's bank wants a confirmation first
//	tok_timeout             authorised, but the first answer never arrives
//	tok_fail_twice          two failures without effect, then authorised
//
// Any other token is declined: invalid_token.
package sandbox

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/payments"
)

// AuthorizationLife is how long the sandbox keeps money reserved, as card schemes commonly do.
const AuthorizationLife = 7 * 24 * time.Hour

// Entry is one line of the ledger: what was done once, under one idempotency key.
type Entry struct {
	Key       string      `json:"key"`
	Kind      string      `json:"kind"` // attempt, authorize, decline, action_required, capture, void, refund
	PaymentID uuid.UUID   `json:"payment_id"`
	OrderID   uuid.UUID   `json:"order_id,omitzero"`
	Amount    money.Money `json:"amount"`
	Ref       string      `json:"ref"`
	Code      string      `json:"code,omitempty"`
	At        time.Time   `json:"at"`
	// AskedAt is the time of an authorisation by the caller's clock, which a test may have set forward.
	AskedAt time.Time `json:"asked_at,omitzero"`
}

// Gateway implements [payments.Gateway].
type Gateway struct {
	mu       sync.Mutex
	file     *os.File
	offset   int64
	entries  []Entry
	byKey    map[string]Entry
	accounts map[uuid.UUID]*account
}

// account is what the ledger says of one payment.
type account struct {
	attempts                                        int
	authorized, captured, voided, refunded, pending money.Money
	closed                                          bool
}

// Open returns a gateway whose ledger is the file at path, created if need be; in memory when path
// is empty. The caller closes it.
func Open(path string) (*Gateway, error) {
	g := &Gateway{byKey: map[string]Entry{}, accounts: map[uuid.UUID]*account{}}
	if path == "" {
		return g, nil
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the sandbox gateway's ledger: %w", err)
	}
	g.file = f
	return g, nil
}

// Close closes the ledger.
func (g *Gateway) Close() error {
	if g.file == nil {
		return nil
	}
	return g.file.Close()
}

// Authorize implements [payments.Gateway].
func (g *Gateway) Authorize(ctx context.Context, r payments.AuthorizeRequest) (payments.AuthorizeResult, error) {
	var result payments.AuthorizeResult
	hang := false
	err := g.locked(func() error {
		if e, ok := g.byKey[r.IdempotencyKey]; ok {
			result = answer(e)
			return nil
		}
		acc := g.account(r.PaymentID)
		e := Entry{
			Key: r.IdempotencyKey, PaymentID: r.PaymentID, OrderID: r.OrderID,
			AskedAt: r.AskedAt.UTC(), Amount: r.Amount, Ref: "sandbox_" + r.PaymentID.String(),
		}
		switch {
		case acc.closed:
			e.Kind, e.Code = "decline", "payment_cancelled"
		case r.Token == "tok_approve":
			e.Kind = "authorize"
		case r.Token == "tok_timeout":
			e.Kind, hang = "authorize", true
		case r.Token == "tok_require_action":
			e.Kind = "action_required"
		case r.Token == "tok_fail_twice" && acc.attempts < 2:
			e.Kind, e.Key = "attempt", fmt.Sprintf("%s#%d", r.IdempotencyKey, acc.attempts+1)
		case r.Token == "tok_fail_twice":
			e.Kind = "authorize"
		case r.Token == "tok_decline":
			e.Kind, e.Code = "decline", "card_declined"
		case r.Token == "tok_insufficient_funds":
			e.Kind, e.Code = "decline", "insufficient_funds"
		default:
			e.Kind, e.Code = "decline", "invalid_token"
		}
		e, err := g.write(e)
		if err != nil {
			return err
		}
		if e.Kind == "attempt" {
			return payments.NoAnswer(errors.New("the sandbox gateway is out of order"))
		}
		result = answer(e)
		return nil
	})
	if err == nil && hang {
		<-ctx.Done()
		return payments.AuthorizeResult{}, payments.NoAnswer(ctx.Err())
	}
	return result, err
}

func answer(e Entry) payments.AuthorizeResult {
	switch e.Kind {
	case "authorize":
		return payments.AuthorizeResult{Status: payment.StatusAuthorized, GatewayRef: e.Ref, ExpiresAt: later(e.At, e.AskedAt).Add(AuthorizationLife)}
	case "action_required":
		return payments.AuthorizeResult{Status: payment.StatusActionRequired, GatewayRef: e.Ref, ActionURL: "https://bank.example/confirm/" + e.Ref}
	default:
		return payments.AuthorizeResult{Status: payment.StatusDeclined, GatewayRef: e.Ref, DeclineCode: e.Code}
	}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// Capture implements [payments.Gateway].
func (g *Gateway) Capture(_ context.Context, r payments.CaptureRequest) (string, error) {
	return g.move("capture", r.IdempotencyKey, r.PaymentID, r.Amount, func(a *account) money.Money {
		return a.authorized.Sub(a.captured).Sub(a.voided)
	})
}

// Refund implements [payments.Gateway].
func (g *Gateway) Refund(_ context.Context, r payments.RefundRequest) (string, error) {
	return g.move("refund", r.IdempotencyKey, r.PaymentID, r.Amount, func(a *account) money.Money {
		return a.captured.Sub(a.refunded)
	})
}

func (g *Gateway) move(kind, key string, id uuid.UUID, amount money.Money, left func(*account) money.Money) (ref string, err error) {
	err = g.locked(func() error {
		if e, ok := g.byKey[key]; ok {
			ref = e.Ref
			return nil
		}
		acc := g.account(id)
		if rest := left(acc); !amount.IsPositive() || !amount.SameCurrency(acc.authorized) || amount.Cmp(rest) > 0 {
			return domain.Refuse(payments.CodeGatewayRefused, "can't %s %s of payment %s, %s is left", kind, amount, id, rest)
		}
		e, err := g.write(Entry{Key: key, Kind: kind, PaymentID: id, Amount: amount, Ref: fmt.Sprintf("sandbox_%s_%d", kind, len(g.entries)+1)})
		ref = e.Ref
		return err
	})
	return ref, err
}

// Void implements [payments.Gateway].
func (g *Gateway) Void(_ context.Context, r payments.VoidRequest) error {
	return g.locked(func() error {
		if _, ok := g.byKey[r.IdempotencyKey]; ok {
			return nil
		}
		acc := g.account(r.PaymentID)
		_, err := g.write(Entry{
			Key: r.IdempotencyKey, Kind: "void", PaymentID: r.PaymentID, Amount: acc.authorized.Sub(acc.captured).Sub(acc.voided),
			Ref: "sandbox_" + r.PaymentID.String(),
		})
		return err
	})
}

// Confirm plays the customer who confirms a payment at the bank (or refuses to): it settles a payment
// that was left as action_required, as the gateway's webhook would then report.
func (g *Gateway) Confirm(paymentID uuid.UUID, approve bool) error {
	return g.locked(func() error {
		acc := g.account(paymentID)
		if acc.pending.IsZero() || acc.closed {
			return domain.Refuse(payments.CodeGatewayRefused, "payment %s is not waiting for a confirmation", paymentID)
		}
		e := Entry{Key: paymentID.String() + "/confirm", Kind: "authorize", PaymentID: paymentID, Amount: acc.pending, Ref: "sandbox_" + paymentID.String()}
		if !approve {
			e.Kind, e.Code = "decline", "authentication_failed"
		}
		if _, ok := g.byKey[e.Key]; ok {
			return nil
		}
		_, err := g.write(e)
		return err
	})
}

// Balance is what the ledger says of one payment.
type Balance struct {
	// Held is authorised, and neither captured nor voided.
	Held, Captured, Refunded money.Money
}

// Balance returns what the ledger says of a payment: all zero for one that it never heard of.
func (g *Gateway) Balance(paymentID uuid.UUID) (Balance, error) {
	var b Balance
	err := g.locked(func() error {
		a := g.account(paymentID)
		b = Balance{Held: a.authorized.Sub(a.captured).Sub(a.voided), Captured: a.captured, Refunded: a.refunded}
		return nil
	})
	return b, err
}

// Entries returns all entries of the ledger, oldest first.
func (g *Gateway) Entries() ([]Entry, error) {
	var entries []Entry
	err := g.locked(func() error { entries = append(entries, g.entries...); return nil })
	return entries, err
}

func (g *Gateway) account(id uuid.UUID) *account {
	if g.accounts[id] == nil {
		g.accounts[id] = &account{}
	}
	return g.accounts[id]
}

// locked runs f while this process and no other one uses the ledger, with all that was written to it.
func (g *Gateway) locked(f func() error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.file == nil {
		return f()
	}
	fd := int(g.file.Fd())
	if err := syscall.Flock(fd, syscall.LOCK_EX); err != nil {
		return fmt.Errorf("lock the sandbox gateway's ledger: %w", err)
	}
	defer func() { _ = syscall.Flock(fd, syscall.LOCK_UN) }() // fails only for a closed file, which unlocks as well
	if err := g.catchUp(); err != nil {
		return fmt.Errorf("read the sandbox gateway's ledger: %w", err)
	}
	return f()
}

func (g *Gateway) catchUp() error {
	info, err := g.file.Stat()
	if err != nil || info.Size() == g.offset {
		return err
	}
	lines := bufio.NewReader(io.NewSectionReader(g.file, g.offset, info.Size()-g.offset))
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			// A process died in the middle of this line, so what it did was never answered.
			return g.file.Truncate(g.offset)
		}
		if err != nil {
			return err
		}
		var e Entry
		if err := json.Unmarshal(bytes.TrimSpace(line), &e); err != nil {
			return err
		}
		g.offset += int64(len(line))
		g.apply(e)
		if g.offset == info.Size() {
			return nil
		}
	}
}

func (g *Gateway) write(e Entry) (Entry, error) {
	e.At = time.Now().UTC().Truncate(time.Microsecond)
	if g.file != nil {
		b, err := json.Marshal(e)
		if err != nil {
			return e, err
		}
		n, err := g.file.Write(append(b, '\n'))
		if err != nil {
			return e, payments.NoAnswer(err)
		}
		g.offset += int64(n)
	}
	g.apply(e)
	return e, nil
}

func (g *Gateway) apply(e Entry) {
	g.entries = append(g.entries, e)
	g.byKey[e.Key] = e
	a := g.account(e.PaymentID)
	switch e.Kind {
	case "attempt":
		a.attempts++
	case "authorize":
		a.authorized, a.pending = a.authorized.Add(e.Amount), money.Money{}
	case "action_required":
		a.pending = e.Amount
	case "capture":
		a.captured = a.captured.Add(e.Amount)
	case "refund":
		a.refunded = a.refunded.Add(e.Amount)
	case "void":
		a.voided, a.closed = a.voided.Add(e.Amount), true
	}
}
