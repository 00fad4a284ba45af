package client_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/orderloom/orderloom/client"
	"github.com/stretchr/testify/require"
)

// exporting answers the first request with 503, then with lines. It breaks off after them unless whole is true.
func exporting(t *testing.T, body string, whole bool) (*client.Client, *[]*http.Request) {
	t.Helper()
	var asked []*http.Request
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked = append(asked, r); len(asked) == 1 {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, `{"code": "unavailable"}`)
			return
		}
		w.Header().Set("Content-Type", r.Header.Get("Accept"))
		_, _ = io.WriteString(w, body)
		if !whole {
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}
	}))
	t.Cleanup(api.Close)
	shop, err := client.New(api.URL, client.WithRetry(client.Retry{Wait: time.Millisecond, WaitMax: time.Millisecond}))
	require.NoError(t, err)
	return shop, &asked
}

func TestAnExportIsReadAsItComes(t *testing.T) {
	t.Parallel()
	shop, asked := exporting(t, "{\"order_number\": \"A\"}\n{\"order_number\": \"B\"}\n", true)
	var numbers []string
	for o, err := range shop.ExportOrders(t.Context(), client.OrderQuery{Status: client.OrderShipped, Limit: 5, Cursor: "x"}, client.Fields("order_number")) {
		require.NoError(t, err)
		numbers = append(numbers, o.OrderNumber)
	}
	require.Equal(t, []string{"A", "B"}, numbers)
	require.Len(t, *asked, 2, "what passes is asked again")
	r := (*asked)[1]
	require.Equal(t, "application/x-ndjson", r.Header.Get("Accept"))
	require.Equal(t, url.Values{"status": {"shipped"}, "fields": {"order_number"}}, r.URL.Query(), "an export has all of it")
}

// Nobody takes a part for the whole: not between two lines, and not in one.
func TestAnExportThatWasCutOffIsAnError(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"{\"sku\": \"A\"}\n{\"sku\": \"B\"}\n", "{\"sku\": \"A\"}\n{\"sku\": \"B\"}\n{\"sku\":"} {
		shop, _ := exporting(t, body, false)
		var got []string
		var last error
		for s, err := range shop.ExportStock(t.Context(), client.StockQuery{}) {
			if last = err; err == nil {
				got = append(got, s.SKU)
			}
		}
		require.Equal(t, []string{"A", "B"}, got)
		require.ErrorIs(t, last, client.ErrCutOff)

		shop, _ = exporting(t, body, false)
		var out bytes.Buffer
		require.ErrorIs(t, shop.Export(t.Context(), client.NamedList{Name: "stock"}, client.Table, &out), client.ErrCutOff)
		require.Equal(t, body, out.String())
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("the disk is full") }

func TestAnExportThatCannotBeWrittenIsNotCutOff(t *testing.T) {
	t.Parallel()
	shop, _ := exporting(t, "x\n", true)
	err := shop.Export(t.Context(), client.StockQuery{}, client.Table, full{})
	require.ErrorContains(t, err, "the disk is full")
	require.NotErrorIs(t, err, client.ErrCutOff)
}

// Fails where a list has no method that goes through all of its pages.
func TestEveryListGoesThroughAllPages(t *testing.T) {
	t.Parallel()
	pages := 0
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		name := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
		switch name {
		case "search":
			name = "orders"
		case "audit":
			name = "entries"
		}
		next := ""
		if pages++; pages%2 == 1 {
			next = "more"
		}
		_, _ = fmt.Fprintf(w, `{%q: [{}, {}], "next_cursor": %q}`, name, next)
	}))
	t.Cleanup(api.Close)
	shop, err := client.New(api.URL)
	require.NoError(t, err)
	ctx := t.Context()
	for name, n := range map[string]int{
		"orders": count(t, shop.Orders(ctx, client.OrderQuery{})), "search": count(t, shop.SearchedOrders(ctx, client.OrderSearch{})),
		"payments": count(t, shop.Payments(ctx, client.PaymentQuery{})), "refunds": count(t, shop.Refunds(ctx, client.RefundQuery{})),
		"returns": count(t, shop.Returns(ctx, client.ReturnQuery{})), "shipments": count(t, shop.Shipments(ctx, client.ShipmentQuery{})),
		"invoices": count(t, shop.Invoices(ctx, client.InvoiceQuery{})), "stock": count(t, shop.Stock(ctx, client.StockQuery{})),
		"attention": count(t, shop.Attention(ctx, client.AttentionQuery{})), "audit": count(t, shop.Audit(ctx, client.AuditQuery{})),
		"deliveries": count(t, shop.WebhookDeliveries(ctx, [16]byte{1}, client.WebhookDeliveryQuery{})),
	} {
		require.Equal(t, 4, n, name)
	}
}

func count[T any](t *testing.T, all iter.Seq2[T, error]) (n int) {
	t.Helper()
	for _, err := range all {
		require.NoError(t, err)
		n++
	}
	return n
}
