package api

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/access"
	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/account"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/workflows"
)

// ReturnDeadlines say how long returns wait. Zero is for ever.
type ReturnDeadlines struct {
	// Decide is how long a requested return waits for a decision until operators are told.
	Decide time.Duration
	// Expire is how long the goods of an approved return are waited for.
	Expire time.Duration
}

// returned is the body of POST /api/v1/orders/{order_id}/returns. With status "requested" the goods are still to come.
type returned struct {
	Status string         `json:"status"`
	Lines  []returnedLine `json:"lines"`
	Reason string         `json:"reason"`
	By     string         `json:"by"`
}

// returnedLine is how many pieces of a line come back, or came.
type returnedLine struct {
	LineID   uuid.UUID `json:"line_id"`
	SKU      string    `json:"sku"`
	Quantity int       `json:"quantity"`
	// Restock is nil when the request does not say: the pieces can be sold again.
	Restock  *bool              `json:"restock"`
	Location string             `json:"location"`
	Reason   order.ReturnReason `json:"reason"`
	Note     string             `json:"note"`
}

func (r *returned) requested() bool { return r.Status == string(order.ReturnStatusRequested) }

// Check names members that do not go together.
func (r *returned) Check() error {
	var bad domain.Invalids
	if !r.requested() {
		if r.By != "" {
			bad.Add("by", "is of a return that is requested: status")
		}
		return bad.Err()
	}
	for i, l := range r.Lines {
		at := fmt.Sprintf("lines[%d]", i)
		if l.Reason == "" {
			bad.Add(at+".reason", "is required")
		}
		if l.Restock != nil || l.Location != "" {
			bad.Add(at, "says what becomes of pieces that have not come yet: restock and location are told with the goods")
		}
	}
	return bad.Err()
}

// request is what is asked of the saga.
func (r *returned) request() workflows.ReturnInput {
	in := workflows.ReturnInput{Lines: returnLines(r.Lines), Reason: r.Reason, By: r.By}
	if r.requested() {
		in.Action = workflows.ReturnRequest
	}
	return in
}

func returnLines(lines []returnedLine) []order.ReturnLine {
	out := make([]order.ReturnLine, len(lines))
	for i, l := range lines {
		out[i] = order.ReturnLine{
			LineID: l.LineID, SKU: l.SKU, Quantity: l.Quantity, Restock: l.Restock == nil || *l.Restock, Location: l.Location, Reason: l.Reason, Note: l.Note,
		}
	}
	return out
}

// returnGoods takes goods back after their delivery and refunds them, or requests that: POST
// /api/v1/orders/{order_id}/returns. With an Idempotency-Key it may be repeated.
func (a *API) returnGoods(ctx context.Context, x *httpx.Exchange, r *returned) error {
	id := x.UUID("order_id")
	x.About("order_id", id)
	if r.requested() {
		var err error
		if r.By, err = asker(x, r.By); err != nil {
			return err
		}
	}
	in := r.request()
	in.OrderID, in.ReturnID = id, x.KeyedID(domain.DerivedID(returnNamespace, id.String()))
	in.DecideWithin = a.returns.Decide
	if missing := access.ScopesOf(access.ReturnsWrite).Without(x.Caller.Scopes); missing != 0 && !r.requested() {
		return httpx.Forbidden(x.Caller, missing)
	}
	if wantsPreview(x) {
		return a.previewReturn(ctx, x, in)
	}
	return a.changeReturn(ctx, x, in)
}

// previewReturn tells what a return comes to. One that is requested would come to that if its goods came now.
func (a *API) previewReturn(ctx context.Context, x *httpx.Exchange, in workflows.ReturnInput) error {
	return a.answerPreview(ctx, x, func(o order.Order, p payment.Payment) (orders, payments []domain.Event, err error) {
		c := order.ReturnOrder{ReturnID: in.ReturnID, Lines: in.Lines, Reason: in.Reason, At: a.now()}
		if in.Action == workflows.ReturnRequest {
			_, err := order.RequestReturn(o, order.AskToReturn{ReturnID: in.ReturnID, Lines: in.Lines, Reason: in.Reason, By: in.By, At: c.At})
			if err != nil {
				return nil, nil, err
			}
		}
		return account.Return(o, p, c, in.Action == workflows.ReturnReceive, a.gatewayLimits(o.Total.Currency))
	})
}

// changeReturn takes a step of a return, and answers where it stands.
func (a *API) changeReturn(ctx context.Context, x *httpx.Exchange, in workflows.ReturnInput) error {
	result, err := a.sagas.ChangeReturn(ctx, in)
	if err != nil {
		return a.withState(ctx, x, withStanding(err, "return", standingReturn))
	}
	replay(x, result.Replayed)
	body := returnBody{OrderID: in.OrderID, ReturnID: in.ReturnID, Refund: result.Refund, Return: result.Return}
	status := http.StatusOK
	switch in.Action {
	case workflows.ReturnAtOnce, workflows.ReturnReceive:
		body.Amount, status = &result.Amount, refundHTTPStatus(result.Refund)
	case workflows.ReturnRequest:
		status = http.StatusCreated
	}
	return x.JSON(status, body)
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
	// Amount is what the goods had cost; nil before they came.
	Amount *money.Money `json:"amount,omitempty"`
	// Refund is nil when all of the amount went back before.
	Refund *payment.RefundSummary `json:"refund,omitempty"`
	Return account.Returned       `json:"return"`
}
