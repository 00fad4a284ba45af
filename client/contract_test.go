package client_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/google/uuid"
	"github.com/orderloom/orderloom/client"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
)

var (
	orderID    = uuid.MustParse("3f0f2c5e-5d0a-5b8e-9d53-6f2f9a0f7c11")
	shipmentID = uuid.MustParse("6c0b4a2f-0f1e-5d4c-8b3a-2f1e0d9c8b7a")
	restock    = false
	address    = client.Address{Line1: "Torstraße 1", City: "Berlin", State: "BE", Zip: "10119", Country: "DE"}
	newOrder   = client.NewOrder{
		Recipient:      &client.Recipient{Name: "Ada Lovelace", Company: "Engines", Phone: "030 123456", Email: "ada@example.com"},
		BillingAddress: &client.BillingAddress{Name: "Accounts", Address: address}, CustomerNote: "Ring twice.",
		CustomerID: "cust-1001", Currency: "EUR", ShippingAddress: address, PaymentToken: "tok_approve", AllowBackorder: true, KeepPaymentMethod: true,
		PricesIncludeTax: true, Rounding: &client.Rounding{Mode: "half_even", Per: "unit"},
		ShippingLines: []client.NewShippingLine{{Method: "standard", Name: "DHL", Amount: "4.90", TaxClass: "standard", Taxes: []client.NewTax{}}},
		Discounts: []client.NewDiscount{
			{Target: client.DiscountLine, Items: []int{0}, Percentage: "12.5", Code: "SPRING", Reason: "campaign"},
			{Target: client.DiscountShipping, Amount: "1.00"},
		},
		Items: []client.NewItem{{
			ProductID: "p-espresso", SKU: "ESP-250", Name: "Espresso", Quantity: 2, UnitPrice: "19.90", Currency: "EUR", TaxClass: "reduced",
			Taxes: []client.NewTax{{Name: "MwSt", Rate: "0.07", Included: new(true), Amount: "2.60"}}, RequiresShipping: new(true),
			Metadata: map[string]string{"colour": "red"},
		}},
		ExternalReference: "WEB-1", Channel: "web", Metadata: map[string]string{"campaign": "spring"}, Tags: []string{"rush"},
	}
)

// importLines are lines of imports.
func importLines(yield func(client.ImportLine) bool) {
	if yield(client.ImportLine{Key: "row-1", Order: &newOrder}) {
		yield(client.ImportLine{Key: "row-2", Receipt: &client.Receipt{SKU: "A", Location: "berlin", Quantity: 1}})
	}
}

// first is the first error of a sequence.
func first[T any](s iter.Seq2[T, error]) error {
	for _, err := range s {
		if err != nil {
			return err
		}
	}
	return nil
}

// seen is the order as it was seen.
var seen = client.IfMatch(`"o4.p2.2026-11-27"`)

var webhookSettings = client.WebhookSettings{
	Name: "n", URL: "https://a.example.com", Types: []string{"OrderPlaced"}, Channel: "web", Payload: client.WebhookSnapshot,
	PayloadVersion: "2026-11-27", Personal: true, Headers: map[string]string{"Authorization": "x"},
}

var newKey = client.NewKey{
	Account: "shop", Name: "the web shop", Role: client.RoleStorefront, Scopes: []string{"orders:read"}, Channels: []string{"web"},
	ExpiresAt: new(time.Unix(4, 0).UTC()), PublicKey: "-----BEGIN PUBLIC KEY-----", APIVersion: "2026-11-27",
}

var parts = client.PartQuery{
	OrderID: orderID, CustomerID: "cust-1001", CreatedFrom: time.Unix(1, 0), CreatedTo: time.Unix(2, 0), UpdatedSince: time.Unix(3, 0), Cursor: "c", Limit: 3,
}

// operation is how a test calls an operation, with each of its parameters.
type operation struct {
	call func(c *client.Client) error
	// request and answers are the structs of the bodies; nil for none.
	request any
	answers []any
}

var operations = map[string]operation{
	"placeOrder": {
		call: func(c *client.Client) error {
			_, err := c.PlaceOrder(ctx(), newOrder, client.Wait(5*time.Second), client.RequestID("r1"))
			return err
		},
		request: newOrder, answers: []any{client.OrderAccepted{}, client.Order{}},
	},
	"previewOrder": {
		call: func(c *client.Client) error {
			_, err := c.PreviewOrder(ctx(), newOrder.ToPreview(), client.RequestID("r1"))
			return err
		},
		request: newOrder.ToPreview(), answers: []any{client.OrderPreview{}},
	},
	"getOrderMoney": {
		call: func(c *client.Client) error {
			_, err := c.GetOrderMoney(ctx(), orderID, client.RequestID("r1"))
			return err
		},
		answers: []any{client.OrderMoney{}},
	},
	"getInvoices": {
		call: func(c *client.Client) error {
			_, err := c.GetInvoices(ctx(), orderID, client.RequestID("r1"))
			return err
		},
		answers: []any{client.InvoicePage{}},
	},
	"listInvoices": {
		call: func(c *client.Client) error {
			_, err := c.ListInvoices(ctx(), client.InvoiceQuery{
				Kind: client.KindInvoice, Channel: "web", Number: "INV-", OrderID: orderID, CustomerID: "cust-1001",
				IssuedFrom: "2026-11-01", IssuedTo: "2026-12-01", Cursor: "c", Limit: 3,
			}, client.Fields("order_id", "status"), client.RequestID("r1"))
			return err
		},
		answers: []any{client.InvoicePage{}},
	},
	"getInvoice": {
		call: func(c *client.Client) error {
			_, err := c.GetInvoice(ctx(), "INV-web-2026-000001", client.RequestID("r1"))
			return err
		},
		answers: []any{client.Invoice{}},
	},
	"changeDetails": {
		call: func(c *client.Client) error {
			_, err := c.ChangeDetails(ctx(), orderID, client.DetailsChange{
				Metadata: map[string]string{"bin": "A-17"}, RemoveMetadata: []string{"campaign"}, AddTags: []string{"packed"}, RemoveTags: []string{"rush"}, By: "ann",
			}, seen, client.RequestID("r1"))
			return err
		},
		request: client.DetailsChange{}, answers: []any{client.OrderDetails{}},
	},
	"addNote": {
		call: func(c *client.Client) error {
			_, err := c.AddNote(ctx(), orderID, client.NewNote{Text: "Has called.", Author: "ann"}, seen, client.RequestID("r1"))
			return err
		},
		request: client.NewNote{}, answers: []any{client.NoteAdded{}},
	},
	"listNotes": {
		call: func(c *client.Client) error {
			_, err := c.ListNotes(ctx(), orderID, client.RequestID("r1"))
			return err
		},
		answers: []any{client.Notes{}},
	},
	"createWebhookEndpoint": {
		call: func(c *client.Client) error {
			_, err := c.CreateWebhookEndpoint(ctx(), client.NewWebhookEndpoint{
				WebhookSettings: webhookSettings, Signature: client.WebhookV1a, Cursor: "c",
			}, client.RequestID("r1"))
			return err
		},
		request: client.NewWebhookEndpoint{}, answers: []any{client.WebhookEndpoint{}},
	},
	"listWebhookEndpoints": {
		call: func(c *client.Client) error {
			_, err := c.ListWebhookEndpoints(ctx(), client.RequestID("r1"))
			return err
		},
		answers: []any{client.WebhookEndpoints{}},
	},
	"getWebhookEndpoint": {
		call: func(c *client.Client) error {
			_, err := c.GetWebhookEndpoint(ctx(), orderID, client.RequestID("r1"))
			return err
		},
		answers: []any{client.WebhookEndpoint{}},
	},
	"changeWebhookEndpoint": {
		call: func(c *client.Client) error {
			_, err := c.ChangeWebhookEndpoint(ctx(), orderID, webhookSettings, client.RequestID("r1"))
			return err
		},
		request: client.WebhookSettings{}, answers: []any{client.WebhookEndpoint{}},
	},
	"rotateWebhookSecret": {
		call: func(c *client.Client) error {
			_, err := c.RotateWebhookSecret(ctx(), orderID, client.Rotation{OverlapSeconds: new(60)}, client.RequestID("r1"))
			return err
		},
		request: client.Rotation{}, answers: []any{client.WebhookEndpoint{}},
	},
	"enableWebhookEndpoint": {
		call: func(c *client.Client) error {
			_, err := c.EnableWebhookEndpoint(ctx(), orderID, client.EnableWebhookEndpoint{Skip: true}, client.RequestID("r1"))
			return err
		},
		request: client.EnableWebhookEndpoint{}, answers: []any{client.WebhookEndpoint{}},
	},
	"disableWebhookEndpoint": {
		call: func(c *client.Client) error {
			_, err := c.DisableWebhookEndpoint(ctx(), orderID, client.RequestID("r1"))
			return err
		},
		request: struct{}{}, answers: []any{client.WebhookEndpoint{}},
	},
	"deleteWebhookEndpoint": {
		call: func(c *client.Client) error {
			_, err := c.DeleteWebhookEndpoint(ctx(), orderID, client.RequestID("r1"))
			return err
		},
		request: struct{}{}, answers: []any{client.DeletedWebhookEndpoint{}},
	},
	"testWebhookEndpoint": {
		call: func(c *client.Client) error {
			_, err := c.TestWebhookEndpoint(ctx(), orderID, client.RequestID("r1"))
			return err
		},
		request: struct{}{}, answers: []any{client.WebhookTestSent{}},
	},
	"resendWebhooks": {
		call: func(c *client.Client) error {
			_, err := c.ResendWebhooks(ctx(), orderID, client.ResendWebhooks{
				EventIDs: []uuid.UUID{orderID}, FromCursor: "a", UntilCursor: "b", Undelivered: true,
			}, client.RequestID("r1"))
			return err
		},
		request: client.ResendWebhooks{}, answers: []any{client.WebhookEndpoint{}},
	},
	"listWebhookDeliveries": {
		call: func(c *client.Client) error {
			_, err := c.ListWebhookDeliveries(ctx(), orderID, client.WebhookDeliveryQuery{
				EventID: orderID, Outcome: client.WebhookGivenUp, Cursor: "c", Limit: 3,
			}, client.RequestID("r1"))
			return err
		},
		answers: []any{client.WebhookDeliveryPage{}},
	},
	"listPendingWebhooks": {
		call: func(c *client.Client) error {
			_, err := c.ListPendingWebhooks(ctx(), orderID, "c", 3, client.RequestID("r1"))
			return err
		},
		answers: []any{client.PendingWebhooks{}},
	},
	"listAudit": {
		call: func(c *client.Client) error {
			_, err := c.ListAudit(ctx(), client.AuditQuery{
				Actor: "nobody", Action: "POST /api/v1/keys", CreatedFrom: time.Unix(1, 0), CreatedTo: time.Unix(2, 0), Cursor: "c", Limit: 3,
			}, client.RequestID("r1"))
			return err
		},
		answers: []any{client.AuditPage{}},
	},
	"createKey": {
		call: func(c *client.Client) error {
			_, err := c.CreateKey(ctx(), newKey, client.RequestID("r1"))
			return err
		},
		request: client.NewKey{}, answers: []any{client.Key{}},
	},
	"listKeys": {
		call: func(c *client.Client) error {
			_, err := c.ListKeys(ctx(), client.RequestID("r1"))
			return err
		},
		answers: []any{client.Keys{}},
	},
	"getKey": {
		call: func(c *client.Client) error {
			_, err := c.GetKey(ctx(), orderID, client.RequestID("r1"))
			return err
		},
		answers: []any{client.Key{}},
	},
	"rotateKey": {
		call: func(c *client.Client) error {
			_, err := c.RotateKey(ctx(), orderID, client.Rotation{OverlapSeconds: new(60)}, client.RequestID("r1"))
			return err
		},
		request: client.Rotation{}, answers: []any{client.Key{}},
	},
	"importOrders": {
		call: func(c *client.Client) error { return first(c.ImportOrders(ctx(), importLines, client.RequestID("r1"))) },
	},
	"importStock": {
		call: func(c *client.Client) error { return first(c.ImportStock(ctx(), importLines, client.RequestID("r1"))) },
	},
	"pinKey": {
		call: func(c *client.Client) error {
			_, err := c.PinKey(ctx(), orderID, client.KeyVersion{APIVersion: "2026-11-27"}, client.RequestID("r1"))
			return err
		},
		request: client.KeyVersion{}, answers: []any{client.Key{}},
	},
	"revokeKey": {
		call: func(c *client.Client) error {
			_, err := c.RevokeKey(ctx(), orderID, client.RequestID("r1"))
			return err
		},
		request: struct{}{}, answers: []any{client.Key{}},
	},
	"listPayments": {
		call: func(c *client.Client) error {
			_, err := c.ListPayments(ctx(), client.PaymentQuery{PartQuery: parts, Status: client.PaymentCaptured}, client.Fields("order_id", "status"), client.RequestID("r1"))
			return err
		},
		answers: []any{client.PaymentPage{}},
	},
	"listRefunds": {
		call: func(c *client.Client) error {
			_, err := c.ListRefunds(ctx(), client.RefundQuery{PartQuery: parts, Status: client.RefundPaid}, client.Fields("order_id", "status"), client.RequestID("r1"))
			return err
		},
		answers: []any{client.RefundPage{}},
	},
	"listReturns": {
		call: func(c *client.Client) error {
			_, err := c.ListReturns(ctx(), client.ReturnQuery{PartQuery: parts, Status: client.ReturnApproved}, client.Fields("order_id", "status"), client.RequestID("r1"))
			return err
		},
		answers: []any{client.ReturnPage{}},
	},
	"listShipments": {
		call: func(c *client.Client) error {
			_, err := c.ListShipments(ctx(), client.ShipmentQuery{PartQuery: parts, Status: client.ShipmentPlanned, Location: "berlin"}, client.Fields("order_id", "status"), client.RequestID("r1"))
			return err
		},
		answers: []any{client.ShipmentPage{}},
	},
	"listStock": {
		call: func(c *client.Client) error {
			_, err := c.ListStock(ctx(), client.StockQuery{SKU: "ESP-250", Location: "berlin", Backordered: true, Cursor: "c", Limit: 3}, client.Fields("order_id", "status"), client.RequestID("r1"))
			return err
		},
		answers: []any{client.StockPage{}},
	},
	"getCustomerTotals": {
		call: func(c *client.Client) error {
			_, err := c.GetCustomerTotals(ctx(), "cust/1001", client.RequestID("r1"))
			return err
		},
		answers: []any{client.Customer{}},
	},
	"listOrders": {
		call: func(c *client.Client) error {
			_, err := c.ListOrders(ctx(), client.OrderQuery{
				CustomerID: "cust-1001", Status: client.OrderShipped, PaymentStatus: client.PaymentCaptured, SKU: "ESP-250", Attention: client.AttentionOverdue, Settled: new(false),
				FulfillmentStatus: client.Shipped, ExternalReference: "WEB-1", Channel: "web", Tag: "rush", UpdatedSince: time.Unix(3, 0),
				OrderNumber: "ORD-7K3M", CreatedFrom: time.Unix(1, 0), CreatedTo: time.Unix(2, 0), Currency: "EUR", TotalMin: "1",
				TotalMax: "2.50", Sort: client.LargestFirst, Cursor: "c", Limit: 3, Addresses: true,
			}, client.Fields("order_id", "status"), client.RequestID("r1"))
			return err
		},
		answers: []any{client.OrderPage{}},
	},
	"searchOrders": {
		call: func(c *client.Client) error {
			_, err := c.SearchOrders(ctx(), client.OrderSearch{
				Email: "ada@example.com", Phone: "+4930123456", CustomerID: "cust-1001", Status: client.OrderShipped,
				FulfillmentStatus: client.Shipped, ExternalReference: "WEB-1", Channel: "web", Tag: "rush", UpdatedSince: time.Unix(3, 0),
				PaymentStatus: client.PaymentCaptured, SKU: "ESP-250", Attention: client.AttentionOverdue, Settled: new(true), OrderNumber: "ORD-7K3M",
				CreatedFrom: time.Unix(1, 0), CreatedTo: time.Unix(2, 0), Currency: "EUR", TotalMin: "1", TotalMax: "2.50",
				Sort: client.LargestFirst, Cursor: "c", Limit: 3, Expand: []string{client.ExpandRecipient},
			}, client.RequestID("r1"))
			return err
		},
		request: client.OrderSearch{}, answers: []any{client.OrderPage{}},
	},
	"listEvents": {
		call: func(c *client.Client) error {
			q := client.EventQuery{
				Types: []string{"OrderPlaced", "OrderDelivered"}, OrderID: orderID, From: time.Unix(1, 0), To: time.Unix(2, 0), Personal: true, Cursor: "c",
				Limit: 3,
			}
			_, err := c.ListEvents(ctx(), q, client.Wait(5*time.Second), client.RequestID("r1"))
			for _, streamErr := range c.StreamEvents(ctx(), q, client.RequestID("r1")) {
				return errors.Join(err, streamErr)
			}
			return err
		},
		answers: []any{client.EventPage{}},
	},
	"getEvent": {
		call: func(c *client.Client) error {
			_, err := c.GetEvent(ctx(), orderID, true, client.RequestID("r1"))
			return err
		},
		answers: []any{client.Event{}},
	},
	"streamOrders": {
		call: func(c *client.Client) error {
			for _, err := range c.StreamOrders(ctx(), client.StreamQuery{CustomerID: "cust-1001", OrderID: orderID, After: "17-4"}, client.RequestID("r1")) {
				return err
			}
			return nil
		},
	},
	"getOrder": {
		call: func(c *client.Client) error {
			_, err := c.GetOrder(ctx(), orderID, client.MinVersion(4), client.ExpandTimeline(), client.ExpandCustomer(), client.ExpandLabels(),
				client.IfNoneMatch(`"o4.p2"`), client.Fields("order_id", "status"), client.RequestID("r1"))
			return err
		},
		answers: []any{client.Order{}},
	},
	"cancelOrder": {
		call: func(c *client.Client) error {
			_, err := c.CancelOrder(ctx(), orderID, client.CancelOrder{Reason: "why", By: client.ByOperator}, seen, client.RequestID("r1"))
			_, previewErr := c.PreviewCancelOrder(ctx(), orderID, client.CancelOrder{Reason: "why", By: client.ByOperator}, seen, client.RequestID("r1"))
			return errors.Join(err, previewErr)
		},
		request: client.CancelOrder{}, answers: []any{client.OrderState{}},
	},
	"cancelLines": {
		call: func(c *client.Client) error {
			lines := []client.LineQuantity{{SKU: "ESP-250", Quantity: 1}, {LineID: uuid.New(), Quantity: 1}}
			_, err := c.CancelLines(ctx(), orderID, client.CancelLines{Lines: lines, Reason: "why", By: client.ByCustomer}, seen, client.RequestID("r1"))
			_, previewErr := c.PreviewCancelLines(ctx(), orderID, client.CancelLines{Lines: lines, Reason: "why", By: client.ByCustomer}, seen, client.RequestID("r1"))
			return errors.Join(err, previewErr)
		},
		request: client.CancelLines{}, answers: []any{client.OrderState{}},
	},
	"editOrder": {
		call: func(c *client.Client) error {
			edit := client.EditOrder{
				Add: newOrder.Items, PricesIncludeTax: true, Lines: []client.LineQuantity{{SKU: "ESP-250", Quantity: 0}}, Reason: "why", By: client.ByOperator,
			}
			_, err := c.PreviewEdit(ctx(), orderID, edit, seen, client.RequestID("r1"))
			return err
		},
		request: client.EditOrder{}, answers: []any{client.OrderState{}, client.EditPreview{}},
	},
	"amendOrder": {
		call: func(c *client.Client) error {
			_, err := c.AmendOrder(ctx(), orderID, client.AmendOrder{ShippingAddress: &address, By: client.ByOperator}, seen, client.RequestID("r1"))
			return err
		},
		request: client.AmendOrder{}, answers: []any{client.OrderState{}},
	},
	"providePayment": {
		call: func(c *client.Client) error {
			_, err := c.ProvidePayment(ctx(), orderID, client.NewPayment{PaymentToken: "tok_approve", KeepPaymentMethod: true}, seen, client.RequestID("r1"))
			return err
		},
		request: client.NewPayment{}, answers: []any{client.ProvidedPayment{}},
	},
	"approveOrder": {
		call: func(c *client.Client) error {
			_, err := c.ApproveOrder(ctx(), orderID, client.Review{By: "office"}, seen, client.RequestID("r1"))
			return err
		},
		request: client.Review{}, answers: []any{client.OrderState{}},
	},
	"rejectOrder": {
		call: func(c *client.Client) error {
			_, err := c.RejectOrder(ctx(), orderID, client.Review{By: "office"}, seen, client.RequestID("r1"))
			return err
		},
		request: client.Review{}, answers: []any{client.OrderState{}},
	},
	"returnGoods": {
		call: func(c *client.Client) error {
			lines := []client.ReturnLine{{SKU: "ESP-250", Quantity: 1, Restock: &restock}, {LineID: uuid.New(), Quantity: 1, Location: "reno"}}
			_, err := c.ReturnGoods(ctx(), orderID, client.ReturnGoods{Lines: lines, Reason: "broken"}, seen, client.RequestID("r1"))
			_, previewErr := c.PreviewReturnGoods(ctx(), orderID, client.ReturnGoods{Lines: lines, Reason: "broken"}, seen, client.RequestID("r1"))
			return errors.Join(err, previewErr)
		},
		request: client.ReturnGoods{}, answers: []any{client.ReturnedGoods{}},
	},
	"exchangeGoods": {
		call: func(c *client.Client) error {
			goods := client.ExchangeGoods{
				Lines: []client.ReturnLine{{SKU: "ESP-250", Quantity: 1, Reason: client.ReasonDoesNotFit}}, Reason: "too_small", By: "office", Ship: client.ShipNow,
				Order: client.NewExchangeOrder{
					Items: newOrder.Items, PaymentToken: "tok_approve", KeepPaymentMethod: true, Channel: "web", AllowBackorder: true, ExternalReference: "WEB-2",
				},
			}
			_, err := c.ExchangeGoods(ctx(), orderID, goods, client.RequestID("r1"))
			_, previewErr := c.PreviewExchangeGoods(ctx(), orderID, goods, client.RequestID("r1"))
			return errors.Join(err, previewErr)
		},
		request: client.ExchangeGoods{}, answers: []any{client.Exchanged{}},
	},
	"listOrderReturns": {
		call: func(c *client.Client) error {
			_, err := c.ListOrderReturns(ctx(), orderID, client.RequestID("r1"))
			return err
		},
		answers: []any{client.OrderReturns{}},
	},
	"approveReturn": {
		call: func(c *client.Client) error {
			_, err := c.ApproveReturn(ctx(), orderID, shipmentID, client.ApprovedReturn{By: "office", Carrier: "DHL", TrackingNumber: "R1"}, seen, client.RequestID("r1"))
			return err
		},
		request: client.ApprovedReturn{}, answers: []any{client.ReturnedGoods{}},
	},
	"refuseReturn": {
		call: func(c *client.Client) error {
			_, err := c.RefuseReturn(ctx(), orderID, shipmentID, client.RefusedReturn{By: "office", Reason: "worn"}, seen, client.RequestID("r1"))
			return err
		},
		request: client.RefusedReturn{}, answers: []any{client.ReturnedGoods{}},
	},
	"cancelReturn": {
		call: func(c *client.Client) error {
			_, err := c.CancelReturn(ctx(), orderID, shipmentID, client.CancelledReturn{By: "customer", Reason: "kept"}, seen, client.RequestID("r1"))
			return err
		},
		request: client.CancelledReturn{}, answers: []any{client.ReturnedGoods{}},
	},
	"receiveReturn": {
		call: func(c *client.Client) error {
			r := client.ReceivedReturn{Lines: []client.ReturnLine{{SKU: "ESP-250", Quantity: 1, Restock: &restock}}}
			_, err := c.ReceiveReturn(ctx(), orderID, shipmentID, r, seen, client.RequestID("r1"))
			_, previewErr := c.PreviewReceiveReturn(ctx(), orderID, shipmentID, r, seen, client.RequestID("r1"))
			return errors.Join(err, previewErr)
		},
		request: client.ReceivedReturn{}, answers: []any{client.ReturnedGoods{}},
	},
	"refundPayment": {
		call: func(c *client.Client) error {
			_, err := c.RefundPayment(ctx(), orderID, client.RefundPayment{Amount: "5.00", Currency: "EUR", Reason: "late"}, seen, client.RequestID("r1"))
			_, previewErr := c.PreviewRefundPayment(ctx(), orderID, client.RefundPayment{Amount: "5.00", Currency: "EUR", Reason: "late"}, seen, client.RequestID("r1"))
			return errors.Join(err, previewErr)
		},
		request: client.RefundPayment{}, answers: []any{client.RefundedPayment{}},
	},
	"retryRefund": {
		call: func(c *client.Client) error {
			_, err := c.RetryRefund(ctx(), orderID, shipmentID, client.RequestID("r1"))
			return err
		},
		request: struct{}{}, answers: []any{client.RefundedPayment{}},
	},
	"retryAttention": {
		call: func(c *client.Client) error {
			_, err := c.RetryAttention(ctx(), orderID, shipmentID, client.RequestID("r1"))
			return err
		},
		request: struct{}{}, answers: []any{client.Attended{}},
	},
	"resolveAttention": {
		call: func(c *client.Client) error {
			_, err := c.ResolveAttention(ctx(), orderID, shipmentID, client.Resolution{Amount: "5.00", Currency: "EUR", Reference: "SEPA-1", By: "ann"},
				client.RequestID("r1"))
			return err
		},
		request: client.Resolution{}, answers: []any{client.Attended{}},
	},
	"listAttention": {
		call: func(c *client.Client) error {
			_, err := c.ListAttention(ctx(), client.AttentionQuery{Cause: client.AttentionParked, Cursor: "c", Limit: 3}, client.Fields("order_id", "status"), client.RequestID("r1"))
			return err
		},
		answers: []any{client.AttentionPage{}},
	},
	"getTimeline": {
		call: func(c *client.Client) error {
			_, err := c.GetTimeline(ctx(), orderID, client.RequestID("r1"))
			return err
		},
		answers: []any{client.Timeline{}},
	},
	"dispatchShipment": {
		call: func(c *client.Client) error {
			_, err := c.DispatchShipment(ctx(), orderID, shipmentID, client.Dispatch{Carrier: "DHL", TrackingNumber: "1"}, seen, client.RequestID("r1"))
			return err
		},
		request: client.Dispatch{}, answers: []any{client.ShipmentMoved{}},
	},
	"correctTracking": {
		call: func(c *client.Client) error {
			_, err := c.CorrectTracking(ctx(), orderID, shipmentID, client.Tracking{Carrier: "DHL", TrackingNumber: "2"}, seen, client.RequestID("r1"))
			return err
		},
		request: client.Tracking{}, answers: []any{client.OrderState{}},
	},
	"deliverShipment": {
		call: func(c *client.Client) error {
			_, err := c.DeliverShipment(ctx(), orderID, shipmentID, seen, client.RequestID("r1"))
			return err
		},
		request: struct{}{}, answers: []any{client.ShipmentMoved{}},
	},
	"loseShipment": {
		call: func(c *client.Client) error {
			_, err := c.LoseShipment(ctx(), orderID, shipmentID, seen, client.RequestID("r1"))
			return err
		},
		request: struct{}{}, answers: []any{client.ShipmentMoved{}},
	},
	"refuseShipment": {
		call: func(c *client.Client) error {
			_, err := c.RefuseShipment(ctx(), orderID, shipmentID, seen, client.RequestID("r1"))
			return err
		},
		request: struct{}{}, answers: []any{client.ShipmentMoved{}},
	},
	"receiveStock": {
		call: func(c *client.Client) error {
			_, err := c.ReceiveStock(ctx(), client.Receipt{SKU: "ESP-250", Location: "berlin", Quantity: 480}, client.RequestID("r1"))
			return err
		},
		request: client.Receipt{}, answers: []any{client.ReceivedStock{}},
	},
	"adjustStock": {
		call: func(c *client.Client) error {
			_, err := c.AdjustStock(ctx(), client.Adjustment{SKU: "ESP-250", Location: "berlin", Delta: -3, Reason: "counted"}, client.RequestID("r1"))
			return err
		},
		request: client.Adjustment{}, answers: []any{client.AdjustedStock{}},
	},
	"addLocation": {
		call: func(c *client.Client) error {
			_, err := c.AddLocation(ctx(), client.NewLocation{ID: "oslo", Name: "Oslo", Country: "NO"}, client.RequestID("r1"))
			return err
		},
		request: client.NewLocation{}, answers: []any{client.Location{}},
	},
	"changeLocation": {
		call: func(c *client.Client) error {
			_, err := c.ChangeLocation(ctx(), "oslo", client.LocationChange{Active: new(bool)}, client.RequestID("r1"))
			return err
		},
		request: client.LocationChange{}, answers: []any{client.Location{}},
	},
	"listLocations": {
		call: func(c *client.Client) error {
			_, err := c.ListLocations(ctx(), client.RequestID("r1"))
			return err
		},
		answers: []any{client.Locations{}},
	},
	"getLocation": {
		call: func(c *client.Client) error {
			_, err := c.GetLocation(ctx(), "oslo", client.RequestID("r1"))
			return err
		},
		answers: []any{client.Location{}},
	},
	"getStock": {
		call: func(c *client.Client) error {
			_, err := c.GetStock(ctx(), "ESP/250 ä", client.RequestID("r1"))
			return err
		},
		answers: []any{client.Stock{}},
	},
	"getCustomer": {
		call: func(c *client.Client) error {
			_, err := c.GetCustomer(ctx(), "cust/1001", client.RequestID("r1"))
			return err
		},
		answers: []any{client.CustomerSummary{}},
	},
	"advanceClock": {
		call: func(c *client.Client) error {
			_, err := c.AdvanceClock(ctx(), orderID, client.IdempotencyKey("k1"), client.RequestID("r1"))
			return err
		},
		request: struct{}{}, answers: []any{client.AdvancedClock{}},
	},
	"getProjections": {
		call: func(c *client.Client) error {
			_, err := c.GetProjections(ctx(), client.RequestID("r1"))
			return err
		},
		answers: []any{client.Projections{}},
	},
	"getHealth": {
		call: func(c *client.Client) error {
			_, err := c.GetHealth(ctx())
			return err
		},
		answers: []any{client.Health{}},
	},
	"getReady": {
		call: func(c *client.Client) error {
			_, err := c.GetReady(ctx(), "reads")
			return err
		},
		answers: []any{client.Readiness{}},
	},
}

// An operation of the contract that answers programs, with JSON or a stream of events, has a method.
func TestEveryOperationHasAMethod(t *testing.T) {
	t.Parallel()
	var written []string
	for _, o := range loadContract(t).operations() {
		if o.forPrograms() {
			written = append(written, o.id)
			method := strings.ToUpper(o.id[:1]) + o.id[1:]
			_, found := reflect.TypeFor[*client.Client]().MethodByName(method)
			require.True(t, found, "%s %s has no method %s", o.method, o.path, method)
		}
	}
	require.ElementsMatch(t, written, slices.Collect(maps.Keys(operations)))
}

// Each method sends a request that the contract allows, and each parameter of the contract can be given.
func TestMethodsSendWhatTheContractSays(t *testing.T) {
	t.Parallel()
	document := loadContract(t)
	for _, o := range document.operations() {
		if !o.forPrograms() {
			continue
		}
		t.Run(o.id, func(t *testing.T) {
			t.Parallel()
			var sent *http.Request
			var body []byte
			query, header := url.Values{}, http.Header{}
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				sent = r
				maps.Copy(query, r.URL.Query()) // some operations are called in more than one way
				maps.Copy(header, r.Header)
				if !pathMatches(o.path, r.URL.EscapedPath()) {
					t.Errorf("%s is not %s", r.URL.EscapedPath(), o.path)
				}
				body, _ = io.ReadAll(r.Body)
				w.WriteHeader(http.StatusTeapot)
			}))
			defer server.Close()
			c, err := client.New(server.URL+"/", client.WithAPIKey("secret"), client.WithUserAgent("test/1"))
			require.NoError(t, err)
			require.Error(t, operations[o.id].call(c))

			require.Equal(t, strings.ToUpper(o.method), sent.Method)
			require.Equal(t, "Bearer secret", sent.Header.Get("Authorization"))
			require.Equal(t, "test/1", sent.Header.Get("User-Agent"))
			for _, p := range o.parameters() {
				name := p["name"].(string)
				switch p["in"] {
				case "query":
					require.NotEmpty(t, query.Get(name), "the parameter %s can't be given", name)
					delete(query, name)
				case "header":
					require.NotEmpty(t, header.Get(name), "the header %s can't be given", name)
				}
			}
			require.Empty(t, query, "the contract does not know these parameters")
			if schema, ok := o.requestSchema(); ok {
				require.Equal(t, "application/json", sent.Header.Get("Content-Type"))
				document.validate(t, schema, body)
			} else if sent.Header.Get("Content-Type") == "application/x-ndjson" {
				lines := "[" + strings.ReplaceAll(strings.TrimSpace(string(body)), "\n", ",") + "]"
				line := map[string]any{"$ref": "#/components/schemas/ImportLine"}
				document.validate(t, map[string]any{"type": "array", "items": line, "minItems": 2}, []byte(lines))
			} else {
				require.Empty(t, body)
			}
		})
	}
}

// The structs have the members of the contract's schemas, all of them and no others.
func TestStructsAreTheSchemas(t *testing.T) {
	t.Parallel()
	document := loadContract(t)
	for _, o := range document.operations() {
		if !o.forPrograms() {
			continue
		}
		t.Run(o.id, func(t *testing.T) {
			t.Parallel()
			schema, ok := o.requestSchema()
			require.Equal(t, ok, operations[o.id].request != nil)
			if ok {
				document.compare(t, schema, reflect.TypeOf(operations[o.id].request), "request")
			}
			kinds := 0
			for status, schema := range o.answerSchemas() {
				schemas := []any{schema}
				if alternatives, ok := schema["oneOf"].([]any); ok {
					schemas = alternatives
				}
				// What fields asks for is a part of the first one.
				schemas = slices.DeleteFunc(slices.Clone(schemas), func(s any) bool { return s.(map[string]any)["not"] != nil })
				isPreview := func(s any) bool { return s.(map[string]any)["$ref"] == "#/components/schemas/Preview" }
				if o.id == "exchangeGoods" && status == "200" {
					document.compare(t, schema, reflect.TypeFor[client.ExchangePreview](), status)
					continue
				}
				if slices.ContainsFunc(schemas, isPreview) {
					document.compare(t, map[string]any{"$ref": "#/components/schemas/Preview"}, reflect.TypeFor[client.Preview](), status)
					if schemas = slices.DeleteFunc(slices.Clone(schemas), isPreview); len(schemas) == 0 {
						continue
					}
				}
				require.GreaterOrEqual(t, len(operations[o.id].answers), len(schemas), status)
				kinds = max(kinds, len(schemas))
				for i, s := range schemas {
					document.compare(t, s.(map[string]any), reflect.TypeOf(operations[o.id].answers[i]), status)
				}
			}
			require.Len(t, operations[o.id].answers, kinds)
		})
	}
	for name, of := range map[string]any{"Problem": client.Problem{}, "OrderChange": client.OrderChange{}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			document.compare(t, map[string]any{"$ref": "#/components/schemas/" + name}, reflect.TypeOf(of), name)
		})
	}
}

// The constants are the values of the contract's enumerations.
func TestConstantsAreTheEnumerations(t *testing.T) {
	t.Parallel()
	document := loadContract(t)
	for name, values := range map[string][]string{
		"OrderStatus": texts(client.OrderCreated, client.OrderConfirmed, client.OrderShipped, client.OrderDelivered, client.OrderCancelled),
		"PaymentStatus": texts(client.PaymentPending, client.PaymentNotRequired, client.PaymentActionRequired, client.PaymentRequired, client.PaymentAuthorized, client.PaymentDeclined,
			client.PaymentVoided, client.PaymentExpired, client.PaymentCaptured, client.PaymentRefunded),
		"FulfillmentStatus": texts(client.Unfulfilled, client.PartiallyShipped, client.Shipped, client.PartiallyDelivered, client.Delivered,
			client.Undeliverable),
		"ShipmentStatus": texts(client.ShipmentPlanned, client.ShipmentDispatched, client.ShipmentDelivered, client.ShipmentLost,
			client.ShipmentRefused, client.ShipmentCancelled),
		"Goods":        texts(client.GoodsAvailable, client.GoodsBackordered, client.GoodsOutOfStock),
		"RefundStatus": texts(client.RefundOwed, client.RefundRequested, client.RefundPending, client.RefundPaid, client.RefundFailed),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			schema := document.resolve(map[string]any{"$ref": "#/components/schemas/" + name})
			require.ElementsMatch(t, schema["enum"], values)
		})
	}
}

func texts[S ~string](values ...S) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = string(v)
	}
	return out
}

// contract is openapi.yaml.
type contract struct {
	document map[string]any
	compiler *jsonschema.Compiler
	mu       *sync.Mutex
}

// specified is an operation of the contract.
type specified struct {
	contract         contract
	id, method, path string
	node             map[string]any
}

func loadContract(t *testing.T) contract {
	t.Helper()
	text, err := os.ReadFile("../api/openapi.yaml")
	require.NoError(t, err)
	asJSON, err := yaml.YAMLToJSON(text)
	require.NoError(t, err)
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
	require.NoError(t, err)
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	require.NoError(t, compiler.AddResource("openapi.json", document))
	return contract{document: document.(map[string]any), compiler: compiler, mu: new(sync.Mutex)}
}

func (c contract) operations() []specified {
	var out []specified
	for path, item := range c.document["paths"].(map[string]any) {
		for method, node := range item.(map[string]any) {
			if n, ok := node.(map[string]any); ok && n["operationId"] != nil {
				out = append(out, specified{c, n["operationId"].(string), method, path, n})
			}
		}
	}
	return out
}

// resolve follows a reference.
func (c contract) resolve(node any) map[string]any {
	m, _ := node.(map[string]any)
	ref, ok := m["$ref"].(string)
	if !ok {
		return m
	}
	var at any = c.document
	for name := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
		at = at.(map[string]any)[name]
	}
	return c.resolve(at)
}

// forPrograms reports whether the operation answers with JSON or a stream of events.
func (o specified) forPrograms() bool {
	for _, media := range o.answerMedia() {
		if media == "text/event-stream" || media == "application/json" || media == "application/x-ndjson" {
			return true
		}
	}
	return false
}

func (o specified) answerMedia() []string {
	var out []string
	for status, response := range o.node["responses"].(map[string]any) {
		if status < "300" {
			content, _ := o.contract.resolve(response)["content"].(map[string]any)
			out = slices.AppendSeq(out, maps.Keys(content))
		}
	}
	return out
}

func (o specified) parameters() []map[string]any {
	var out []map[string]any
	list, _ := o.node["parameters"].([]any)
	for _, p := range list {
		out = append(out, o.contract.resolve(p))
	}
	return out
}

func (o specified) requestSchema() (map[string]any, bool) {
	return o.contract.jsonSchema(o.node["requestBody"])
}

func (o specified) answerSchemas() map[string]map[string]any {
	out := map[string]map[string]any{}
	for status, response := range o.node["responses"].(map[string]any) {
		if schema, ok := o.contract.jsonSchema(response); ok && status < "300" {
			out[status] = schema
		}
	}
	return out
}

func (c contract) jsonSchema(body any) (map[string]any, bool) {
	content, _ := c.resolve(body)["content"].(map[string]any)
	media, ok := content["application/json"].(map[string]any)
	if !ok {
		return nil, false
	}
	return media["schema"].(map[string]any), true
}

// validate checks a body against a schema of the document.
func (c contract) validate(t *testing.T, schema map[string]any, body []byte) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	// The schema stands for itself, with its references made absolute.
	text, err := json.Marshal(schema)
	require.NoError(t, err)
	node, err := jsonschema.UnmarshalJSON(strings.NewReader(strings.ReplaceAll(string(text), `"#/`, `"openapi.json#/`)))
	require.NoError(t, err)
	name := fmt.Sprintf("body-%s.json", url.PathEscape(t.Name()))
	require.NoError(t, c.compiler.AddResource(name, node))
	compiled, err := c.compiler.Compile(name)
	require.NoError(t, err)
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	require.NoError(t, err, string(body))
	require.NoError(t, compiled.Validate(value), string(body))
}

// compare requires that a type has what a schema says.
func (c contract) compare(t *testing.T, schema map[string]any, of reflect.Type, at string) {
	t.Helper()
	schema = c.resolve(schema)
	if of.Kind() == reflect.Pointer {
		of = of.Elem()
	}
	if alternatives, ok := schema["oneOf"].([]any); ok { // such as an object or null, a text or a number
		schema = c.resolve(alternatives[0])
	}
	if kindOf(schema) == "object" && schema["properties"] == nil && schema["additionalProperties"] == nil { // any object
		require.Equal(t, reflect.TypeFor[json.RawMessage](), of, at)
		return
	}
	switch kind := kindOf(schema); kind {
	case "object":
		c.compareObject(t, schema, of, at)
	case "array":
		require.Equal(t, reflect.Slice, of.Kind(), at)
		c.compare(t, schema["items"].(map[string]any), of.Elem(), at+"[]")
	case "string":
		switch schema["format"] {
		case "uuid":
			require.Equal(t, reflect.TypeFor[uuid.UUID](), of, at)
		case "date-time":
			require.Equal(t, reflect.TypeFor[time.Time](), of, at)
		default:
			require.Equal(t, reflect.String, of.Kind(), at)
		}
	case "integer":
		require.Contains(t, []reflect.Kind{reflect.Int, reflect.Int64}, of.Kind(), at)
	case "number":
		require.Equal(t, reflect.Float64, of.Kind(), at)
	case "boolean":
		require.Equal(t, reflect.Bool, of.Kind(), at)
	default:
		require.Fail(t, "a schema of an unknown kind", "%s: %v", at, schema)
	}
}

func kindOf(schema map[string]any) string {
	switch kind := schema["type"].(type) {
	case string:
		return kind
	case []any: // such as [string, "null"]
		return kind[0].(string)
	}
	return ""
}

func (c contract) compareObject(t *testing.T, schema map[string]any, of reflect.Type, at string) {
	t.Helper()
	if values, open := schema["additionalProperties"].(map[string]any); open { // the caller names the members
		require.Equal(t, reflect.Map, of.Kind(), at)
		c.compare(t, values, of.Elem(), at+"{}")
		return
	}
	require.Equal(t, reflect.Struct, of.Kind(), at)
	properties, _ := schema["properties"].(map[string]any)
	required := map[string]bool{}
	names, _ := schema["required"].([]any)
	for _, name := range names {
		required[name.(string)] = true
	}
	fields := map[string]bool{}
	for _, field := range reflect.VisibleFields(of) {
		if field.Anonymous { // its fields are visible themselves
			continue
		}
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "-" {
			continue
		}
		fields[name] = true
		require.Contains(t, properties, name, "%s: the contract has no %s", at, name)
		require.Equal(t, !required[name], options == "omitempty" || options == "omitzero", "%s.%s: omitempty", at, name)
		c.compare(t, properties[name].(map[string]any), field.Type, at+"."+name)
	}
	for name, property := range properties {
		if property.(map[string]any)["deprecated"] == true { // its newer name is there
			continue
		}
		require.True(t, fields[name], "%s: %s lacks %s", at, of, name)
	}
}

func pathMatches(template, path string) bool {
	t, p := strings.Split(template, "/"), strings.Split(path, "/")
	if len(t) != len(p) {
		return false
	}
	for i := range t {
		if t[i] != p[i] && !strings.HasPrefix(t[i], "{") {
			return false
		}
	}
	return true
}
