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

// cancelledLines is the body of POST /api/v1/orders/{order_id}/lines/cancel.
type cancelledLines struct {
	Lines  []order.LineQuantity `json:"lines"`
	Reason string               `json:"reason"`
	By     string               `json:"by"`
}

// request is what is asked of the saga.
func (r *cancelledLines) request() workflows.CancelLinesRequest {
	return workflows.CancelLinesRequest{Lines: r.Lines, Reason: r.Reason, By: r.By}
}

// cancelLines takes pieces out of an order before they leave: POST /api/v1/orders/{order_id}/lines/cancel. With an
// Idempotency-Key it may be repeated, also after the order has moved on.
func (a *API) cancelLines(ctx context.Context, x *httpx.Exchange, r *cancelledLines) error {
	id := x.UUID("order_id")
	x.About("order_id", id)
	var err error
	if r.By, err = asker(x, r.By); err != nil {
		return err
	}
	in := r.request()
	in.RequestID = x.KeyedID(domain.DerivedID(linesNamespace, id.String()))
	c := order.CancelLines{RequestID: in.RequestID, Lines: in.Lines, Reason: in.Reason, By: in.By, At: a.now()}
	if wantsPreview(x) {
		return a.answerPreview(ctx, x, func(o order.Order, p payment.Payment) (orders, payments []domain.Event, err error) {
			return account.CancelPart(o, p, c, a.gatewayLimits(o.Total.Currency))
		})
	}
	return a.changeOrder(ctx, x, change{
		askSaga: func(ctx context.Context) (orderState, error) { return a.sagas.CancelLines(ctx, id, in) },
		decide:  func(o order.Order) ([]domain.Event, error) { return order.CancelPart(o, c) },
	})
}
