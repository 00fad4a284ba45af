package stripe

import (
	"strings"

	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/payments"
)

// Name chooses Stripe in ORDERLOOM_PAYMENT_GATEWAY.
const Name = "stripe"

const (
	settingKey           = "STRIPE_API_KEY"
	settingReturnURL     = "ORDERLOOM_STRIPE_RETURN_URL"
	settingURL           = "ORDERLOOM_STRIPE_URL"
	settingWebhookSecret = "STRIPE_WEBHOOK_SECRET" //nolint:gosec // the name of a setting
)

// Provider tells the platform of Stripe.
var Provider = payments.Provider{
	Name: Name,
	Capabilities: payments.Capabilities{
		Amounts: Limits, SeveralCaptures: true, AuthorizationLife: payment.AuthorizationLife, KeyLife: keyLife, KeepsMethod: true,
	},
	Settings: []payments.Setting{
		{Name: settingKey, Help: "Stripe's secret key.", Secret: true, RequiredBy: payments.PartGateway},
		{
			Name: settingReturnURL, Help: "Where the bank's page sends the customer back to, with {order_id} in it replaced.",
			Example: "https://shop.example.com/orders/{order_id}", RequiredBy: payments.PartGateway,
		},
		{
			Name: settingWebhookSecret, Help: "The signing secret of Stripe's webhook, several with commas between while it is rotated.",
			Secret: true, RequiredBy: payments.PartWebhook,
		},
		{Name: settingURL, Help: "Where Stripe's API is; left out for Stripe's own. It is for tests against a fake."},
	},
	Open: func(setting payments.Settings) (payments.Gateway, error) {
		return New(Options{Key: setting(settingKey), ReturnURL: setting(settingReturnURL), URL: setting(settingURL)})
	},
	// Keys for trying have "_test_" in that place. Stripe's restricted keys begin with "rk_".
	Live: func(setting payments.Settings) bool {
		key := setting(settingKey)
		return strings.HasPrefix(key, "sk_live_") || strings.HasPrefix(key, "rk_live_")
	},
	Webhook: func(setting payments.Settings) (payments.Webhook, error) {
		return NewWebhook(strings.FieldsFunc(setting(settingWebhookSecret), func(r rune) bool { return r == ',' || r == ' ' })...)
	},
}
