package api

import (
	"context"

	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/account"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/workflows"
)

// cancellation is the body of POST /api/v1/orders/{order_id}/cancel.
type cancellation struct {
	Reason string `json:"reason"`
	By     string `json:"by"`
}

// cancelOrder cancels an order: POST /api/v1/orders/{order_id}/cancel. It answers 200 when everything is undone, and
// 202 when undoing takes longer than a client should wait. It may be repeated, with a key or without: an order is
// cancelled once. Another reason than the order's, or another asker, is refused.
func (a *API) cancelOrder(ctx context.Context, x *httpx.Exchange, r *cancellation) error {
	id := x.UUID("order_id")
	x.About("order_id", id)
	var err error
	if r.By, err = asker(x, r.By); err != nil {
		return err
	}
	if wantsPreview(x) {
		return a.answerPreview(ctx, x, func(o order.Order, p payment.Payment) (orders, payments []domain.Event, err error) {
			return account.Cancel(o, p, order.CancelOrder{Reason: r.Reason, By: r.By, At: a.now()})
		})
	}
	return a.changeOrder(ctx, x, change{
		tellsSettled: true,
		askSaga: func(ctx context.Context) (orderState, error) {
			return a.sagas.CancelOrder(ctx, id, workflows.CancelRequest{Reason: r.Reason, By: r.By})
		},
		decide: func(o order.Order) ([]domain.Event, error) {
			return order.Cancel(o, order.CancelOrder{Reason: r.Reason, By: r.By})
		},
	})
}
