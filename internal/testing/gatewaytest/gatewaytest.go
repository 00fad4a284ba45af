// Package gatewaytest is the conformance suite of payment gateways: what [payments.Gateway],
// [payments.LedgerReader] and [payments.Webhook] promise, as tests that every gateway has to pass.
//
//	func TestConformance(t *testing.T) {
//		gatewaytest.Run(t, func(t *testing.T) gatewaytest.Harness { … })
//	}
//
// Each test opens a gateway of its own, and looks at the gateway's ledger for what has really happened.
package gatewaytest

import (
	"context"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/payments"
	"github.com/stretchr/testify/require"
)

// Operation is a call of a [payments.Gateway].
type Operation string

// The operations.
const (
	Authorize Operation = "authorize"
	Capture   Operation = "capture"
	Void      Operation = "void"
	Refund    Operation = "refund"
)

// Harness is a gateway under test, and what the suite has to know of it and to do to it.
type Harness struct {
	// Gateway has a ledger too.
	Gateway interface {
		payments.Gateway
		payments.LedgerReader
	}
	// Approved is a token that is authorised at once.
	Approved string
	// Declined is a token that is declined, with DeclineCode.
	Declined, DeclineCode string
	// NeedsAction is a token that the customer has to confirm. Confirm plays the customer, who may do so
	// too late: then nothing happens.
	NeedsAction string
	Confirm     func(paymentID uuid.UUID, ref string, approve bool)

	// Now is the gateway's clock, and Advance sets it forward. Without Advance the gateway never forgets a key.
	Now     func() time.Time
	Advance func(time.Duration)

	// Break lets the next request of an operation get no answer: before it takes effect, or after. It
	// returns the token to authorise with. Breakable are the operations that it can break.
	Break     func(o Operation, effect bool) (token string)
	Breakable []Operation

	// Elsewhere is what people do at the gateway by themselves; nil for a gateway that can't be told to.
	Elsewhere *Elsewhere
	// Capabilities are what the gateway says that it can do.
	Capabilities payments.Capabilities
	// ForgetKeys lets the gateway forget all idempotency keys; nil for one that never does.
	ForgetKeys func()

	// Webhook reads what the gateway reports; nil for one that reports nothing. Report returns the last
	// report that the gateway has sent of the customer's confirmation.
	Webhook payments.Webhook
	Report  func() (body []byte, header http.Header)
}

// Elsewhere is what people do at the gateway by themselves, or the customer's bank does.
type Elsewhere struct {
	Capture func(paymentID uuid.UUID, ref string, amount money.Money)
	Void    func(paymentID uuid.UUID, ref string)
	// Refund returns the gateway's reference of the refund, which FailRefund then lets fail.
	Refund     func(paymentID uuid.UUID, ref string, amount money.Money) (refundRef string)
	FailRefund func(refundRef string)
	// Dispute opens a dispute, for which the bank takes the money, and lets the merchant lose it.
	Dispute func(paymentID uuid.UUID, ref string, amount money.Money)
}

// Run runs the suite. Open returns a fresh gateway.
func Run(t *testing.T, open func(t *testing.T) Harness) {
	for name, test := range map[string]func(*bundle){
		"authorises once for each key":                   authorisesOnce,
		"authorises once for two requests at a time":     authorisesOnceConcurrently,
		"declines, which is an answer":                   declines,
		"declines what is no amount":                     declinesNoAmount,
		"lets the customer confirm":                      letsTheCustomerConfirm,
		"captures in parts, once for each key":           capturesInParts,
		"refuses captures of what is not there":          refusesCaptures,
		"refuses captures of what has run out":           refusesCapturesOfWhatHasRunOut,
		"refunds in parts, once for each key":            refundsInParts,
		"refuses refunds of what is not there":           refusesRefunds,
		"voids what is not captured":                     voids,
		"voids what needs no void":                       voidsNothing,
		"voids before the request arrives":               voidsBeforeTheRequest,
		"voids what waits for the customer":              voidsWhatWaits,
		"voids a capture that nobody heard of":           voidsAnUnheardCapture,
		"answers the same after it has forgotten keys":   answersTheSameLater,
		"gives no answer, then the one that it had":      givesNoAnswerFirst,
		"voids an authorisation that nobody heard of":    voidsAnUnheardAuthorisation,
		"takes an ended context for no answer":           takesAnEndedContext,
		"keeps a ledger of each payment":                 keepsALedger,
		"reports what the customer has confirmed":        reports,
		"believes no report that is not the gateway's":   refusesFalseReports,
		"keeps the payments of different orders apart":   keepsPaymentsApart,
		"honours a key that comes with another amount":   honoursTheFirstAmount,
		"never authorises again what was once cancelled": staysCancelled,
		"replaces an authorisation":                      replacesAnAuthorisation,
		"replaces the rest of an authorisation":          replacesTheRestOfAnAuthorisation,
		"abandons what waits for the customer":           abandonsWhatWaits,
		"says where a payment stands":                    saysWhereAPaymentStands,
		"says nothing of a payment it never heard of":    saysNothingOfStrangers,
		"answers a repeated request by what is so":       answersByWhatIsSo,
		"says what it can move":                          saysWhatItCanMove,
		"moves money once when it has forgotten the key": movesOnceWithoutKeys,
		"tells captures made elsewhere":                  tellsCapturesElsewhere,
		"tells authorisations that were let go":          tellsVoidsElsewhere,
		"tells refunds made elsewhere, and their ends":   tellsRefundsElsewhere,
		"tells disputes":                                 tellsDisputes,
		"captures beside what others captured":           capturesBesideOthers,
		"gives back what others captured":                givesBackWhatOthersCaptured,
		"gives back what was taken in excess once":       givesBackAnExcessOnce,
		"tells the ends of authorisations":               tellsTheEndsOfAuthorisations,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(newBundle(t, open(t)))
		})
	}
}

// bundle is one payment at a gateway.
type bundle struct {
	*testing.T
	Harness
	paymentID, orderID uuid.UUID
	askedAt            time.Time
}

func newBundle(t *testing.T, h Harness) *bundle {
	return &bundle{T: t, Harness: h, paymentID: uuid.New(), orderID: uuid.New(), askedAt: h.Now()}
}

// another returns another payment at the same gateway.
func (b *bundle) another() *bundle { return newBundle(b.T, b.Harness) }

// eur is an amount in euros.
func eur(amount string) money.Money { return money.Must(amount, "EUR") }

func (b *bundle) key(o Operation, name string) string {
	return b.paymentID.String() + "/" + string(o) + "/" + name
}

func (b *bundle) authorize(ctx context.Context, token string, amount money.Money) (payments.AuthorizeResult, error) {
	return b.Gateway.Authorize(ctx, payments.AuthorizeRequest{
		IdempotencyKey: b.key(Authorize, "1"), AskedAt: b.askedAt, PaymentID: b.paymentID, OrderID: b.orderID, Amount: amount, Token: token,
	})
}

// authorized returns the reference of 100 euros that are held.
func (b *bundle) authorized() (ref string) {
	b.Helper()
	result, err := b.authorize(b.Context(), b.Approved, eur("100.00"))
	require.NoError(b, err)
	require.Equal(b, payment.StatusAuthorized, result.Status)
	require.NotEmpty(b, result.GatewayRef)
	return result.GatewayRef
}

func (b *bundle) capture(ctx context.Context, ref, name, amount, capturable string) (string, error) {
	taken, err := b.Gateway.Capture(ctx, payments.CaptureRequest{
		IdempotencyKey: b.key(Capture, name), AskedAt: b.askedAt, PaymentID: b.paymentID, GatewayRef: ref,
		Amount: eur(amount), Capturable: eur(capturable),
	})
	if err == nil {
		require.Equal(b, amount, taken.Amount.Text())
	}
	return taken.Ref, err
}

func (b *bundle) captured(ref, name, amount, capturable string) (captureRef string) {
	b.Helper()
	captureRef, err := b.capture(b.Context(), ref, name, amount, capturable)
	require.NoError(b, err)
	require.NotEmpty(b, captureRef)
	return captureRef
}

func (b *bundle) refund(ctx context.Context, ref, name string, amount money.Money) (string, error) {
	result, err := b.Gateway.Refund(ctx, payments.RefundRequest{
		IdempotencyKey: b.key(Refund, name), AskedAt: b.askedAt, PaymentID: b.paymentID, GatewayRef: ref, Amount: amount, Reason: "returned",
	})
	return result.Ref, err
}

func (b *bundle) refunded(ref, name, amount string) (refundRef string) {
	b.Helper()
	refundRef, err := b.refund(b.Context(), ref, name, eur(amount))
	require.NoError(b, err)
	require.NotEmpty(b, refundRef)
	return refundRef
}

// void lets go of an authorisation that was answered.
func (b *bundle) void(ctx context.Context, ref string, captured money.Money) error {
	return b.Gateway.Void(ctx, payments.VoidRequest{
		IdempotencyKey: b.key(Void, "1"), AskedAt: b.askedAt, PaymentID: b.paymentID, GatewayRef: ref, Captured: captured,
	})
}

// voidUnanswered lets go of an authorisation that was not answered.
func (b *bundle) voidUnanswered(ctx context.Context) error {
	return b.Gateway.Void(ctx, payments.VoidRequest{
		IdempotencyKey: b.key(Void, "1"), AskedAt: b.askedAt, PaymentID: b.paymentID, AuthorizeKey: b.key(Authorize, "1"),
	})
}

// holds asserts what the ledger says of the payment. A gateway that captures only once may have taken
// already what is still held by our arithmetic.
func (b *bundle) holds(held, captured, refunded string) {
	b.Helper()
	e, _ := b.entry()
	got := [3]string{amount(e.Balance.Held), amount(e.Balance.Captured), amount(e.Balance.Refunded)}
	want := [3]string{held, captured, refunded}
	if e.TakenAtOnce {
		got = [3]string{"", amount(e.Balance.Held.Add(e.Balance.Captured)), got[2]}
		want = [3]string{"", amount(eur(held).Add(eur(captured))), refunded}
	}
	require.Equal(b, want, got, "held, captured, refunded")
}

// amount writes an amount, also one in no currency yet.
func amount(m money.Money) string { return eur("0.00").Add(m).Text() }

// entry returns what the ledger says of the payment, and whether it knows the payment.
func (b *bundle) entry() (found payments.LedgerEntry, ok bool) {
	b.Helper()
	for e, err := range b.Gateway.Ledger(b.Context(), b.askedAt.Add(-time.Minute), b.Now().Add(time.Minute)) {
		require.NoError(b, err)
		if e.PaymentID == b.paymentID {
			require.False(b, ok, "the ledger lists a payment twice")
			found, ok = e, true
		}
	}
	return found, ok
}

// refusedByGateway is the refusal of the contract.
var refusedByGateway = domain.Refuse(payments.CodeGatewayRefused, "")

// Limits of asking again.
const (
	attemptsMax = 60
	// firstPatience is how long the first attempt waits: its answer may never come.
	firstPatience = 200 * time.Millisecond
	patience      = 5 * time.Second
)

// untilAnswered asks as a saga does, letting time pass, until there is an answer. Each failure before
// that must be [payments.ErrNoAnswer], and no refusal.
func untilAnswered[T any](b *bundle, ask func(ctx context.Context) (T, error)) T {
	b.Helper()
	for attempt := range attemptsMax {
		wait := patience
		if attempt == 0 {
			wait = firstPatience
		}
		ctx, cancel := context.WithTimeout(b.Context(), wait)
		v, err := ask(ctx)
		cancel()
		if err == nil {
			return v
		}
		require.ErrorIs(b, err, payments.ErrNoAnswer)
		require.Empty(b, domain.Code(err), "an unknown outcome is no refusal")
		if b.Advance != nil {
			b.Advance(time.Minute)
		}
	}
	require.Fail(b, "no answer")
	panic("unreachable")
}

// untilVoided is [untilAnswered] for a void.
func untilVoided(b *bundle, void func(ctx context.Context) error) {
	b.Helper()
	untilAnswered(b, func(ctx context.Context) (struct{}, error) { return struct{}{}, void(ctx) })
}

// canBreak reports whether the gateway's requests of an operation can be broken.
func (b *bundle) canBreak(o Operation) bool { return slices.Contains(b.Breakable, o) }
