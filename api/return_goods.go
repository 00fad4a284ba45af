package api

import (
	"context"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/account"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/workflows"
)

// returned is the body of POST /api/v1/orders/{order_id}/returns.
type returned struct {
	Lines  []returnedLine `json:"lines"`
	Reason string         `json:"reason"`
}

// returnedLine is how many pieces of a line came back.
type returnedLine struct {
	LineID   uuid.UUID `json:"line_id"`
	SKU      string    `json:"sku"`
	Quantity int       `json:"quantity"`
	// Restock is nil when the request does not say: the pieces can be sold again.
	Restock *bool `json:"restock"`
}

// request is what is asked of the saga.
func (r *returned) request() workflows.ReturnInput {
	in := workflows.ReturnInput{Lines: make([]order.ReturnLine, len(r.Lines)), Reason: r.Reason}
	for i, l := range r.Lines {
		in.Lines[i] = order.ReturnLine{LineID: l.LineID, SKU: l.SKU, Quantity: l.Quantity, Restock: l.Restock == nil || *l.Restock}
	}
	return in
}

// returnGoods takes goods back after their delivery and refunds them: POST /api/v1/orders/{order_id}/returns. With an
// Idempotency-Key it may be repeated.
func (a *API) returnGoods(ctx context.Context, x *httpx.Exchange, r *returned) error {
	id := x.UUID("order_id")
	x.About("order_id", id)
	in := r.request()
	in.OrderID, in.ReturnID = id, x.KeyedID(domain.DerivedID(returnNamespace, id.String()))
	if wantsPreview(x) {
		return a.answerPreview(ctx, x, func(o order.Order, p payment.Payment) (orders, payments []domain.Event, err error) {
			return account.Return(o, p, order.ReturnOrder{ReturnID: in.ReturnID, Lines: in.Lines, Reason: in.Reason, At: a.now()}, a.gatewayLimits(o.Total.Currency))
		})
	}
	result, err := a.sagas.ReturnGoods(ctx, in)
	if err != nil {
		return a.withState(ctx, x, withStanding(err, "return", standingReturn))
	}
	replay(x, result.Replayed)
	return x.JSON(refundHTTPStatus(result.Refund), returnBody{OrderID: id, ReturnID: in.ReturnID, Amount: result.Amount, Refund: result.Refund})
}

// standingReturn is a return as it was asked for.
func standingReturn(in workflows.ReturnInput) returnBefore {
	return returnBefore{OrderID: in.OrderID, ReturnID: in.ReturnID, Lines: in.Lines, Reason: in.Reason}
}

type returnBefore struct {
	OrderID  uuid.UUID          `json:"order_id"`
	ReturnID uuid.UUID          `json:"return_id"`
	Lines    []order.ReturnLine `json:"lines"`
	Reason   string             `json:"reason"`
}

type returnBody struct {
	OrderID  uuid.UUID `json:"order_id"`
	ReturnID uuid.UUID `json:"return_id"`
	// Amount is what the goods had cost.
	Amount money.Money `json:"amount"`
	// Refund is nil when all of the amount went back before.
	Refund *payment.RefundSummary `json:"refund,omitempty"`
}
