package activities_test

import (
	"slices"
	"testing"

	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/attention"
	"github.com/orderloom/orderloom/payments/stripe/stripefake"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
)

// requireCredentials asserts that a step has failed for our credentials, and is tried again.
func requireCredentials(t *testing.T, err error) {
	t.Helper()
	requireRetryable(t, err)
	var app *temporal.ApplicationError
	require.ErrorAs(t, err, &app)
	require.Equal(t, string(activities.CodeGatewayCredentials), app.Type())
}

// causes are what of the order waits for a person.
func (o *testOrder) causes() []attention.Cause {
	return attention.CausesOf(attention.Of(o.orderState(), o.paymentState()))
}

// A key is revoked at Stripe, and given back later. It fails when a step forgets to record that (credentials.go).
func TestCredentialsThatStripeRefusesAreSeenUntilItAnswers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	confirmed := func(o *dashboardOrder) { o.confirmed() }
	for name, c := range map[string]struct {
		before func(*dashboardOrder)
		step   func(*dashboardOrder) error
	}{
		"when it is to authorise": {func(o *dashboardOrder) { o.place() }, func(o *dashboardOrder) error {
			in := o.authorizeInput(stripefake.CardVisa)
			in.At, in.Since = o.fake.Now(), o.fake.Now()
			_, err := run(o.testOrder, o.AuthorizePayment, in)
			return err
		}},
		"when it is to capture": {confirmed, func(o *dashboardOrder) error { return o.ship("berlin") }},
		"when it is to void":    {confirmed, func(o *dashboardOrder) error { return o.void() }},
		"when it is to refund": {func(o *dashboardOrder) { o.confirmed(); require.NoError(o.t, o.ship("berlin")) }, func(o *dashboardOrder) error {
			in := o.requestInput("5.00")
			in.RefundID = domain.DerivedID(o.id, "refund")
			_, err := o.refund(in)
			return err
		}},
		"when it is asked about a hold": {confirmed, func(o *dashboardOrder) error {
			_, err := run(o.testOrder, o.LookForHold, activities.LookAtPayment{OrderID: o.id, At: o.fake.Now()})
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := b.dashboardOrder(t, stripefake.Options{})
			c.before(o)
			require.Empty(t, o.causes())
			before := o.stored()
			for times := range 2 { // it is revoked twice
				o.fake.Revoke(true)
				requireCredentials(t, c.step(o))
				require.Equal(t, []attention.Cause{attention.CauseGatewayCredentials}, o.causes())
				o.requireUnchanged(func() {
					for range 3 {
						requireCredentials(t, c.step(o))
					}
				})
				o.fake.Revoke(false)
				if times == 0 {
					_, err := run(o.as("look"), o.LookForHold, activities.LookAtPayment{OrderID: o.id, At: o.fake.Now()})
					require.NoError(t, err)
					require.Empty(t, o.causes(), "any answer ends it")
				}
			}
			require.NoError(t, c.step(o))
			require.Empty(t, o.causes())
			refused, accepted := 0, 0
			for _, e := range o.stored() {
				switch e {
				case "GatewayCredentialsRefused":
					refused++
				case "GatewayCredentialsAccepted":
					accepted++
				}
			}
			require.Equal(t, [2]int{2, 2}, [2]int{refused, accepted})
			require.False(t, slices.Contains(before, "GatewayCredentialsRefused"))
			o.requireUnchanged(func() { o.report() })
		})
	}
}

// What a person has settled waits for no credentials: nobody may ask the gateway any more.
func TestWhatAPersonHasSettledWaitsForNoCredentials(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := b.order(t).confirmed()
	o.gateway.refuses = "there is no such payment"
	require.NoError(t, o.void())
	o.gateway.revoked = true
	_, err := run(o.as("retry"), o.RetryVoid, activities.VoidPayment{OrderID: o.id, At: at.Add(1)})
	requireCredentials(t, err)
	require.Contains(t, o.causes(), attention.CauseGatewayCredentials)
	_, err = run(o.as("resolve"), o.ResolveAttention, activities.ResolveAttention{OrderID: o.id, Amount: total, Reference: "call 7", By: "ann", At: at})
	require.NoError(t, err)
	require.Empty(t, o.causes())
}
