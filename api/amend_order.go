package api

import (
	"context"
	"fmt"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/workflows"
)

// amendOrder sends an order elsewhere within its country: POST /api/v1/orders/{order_id}/amend. With an
// Idempotency-Key it may be repeated, also after the order was sent elsewhere again.
func (a *API) amendOrder(ctx context.Context, x *exchange) error {
	id := x.id("order_id")
	key := x.idempotencyKey()
	var address order.Address
	by := byCustomer
	err := x.decode(func(d *decoder) {
		d.object(amendMembers, func(name string) {
			switch name {
			case "shipping_address":
				address = decodeAddress(d)
			case "by":
				by = d.text()
			}
		})
	})
	if err != nil {
		return err
	}
	x.check(order.CheckAddress("shipping_address", address))
	x.checkAsker("amend", by)
	if err := x.invalid(); err != nil {
		return err
	}
	x.orderID = id
	view, err := a.findView(ctx, id)
	if err != nil {
		return err
	}
	canonical := appendText(appendAddress(appendText(nil, "amend/1"), &address), by)
	r := workflows.AmendRequest{
		RequestID: x.keyedID(domain.DerivedID(amendNamespace, id.String()), key), RequestHash: requestHash(key, canonical),
		Country: address.Country, By: by,
	}
	if r.Personal, err = a.vault.Seal(ctx, view.CustomerID, order.Recipient{ShippingAddress: address}); err != nil {
		return unavailable(fmt.Errorf("seal the address: %w", err))
	}
	request := order.AmendAddress{RequestID: r.RequestID, RequestHash: r.RequestHash}.Request()
	return a.ask(ctx, x, request, func(ctx context.Context) (orderState, error) {
		return a.sagas.AmendAddress(ctx, id, r)
	}, func(s orderState) error {
		return refused(codeNotAmendable, s, "order %s is %s", s.OrderNumber, s.Status)
	})
}

var amendMembers = []member{{"shipping_address", true}, {"by", false}}
