package e2e_test

import (
	"testing"

	"github.com/orderloom/orderloom/client"
	"github.com/stretchr/testify/require"
)

// What is captured has an invoice, and what goes back a credit note, a moment later.
func TestMoneyThatMovesHasInvoices(t *testing.T) {
	t.Parallel()
	o := newAsked(t, openShop(t))
	o.confirmed()
	o.ship("berlin")
	refunded, err := o.RefundPayment(t.Context(), o.id, client.RefundPayment{Amount: "0.50", Currency: "EUR", Reason: "late"})
	require.NoError(t, err)
	var all []client.Invoice
	o.await("an invoice and a credit note", func() bool {
		all, err = o.GetInvoices(t.Context(), o.id)
		require.NoError(t, err)
		return len(all) == 2
	})
	invoice, note := all[0], all[1]
	shown := o.shown()
	require.Equal(t, []any{client.KindInvoice, shown.Captured, shown.OrderNumber}, []any{invoice.Kind, invoice.Totals.Total, invoice.OrderNumber})
	require.Equal(t, shown.Shipments[0].ShipmentID, *invoice.ShipmentID)
	require.Equal(t, "Ada Lovelace", invoice.Recipient.Name)
	require.Equal(t, []any{client.KindCreditNote, "0.50", refunded.Refund.RefundID}, []any{note.Kind, note.Totals.Total.Amount, *note.RefundID})
	require.Equal(t, []string{invoice.Number}, note.Corrects)

	same, err := o.GetInvoice(t.Context(), invoice.Number)
	require.NoError(t, err)
	require.Equal(t, invoice, same)
	page, err := o.ListInvoices(t.Context(), client.InvoiceQuery{OrderID: o.id, Kind: client.KindCreditNote})
	require.NoError(t, err)
	require.Len(t, page.Invoices, 1)
	require.Equal(t, note.Number, page.Invoices[0].Number)
	require.Nil(t, page.Invoices[0].Recipient)
}
