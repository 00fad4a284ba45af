package app

import (
	"github.com/orderloom/orderloom/internal/breaker"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/internal/gateways"
	"github.com/orderloom/orderloom/internal/telemetry"
	"github.com/orderloom/orderloom/payments"
)

// openGateway returns the payment gateway that the settings choose, behind a breaker and with a span for each call.
func openGateway(cfg config.Payment, b *breaker.Breaker, tel *telemetry.Telemetry) (payments.Gateway, error) {
	gateway, err := gateways.All.Open(cfg.Gateway, gatewaySettings(cfg))
	if err != nil {
		return nil, err
	}
	if !tel.Tracing() {
		return payments.Guard(gateway, b, nil), nil
	}
	return payments.Guard(gateway, b, tel.TracerProvider), nil
}

// capabilities are what the chosen gateway can do; those of a gateway that does everything without one.
func capabilities(cfg config.Payment) (payments.Capabilities, error) {
	if cfg.Gateway == "" {
		return payments.Capabilities{}, nil
	}
	return gateways.All.Capabilities(cfg.Gateway)
}

// webhooks returns the readers of the chosen gateway's webhooks by its name; none without a gateway, as
// an API may run.
func gatewayWebhooks(cfg config.Payment) (map[string]payments.Webhook, error) {
	if cfg.Gateway == "" {
		return nil, nil
	}
	return gateways.All.Webhooks(cfg.Gateway, gatewaySettings(cfg))
}

// gatewaySettings returns what the gateways' own settings are set to.
func gatewaySettings(cfg config.Payment) payments.Settings {
	return func(name string) string { return string(cfg.GatewaySettings[name]) }
}
