package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/invoice"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/privacy"
	"github.com/orderloom/orderloom/readmodel"
)

// getInvoices shows all invoices and credit notes of an order, the oldest first: GET
// /api/v1/orders/{order_id}/invoices.
func (a *API) getInvoices(ctx context.Context, x *httpx.Exchange) error {
	id := x.UUID("order_id")
	x.About("order_id", id)
	all, err := a.views.InvoicesOf(ctx, id)
	if err != nil {
		return err
	}
	if len(all) == 0 { // nothing was captured, or there is no such order
		if _, err := a.order(ctx, id); err != nil {
			return err
		}
	}
	shown := make([][]byte, len(all))
	for i, one := range all {
		if shown[i], err = a.showInvoice(ctx, one); err != nil {
			return err
		}
	}
	x.Writer.Header().Set("Cache-Control", "private, no-cache")
	return x.Page("invoices", len(shown), "", func(b []byte, i int) ([]byte, error) { return append(b, shown[i]...), nil })
}

// getInvoice shows one invoice or credit note: GET /api/v1/invoices/{number}. With "Accept: text/plain" it is a text
// for people.
func (a *API) getInvoice(ctx context.Context, x *httpx.Exchange) error {
	one, err := a.views.Invoice(ctx, x.Param("number"))
	switch {
	case domain.Code(err) == domain.CodeNotFound:
		return newProblem(domain.CodeNotFound, "no invoice or credit note has this number")
	case err != nil:
		return err
	}
	h := x.Writer.Header()
	h.Set("Cache-Control", "private, no-cache")
	h.Add("Vary", "Accept")
	if prefersText(x.Request.Header.Get("Accept")) {
		text, err := a.invoiceText(ctx, one)
		if err != nil {
			return err
		}
		h.Set("Content-Type", "text/plain; charset=utf-8")
		x.Writer.WriteHeader(http.StatusOK)
		_, _ = fmt.Fprint(x.Writer, text) // a client that has gone needs no answer
		return nil
	}
	shown, err := a.showInvoice(ctx, one)
	if err != nil {
		return err
	}
	return x.JSON(http.StatusOK, json.RawMessage(shown))
}

// listInvoices shows a page of invoices and credit notes, the newest first and without recipients: GET
// /api/v1/invoices.
func (a *API) listInvoices(ctx context.Context, x *httpx.Exchange) error {
	page, err := a.views.Invoices(ctx, readmodel.InvoiceQuery{
		Kind: x.QueryText("kind"), Channel: x.QueryText("channel"), OrderID: x.UUID("order_id"), CustomerID: x.QueryText("customer_id"),
		Number: x.QueryText("number"), From: x.QueryText("issued_from"), To: x.QueryText("issued_to"),
		Cursor: x.QueryText("cursor"), Limit: int(x.QueryInt("limit")),
	})
	switch {
	case domain.Code(err) == domain.CodeInvalid: // a cursor that is none, or belongs to another query
		return httpx.InvalidQuery(err)
	case err != nil:
		return err
	}
	return x.Page("invoices", len(page.Invoices), page.NextCursor, func(b []byte, i int) ([]byte, error) {
		return append(b, page.Invoices[i].JSON...), nil
	})
}

// checkIssued blames a first day that is not before the last.
func checkIssued(x *httpx.Exchange) {
	from, to := x.QueryText("issued_from"), x.QueryText("issued_to")
	if from != "" && to != "" && from >= to {
		x.Blame(httpx.InQuery, "issued_to", "must be after issued_from")
	}
}

// addressee is whom a document is for, as it was when it was written.
type addressee struct {
	// Recipient and the addresses are left out once the customer is erased.
	Recipient       *order.Contact        `json:"recipient,omitempty"`
	ShippingAddress *order.Address        `json:"shipping_address,omitempty"`
	BillingAddress  *order.BillingAddress `json:"billing_address,omitempty"`
	Erased          bool                  `json:"erased,omitempty"`
}

// openAddressee opens whom a document is for. Errors: unavailable.
func (a *API) openAddressee(ctx context.Context, sealed domain.Sealed) (out addressee, r order.Recipient, err error) {
	if sealed.IsZero() {
		return out, r, nil
	}
	var text json.RawMessage
	err = a.vault.Open(ctx, sealed, &text)
	switch {
	case errors.Is(err, privacy.ErrErased):
		return addressee{Erased: true}, r, nil
	case err != nil:
		return out, r, err
	}
	if r, err = readRecipient(text); err != nil {
		return out, r, err
	}
	out.ShippingAddress, out.BillingAddress = &r.ShippingAddress, r.BillingAddress
	if r.Contact != (order.Contact{}) {
		out.Recipient = &r.Contact
	}
	return out, r, nil
}

// showInvoice returns a document with whom it is for.
func (a *API) showInvoice(ctx context.Context, i readmodel.Invoice) ([]byte, error) {
	to, _, err := a.openAddressee(ctx, i.Personal)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(to)
	if err != nil || len(text) == len("{}") {
		return i.JSON, err
	}
	shown := append([]byte(nil), i.JSON[:len(i.JSON)-1]...)
	return append(append(shown, ','), text[1:]...), nil
}

// invoiceText returns a document as a text for people.
func (a *API) invoiceText(ctx context.Context, i readmodel.Invoice) (string, error) {
	var d invoice.Document
	if err := json.Unmarshal(i.JSON, &d); err != nil {
		return "", fmt.Errorf("read invoice %s: %w", i.Number, err)
	}
	to, r, err := a.openAddressee(ctx, i.Personal)
	switch {
	case err != nil:
		return "", err
	case to.Erased || to.ShippingAddress == nil:
		return d.Text(nil, nil), nil
	}
	return d.Text(r.ShippingLabels().Local, r.BillingLabels().Local), nil
}
