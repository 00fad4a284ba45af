package api

import (
	"context"
	"fmt"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/workflows"
)

// cancelLines takes pieces out of an order before they leave: POST /api/v1/orders/{order_id}/lines/cancel.
// With an Idempotency-Key it may be repeated, also after the order has moved on.
func (a *API) cancelLines(ctx context.Context, x *exchange) error {
	id := x.id("order_id")
	key := x.idempotencyKey()
	r := workflows.CancelLinesRequest{By: byCustomer}
	err := x.decode(func(d *decoder) {
		d.object(cancelLinesMembers, func(name string) {
			switch name {
			case "lines":
				d.array(func(i int) {
					if line, ok := decodeLine(d, i); ok {
						r.Lines = append(r.Lines, inventory.Line{SKU: line.SKU, Quantity: line.Quantity})
					}
				})
			case "reason":
				r.Reason = d.text()
			case "by":
				r.By = d.text()
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
	x.checkAsker(r.Reason, r.By)
	if err := x.invalid(); err != nil {
		return err
	}
	x.orderID = id
	r.RequestID = x.keyedID(domain.DerivedID(linesNamespace, id.String()), key)
	request := order.CancelLines{RequestID: r.RequestID, Lines: r.Lines, Reason: r.Reason, By: r.By}.Request()
	return a.ask(ctx, x, request, func(ctx context.Context) (orderState, error) {
		return a.sagas.CancelLines(ctx, id, r)
	}, func(s orderState) error {
		return refused(codeNotCancellable, s, "order %s is %s", s.OrderNumber, s.Status)
	})
}

var (
	cancelLinesMembers = []member{{"lines", true}, {"reason", true}, {"by", false}}
	lineMembers        = []member{{"sku", true}, {"quantity", true}}
)

// decodeLine reads pieces of a SKU. Lines beyond the limit are skipped.
func decodeLine(d *decoder, i int) (line inventory.Line, ok bool) {
	if i >= order.ItemsMax {
		if i == order.ItemsMax {
			d.blame(fmt.Sprintf("there are at most %d lines", order.ItemsMax))
		}
		d.skip()
		return line, false
	}
	d.object(lineMembers, func(name string) {
		switch name {
		case "sku":
			line.SKU = d.text()
		case "quantity":
			line.Quantity = d.integer()
		}
	})
	return line, true
}

// checkLines notes that there are no lines.
func (x *exchange) checkLines(n int) {
	if n == 0 {
		x.check(domain.Invalid("lines", "there is at least one line"))
	}
}

// checkLine notes what is wrong with pieces of a SKU.
func (x *exchange) checkLine(i int, sku string, quantity int) {
	if p := idProblem(sku, order.IDLengthMax); p != "" {
		x.check(domain.Invalid(fmt.Sprintf("lines[%d].sku", i), "%s", p))
	}
	if quantity < 1 || quantity > order.QuantityMax {
		x.check(domain.Invalid(fmt.Sprintf("lines[%d].quantity", i), "must be from 1 to %d, got %d", order.QuantityMax, quantity))
	}
}
