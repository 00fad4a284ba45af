package api

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/domain/account"
)

// getMoney tells for every cent of an order to which line, shipment, capture and refund it belongs: GET
// /api/v1/orders/{order_id}/money. It is told from the events. With "Accept: text/plain" it is a table for people.
func (a *API) getMoney(ctx context.Context, x *httpx.Exchange) error {
	id := x.UUID("order_id")
	x.About("order_id", id)
	o, err := a.order(ctx, id)
	if err != nil {
		return err
	}
	p, err := a.history.Payment(ctx, id)
	if err != nil {
		return fmt.Errorf("read the payment of order %s: %w", id, err)
	}
	statement := account.Of(o, p)
	h := x.Writer.Header()
	h.Set("Cache-Control", "private, no-cache")
	h.Add("Vary", "Accept")
	if prefersText(x.Request.Header.Get("Accept")) {
		h.Set("Content-Type", "text/plain; charset=utf-8")
		x.Writer.WriteHeader(http.StatusOK)
		_, _ = fmt.Fprintf(x.Writer, "%s\n\n%s", o.Number, statement.Text()) // a client that has gone needs no answer
		return nil
	}
	return x.JSON(http.StatusOK, moneyBody{OrderID: id, OrderNumber: o.Number, Statement: statement})
}

// prefersText reports whether a client asks for text and not for JSON.
func prefersText(accept string) bool {
	return strings.Contains(accept, "text/plain") && !strings.Contains(accept, "application/json")
}

type moneyBody struct {
	OrderID     uuid.UUID `json:"order_id"`
	OrderNumber string    `json:"order_number"`
	account.Statement
}
