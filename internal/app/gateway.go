package app

import (
	"strings"
	"time"

	"github.com/orderloom/orderloom/api"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/payments/stripe"
	"github.com/orderloom/orderloom/workflows"
)

// stripeWebhook is what the API needs to take Stripe's webhooks; nil with another gateway.
func stripeWebhook(cfg config.Payment, payments api.PaymentUpdates) *api.StripeWebhook {
	if cfg.Gateway != config.GatewayStripe {
		return nil
	}
	secrets := strings.FieldsFunc(string(cfg.StripeWebhookSecret), func(r rune) bool { return r == ',' || r == ' ' })
	return &api.StripeWebhook{
		Payments: payments,
		Parse: func(body []byte, signature string, now time.Time) (api.PaymentReport, error) {
			u, err := stripe.ParseWebhook(body, signature, secrets, now)
			return api.PaymentReport{OrderID: u.OrderID, Update: workflows.PaymentUpdate{
				GatewayRef: u.GatewayRef, Status: string(u.Status), DeclineCode: u.DeclineCode,
			}}, err
		},
	}
}
