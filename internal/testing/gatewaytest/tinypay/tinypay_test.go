package tinypay

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/internal/gateways"
	"github.com/orderloom/orderloom/internal/testing/gatewaytest"
	"github.com/orderloom/orderloom/payments"
	"github.com/stretchr/testify/require"
)

// region conformance

func TestConformance(t *testing.T) {
	t.Parallel()
	gatewaytest.Run(t, func(t *testing.T) gatewaytest.Harness {
		service := startFake(t)
		return harness(&Gateway{url: service.URL, key: "key"}, &Webhook{secret: []byte("secret")}, service)
	})
}

// endregion

func harness(g *Gateway, w *Webhook, service *fake) gatewaytest.Harness {
	var confirmed uuid.UUID
	return gatewaytest.Harness{
		Gateway: g, Approved: "tok_approve", Declined: "tok_decline", DeclineCode: "card_declined", NeedsAction: "tok_require_action",
		Confirm: func(id uuid.UUID, _ string, approve bool) { confirmed, _ = id, service.money.Confirm(id, approve) },
		Now:     time.Now,
		Break: func(o gatewaytest.Operation, effect bool) string {
			service.mu.Lock()
			defer service.mu.Unlock()
			service.breaks[string(o)] = effect
			return ""
		},
		Breakable:    []gatewaytest.Operation{gatewaytest.Authorize, gatewaytest.Capture, gatewaytest.Void, gatewaytest.Refund},
		Capabilities: Provider.Capabilities, Elsewhere: gatewaytest.AtSandbox(service.money),
		Webhook: w,
		Report:  func() ([]byte, http.Header) { return service.report(w, confirmed) },
	}
}

// The one line that adds it to the product's list is written here.
func TestOneLineRegistersIt(t *testing.T) {
	t.Parallel()
	registry := payments.MustRegistry(append(gateways.All.Providers(), Provider)...)
	require.Contains(t, registry.Names(), "tinypay")
	settings := map[string]string{"TINYPAY_URL": "https://api.tinypay.example", "TINYPAY_WEBHOOK_SECRET": "secret"}
	setting := func(name string) string { return settings[name] }
	gateway, err := registry.Open("tinypay", setting)
	require.NoError(t, err)
	require.Equal(t, "https://api.tinypay.example", gateway.(*Gateway).url)
	webhooks, err := registry.Webhooks("tinypay", setting)
	require.NoError(t, err)
	require.Contains(t, webhooks, "tinypay")
}
