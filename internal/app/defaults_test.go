package app

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/broker"
	"github.com/orderloom/orderloom/domain/invoice"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/internal/telemetry"
	"github.com/stretchr/testify/require"
)

// used says for each setting with a default what the platform makes of it, and another value to set.
var used = map[string]struct {
	other string
	value func(t *testing.T, c config.Config) any
}{
	"ORDERLOOM_HTTP_ADDRESS":             {":9090", func(_ *testing.T, c config.Config) any { return c.HTTP.Address }},
	"ORDERLOOM_HTTP_READ_HEADER_TIMEOUT": {"3s", func(_ *testing.T, c config.Config) any { return serverLimits(c.HTTP).ReadHeaderTimeout }},
	"ORDERLOOM_HTTP_RATE":                {"7", func(_ *testing.T, c config.Config) any { return apiRate(c.HTTP).PerSecond }},
	"ORDERLOOM_HTTP_BURST":               {"9", func(_ *testing.T, c config.Config) any { return apiRate(c.HTTP).Burst }},
	"ORDERLOOM_HTTP_ORDER_RATE":          {"3", func(_ *testing.T, c config.Config) any { return orderRate(c.HTTP).PerSecond }},
	"ORDERLOOM_HTTP_CONNECTIONS_MAX":     {"5", func(_ *testing.T, c config.Config) any { return c.HTTP.Connections }},
	"ORDERLOOM_HTTP_READ_TIMEOUT":        {"3s", func(_ *testing.T, c config.Config) any { return serverLimits(c.HTTP).ReadTimeout }},
	"ORDERLOOM_HTTP_WRITE_TIMEOUT":       {"40s", func(_ *testing.T, c config.Config) any { return serverLimits(c.HTTP).WriteTimeout }},
	"ORDERLOOM_HTTP_IDLE_TIMEOUT":        {"40s", func(_ *testing.T, c config.Config) any { return serverLimits(c.HTTP).IdleTimeout }},
	"ORDERLOOM_HTTP_REQUEST_TIMEOUT":     {"3s", func(_ *testing.T, c config.Config) any { return apiLimits(c.HTTP).RequestTimeout }},
	"ORDERLOOM_HTTP_BODY_BYTES_MAX":      {"2048", func(_ *testing.T, c config.Config) any { return apiLimits(c.HTTP).BodyBytesMax }},

	"ORDERLOOM_API_OPEN": {"loopback", func(t *testing.T, c config.Config) any {
		if (&platform{cfg: c, tel: &telemetry.Telemetry{}}).authenticator(t.Context(), Options{}) == nil {
			return "loopback"
		}
		return "no"
	}},
	"ORDERLOOM_MODE":            {"test", func(_ *testing.T, c config.Config) any { return keysOptions(c.HTTP.Access).Mode }},
	"ORDERLOOM_OIDC_ROLE_CLAIM": {"groups", func(_ *testing.T, c config.Config) any { return issuerOptions(c).RoleClaim }},
	"ORDERLOOM_OIDC_ACCOUNT":    {"staff", func(_ *testing.T, c config.Config) any { return issuerOptions(c).Account }},
	"ORDERLOOM_AUDIT_RETENTION": {"48h", func(_ *testing.T, c config.Config) any { return c.HTTP.Access.AuditRetention }},
	"ORDERLOOM_URL":             {"https://orders.example.com", func(_ *testing.T, c config.Config) any { return c.Remote.URL }},
	"ORDERLOOM_KEY_OVERLAP":     {"3s", func(_ *testing.T, c config.Config) any { return c.HTTP.Access.KeyOverlap }},

	"ORDERLOOM_WEBHOOK_PRIVATE":       {"true", func(_ *testing.T, c config.Config) any { return webhookRules(c.Webhooks).Private }},
	"ORDERLOOM_WEBHOOK_LOG_RETENTION": {"48h", func(_ *testing.T, c config.Config) any { return c.Webhooks.LogRetention }},

	"ORDERLOOM_PAYMENT_DEADLINE":          {"3s", func(_ *testing.T, c config.Config) any { return deadlines(c.Orders).Payment }},
	"ORDERLOOM_PAYMENT_REQUIRED_DEADLINE": {"3s", func(_ *testing.T, c config.Config) any { return deadlines(c.Orders).PaymentRequired }},
	"ORDERLOOM_DISPATCH_DEADLINE":         {"3s", func(_ *testing.T, c config.Config) any { return deadlines(c.Orders).Dispatch }},
	"ORDERLOOM_STOCK_DEADLINE":            {"3s", func(_ *testing.T, c config.Config) any { return deadlines(c.Orders).Stock }},
	"ORDERLOOM_REVIEW_DEADLINE":           {"3s", func(_ *testing.T, c config.Config) any { return deadlines(c.Orders).Review }},
	"ORDERLOOM_RETURN_REVIEW_DEADLINE":    {"3s", func(_ *testing.T, c config.Config) any { return returnDeadlines(c.Orders).Decide }},
	"ORDERLOOM_RETURN_DEADLINE":           {"3s", func(_ *testing.T, c config.Config) any { return returnDeadlines(c.Orders).Expire }},

	"ORDERLOOM_SHIPPING_CAPTURE": {"value", func(_ *testing.T, c config.Config) any {
		if c.Orders.ShippingByValue {
			return "value"
		}
		return "first"
	}},

	"ORDERLOOM_INVOICE_NUMBER":     {"{number}", func(_ *testing.T, c config.Config) any { return c.Orders.Invoices.Of(invoice.KindInvoice).String() }},
	"ORDERLOOM_CREDIT_NOTE_NUMBER": {"{number}", func(_ *testing.T, c config.Config) any { return c.Orders.Invoices.Of(invoice.KindCreditNote).String() }},
	"ORDERLOOM_INVOICE_TIME_ZONE":  {"Europe/Berlin", func(_ *testing.T, c config.Config) any { return c.Orders.Invoices.Zone.String() }},

	"ORDERLOOM_ORPHANS_RESUME": {"false", func(_ *testing.T, c config.Config) any { return orphanOptions(c.Orders).Resume }},
	"ORDERLOOM_ORPHANS_EVERY":  {"3s", func(_ *testing.T, c config.Config) any { return orphanOptions(c.Orders).Every }},

	"ORDERLOOM_DATABASE_CONNECTIONS_MAX": {"7", func(t *testing.T, c config.Config) any { return usedPool(t, c).MaxConns }},
	"ORDERLOOM_DATABASE_CONNECTIONS_MIN": {"7", func(t *testing.T, c config.Config) any { return usedPool(t, c).MinConns }},
	"ORDERLOOM_DATABASE_CONNECT_TIMEOUT": {"3s", func(t *testing.T, c config.Config) any { return usedPool(t, c).ConnConfig.ConnectTimeout }},
	"ORDERLOOM_DATABASE_STATEMENT_TIMEOUT": {"3s", func(t *testing.T, c config.Config) any {
		d, err := time.ParseDuration(usedPool(t, c).ConnConfig.RuntimeParams["statement_timeout"] + "ms")
		require.NoError(t, err)
		return d
	}},

	"ORDERLOOM_CONFIRM_BY_HAND": {"true", func(_ *testing.T, c config.Config) any {
		return (&platform{cfg: c, tel: &telemetry.Telemetry{}}).guardOptions(false).ByHand
	}},

	"TEMPORAL_NAMESPACE": {"shop", func(t *testing.T, c config.Config) any {
		o, err := clientOptions(c.Temporal)
		require.NoError(t, err)
		require.Equal(t, o.Namespace, namespaceRequest(c.Temporal).GetNamespace())
		return o.Namespace
	}},
	"ORDERLOOM_TEMPORAL_RETENTION": {"48h", func(_ *testing.T, c config.Config) any {
		return namespaceRequest(c.Temporal).GetWorkflowExecutionRetentionPeriod().AsDuration()
	}},
	"TEMPORAL_TLS": {"true", func(t *testing.T, c config.Config) any {
		o, err := clientOptions(c.Temporal)
		require.NoError(t, err)
		return o.ConnectionOptions.TLS != nil
	}},
	"ORDERLOOM_PAYLOAD_ENCRYPTION": {"false", func(_ *testing.T, c config.Config) any { return !payloadCodec(c.Temporal).DecryptOnly }},
	"ORDERLOOM_CODEC_ADDRESS":      {":9090", func(_ *testing.T, c config.Config) any { return codecOptions(c.Codec).Address }},

	"KAFKA_TLS":                       {"true", func(t *testing.T, c config.Config) any { return usedKafka(t, c).TLS != nil }},
	"ORDERLOOM_KAFKA_PARTITIONS":      {"5", func(t *testing.T, c config.Config) any { return usedKafka(t, c).Partitions }},
	"ORDERLOOM_KAFKA_REPLICATION":     {"3", func(t *testing.T, c config.Config) any { return usedKafka(t, c).Replication }},
	"ORDERLOOM_KAFKA_RETENTION":       {"48h", func(t *testing.T, c config.Config) any { return usedKafka(t, c).Retention }},
	"ORDERLOOM_KAFKA_PROJECTOR_GROUP": {"views", func(t *testing.T, c config.Config) any { return usedKafka(t, c).Group }},
	"REDIS_TLS": {"true", func(t *testing.T, c config.Config) any {
		tls, err := clientTLS("Redis", c.Redis.TLS)
		require.NoError(t, err)
		return tls != nil
	}},
	"ORDERLOOM_CACHE_TTL": {"3s", func(_ *testing.T, c config.Config) any { return c.Redis.TTL }},

	"ORDERLOOM_LOG_LEVEL": {"error", func(t *testing.T, c config.Config) any {
		logger := telemetry.NewLogger(t.Output(), c.Telemetry)
		for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
			if logger.Enabled(t.Context(), level) {
				return strings.ToLower(level.String())
			}
		}
		return "none"
	}},
	"ORDERLOOM_LOG_FORMAT": {"text", func(t *testing.T, c config.Config) any {
		var out strings.Builder
		telemetry.NewLogger(&out, c.Telemetry).ErrorContext(t.Context(), "a line")
		if json.Valid([]byte(out.String())) {
			return "json"
		}
		return "text"
	}},
	"OTEL_SERVICE_NAME":     {"shop", func(_ *testing.T, c config.Config) any { return c.Telemetry.ServiceName }},
	"ORDERLOOM_TRACE_RATIO": {"0.5", func(_ *testing.T, c config.Config) any { return c.Telemetry.TraceRatio }},

	"ORDERLOOM_DRAIN_DELAY":   {"3s", func(_ *testing.T, c config.Config) any { return drainDelay(c) }},
	"ORDERLOOM_DRAIN_TIMEOUT": {"3s", func(_ *testing.T, c config.Config) any { return workerOptions(c).DrainTimeout }},
}

// Whatever the document of settings calls a default is what the platform uses, and setting another value
// changes that.
func TestEveryDefaultIsTheOneThatIsUsed(t *testing.T) {
	t.Parallel()
	for _, s := range config.Settings {
		if s.Default == "" {
			continue
		}
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			u, ok := used[s.Name]
			require.True(t, ok, "say what the platform makes of it")
			require.Equal(t, plain(s.Default), plain(fmt.Sprint(u.value(t, load(t, nil)))))
			require.NotEqual(t, plain(s.Default), plain(u.other))
			require.Equal(t, plain(u.other), plain(fmt.Sprint(u.value(t, load(t, map[string]string{s.Name: u.other})))))
		})
	}
}

func load(t *testing.T, environment map[string]string) config.Config {
	t.Helper()
	c, err := config.Load(func(name string) (string, bool) { v, ok := environment[name]; return v, ok })
	require.NoError(t, err)
	c.Database.URL = "postgres://orderloom@localhost/orderloom"
	return c
}

func usedKafka(t *testing.T, c config.Config) broker.Config {
	t.Helper()
	k, err := brokerConfig(c, nil)
	require.NoError(t, err)
	return k
}

func usedPool(t *testing.T, c config.Config) *pgxpool.Config {
	t.Helper()
	p, err := poolConfig(c.Database)
	require.NoError(t, err)
	return p
}

// plain writes durations in one way.
func plain(value string) string {
	if d, err := time.ParseDuration(value); err == nil {
		return d.String()
	}
	return value
}
