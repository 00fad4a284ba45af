package api

import (
	"net/http"
	"testing"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/readmodel"
	"github.com/stretchr/testify/require"
)

const invoiceJSON = `{"number":"INV-web/1-2026-000001","kind":"invoice","date":"2026-11-27","channel":"web/1",` +
	`"order_id":"3f0f2c5e-5d0a-5b8e-9d53-6f2f9a0f7c11","order_number":"ORD-7K3M-0000-0001","customer_id":"cust-1","paid_at":"2026-11-27T08:00:00Z",` +
	`"lines":[{"kind":"line","sku":"CUP","quantity":2,"gross":{"amount":"20.00","currency":"EUR"},"discount":{"amount":"0.00","currency":"EUR"},` +
	`"net":{"amount":"20.00","currency":"EUR"},"total":{"amount":"20.00","currency":"EUR"}}],` +
	`"taxes":[{"taxable":{"amount":"20.00","currency":"EUR"},"tax":{"amount":"0.00","currency":"EUR"}}],` +
	`"totals":{"gross":{"amount":"20.00","currency":"EUR"},"discount":{"amount":"0.00","currency":"EUR"},` +
	`"net":{"amount":"20.00","currency":"EUR"},"tax":{"amount":"0.00","currency":"EUR"},"total":{"amount":"20.00","currency":"EUR"}}}`

// withInvoice gives the platform an invoice for Ada, whose bill goes to her accounts.
func withInvoice(t *testing.T) *testBundle {
	t.Helper()
	b := setup(t)
	address := order.Address{Line1: "Torstraße 1", City: "Berlin", Zip: "10119", Country: "DE"}
	sealed, err := b.Seal(t.Context(), "cust-1", order.Recipient{
		ShippingAddress: address, Contact: order.Contact{Name: "Ada Lovelace"}, BillingAddress: &order.BillingAddress{Name: "Accounts", Address: address},
		CustomerNote: "Ring twice.",
	})
	require.NoError(t, err)
	b.invoices = []readmodel.Invoice{{Number: "INV-web/1-2026-000001", JSON: []byte(invoiceJSON), Personal: sealed}}
	return b
}

const invoicePath = "/api/v1/invoices/INV-web%2F1-2026-000001"

func TestAnInvoiceIsShownWithWhomItIsFor(t *testing.T) {
	t.Parallel()
	b := withInvoice(t)
	for _, shown := range []map[string]any{
		b.get(t, invoicePath).object(t),
		b.get(t, orderPath("/invoices")).object(t)["invoices"].([]any)[0].(map[string]any),
	} {
		require.Equal(t, "Ada Lovelace", shown["recipient"].(map[string]any)["name"])
		require.Equal(t, "Accounts", shown["billing_address"].(map[string]any)["name"])
		require.Equal(t, "Berlin", shown["shipping_address"].(map[string]any)["city"])
		require.Equal(t, "2026-11-27", shown["date"])
		require.NotContains(t, shown, "customer_note", "it is no part of an invoice")
	}
	text := b.get(t, invoicePath, "Accept", "text/plain")
	require.Equal(t, "text/plain; charset=utf-8", text.header.Get("Content-Type"))
	require.Contains(t, text.body, "Invoice INV-web/1-2026-000001\n2026-11-27, order ORD-7K3M-0000-0001, channel web/1\nto Ada Lovelace, Torstraße 1, 10119 Berlin")
	require.Contains(t, text.body, "billed to Accounts")
	require.Contains(t, text.body, "total in EUR       20.00")
	b.get(t, "/api/v1/invoices/INV-2").problem(t, http.StatusNotFound, codeNotFound)
}

// The money stays when a customer is erased, and the name goes.
func TestAnInvoiceOfAnErasedCustomerKeepsItsMoney(t *testing.T) {
	t.Parallel()
	b := withInvoice(t)
	b.erased["cust-1"] = true
	shown := b.get(t, invoicePath).object(t)
	require.Equal(t, true, shown["erased"])
	require.NotContains(t, shown, "recipient")
	require.NotContains(t, shown, "billing_address")
	require.Contains(t, shown, "totals")
	text := b.get(t, invoicePath, "Accept", "text/plain")
	require.NotContains(t, text.body, "Ada")
	require.Contains(t, text.body, "20.00")
}

func TestInvoicesAreListedWithoutRecipients(t *testing.T) {
	t.Parallel()
	b := withInvoice(t)
	page := b.get(t, "/api/v1/invoices?kind=credit_note&channel=web&number=CN-&customer_id=cust-1&order_id="+someOrder.String()+
		"&issued_from=2026-11-01&issued_to=2026-12-01&cursor=c&limit=3").object(t)
	require.Equal(t, readmodel.InvoiceQuery{
		Kind: "credit_note", Channel: "web", Number: "CN-", CustomerID: "cust-1", OrderID: someOrder, From: "2026-11-01", To: "2026-12-01", Cursor: "c", Limit: 3,
	}, b.invoiceQuery)
	require.Equal(t, "more", page["next_cursor"])
	require.NotContains(t, page["invoices"].([]any)[0], "recipient")
	for query, field := range map[string]string{
		"issued_from=2026-13-01": "issued_from", "issued_from=27.11.2026": "issued_from", "issued_to=2026-11-27T08:00:00Z": "issued_to",
		"issued_from=2026-11-02&issued_to=2026-11-02": "issued_to", "kind=bill": "kind",
	} {
		p := b.get(t, "/api/v1/invoices?"+query).problem(t, http.StatusUnprocessableEntity, codeInvalid)
		require.Contains(t, p.fields(), "query:"+field, query)
	}
	b.viewErr = domain.Invalids{domain.Invalid("cursor", "is not one that a list has returned")}
	b.get(t, "/api/v1/invoices?cursor=x").problem(t, http.StatusUnprocessableEntity, codeInvalid)
	b.viewErr = errAway
	for _, path := range []string{"/api/v1/invoices", invoicePath, orderPath("/invoices")} {
		b.get(t, path).problem(t, http.StatusServiceUnavailable, codeUnavailable)
	}
}

func TestAnOrderWithoutInvoicesIsKnownAllTheSame(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.get(t, orderPath("/invoices")).problem(t, http.StatusNotFound, codeNotFound)
	b.folds[someOrder] = order.Order{ID: someOrder, Status: order.StatusConfirmed}
	require.Equal(t, []any{}, b.get(t, orderPath("/invoices")).object(t)["invoices"])
}
