package e2e_test

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/client"
	"github.com/stretchr/testify/require"
)

// keyed starts a platform that asks for keys, and returns a client for each of these roles by its name.
func keyed(t *testing.T, roles ...string) (*shop, func(role string) *client.Client) {
	t.Helper()
	return keyedWith(t, nil, roles...)
}

// keyedWith is keyed with more settings, each a name and a value.
func keyedWith(t *testing.T, set []string, roles ...string) (*shop, func(role string) *client.Client) {
	t.Helper()
	var static []string
	for _, role := range roles {
		sum := sha256.Sum256([]byte(role + "-key"))
		static = append(static, role+":"+hex.EncodeToString(sum[:])+":"+role)
	}
	s := openShop(t, append(set, "ORDERLOOM_API_OPEN", "no", "ORDERLOOM_API_KEYS", strings.Join(static, ","))...)
	with := func(role string) *client.Client {
		c, err := client.New(s.platform.APIURL, client.WithAPIKey(role+"-key"))
		require.NoError(t, err)
		return c
	}
	return s, with
}

// TestWhoDidItStandsInTheTimeline lets each role do its part on one order. Each event names who asked for it, through
// Temporal's sagas and back, and what followed by itself names nobody.
func TestWhoDidItStandsInTheTimeline(t *testing.T) {
	t.Parallel()
	s, as := keyed(t, "admin", "storefront", "support", "warehouse", "finance")
	ctx, sku := t.Context(), uuid.NewString()
	_, err := as("warehouse").ReceiveStock(ctx, client.Receipt{SKU: sku, Location: "berlin", Quantity: 5})
	require.NoError(t, err)

	// A key that was made a moment ago is good, and places the order.
	key, err := as("admin").CreateKey(ctx, client.NewKey{Account: "web", Name: "the web shop", Role: client.RoleStorefront, Channels: []string{"web"}})
	require.NoError(t, err)
	web, err := client.New(s.platform.APIURL, client.WithAPIKey(key.Secret))
	require.NoError(t, err)
	order := client.NewOrder{
		CustomerID: "c-" + sku, Currency: "EUR", PaymentToken: "tok_approve", Channel: "web",
		Items:           []client.NewItem{{ProductID: "p", SKU: sku, Quantity: 2, UnitPrice: "300.00"}}, // held for a review
		Recipient:       &client.Recipient{Name: "Ada Lovelace"},
		ShippingAddress: client.Address{Line1: "Torstraße 1", City: "Berlin", Zip: "10119", Country: "DE"},
	}
	placed, err := web.PlaceOrder(ctx, order, client.IdempotencyKey("one"))
	require.NoError(t, err)
	id := placed.OrderID

	// A rotated key is the same caller: the same request is the same order.
	rotated, err := as("admin").RotateKey(ctx, key.KeyID, client.Rotation{OverlapSeconds: new(0)})
	require.NoError(t, err)
	web, err = client.New(s.platform.APIURL, client.WithAPIKey(rotated.Secret))
	require.NoError(t, err)
	again, err := web.PlaceOrder(ctx, order, client.IdempotencyKey("one"))
	require.NoError(t, err)
	require.True(t, again.Replayed)
	require.Equal(t, id, again.OrderID)

	shown := func() client.Order {
		o, err := web.GetOrder(ctx, id)
		require.NoError(t, err)
		return o
	}
	await(t, "a review", func() bool { return shown().Held != "" })
	_, err = web.ApproveOrder(ctx, id, client.Review{})
	require.Equal(t, client.CodeForbidden, client.CodeOf(err))
	_, err = as("storefront").GetOrder(ctx, id)
	require.Equal(t, client.CodeNotFound, client.CodeOf(err), "it is another account's")
	_, err = as("support").ApproveOrder(ctx, id, client.Review{By: "the-ceo"})
	require.Equal(t, client.CodeInvalid, client.CodeOf(err), "nobody can say who they are")
	_, err = as("support").ApproveOrder(ctx, id, client.Review{})
	require.NoError(t, err)
	await(t, "the confirmation", func() bool { return len(shown().Shipments) == 1 })
	require.Equal(t, "support/static-support", shown().ApprovedBy)
	shipment := shown().Shipments[0].ShipmentID
	await(t, "the dispatch", func() bool {
		_, err := as("warehouse").DispatchShipment(ctx, id, shipment, client.Dispatch{Carrier: "DHL", TrackingNumber: "T1"})
		return err == nil
	})
	_, err = as("warehouse").DeliverShipment(ctx, id, shipment)
	require.NoError(t, err)
	_, err = as("finance").RefundPayment(ctx, id, client.RefundPayment{Amount: "10.00", Currency: "EUR", Reason: "goodwill"})
	require.NoError(t, err)

	var entries []client.TimelineEntry
	await(t, "all events in the timeline", func() bool {
		line, err := as("support").GetTimeline(ctx, id)
		require.NoError(t, err)
		entries = line.Events
		return slices.ContainsFunc(entries, func(e client.TimelineEntry) bool { return e.EventType == "PaymentRefunded" })
	})
	by := map[string]string{}
	for _, e := range entries {
		by[e.EventType] = e.Actor
	}
	for event, actor := range map[string]string{
		"OrderPlaced": "storefront/" + key.KeyID.String(), "StockReserved": "storefront/" + key.KeyID.String(), "OrderApproved": "support/static-support",
		"OrderConfirmed": "", "ShipmentDispatched": "warehouse/static-warehouse", "PaymentCaptured": "warehouse/static-warehouse",
		"ShipmentDelivered": "warehouse/static-warehouse", "PaymentRefunded": "finance/static-finance",
	} {
		require.Contains(t, by, event)
		require.Equal(t, actor, by[event], event)
	}

	_, err = as("admin").RevokeKey(ctx, key.KeyID)
	require.NoError(t, err)
	await(t, "the revocation", func() bool {
		_, err := web.GetOrder(ctx, id)
		return client.CodeOf(err) == client.CodeUnauthenticated
	})
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.platform.APIURL+"/api/v1/orders", http.NoBody)
	require.NoError(t, err)
	w, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	require.NoError(t, w.Body.Close())
	require.Equal(t, http.StatusUnauthorized, w.StatusCode)
}
