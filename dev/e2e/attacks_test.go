package e2e_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/client"
	"github.com/stretchr/testify/require"
)

// TestAnAccountReachesNothingOfAnother lets one account try to reach what belongs to another one. It uses the other's
// Idempotency-Keys and references. It tries imports, exports, lists, the search, the feed and webhook endpoints.
func TestAnAccountReachesNothingOfAnother(t *testing.T) {
	t.Parallel()
	s, as := keyed(t, "admin")
	ctx, sku := t.Context(), uuid.NewString()
	_, err := as("admin").ReceiveStock(ctx, client.Receipt{SKU: sku, Location: "berlin", Quantity: 20})
	require.NoError(t, err)
	account := func(name string) *client.Client {
		key, err := as("admin").CreateKey(ctx, client.NewKey{Account: name, Name: name, Role: client.RoleStorefront})
		require.NoError(t, err)
		c, err := client.New(s.platform.APIURL, client.WithAPIKey(key.Secret), client.WithRetry(client.Retry{AttemptsMax: 1}))
		require.NoError(t, err)
		return c
	}
	victim, attacker := account("victim"), account("attacker")
	order := client.NewOrder{
		CustomerID: "c-" + sku, Currency: "EUR", PaymentToken: "tok_approve", ExternalReference: "R-1",
		Items:           []client.NewItem{{ProductID: "p", SKU: sku, Quantity: 1, UnitPrice: "10.00"}},
		Recipient:       &client.Recipient{Name: "Ada Lovelace", Email: "ada@example.com"},
		ShippingAddress: client.Address{Line1: "Torstraße 1", City: "Berlin", Zip: "10119", Country: "DE"},
	}

	// The same key and the same reference are another order.
	theirs, err := victim.PlaceOrder(ctx, order, client.IdempotencyKey("same"))
	require.NoError(t, err)
	own, err := attacker.PlaceOrder(ctx, order, client.IdempotencyKey("same"))
	require.NoError(t, err)
	require.False(t, own.Replayed)
	require.NotEqual(t, theirs.OrderID, own.OrderID)

	// So it is for lines of an import.
	imported := func(c *client.Client) client.ImportResult {
		line := client.ImportLine{Key: "line", Order: &order}
		line.Order.ExternalReference = ""
		for r, err := range c.ImportOrders(ctx, slices.Values([]client.ImportLine{line}), client.IdempotencyKey("import")) {
			require.NoError(t, err)
			require.NoError(t, r.Err())
			return r
		}
		require.Fail(t, "no result")
		return client.ImportResult{}
	}
	first, second, again := imported(victim), imported(attacker), imported(victim)
	require.False(t, first.Replayed)
	require.False(t, second.Replayed)
	require.True(t, again.Replayed)
	require.NotEqual(t, string(first.Result), string(second.Result))

	await(t, "both orders of both accounts in their lists", func() bool {
		for _, c := range []*client.Client{victim, attacker} {
			page, err := c.ListOrders(ctx, client.OrderQuery{CustomerID: order.CustomerID})
			require.NoError(t, err)
			if len(page.Orders) != 2 {
				return false
			}
		}
		return true
	})
	page, err := victim.ListOrders(ctx, client.OrderQuery{})
	require.NoError(t, err)
	var forbidden []string
	for _, o := range page.Orders {
		forbidden = append(forbidden, o.OrderID.String(), o.OrderNumber)
	}
	require.Len(t, forbidden, 4, "the victim sees its own two")

	// Exports, whatever they choose.
	for _, format := range []client.ExportFormat{client.Lines, client.Table} {
		for _, q := range []client.OrderQuery{{}, {CustomerID: order.CustomerID}, {ExternalReference: "R-1"}, {SKU: sku}, {OrderNumber: page.Orders[0].OrderNumber}} {
			var out bytes.Buffer
			require.NoError(t, attacker.Export(ctx, q, format, &out))
			for _, text := range forbidden {
				require.NotContains(t, out.String(), text)
			}
		}
		for _, q := range []client.List{client.PaymentQuery{}, client.RefundQuery{}, client.ShipmentQuery{}, client.InvoiceQuery{}, client.AuditQuery{}} {
			var out bytes.Buffer
			require.Equal(t, client.CodeForbidden, client.CodeOf(attacker.Export(ctx, q, format, &out)))
			require.Empty(t, out.String())
		}
	}
	found, err := attacker.SearchOrders(ctx, client.OrderSearch{Email: "ada@example.com"})
	require.NoError(t, err)
	for _, o := range found.Orders {
		require.NotContains(t, forbidden, o.OrderID.String())
	}

	// The feed, with its cursors and its events.
	happened, err := victim.ListEvents(ctx, client.EventQuery{OrderID: theirs.OrderID})
	require.NoError(t, err)
	require.NotEmpty(t, happened.Events)
	for _, q := range []client.EventQuery{{OrderID: theirs.OrderID}, {Cursor: happened.Events[0].Cursor}, {}} {
		seen, err := attacker.ListEvents(ctx, q)
		require.NoError(t, err)
		for _, e := range seen.Events {
			require.NotContains(t, forbidden, e.OrderID.String())
		}
	}
	_, err = attacker.GetEvent(ctx, happened.Events[0].EventID, true)
	require.Equal(t, client.CodeNotFound, client.CodeOf(err))

	// Webhook endpoints, and keys.
	endpoint, err := victim.CreateWebhookEndpoint(ctx, client.NewWebhookEndpoint{
		WebhookSettings: client.WebhookSettings{Name: "a partner", URL: "https://partner.example/hooks"},
	})
	require.NoError(t, err)
	listed, err := attacker.ListWebhookEndpoints(ctx)
	require.NoError(t, err)
	require.Empty(t, listed.Endpoints)
	id := endpoint.EndpointID
	for name, try := range map[string]func() error{
		"see": func() error { _, err := attacker.GetWebhookEndpoint(ctx, id); return err },
		"change": func() error {
			_, err := attacker.ChangeWebhookEndpoint(ctx, id, client.WebhookSettings{Name: "x", URL: "https://evil.example"})
			return err
		},
		"rotate":  func() error { _, err := attacker.RotateWebhookSecret(ctx, id, client.Rotation{}); return err },
		"disable": func() error { _, err := attacker.DisableWebhookEndpoint(ctx, id); return err },
		"test":    func() error { _, err := attacker.TestWebhookEndpoint(ctx, id); return err },
		"deliveries": func() error {
			_, err := attacker.ListWebhookDeliveries(ctx, id, client.WebhookDeliveryQuery{})
			return err
		},
		"delete":  func() error { _, err := attacker.DeleteWebhookEndpoint(ctx, id); return err },
		"pending": func() error { _, err := attacker.ListPendingWebhooks(ctx, id, "", 0); return err },
	} {
		require.Equal(t, client.CodeNotFound, client.CodeOf(try()), name)
	}
	_, err = victim.GetWebhookEndpoint(ctx, id)
	require.NoError(t, err, "it is as it was")
	_, err = attacker.ListKeys(ctx)
	require.Equal(t, client.CodeForbidden, client.CodeOf(err))
	_, err = attacker.GetOrder(ctx, theirs.OrderID)
	require.Equal(t, client.CodeNotFound, client.CodeOf(err))
}
