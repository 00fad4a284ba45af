package app

import (
	"net/http"
	"time"

	"github.com/orderloom/orderloom/api"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/internal/gateways"
	"github.com/orderloom/orderloom/payments"
	"github.com/orderloom/orderloom/payments/stripe"
	"github.com/orderloom/orderloom/workflows"
)

// openGateway returns the payment gateway that the settings choose.
func openGateway(cfg config.Payment) (payments.Gateway, error) {
	return gateways.All.Open(cfg.Gateway, gatewaySettings(cfg))
}

// webhooks returns the readers of the chosen gateway's webhooks by its name; none without a gateway, as
// an API may run.
func webhooks(cfg config.Payment) (map[string]payments.Webhook, error) {
	if cfg.Gateway == "" {
		return nil, nil
	}
	return gateways.All.Webhooks(cfg.Gateway, gatewaySettings(cfg))
}

// gatewaySettings returns what the gateways' own settings are set to.
func gatewaySettings(cfg config.Payment) payments.Settings {
	return func(name string) string { return string(cfg.GatewaySettings[name]) }
}

// stripeWebhook is what the API needs to take Stripe's webhooks; nil with another gateway.
func stripeWebhook(webhooks map[string]payments.Webhook, updates api.PaymentUpdates) *api.StripeWebhook {
	webhook, ok := webhooks[stripe.Name]
	if !ok {
		return nil
	}
	return &api.StripeWebhook{
		Payments: updates,
		Parse: func(body []byte, signature string, now time.Time) (api.PaymentReport, error) {
			u, err := webhook.Parse(body, http.Header{stripe.SignatureHeader: {signature}}, now)
			return api.PaymentReport{OrderID: u.OrderID, Update: workflows.PaymentUpdate{
				GatewayRef: u.GatewayRef, Status: string(u.Status), DeclineCode: u.DeclineCode,
			}}, err
		},
	}
}
