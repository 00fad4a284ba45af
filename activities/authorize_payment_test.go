package activities_test

import (
	"testing"
	"time"

	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/payments"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
)

func TestAuthorizePayment(t *testing.T) {
	t.Parallel()
	b := setup(t)

	t.Run("records the gateway's answer", func(t *testing.T) {
		t.Parallel()
		for token, want := range map[string]payment.Status{
			"tok_approve": payment.StatusAuthorized, "tok_decline": payment.StatusDeclined, "tok_require_action": payment.StatusActionRequired,
		} {
			t.Run(token, func(t *testing.T) {
				t.Parallel()
				o := b.order(t).place()
				answer, err := run(o, o.AuthorizePayment, o.authorizeInput(token))
				require.NoError(t, err)
				require.Equal(t, want, answer.Status)
				require.Equal(t, want == payment.StatusDeclined, answer.DeclineCode == "card_declined")
				require.Equal(t, want == payment.StatusActionRequired, answer.ActionURL != "")
				require.Equal(t, want, o.paymentState().Status)
				o.requireUnchanged(func() {
					again, err := run(o, o.AuthorizePayment, o.authorizeInput(token))
					require.NoError(t, err)
					require.Equal(t, want, again.Status, "asked again")
				})
			})
		}
	})
	t.Run("confirms an order that lacks nothing else", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).place()
		in := o.authorizeInput("tok_approve")
		in.Confirm = o.allocation
		answer, err := run(o, o.AuthorizePayment, in)
		require.NoError(t, err)
		require.Len(t, answer.Confirmed.Shipments, 2)
		require.Equal(t, order.StatusConfirmed, o.orderState().Status)
	})
	t.Run("leaves the confirmation to ConfirmOrder where something stands against it", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).place()
		in := o.authorizeInput("tok_approve")
		in.Confirm = o.allocation[:1]
		answer, err := run(o, o.AuthorizePayment, in)
		require.NoError(t, err)
		require.Empty(t, answer.Confirmed.Shipments)
		require.Equal(t, payment.StatusAuthorized, o.paymentState().Status)
		require.Equal(t, order.StatusCreated, o.orderState().Status)
	})
	t.Run("authorises what is still to be captured once the first authorisation has expired", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).confirmed()
		require.NoError(t, o.dispatch(o.dispatchInput("berlin")))
		in := o.authorizeInput("tok_approve")
		in.Amount, in.At, in.Keep = eur("40.00"), at.Add(30*24*time.Hour), true
		for range 2 {
			answer, err := run(o, o.AuthorizePayment, in)
			require.NoError(t, err)
			require.Equal(t, payment.StatusAuthorized, answer.Status)
		}
		p := o.paymentState()
		require.Equal(t, 2, p.Generation)
		require.Equal(t, "40.00", p.Capturable().Text())
	})
	t.Run("asks for nothing that was captured without an answer before the authorisation had expired", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).confirmed()
		id, p := payment.ID(o.id), o.paymentState()
		_, err := o.gateway.Gateway.Capture(t.Context(), payments.CaptureRequest{
			IdempotencyKey: payment.CaptureKey(id, o.shipment("berlin"), 1, 1), AskedAt: at, At: at, PaymentID: id, GatewayRef: p.GatewayRef,
			Amount: eur("20.00"), Capturable: total,
		})
		require.NoError(t, err)
		later := o.dispatchInput("berlin")
		later.At = at.Add(30 * 24 * time.Hour)
		requireRefused(t, payment.CodeAuthorizationExpired, o.dispatch(later))
		in := o.authorizeInput("tok_approve")
		in.At, in.Keep = later.At, true
		for range 2 {
			answer, err := run(o, o.AuthorizePayment, in)
			require.NoError(t, err)
			require.Equal(t, payment.StatusAuthorized, answer.Status)
			require.Equal(t, "40.00", o.paymentState().Capturable().Text())
		}
		require.NoError(t, o.dispatch(later))
		later.ShipmentID, later.Location, later.SKUs = o.shipment("reno"), "reno", []string{o.b}
		require.NoError(t, o.dispatch(later))
		require.Equal(t, "60.00", o.paymentState().Captured.Text())
		balance, err := o.gateway.Gateway.Balance(id)
		require.NoError(t, err)
		require.Equal(t, "60.00", balance.Captured.Text(), "nothing is taken twice")
	})
	// The clock of a step that is tried again says nothing of when it was tried first. What was asked for before an
	// authorisation had expired is no answer to the next one.
	t.Run("tells the gateway before when it was certainly not asked", func(t *testing.T) {
		t.Parallel()
		started := at.Add(-25 * time.Hour)
		for name, c := range map[string]struct {
			again bool
			first time.Time
		}{"an earlier execution may have asked": {true, time.Time{}}, "only this execution": {false, started}} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				o := b.order(t).place()
				in := o.authorizeInput("tok_approve")
				if in.Again = c.again; !c.again {
					in.Since = started
				}
				_, err := run(o, o.AuthorizePayment, in)
				require.NoError(t, err)
				expires := o.paymentState().ExpiresAt
				in.At, in.Keep = expires.Add(time.Hour), true
				_, err = run(o, o.AuthorizePayment, in)
				require.NoError(t, err)
				require.Len(t, o.gateway.authorizations, 2)
				first, second := o.gateway.authorizations[0], o.gateway.authorizations[1]
				require.True(t, c.first.Equal(first.AskedAt), first.AskedAt)
				require.True(t, in.At.Equal(second.AskedAt), "when it was recorded that it is asked for")
				require.Equal(t, [2]string{"", o.paymentState().GatewayRef}, [2]string{first.EarlierRef, second.EarlierRef})
			})
		}
	})
	t.Run("says that the gateway refuses our credentials, and is tried again", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).place()
		o.gateway.revoked = true
		_, err := run(o, o.AuthorizePayment, o.authorizeInput("tok_approve"))
		requireRetryable(t, err)
		var app *temporal.ApplicationError
		require.ErrorAs(t, err, &app)
		require.Equal(t, string(activities.CodeGatewayCredentials), app.Type())
		require.Equal(t, "the payment gateway refuses our credentials", app.Message())
	})
	t.Run("refuses a payment that was voided before", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).place()
		require.NoError(t, o.void())
		o.requireUnchanged(func() {
			_, err := run(o, o.AuthorizePayment, o.authorizeInput("tok_approve"))
			requireRefused(t, payment.CodePaymentClosed, err)
		})
	})
	t.Run("leaves nothing reserved of a payment that is voided meanwhile", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).place()
		o.gateway.meanwhile = func() { require.NoError(t, o.void()) }
		_, err := run(o, o.AuthorizePayment, o.authorizeInput("tok_approve"))
		requireRefused(t, payment.CodePaymentClosed, err)
		require.Equal(t, payment.StatusVoided, o.paymentState().Status)
		o.requireBalance("0", "0", "0")
	})
	t.Run("is tried again while the gateway has no answer", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).place()
		o.gateway.down = true
		o.requireUnchanged(func() {
			_, err := run(o, o.AuthorizePayment, o.authorizeInput("tok_approve"))
			requireRetryable(t, err)
		})
		o.gateway.down, o.gateway.answersLost = false, true
		o.requireUnchanged(func() {
			_, err := run(o, o.AuthorizePayment, o.authorizeInput("tok_approve"))
			requireRetryable(t, err)
		})
		o.gateway.answersLost = false
		o.authorize()
		o.requireBalance("60", "0", "0")
	})
}
