package api

import (
	"context"
	"net/http"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/workflows"
	"github.com/shopspring/decimal"
)

// refund is the body of POST /api/v1/orders/{order_id}/refunds.
type refund struct {
	Amount   decimal.Decimal `json:"amount"`
	Currency string          `json:"currency"`
	Reason   string          `json:"reason"`
}

// Check names what the domain finds wrong.
func (r *refund) Check() error { return payment.CheckRefund(r.money()) }

func (r *refund) money() money.Money { return money.Money{Amount: r.Amount, Currency: r.Currency} }

// request is what is asked of the saga.
func (r *refund) request() workflows.RefundInput {
	return workflows.RefundInput{Amount: r.money(), Reason: r.Reason}
}

// refundPayment gives money back without goods: POST /api/v1/orders/{order_id}/refunds. With an Idempotency-Key it
// may be repeated.
func (a *API) refundPayment(ctx context.Context, x *httpx.Exchange, r *refund) error {
	id := x.UUID("order_id")
	x.About("order_id", id)
	view, err := a.findView(ctx, id)
	if err != nil {
		return err
	}
	if err := payment.CheckRefundCurrency(r.money(), view.Total); err != nil {
		return err
	}
	in := r.request()
	in.OrderID, in.RefundID = id, x.KeyedID(domain.DerivedID(refundNamespace, id.String()))
	recorded, err := a.sagas.RefundPayment(ctx, in)
	if err != nil {
		return a.withState(ctx, x, withStanding(err, "refund", refundBodyOf))
	}
	replay(x, recorded.Replayed)
	return x.JSON(http.StatusCreated, refundBodyOf(in))
}

func refundBodyOf(in workflows.RefundInput) refundBody {
	return refundBody{OrderID: in.OrderID, RefundID: in.RefundID, Amount: in.Amount, Reason: in.Reason}
}

type refundBody struct {
	OrderID  uuid.UUID   `json:"order_id"`
	RefundID uuid.UUID   `json:"refund_id"`
	Amount   money.Money `json:"amount"`
	Reason   string      `json:"reason"`
}
