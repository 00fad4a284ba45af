package api

import (
	"context"
	"fmt"
	"net/http"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/workflows"
)

// returnGoods takes goods back after their delivery and refunds them:
// POST /api/v1/orders/{order_id}/returns. With an Idempotency-Key it may be repeated.
func (a *API) returnGoods(ctx context.Context, x *exchange) error {
	id := x.id("order_id")
	key := x.idempotencyKey()
	r := workflows.ReturnInput{OrderID: id}
	err := x.decode(func(d *decoder) {
		d.object(returnMembers, func(name string) {
			switch name {
			case "lines":
				d.array(func(i int) {
					if line, ok := decodeReturnLine(d, i); ok {
						r.Lines = append(r.Lines, line)
					}
				})
			case "reason":
				r.Reason = d.text()
			}
		})
	})
	if err != nil {
		return err
	}
	for i, line := range r.Lines {
		x.checkLine(i, line.SKU, line.Quantity)
	}
	x.checkLines(len(r.Lines))
	x.checkText("reason", r.Reason, order.TextLengthMax)
	if err := x.invalid(); err != nil {
		return err
	}
	x.orderID = id
	r.ReturnID = x.keyedID(domain.DerivedID(returnNamespace, id.String()), key)
	result, err := a.sagas.ReturnGoods(ctx, r)
	if err != nil {
		return a.withState(ctx, x, err)
	}
	return x.json(http.StatusCreated, returnBody{OrderID: id, ReturnID: r.ReturnID, Refunded: result.Refunded})
}

var (
	returnMembers     = []member{{"lines", true}, {"reason", true}}
	returnLineMembers = []member{{"sku", true}, {"quantity", true}, {"restock", false}}
)

// decodeReturnLine reads pieces that came back, which can be sold again unless it says otherwise.
func decodeReturnLine(d *decoder, i int) (line order.ReturnLine, ok bool) {
	if i >= order.ItemsMax {
		if i == order.ItemsMax {
			d.blame(fmt.Sprintf("there are at most %d lines", order.ItemsMax))
		}
		d.skip()
		return line, false
	}
	line.Restock = true
	d.object(returnLineMembers, func(name string) {
		switch name {
		case "sku":
			line.SKU = d.text()
		case "quantity":
			line.Quantity = d.integer()
		case "restock":
			line.Restock = d.boolean()
		}
	})
	return line, true
}

type returnBody struct {
	OrderID  uuid.UUID   `json:"order_id"`
	ReturnID uuid.UUID   `json:"return_id"`
	Refunded money.Money `json:"refunded"`
}

// withState adds to a refusal where the order stands that refused.
func (a *API) withState(ctx context.Context, x *exchange, err error) error {
	p := asProblem(err)
	switch p.Status {
	case http.StatusConflict:
		if s, stateErr := a.stateOf(ctx, x.orderID); stateErr == nil {
			p.Order = &s
		}
	case http.StatusNotFound:
		return orderNotFound(x.orderID)
	}
	return p
}
