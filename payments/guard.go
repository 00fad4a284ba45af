package payments

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/internal/breaker"
	"go.opentelemetry.io/otel/trace"
)

// BreakerSettings are those of the breaker of a payment gateway.
//
// One order that fails for itself does not open it: a step makes nine attempts within the window. The window is longer
// than a call that hangs. A caller that leaves sooner than a gateway may take says nothing of the gateway.
func BreakerSettings() breaker.Settings {
	return breaker.Settings{
		Of: "payment_gateway", Failures: 10, Window: time.Minute, Rest: 10 * time.Second, Probes: 3, Patience: 15 * time.Second,
		IsFailure: doesNotAnswer,
	}
}

// doesNotAnswer reports whether an error of a gateway says that it does not answer. A refusal is an answer. So is that
// our credentials are refused, perhaps for one kind of call alone: the others go on.
func doesNotAnswer(err error) bool {
	var refused *domain.Error
	return !errors.As(err, &refused) && !errors.Is(err, ErrCredentials)
}

// Retry limits: how far the attempts spread that follow a call which was turned away.
const (
	retrySpreadMin = time.Second
	retrySpreadMax = time.Minute
)

// TurnedAwayError is the error of a call that the gateway was not asked for, because it does not answer at present. It
// is an [ErrNoAnswer]: an earlier call under the same key may have taken effect.
type TurnedAwayError struct {
	// RetryAfter is when to ask again. It differs from call to call, so that those who wait do not come at once. It
	// grows with the length of the outage, to a minute beyond the breaker's rest.
	RetryAfter time.Duration
	// Open is what the breaker says.
	Open *breaker.OpenError
}

// Error says that the gateway does not answer.
func (e *TurnedAwayError) Error() string { return fmt.Sprintf("%v: %v", ErrNoAnswer, e.Open) }

// Is reports that it is an [ErrNoAnswer].
func (e *TurnedAwayError) Is(target error) bool { return target == ErrNoAnswer }

// Unwrap returns what the breaker says.
func (e *TurnedAwayError) Unwrap() error { return e.Open }

// Guard puts a breaker with [BreakerSettings] before a gateway. Error of its calls, besides the gateway's:
// [TurnedAwayError]. It is a [LedgerReader] where the gateway is one, and then a [PayoutReader] where it is one. Each
// call is a span of traces; nil makes none.
func Guard(g Gateway, b *breaker.Breaker, traces trace.TracerProvider) Gateway {
	guarded := guard{gateway: g, breaker: b}
	if traces != nil {
		guarded.tracer = traces.Tracer("orderloom/payments")
	}
	ledger, ok := g.(LedgerReader)
	if !ok {
		return guarded
	}
	if payouts, ok := g.(PayoutReader); ok {
		return guardedPayouts{guardedLedger{guarded, ledger}, payouts}
	}
	return guardedLedger{guarded, ledger}
}

type guard struct {
	gateway Gateway
	breaker *breaker.Breaker
	tracer  trace.Tracer // nil makes no spans
}

// Authorize implements [Gateway].
func (g guard) Authorize(ctx context.Context, r AuthorizeRequest) (out AuthorizeResult, err error) {
	err = g.do(ctx, span{"authorize", r.PaymentID}, func(ctx context.Context) (err error) { out, err = g.gateway.Authorize(ctx, r); return err })
	return out, err
}

// Capture implements [Gateway].
func (g guard) Capture(ctx context.Context, r CaptureRequest) (out CaptureResult, err error) {
	err = g.do(ctx, span{"capture", r.PaymentID}, func(ctx context.Context) (err error) { out, err = g.gateway.Capture(ctx, r); return err })
	return out, err
}

// Void implements [Gateway].
func (g guard) Void(ctx context.Context, r VoidRequest) error {
	return g.do(ctx, span{"void", r.PaymentID}, func(ctx context.Context) error { return g.gateway.Void(ctx, r) })
}

// Refund implements [Gateway].
func (g guard) Refund(ctx context.Context, r RefundRequest) (out RefundResult, err error) {
	err = g.do(ctx, span{"refund", r.PaymentID}, func(ctx context.Context) (err error) { out, err = g.gateway.Refund(ctx, r); return err })
	return out, err
}

// Find implements [Gateway].
func (g guard) Find(ctx context.Context, r FindRequest) (out LedgerEntry, err error) {
	err = g.do(ctx, span{"find", r.PaymentID}, func(ctx context.Context) (err error) { out, err = g.gateway.Find(ctx, r); return err })
	return out, err
}

// Confirm implements [Bank]. Error: gateway_refused too where the gateway is none.
func (g guard) Confirm(paymentID uuid.UUID, approve bool) error {
	bank, ok := g.gateway.(Bank)
	if !ok {
		return domain.Refuse(CodeGatewayRefused, "the payment gateway plays no bank")
	}
	return bank.Confirm(paymentID, approve)
}

func (g guard) do(ctx context.Context, s span, call func(context.Context) error) error {
	ctx, end := g.begin(ctx, s)
	err := g.breaker.Do(ctx, func() error { return call(ctx) })
	end(err)
	var open *breaker.OpenError
	if err == nil || !errors.As(err, &open) {
		return err
	}
	spread := min(max(open.Lasts, retrySpreadMin), retrySpreadMax)
	return &TurnedAwayError{RetryAfter: open.Rest + rand.N(spread), Open: open}
}

type guardedLedger struct {
	guard
	ledger LedgerReader
}

// Ledger implements [LedgerReader].
func (g guardedLedger) Ledger(ctx context.Context, from, to time.Time) iter.Seq2[LedgerEntry, error] {
	return func(yield func(LedgerEntry, error) bool) {
		err := g.do(ctx, span{name: "ledger"}, func(ctx context.Context) error {
			for entry, err := range g.ledger.Ledger(ctx, from, to) {
				if err != nil || !yield(entry, nil) {
					return err
				}
			}
			return nil
		})
		if err != nil {
			yield(LedgerEntry{}, err)
		}
	}
}

type guardedPayouts struct {
	guardedLedger
	payouts PayoutReader
}

// Payouts implements [PayoutReader].
func (g guardedPayouts) Payouts(ctx context.Context, from, to time.Time) iter.Seq2[Payout, error] {
	return func(yield func(Payout, error) bool) {
		err := g.do(ctx, span{name: "payouts"}, func(ctx context.Context) error {
			for payout, err := range g.payouts.Payouts(ctx, from, to) {
				if err != nil || !yield(payout, nil) {
					return err
				}
			}
			return nil
		})
		if err != nil {
			yield(Payout{}, err)
		}
	}
}
