package tinypay

import (
	"errors"

	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/payments"
)

// region provider

// Provider tells the platform of TinyPay.
var Provider = payments.Provider{
	Name: "tinypay",
	Capabilities: payments.Capabilities{
		// TinyPay takes euros, in steps of five cents.
		Amounts: func(currency string) (money.Limits, bool) {
			return money.Limits{Step: money.Must("0.05", "EUR").Amount}, currency == "EUR"
		},
		SeveralCaptures: true, AuthorizationLife: payment.AuthorizationLife,
	},
	Settings: []payments.Setting{
		{Name: "TINYPAY_URL", Help: "Where TinyPay is.", Example: "https://api.tinypay.example", RequiredBy: payments.PartGateway},
		{Name: "TINYPAY_API_KEY", Help: "TinyPay's API key.", Secret: true, RequiredBy: payments.PartGateway},
		{Name: "TINYPAY_WEBHOOK_SECRET", Help: "Signs TinyPay's reports.", Secret: true, RequiredBy: payments.PartWebhook},
	},
	Open: func(setting payments.Settings) (payments.Gateway, error) {
		return &Gateway{url: setting("TINYPAY_URL"), key: setting("TINYPAY_API_KEY")}, nil
	},
	Webhook: func(setting payments.Settings) (payments.Webhook, error) {
		secret := setting("TINYPAY_WEBHOOK_SECRET")
		if secret == "" {
			return nil, errors.New("anybody could sign with an empty secret")
		}
		return &Webhook{secret: []byte(secret)}, nil
	},
}

// endregion
