package sandbox_test

import (
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/internal/testing/gatewaytest"
	"github.com/orderloom/orderloom/payments"
	"github.com/orderloom/orderloom/payments/sandbox"
	"github.com/stretchr/testify/require"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	for name, path := range map[string]func(*testing.T) string{
		"in memory": func(*testing.T) string { return "" },
		"in a file": func(t *testing.T) string { return t.TempDir() + "/ledger" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			gatewaytest.Run(t, func(t *testing.T) gatewaytest.Harness {
				gateway, err := sandbox.Open(path(t))
				require.NoError(t, err)
				t.Cleanup(func() { require.NoError(t, gateway.Close()) })
				return harness(gateway)
			})
		})
	}
}

func harness(gateway *sandbox.Gateway) gatewaytest.Harness {
	return gatewaytest.Harness{
		Gateway: gateway, Approved: "tok_approve", Declined: "tok_insufficient_funds", DeclineCode: "insufficient_funds",
		NeedsAction: "tok_require_action",
		Confirm:     func(paymentID uuid.UUID, _ string, approve bool) { _ = gateway.Confirm(paymentID, approve) },
		Now:         time.Now, // it never forgets a key, so its clock needs not be set forward
		Break: func(_ gatewaytest.Operation, effect bool) string {
			if effect {
				return "tok_timeout"
			}
			return "tok_fail_twice"
		},
		Breakable:    []gatewaytest.Operation{gatewaytest.Authorize},
		Capabilities: sandbox.Provider.Capabilities, Elsewhere: gatewaytest.AtSandbox(gateway),
	}
}

var eur = money.Must("100.00", "EUR")

func open(t *testing.T, path string) *sandbox.Gateway {
	t.Helper()
	g, err := sandbox.Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, g.Close()) })
	return g
}

func ask(id uuid.UUID, token string) payments.AuthorizeRequest {
	return payments.AuthorizeRequest{
		IdempotencyKey: id.String() + "/authorize", AskedAt: time.Now(), PaymentID: id, OrderID: uuid.New(), Amount: eur, Token: token,
	}
}

func TestTokensDecide(t *testing.T) {
	t.Parallel()
	for token, want := range map[string]payments.AuthorizeResult{
		"tok_approve":            {Status: payment.StatusAuthorized},
		"tok_require_action":     {Status: payment.StatusActionRequired},
		"tok_decline":            {Status: payment.StatusDeclined, DeclineCode: "card_declined"},
		"tok_insufficient_funds": {Status: payment.StatusDeclined, DeclineCode: "insufficient_funds"},
		"tok_of_somebody":        {Status: payment.StatusDeclined, DeclineCode: "invalid_token"},
		"":                       {Status: payment.StatusDeclined, DeclineCode: "invalid_token"},
	} {
		t.Run(token, func(t *testing.T) {
			t.Parallel()
			got, err := open(t, "").Authorize(t.Context(), ask(uuid.New(), token))
			require.NoError(t, err)
			require.Equal(t, want.Status, got.Status)
			require.Equal(t, want.DeclineCode, got.DeclineCode)
			require.Equal(t, want.Status == payment.StatusActionRequired, got.ActionURL != "")
			require.Equal(t, want.Status == payment.StatusAuthorized, !got.ExpiresAt.IsZero())
		})
	}
}

func TestFailTwiceIsAuthorisedAtTheThirdAttempt(t *testing.T) {
	t.Parallel()
	g, request := open(t, ""), ask(uuid.New(), "tok_fail_twice")
	for range 2 {
		_, err := g.Authorize(t.Context(), request)
		require.ErrorIs(t, err, payments.ErrNoAnswer)
		balance, err := g.Balance(request.PaymentID)
		require.NoError(t, err)
		require.True(t, balance.Held.IsZero(), "without effect")
	}
	got, err := g.Authorize(t.Context(), request)
	require.NoError(t, err)
	require.Equal(t, payment.StatusAuthorized, got.Status)
}

func TestTimeoutTakesEffectAndDoesNotAnswer(t *testing.T) {
	t.Parallel()
	g, request := open(t, ""), ask(uuid.New(), "tok_timeout")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := g.Authorize(ctx, request)
	require.ErrorIs(t, err, payments.ErrNoAnswer)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	balance, err := g.Balance(request.PaymentID)
	require.NoError(t, err)
	require.Equal(t, eur, balance.Held)
	got, err := g.Authorize(t.Context(), request)
	require.NoError(t, err)
	require.Equal(t, payment.StatusAuthorized, got.Status)
}

func TestConfirmSettlesWhatWaits(t *testing.T) {
	t.Parallel()
	g, request := open(t, ""), ask(uuid.New(), "tok_require_action")
	refused := domain.Refuse(payments.CodeGatewayRefused, "")
	require.ErrorIs(t, g.Confirm(request.PaymentID, true), refused, "nothing waits yet")
	_, err := g.Authorize(t.Context(), request)
	require.NoError(t, err)
	require.NoError(t, g.Confirm(request.PaymentID, true))
	require.ErrorIs(t, g.Confirm(request.PaymentID, false), refused, "it is settled")
	balance, err := g.Balance(request.PaymentID)
	require.NoError(t, err)
	require.Equal(t, eur, balance.Held)
}

// Two processes share one file, as do the API's worker and a soak's audit.
func TestProcessesShareALedger(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ledger")
	one, two, request := open(t, path), open(t, path), ask(uuid.New(), "tok_approve")
	first, err := one.Authorize(t.Context(), request)
	require.NoError(t, err)
	again, err := two.Authorize(t.Context(), request)
	require.NoError(t, err)
	require.Equal(t, first, again)
	entries, err := one.Entries()
	require.NoError(t, err)
	require.Len(t, entries, 1)
	require.Equal(t, request.OrderID, entries[0].OrderID)
}

// A process that dies while it writes leaves a part of a line. What it did was never answered.
func TestATornLineIsForgotten(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ledger")
	request := ask(uuid.New(), "tok_approve")
	_, err := open(t, path).Authorize(t.Context(), request)
	require.NoError(t, err)
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, append(whole, whole[:len(whole)/2]...), 0o600))

	g := open(t, path)
	entries, err := g.Entries()
	require.NoError(t, err)
	require.Len(t, entries, 1)
	_, err = g.Authorize(t.Context(), ask(uuid.New(), "tok_approve"))
	require.NoError(t, err)
	entries, err = open(t, path).Entries()
	require.NoError(t, err)
	require.Len(t, entries, 2)
}

func TestALedgerThatIsNoneIsRefused(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ledger")
	require.NoError(t, os.WriteFile(path, []byte("no JSON\n"), 0o600))
	_, err := open(t, path).Entries()
	require.ErrorContains(t, err, "read the sandbox gateway's ledger")
	_, err = sandbox.Open(t.TempDir())
	require.ErrorContains(t, err, "open the sandbox gateway's ledger")
}

// An authorisation that has run out holds nothing any more once another was asked for.
func TestALaterAuthorisationReplacesWhatHasRunOut(t *testing.T) {
	t.Parallel()
	g, request := open(t, ""), ask(uuid.New(), "tok_approve")
	first, err := g.Authorize(t.Context(), request)
	require.NoError(t, err)
	request.IdempotencyKey, request.AskedAt = "later", first.ExpiresAt.Add(time.Hour)
	_, err = g.Authorize(t.Context(), request)
	require.NoError(t, err)
	balance, err := g.Balance(request.PaymentID)
	require.NoError(t, err)
	require.Equal(t, eur, balance.Held)
}

// A gateway that hangs must not hold up the steps that ask it beyond their own time.
func TestALockedLedgerIsWaitedForNoLongerThanTheCallerWants(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ledger")
	g := open(t, path)
	other, err := os.Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { _ = other.Close() })
	require.NoError(t, syscall.Flock(int(other.Fd()), syscall.LOCK_EX))

	ctx, stop := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer stop()
	request := payments.AuthorizeRequest{PaymentID: uuid.New(), Amount: eur, Token: "tok_approve", IdempotencyKey: "key"}
	_, err = g.Authorize(ctx, request)
	require.ErrorIs(t, err, payments.ErrNoAnswer)

	require.NoError(t, syscall.Flock(int(other.Fd()), syscall.LOCK_UN))
	entries, err := g.Entries()
	require.NoError(t, err)
	require.Empty(t, entries, "the attempt that had no answer took no effect")
	result, err := g.Authorize(t.Context(), request)
	require.NoError(t, err)
	require.Equal(t, payment.StatusAuthorized, result.Status)
}

// What has moved on a day is paid out at midnight, in each currency.
func TestTheSandboxPaysOutAtMidnight(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	g, err := sandbox.OpenWithClock("", func() time.Time { return noon })
	require.NoError(t, err)
	id := uuid.New()
	ask := payments.AuthorizeRequest{IdempotencyKey: "a", PaymentID: id, OrderID: uuid.New(), Amount: eur, Token: "tok_approve", At: noon}
	held, err := g.Authorize(t.Context(), ask)
	require.NoError(t, err)
	captured, err := g.Capture(t.Context(), payments.CaptureRequest{
		IdempotencyKey: "c", PaymentID: id, GatewayRef: held.GatewayRef, Amount: money.Must("60.00", "EUR"), At: noon,
	})
	require.NoError(t, err)
	refunded, err := g.Refund(t.Context(), payments.RefundRequest{
		IdempotencyKey: "r", PaymentID: id, GatewayRef: held.GatewayRef, Amount: money.Must("10.00", "EUR"),
	})
	require.NoError(t, err)
	midnight := noon.Add(12 * time.Hour)
	var all []payments.Payout
	for p, err := range g.Payouts(t.Context(), midnight, midnight.Add(time.Minute)) {
		require.NoError(t, err)
		all = append(all, p)
	}
	require.Len(t, all, 1)
	require.True(t, all[0].Itemised)
	require.Equal(t, "50.00 EUR", all[0].Amount.String())
	require.Len(t, all[0].Entries, 2)
	for i, want := range []payments.PayoutEntry{
		{Ref: "c", Movement: captured.Ref, Kind: payments.PayoutCapture, Gross: money.Must("60.00", "EUR")},
		{Ref: "r", Movement: refunded.Ref, Kind: payments.PayoutRefund, Gross: money.Must("-10.00", "EUR")},
	} {
		have := all[0].Entries[i]
		require.Equal(t, []any{want.Ref, want.Movement, want.Kind, id, want.Gross.Text(), "0.00"},
			[]any{have.Ref, have.Movement, have.Kind, have.PaymentID, have.Gross.Text(), have.Fee.Text()})
	}
	for _, then := range [][2]time.Time{{noon, midnight}, {midnight.Add(time.Minute), midnight.Add(48 * time.Hour)}} {
		for p, err := range g.Payouts(t.Context(), then[0], then[1]) {
			require.Fail(t, "nothing is paid out then", "%v %v", p, err)
		}
	}
}
