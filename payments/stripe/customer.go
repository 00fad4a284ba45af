package stripe

import (
	"context"
	"strings"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/payments"
	api "github.com/stripe/stripe-go/v85"
)

// payWith names the means of payment of an authorisation.
//
// A payment method that belongs to no customer can be used once
// (https://docs.stripe.com/payments/payment-methods#reuse). So one that is to be authorised again is given to a Stripe
// customer of this order, which has our ids and nothing else. The second authorisation is made without the customer
// (off_session), and the bank may decline it for that reason.
func (g *Gateway) payWith(ctx context.Context, params *api.PaymentIntentCreateParams, r payments.AuthorizeRequest) error {
	if r.EarlierRef != "" {
		earlier, err := g.retrieve(ctx, r.EarlierRef)
		if err != nil && domain.Code(err) != payments.CodeGatewayRefused {
			return err
		}
		if err == nil && earlier.Customer != nil && earlier.PaymentMethod != nil {
			params.Customer, params.PaymentMethod = api.String(earlier.Customer.ID), api.String(earlier.PaymentMethod.ID)
			params.OffSession = api.Bool(true)
			return nil
		}
	}
	if strings.HasPrefix(r.Token, "ctoken_") {
		params.ConfirmationToken = api.String(r.Token)
	} else {
		params.PaymentMethod = api.String(r.Token)
	}
	if !r.Keep || r.EarlierRef != "" {
		return nil
	}
	customer, err := g.createCustomer(ctx, r)
	if err != nil {
		return err
	}
	params.Customer = api.String(customer)
	params.SetupFutureUsage = api.String(string(api.PaymentIntentSetupFutureUsageOffSession))
	return nil
}

// createCustomer returns the Stripe customer of an order, the same for the same request. Stripe keeps a failure of its
// own under the key, so there is a second key after one. The authorisation of a key always names the same customer.
func (g *Gateway) createCustomer(ctx context.Context, r payments.AuthorizeRequest) (string, error) {
	for _, suffix := range []string{"/customer", "/customer/2"} {
		params := &api.CustomerCreateParams{Metadata: map[string]string{metaPayment: r.PaymentID.String(), metaOrder: r.OrderID.String()}}
		params.SetIdempotencyKey(r.IdempotencyKey + suffix)
		customer, err := g.client.V1Customers.Create(ctx, params)
		f := failed("make a customer for payment "+r.PaymentID.String(), err)
		if f == nil {
			return customer.ID, nil
		}
		if !f.unknown() || suffix != "/customer" {
			return "", f.noAnswer()
		}
	}
	panic("unreachable")
}
