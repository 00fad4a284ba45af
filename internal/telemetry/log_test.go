package telemetry_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/internal/telemetry"
	"github.com/stretchr/testify/require"
)

func TestLogHidesPersonalData(t *testing.T) {
	t.Parallel()
	recipient := order.Recipient{ShippingAddress: order.Address{Line1: "Canary Lane 7", City: "Canaryville", Zip: "CANARY", Country: "DE"}}
	for _, format := range []string{"json", "text"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			log := telemetry.NewLogger(&out, config.Telemetry{LogFormat: format})
			log.Info("by name", "email", "canary@example.com", "payment_token", "tok_canary",
				"shipping_address", recipient.ShippingAddress, "address", recipient.ShippingAddress)
			for _, spelling := range []string{"Payment-Token", "clientIP", "PASSWORD", "api key"} {
				log.LogAttrs(t.Context(), slog.LevelInfo, "in other spellings", slog.String(spelling, "canary"))
			}
			log.Info("in a struct", "input", recipient, "pointer", &recipient, "list", []order.Recipient{recipient})
			log.Info("in a map", "body", map[string]any{"customer": map[string]any{"phone": "canary"}, "items": []any{map[string]string{"street": "canary"}}})
			log.Info("in a group", slog.Group("request", slog.Group("recipient", "line", "canary")))
			log.With("authorization", "Bearer canary").WithGroup("g").Info("kept", "zip", "canary")
			log.Info("sealed", "order", order.OrderPlaced{Personal: domain.Sealed{Key: "canary"}})
			require.NotContains(t, bytes.ToLower(out.Bytes()), []byte("canary"), format)
			require.Contains(t, out.String(), "DE", "what tells nobody apart stays")
		})
	}
}

func TestLogKeepsWhatOperatorsNeed(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	id := uuid.New()
	telemetry.NewLogger(&out, config.Telemetry{LogFormat: "json"}).Info("order cancelled", "order_id", id, "total", money.Must("19.90", "EUR"),
		"error", domain.Refuse("not_cancellable", "it has left"), "joined", errors.Join(errors.New("a")), "nothing", nil, "sizes", []int{1, 2})
	var line map[string]any
	require.NoError(t, json.Unmarshal(out.Bytes(), &line))
	require.Equal(t, "order cancelled", line["msg"])
	require.Equal(t, id.String(), line["order_id"])
	require.Equal(t, map[string]any{"amount": "19.90", "currency": "EUR"}, line["total"])
	require.Equal(t, "not_cancellable: it has left", line["error"])
	require.Equal(t, []any{1.0, 2.0}, line["sizes"])
}

func TestLogHonoursItsLevel(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := telemetry.NewLogger(&out, config.Telemetry{LogFormat: "json", LogLevel: slog.LevelWarn})
	log.Info("quiet")
	log.Warn("loud")
	require.NotContains(t, out.String(), "quiet")
	require.Contains(t, out.String(), "loud")
}

func TestLogNamesItsTrace(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := telemetry.NewLogger(&out, config.Telemetry{LogFormat: "json"}).With("order_id", "x")
	ctx := telemetry.WithTraceParent(context.Background(), parent)
	log.InfoContext(ctx, "in a trace")
	require.Contains(t, out.String(), `"trace_id":"0af7651916cd43dd8448eb211c80319c"`)
	require.Contains(t, out.String(), `"span_id":"b7ad6b7169203331"`)
	out.Reset()
	log.Info("outside of one")
	require.NotContains(t, out.String(), "trace_id")
}
