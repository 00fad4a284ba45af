// Package sandbox is a payment gateway that moves no money. It behaves by token, keeps a ledger of
// all that it did, and honours idempotency keys, so that a double charge would be visible.
//
// The ledger is a file of JSON lines that several processes may share. Each operation holds a lock
// on it, reads what others have written, and appends a line. With no file it lives in memory.
//
// It refuses whatever a real gateway refuses: the suite in internal/testing/gatewaytest holds both to the
// same rules.
//
//	tok_approve             authorised at once
//	tok_decline             declined: card_declined
//	tok_insufficient_funds  declined: insufficient_funds
//	tok_require_action      the customer's bank wants a confirmation first, and declines without the customer
//	tok_timeout             authorised, but the first answer never arrives
//	tok_fail_twice          two failures without effect, then authorised
//
// Any other token is declined: invalid_token. [Tokens] has the list, and docs/test-mode.md what to do with each.
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
	"strings"
	"syscall"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/payments"
)

// Kinds of entries.
const (
	kindAttempt        = "attempt"
	kindAuthorize      = "authorize"
	kindDecline        = "decline"
	kindActionRequired = "action_required"
	kindCapture        = "capture"
	kindVoid           = "void"
	kindRelease        = "release"
	kindRefund         = "refund"
	kindGiveBack       = "give_back"
	kindRefundFailed   = "refund_failed"
)

// Entry is one line of the ledger: what was done once, under one idempotency key.
type Entry struct {
	Key string `json:"key"`
	// Kind is attempt, authorize, decline, action_required, capture, void, release, refund, refund_failed, give_back,
	// or a dispute's [payments.EventKind]. A give_back returns with a void what was captured and nobody knows of. A
	// release lets an authorisation go in whose place another one comes.
	Kind      string      `json:"kind"`
	PaymentID uuid.UUID   `json:"payment_id"`
	OrderID   uuid.UUID   `json:"order_id,omitzero"`
	Amount    money.Money `json:"amount"`
	Ref       string      `json:"ref"`
	Code      string      `json:"code,omitempty"`
	At        time.Time   `json:"at"`
	// AskedAt is the time of an authorisation by the caller's clock, which a test may have set forward.
	AskedAt time.Time `json:"asked_at,omitzero"`
	// Elsewhere is what no request of ours has made.
	Elsewhere bool `json:"elsewhere,omitempty"`
}

// Gateway implements [payments.Gateway].
type Gateway struct {
	// turn holds one token: whoever has it uses the ledger.
	turn     chan struct{}
	file     *os.File
	offset   int64
	entries  []Entry
	byKey    map[string]Entry
	accounts map[uuid.UUID]*account
	// ofPayment are the places in entries of what is about a payment.
	ofPayment map[uuid.UUID][]int
	// failedRefunds are the references of refunds that have failed since.
	failedRefunds map[string]bool
	// bank begins the address at which a payment is confirmed; the id of its order follows.
	bank string
	now  func() time.Time
}

// account is what the ledger says of one payment.
type account struct {
	attempts                                        int
	authorized, captured, voided, refunded, pending money.Money
	// pendingSince is when the pending amount was asked for, and pendingKey under which key.
	pendingSince time.Time
	pendingKey   string
	// expiresAt is when the last authorisation runs out.
	expiresAt time.Time
	closed    bool
}

// held is what is authorised, and neither captured nor let go.
func (a *account) held() money.Money { return a.authorized.Sub(a.captured).Sub(a.voided) }

// refundable is what was captured and not given back.
func (a *account) refundable() money.Money { return a.captured.Sub(a.refunded) }

// Open returns a gateway whose ledger is the file at path, created if need be; in memory when path
// is empty. The caller closes it.
func Open(path string) (*Gateway, error) { return OpenWithClock(path, time.Now) }

// OpenWithClock is [Open] with the clock that the times of entries come from.
func OpenWithClock(path string, now func() time.Time) (*Gateway, error) {
	g := &Gateway{
		turn: make(chan struct{}, 1), byKey: map[string]Entry{}, accounts: map[uuid.UUID]*account{}, ofPayment: map[uuid.UUID][]int{},
		failedRefunds: map[string]bool{}, bank: "https://bank.example/confirm/", now: now,
	}
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
	err := g.locked(ctx, func() error {
		e, known := g.byKey[r.IdempotencyKey]
		if !known {
			var err error
			if e, err = g.authorize(r); err != nil {
				return err
			}
			hang = r.Token == tokenTimeout && e.Kind == kindAuthorize
		}
		if e.Kind == kindAttempt {
			return payments.NoAnswer(errors.New("the sandbox gateway is out of order"))
		}
		result = g.answer(e)
		return nil
	})
	if err == nil && hang {
		<-ctx.Done()
		return payments.AuthorizeResult{}, payments.NoAnswer(ctx.Err())
	}
	return result, err
}

// authorize decides on an authorisation, and lets go of the one in whose place it comes.
func (g *Gateway) authorize(r payments.AuthorizeRequest) (Entry, error) {
	if err := g.release(r, r.Abandons != ""); err != nil {
		return Entry{}, err
	}
	e := g.decide(r)
	if err := g.release(r, r.Replaces != "" && e.Kind == kindAuthorize); err != nil {
		return Entry{}, err
	}
	return g.write(e)
}

func (g *Gateway) release(r payments.AuthorizeRequest, asked bool) error {
	key := r.IdempotencyKey + "/release"
	if _, done := g.byKey[key]; done || !asked {
		return nil
	}
	_, err := g.write(Entry{Key: key, Kind: kindRelease, PaymentID: r.PaymentID, Amount: g.account(r.PaymentID).held(), Ref: refOf(r.PaymentID)})
	return err
}

// decide returns what becomes of an authorisation.
func (g *Gateway) decide(r payments.AuthorizeRequest) Entry {
	a := g.account(r.PaymentID)
	e := Entry{
		Key: r.IdempotencyKey, Kind: kindDecline, PaymentID: r.PaymentID, OrderID: r.OrderID,
		AskedAt: later(r.At, r.AskedAt).UTC(), Amount: r.Amount, Ref: refOf(r.PaymentID),
	}
	switch {
	case a.closed:
		e.Code = "payment_cancelled"
	case !r.Amount.IsPositive():
		e.Code = "amount_not_chargeable"
	case r.Token == tokenDecline:
		e.Code = "card_declined"
	case r.Token == tokenInsufficient:
		e.Code = "insufficient_funds"
	case r.Token == tokenRequireAction && r.EarlierRef != "":
		e.Code = "authentication_required" // the customer is not there
	case r.Token == tokenRequireAction:
		e.Kind = kindActionRequired
	case r.Token == tokenFailTwice && a.attempts < 2:
		e.Kind, e.Key = kindAttempt, fmt.Sprintf("%s#%d", r.IdempotencyKey, a.attempts+1)
	case r.Token == tokenApprove, r.Token == tokenTimeout, r.Token == tokenFailTwice:
		e.Kind = kindAuthorize
	default:
		e.Code = "invalid_token"
	}
	return e
}

// refOf is the reference of all authorisations of a payment.
func refOf(paymentID uuid.UUID) string { return refOfPrefix + paymentID.String() }

const refOfPrefix = "sandbox_"

func (g *Gateway) answer(e Entry) payments.AuthorizeResult {
	switch e.Kind {
	case kindAuthorize:
		return payments.AuthorizeResult{Status: payment.StatusAuthorized, GatewayRef: e.Ref, ExpiresAt: e.expiresAt()}
	case kindActionRequired:
		return payments.AuthorizeResult{Status: payment.StatusActionRequired, GatewayRef: e.Ref, ActionURL: g.bank + e.OrderID.String()}
	default:
		return payments.AuthorizeResult{Status: payment.StatusDeclined, GatewayRef: e.Ref, DeclineCode: e.Code}
	}
}

// authorizedAt is when an authorisation was made, by the clock that is ahead.
func (e Entry) authorizedAt() time.Time { return later(e.At, e.AskedAt) }

// expiresAt is when an authorisation runs out.
func (e Entry) expiresAt() time.Time { return e.authorizedAt().Add(payment.AuthorizationLife) }

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// Capture implements [payments.Gateway].
func (g *Gateway) Capture(ctx context.Context, r payments.CaptureRequest) (payments.CaptureResult, error) {
	e := Entry{Key: r.IdempotencyKey, Kind: kindCapture, PaymentID: r.PaymentID, Amount: r.Amount, AskedAt: later(r.At, r.AskedAt).UTC()}
	taken, err := g.move(ctx, e, r.GatewayRef, (*account).held)
	return payments.CaptureResult{Ref: taken.Ref, Amount: taken.Amount}, err
}

// Refund implements [payments.Gateway].
func (g *Gateway) Refund(ctx context.Context, r payments.RefundRequest) (payments.RefundResult, error) {
	e := Entry{Key: r.IdempotencyKey, Kind: kindRefund, PaymentID: r.PaymentID, Amount: r.Amount}
	given, err := g.move(ctx, e, r.GatewayRef, (*account).refundable)
	return payments.RefundResult{Ref: given.Ref}, err
}

// move takes or gives back money once for each key, and never more than what is left for that. It returns what was
// written under the key.
func (g *Gateway) move(ctx context.Context, e Entry, gatewayRef string, left func(*account) money.Money) (written Entry, err error) {
	err = g.locked(ctx, func() error {
		if known, ok := g.byKey[e.Key]; ok {
			if written = known; g.failedRefunds[known.Ref] {
				return domain.Refuse(payments.CodeGatewayRefused, "refund %s has failed", known.Ref)
			}
			return nil
		}
		a := g.account(e.PaymentID)
		rest := left(a)
		switch {
		case gatewayRef != refOf(e.PaymentID):
			return domain.Refuse(payments.CodeGatewayRefused, "there is no authorisation %s of payment %s", gatewayRef, e.PaymentID)
		case e.Kind == kindCapture && e.AskedAt.After(a.expiresAt):
			return domain.Refuse(payments.CodeGatewayRefused, "the authorisation of payment %s has run out", e.PaymentID)
		case !e.Amount.IsPositive() || !e.Amount.SameCurrency(a.authorized) || e.Amount.Cmp(rest) > 0:
			return domain.Refuse(payments.CodeGatewayRefused, "can't %s %s of payment %s, %s is left", e.Kind, e.Amount, e.PaymentID, rest)
		}
		e.Ref = fmt.Sprintf("sandbox_%s_%d", e.Kind, len(g.entries)+1)
		var err error
		written, err = g.write(e)
		return err
	})
	return written, err
}

// Void implements [payments.Gateway].
func (g *Gateway) Void(ctx context.Context, r payments.VoidRequest) error {
	return g.locked(ctx, func() error {
		if _, ok := g.byKey[r.IdempotencyKey]; ok {
			return nil
		}
		if err := g.giveBack(r); err != nil {
			return err
		}
		_, err := g.write(Entry{
			Key: r.IdempotencyKey, Kind: kindVoid, PaymentID: r.PaymentID, Amount: g.account(r.PaymentID).held(), Ref: refOf(r.PaymentID),
		})
		return err
	})
}

// giveBack returns what was captured beyond what the caller of a void knows, such as by a capture whose
// answer never came.
func (g *Gateway) giveBack(r payments.VoidRequest) error {
	a := g.account(r.PaymentID)
	if r.Captured.Currency != "" && !r.Captured.SameCurrency(a.authorized) {
		return domain.Refuse(payments.CodeGatewayRefused, "payment %s is not in %s", r.PaymentID, r.Captured.Currency)
	}
	excess := a.captured.Sub(r.Captured)
	if left := a.refundable(); excess.Cmp(left) > 0 {
		excess = left
	}
	if !excess.IsPositive() {
		return nil
	}
	_, err := g.write(Entry{
		Key: r.IdempotencyKey + "/excess", Kind: kindGiveBack, PaymentID: r.PaymentID, Amount: excess, Ref: refOf(r.PaymentID),
	})
	return err
}

// Balance is what the ledger says of one payment.
type Balance struct {
	// Held is authorised, and neither captured nor voided.
	Held, Captured, Refunded money.Money
}

// Balance returns what the ledger says of a payment: all zero for one that it never heard of.
func (g *Gateway) Balance(paymentID uuid.UUID) (Balance, error) {
	var b Balance
	err := g.locked(context.Background(), func() error {
		a := g.account(paymentID)
		b = Balance{Held: a.held(), Captured: a.captured, Refunded: a.refunded}
		return nil
	})
	return b, err
}

// Entries returns all entries of the ledger, oldest first.
func (g *Gateway) Entries() ([]Entry, error) {
	var entries []Entry
	err := g.locked(context.Background(), func() error { entries = append(entries, g.entries...); return nil })
	return entries, err
}

func (g *Gateway) account(id uuid.UUID) *account {
	if g.accounts[id] == nil {
		g.accounts[id] = &account{}
	}
	return g.accounts[id]
}

// locked runs f while this process and no other one uses the ledger, with all that was written to it. It waits for
// the ledger until ctx ends, and has done nothing then: [payments.ErrNoAnswer].
func (g *Gateway) locked(ctx context.Context, f func() error) error {
	select {
	case g.turn <- struct{}{}:
		defer func() { <-g.turn }()
	case <-ctx.Done():
		return payments.NoAnswer(ctx.Err())
	}
	if g.file == nil {
		return f()
	}
	if err := g.lockFile(ctx); err != nil {
		return err
	}
	defer func() { _ = syscall.Flock(int(g.file.Fd()), syscall.LOCK_UN) }() // fails only for a closed file, which unlocks as well
	if err := g.catchUp(); err != nil {
		return fmt.Errorf("read the sandbox gateway's ledger: %w", err)
	}
	return f()
}

// lockFile locks the ledger's file. The system call that waits can't be ended, so this asks again and again.
func (g *Gateway) lockFile(ctx context.Context) error {
	const pauseMax = 10 * time.Millisecond
	for pause := 50 * time.Microsecond; ; pause = min(2*pause, pauseMax) {
		switch err := syscall.Flock(int(g.file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); {
		case err == nil:
			return nil
		case !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR):
			return fmt.Errorf("lock the sandbox gateway's ledger: %w", err)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return payments.NoAnswer(ctx.Err())
		}
	}
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
	e.At = g.now().UTC().Truncate(time.Microsecond)
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
	g.ofPayment[e.PaymentID] = append(g.ofPayment[e.PaymentID], len(g.entries))
	g.entries = append(g.entries, e)
	g.byKey[e.Key] = e
	a := g.account(e.PaymentID)
	switch e.Kind {
	case kindAttempt:
		a.attempts++
	case kindAuthorize:
		if !a.expiresAt.IsZero() && e.authorizedAt().After(a.expiresAt) {
			a.voided = a.voided.Add(a.held()) // the one before has run out
		}
		a.authorized, a.pending, a.expiresAt = a.authorized.Add(e.Amount), money.Money{}, e.expiresAt()
	case kindActionRequired:
		a.pending, a.pendingSince, a.pendingKey = e.Amount, e.AskedAt, e.Key
	case kindDecline:
		if strings.HasSuffix(e.Key, confirmSuffix) {
			a.pending = money.Money{}
		}
	case kindCapture:
		a.captured = a.captured.Add(e.Amount)
	case kindRefund:
		a.refunded = a.refunded.Add(e.Amount)
	case kindRefundFailed:
		a.refunded, g.failedRefunds[e.Ref] = a.refunded.Sub(e.Amount), true
	case kindGiveBack:
		a.captured, a.voided = a.captured.Sub(e.Amount), a.voided.Add(e.Amount)
	case kindRelease:
		a.voided, a.pending = a.voided.Add(e.Amount), money.Money{}
	case kindVoid:
		a.voided, a.closed = a.voided.Add(e.Amount), a.closed || !e.Elsewhere
	}
}
