package api

import (
	"context"
	"fmt"
	"net/http"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/account"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/workflows"
)

// approvedReturn is the body of POST /api/v1/orders/{order_id}/returns/{return_id}/approve.
type approvedReturn struct {
	By             string `json:"by"`
	Carrier        string `json:"carrier"`
	TrackingNumber string `json:"tracking_number"`
}

// approveReturn lets the goods of a return come: POST /api/v1/orders/{order_id}/returns/{return_id}/approve. It may be
// repeated.
func (a *API) approveReturn(ctx context.Context, x *httpx.Exchange, r *approvedReturn) error {
	by, err := decider(x, r.By)
	if err != nil {
		return err
	}
	return a.decideReturn(ctx, x, workflows.ReturnInput{
		Action: order.ReturnApprove, By: by, Carrier: r.Carrier, TrackingNumber: r.TrackingNumber, ExpiresAfter: a.returns.Expire,
	})
}

// refusedReturn is the body of POST /api/v1/orders/{order_id}/returns/{return_id}/refuse.
type refusedReturn struct {
	By     string `json:"by"`
	Reason string `json:"reason"`
}

// refuseReturn does not take the goods of a return: POST /api/v1/orders/{order_id}/returns/{return_id}/refuse. It may
// be repeated.
func (a *API) refuseReturn(ctx context.Context, x *httpx.Exchange, r *refusedReturn) error {
	by, err := decider(x, r.By)
	if err != nil {
		return err
	}
	return a.decideReturn(ctx, x, workflows.ReturnInput{Action: order.ReturnRefuse, By: by, Reason: r.Reason})
}

// cancelledReturn is the body of POST /api/v1/orders/{order_id}/returns/{return_id}/cancel.
type cancelledReturn struct {
	By     string `json:"by"`
	Reason string `json:"reason"`
}

// cancelReturn ends a return whose goods do not come after all: POST
// /api/v1/orders/{order_id}/returns/{return_id}/cancel. It may be repeated.
func (a *API) cancelReturn(ctx context.Context, x *httpx.Exchange, r *cancelledReturn) error {
	by, err := asker(x, r.By)
	if err != nil {
		return err
	}
	return a.decideReturn(ctx, x, workflows.ReturnInput{Action: order.ReturnCancel, By: by, Reason: r.Reason})
}

// receivedReturn is the body of POST /api/v1/orders/{order_id}/returns/{return_id}/receive.
type receivedReturn struct {
	Lines []returnedLine `json:"lines"`
}

// receiveReturn takes the goods of an approved return, and refunds them: POST
// /api/v1/orders/{order_id}/returns/{return_id}/receive. It may be repeated.
func (a *API) receiveReturn(ctx context.Context, x *httpx.Exchange, r *receivedReturn) error {
	return a.decideReturn(ctx, x, workflows.ReturnInput{Action: workflows.ReturnReceive, Lines: returnLines(r.Lines)})
}

func (a *API) decideReturn(ctx context.Context, x *httpx.Exchange, in workflows.ReturnInput) error {
	in.OrderID, in.ReturnID = x.UUID("order_id"), x.UUID("return_id")
	x.About("order_id", in.OrderID)
	if in.Action == workflows.ReturnReceive && wantsPreview(x) {
		return a.previewReturn(ctx, x, in)
	}
	return a.changeReturn(ctx, x, in)
}

// getReturns shows the returns of an order, as its events tell them: GET /api/v1/orders/{order_id}/returns.
func (a *API) getReturns(ctx context.Context, x *httpx.Exchange) error {
	id := x.UUID("order_id")
	x.About("order_id", id)
	o, err := a.history.Order(ctx, id)
	if domain.Code(err) == domain.CodeNotFound { // one that is accepted and not recorded yet has none
		_, _, err = a.findOrder(ctx, id, 0)
	}
	if err != nil {
		return fmt.Errorf("read the returns of order %s: %w", id, err)
	}
	p, err := a.history.Payment(ctx, id)
	if err != nil {
		return fmt.Errorf("read the payment of order %s: %w", id, err)
	}
	body := returnsBody{OrderID: id, Returns: account.Returns(o, p)}
	if body.Returns == nil {
		body.Returns = []account.Returned{}
	}
	x.Writer.Header().Set("Cache-Control", "private, no-cache")
	return x.JSON(http.StatusOK, body)
}

type returnsBody struct {
	OrderID uuid.UUID          `json:"order_id"`
	Returns []account.Returned `json:"returns"`
}
