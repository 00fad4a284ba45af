package api

import (
	"context"
	"fmt"
	"net/http"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/readmodel"
)

var (
	orderStatuses = []string{
		string(order.StatusCreated), string(order.StatusConfirmed), string(order.StatusShipped), string(order.StatusDelivered),
		string(order.StatusCancelled),
	}
	paymentStatuses = []string{
		readmodel.PaymentPending, string(payment.StatusActionRequired), string(payment.StatusAuthorized), string(payment.StatusDeclined),
		string(payment.StatusVoided), string(payment.StatusExpired), string(payment.StatusCaptured), string(payment.StatusRefunded),
	}
	orderSorts = []string{"created_at", "-created_at", "total", "-total"}
)

// listOrders shows a page of orders: GET /api/v1/orders. Addresses are left out unless expand[] asks
// for them: most lists have no use for them.
func (a *API) listOrders(ctx context.Context, x *exchange) error {
	p := x.query("customer_id", "status", "payment_status", "sku", "order_number", "created_from", "created_to",
		"currency", "total_min", "total_max", "sort", "cursor", "limit", "expand[]")
	currency := p.text("currency")
	q := readmodel.OrderQuery{
		CustomerID: p.text("customer_id"), Status: p.oneOf("status", orderStatuses...),
		PaymentStatus: p.oneOf("payment_status", paymentStatuses...), SKU: p.text("sku"), NumberPrefix: p.text("order_number"),
		CreatedFrom: p.time("created_from"), CreatedTo: p.time("created_to"),
		TotalMin: p.money("total_min", currency), TotalMax: p.money("total_max", currency),
		Sort: p.oneOf("sort", orderSorts...), Cursor: p.text("cursor"), Limit: int(p.integer("limit", 1, readmodel.PageSizeMax)),
	}
	q.Personal = len(p.set("expand[]", expandAddress)) > 0
	switch totals := p.values.Has("total_min") || p.values.Has("total_max"); {
	case currency != "" && !money.KnownCurrency(currency):
		x.blame(inQuery, "currency", "%q is not an active ISO 4217 currency code", clip(currency))
	case totals && currency == "":
		x.blame(inQuery, "currency", "is required with total_min and total_max: amounts of different currencies don't compare")
	case !totals && currency != "":
		x.blame(inQuery, "currency", "says nothing without total_min or total_max")
	}
	if err := x.invalid(); err != nil {
		return err
	}
	page, err := a.orders.Orders(ctx, q)
	switch {
	case domain.Code(err) == codeInvalid: // a cursor that is none, or belongs to another query
		return blameQuery(err)
	case err != nil:
		return unavailable(fmt.Errorf("list orders: %w", err))
	}
	if err := a.appendPage(ctx, x, &page, q.Personal); err != nil {
		return err
	}
	x.Writer.Header().Set("Cache-Control", "private, no-cache")
	x.answerNow(http.StatusOK, x.out)
	return nil
}

// appendPage writes {"orders": [...], "next_cursor": "..."}, the cursor unless it is the last page.
func (a *API) appendPage(ctx context.Context, x *exchange, page *readmodel.OrderPage, addresses bool) (err error) {
	x.out = append(x.out, `{"orders":[`...)
	for i := range page.Orders {
		if i > 0 {
			x.out = append(x.out, ',')
		}
		body := orderBody{Shown: page.Orders[i]}
		if addresses {
			if err := a.openAddress(ctx, &body); err != nil {
				return err
			}
		}
		if x.out, err = appendOrder(x.out, &body); err != nil {
			return fmt.Errorf("encode the answer: %w", err)
		}
	}
	x.out = append(x.out, ']')
	if page.NextCursor != "" {
		x.out = append(append(append(x.out, `,"next_cursor":"`...), page.NextCursor...), '"') // base64
	}
	x.out = append(x.out, '}')
	return nil
}

// blameQuery turns the domain's complaint about a field into one about a parameter.
func blameQuery(err error) error {
	bad := appendInvalids(nil, err)
	for i := range bad {
		bad[i].In, bad[i].Pointer = inQuery, ""
	}
	return invalid(bad)
}
