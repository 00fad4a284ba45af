package api

import (
	"context"
	"fmt"
	"net/http"

	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/account"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
)

// wantsPreview reports whether a request only asks what it would do.
func wantsPreview(x *httpx.Exchange) bool { return x.QueryText("preview") == "true" }

// answerPreview answers with what a request would do to an order and its payment. Refusals are those of the request.
func (a *API) answerPreview(
	ctx context.Context, x *httpx.Exchange, decide func(o order.Order, p payment.Payment) (orders, payments []domain.Event, err error),
) error {
	id := x.Subject()
	o, err := a.order(ctx, id)
	if err != nil {
		return err
	}
	p, err := a.history.Payment(ctx, id)
	if err != nil {
		return fmt.Errorf("read the payment of order %s: %w", id, err)
	}
	orders, payments, err := decide(o, p)
	if err != nil {
		return refusedBy(o, err)
	}
	x.Writer.Header().Set("Cache-Control", "no-store")
	return x.JSON(http.StatusOK, account.PreviewOf(o, p, orders, payments))
}

// gatewayLimits are the amounts that the payment gateway moves.
func (a *API) gatewayLimits(currency string) money.Limits {
	limits, _ := a.can.Limits(currency)
	return limits
}
