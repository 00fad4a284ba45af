package api

import (
	"context"
	"errors"
	"fmt"

	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/readmodel"
)

// listOrders shows a page of orders: GET /api/v1/orders. Personal data are left out unless expand[] asks for them: most
// lists have no use for them.
func (a *API) listOrders(ctx context.Context, x *httpx.Exchange) error {
	q := readmodel.OrderQuery{
		CustomerID: x.QueryText("customer_id"), Status: x.QueryText("status"), PaymentStatus: x.QueryText("payment_status"),
		SKU: x.QueryText("sku"), Attention: x.QueryText("attention"), NumberPrefix: x.QueryText("order_number"),
		CreatedFrom: x.QueryTime("created_from"), CreatedTo: x.QueryTime("created_to"), UpdatedSince: x.QueryTime("updated_since"),
		FulfillmentStatus: x.QueryText("fulfillment_status"), ExternalReference: x.QueryText("external_reference"),
		Channel: x.QueryText("channel"), Tag: x.QueryText("tag"),
		Sort: x.QueryText("sort"), Cursor: x.QueryText("cursor"), Limit: int(x.QueryInt("limit")),
		Personal: len(x.QueryTexts("expand[]")) > 0,
	}
	q.Currency = x.QueryText("currency")
	if x.HasQuery("settled") {
		q.Settled = new(x.QueryText("settled") == "true")
	}
	q.TotalMin, _ = total(x, "total_min") // checkTotals has seen them
	q.TotalMax, _ = total(x, "total_max")
	err := a.answerList(ctx, x, q)
	if domain.Code(err) == domain.CodeInvalid {
		return httpx.InvalidQuery(err)
	}
	return err
}

// answerList answers with a page of orders. Errors: [domain.Invalids] for a cursor that is none, or belongs to another
// query; unavailable.
func (a *API) answerList(ctx context.Context, x *httpx.Exchange, q readmodel.OrderQuery) error {
	q.Owner = ownerOf(x.Caller)
	page, err := a.orders.Orders(ctx, q)
	switch {
	case domain.Code(err) == domain.CodeInvalid:
		return err
	case err != nil:
		return fmt.Errorf("list orders: %w", err)
	}
	return x.Page("orders", len(page.Orders), page.NextCursor, func(b []byte, i int) ([]byte, error) {
		body := orderBody{Shown: page.Orders[i]}
		if q.Personal {
			if err := a.openRecipient(ctx, &body); err != nil {
				return nil, err
			}
		}
		return appendOrder(b, &body)
	})
}

// checkList blames what no order can be: see [checkTotals] and [checkTimes].
func checkList(x *httpx.Exchange) {
	checkTotals(x)
	checkTimes(x)
}

// checkTimes blames a time of creation that begins after its end.
func checkTimes(x *httpx.Exchange) {
	from, to := x.QueryTime("created_from"), x.QueryTime("created_to")
	if !from.IsZero() && !to.IsZero() && !from.Before(to) {
		x.Blame(httpx.InQuery, "created_to", "must be after created_from")
	}
}

// checkTotals blames a currency that there is not, and totals that are no amounts in it. It blames totals, or their
// order, without a currency.
func checkTotals(x *httpx.Exchange) {
	if c := x.QueryText("currency"); c != "" && !money.KnownCurrency(c) {
		x.Blame(httpx.InQuery, "currency", unknownCurrencyMessage, domain.Clip(c))
	}
	sort := x.QueryText("sort")
	totals := x.HasQuery("total_min") || x.HasQuery("total_max") || sort == readmodel.SortTotal || sort == readmodel.SortTotalReverse
	if totals && !x.HasQuery("currency") {
		x.Blame(httpx.InQuery, "currency", "is required with total_min, total_max and sort=total: amounts of different currencies don't compare")
	}
	for _, name := range []string{"total_min", "total_max"} {
		_, err := total(x, name)
		var refusal *domain.Error
		switch {
		case !errors.As(err, &refusal) || refusal.Code == money.CodeUnknownCurrency: // it is blamed already
		default:
			x.Blame(httpx.InQuery, name, "%s", refusal.Message)
		}
	}
	least, errLeast := total(x, "total_min")
	most, errMost := total(x, "total_max")
	if errLeast == nil && errMost == nil && crossed(least, most) {
		x.Blame(httpx.InQuery, "total_max", crossedMessage)
	}
}

// unknownCurrencyMessage blames a currency in which no order can be.
const unknownCurrencyMessage = "%q is not an active ISO 4217 currency code"

// crossedMessage blames the greatest total that is wanted.
const crossedMessage = "must not be below total_min"

// crossed reports whether no amount lies between two; nil is no bound.
func crossed(least, most *money.Money) bool {
	return least != nil && most != nil && most.Amount.LessThan(least.Amount)
}

// total returns a total to compare with, in the currency of the query; nil without one. Errors: as [money.Parse].
func total(x *httpx.Exchange, name string) (*money.Money, error) {
	if !x.HasQuery(name) {
		return nil, nil
	}
	amount, err := money.Parse(x.QueryText(name), x.QueryText("currency"))
	return &amount, err
}
