package api

import (
	"cmp"
	"context"
	"fmt"

	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/workflows"
)

// amendment is the body of POST /api/v1/orders/{order_id}/amend.
type amendment struct {
	ShippingAddress order.Address `json:"shipping_address"`
	By              string        `json:"by"`
}

// Check names what the domain finds wrong.
func (r *amendment) Check() error {
	r.By = cmp.Or(r.By, byCustomer)
	return order.CheckAddress("shipping_address", r.ShippingAddress)
}

// amendOrder sends an order elsewhere within its country: POST /api/v1/orders/{order_id}/amend. With an
// Idempotency-Key it may be repeated, also after the order was sent elsewhere again.
func (a *API) amendOrder(ctx context.Context, x *httpx.Exchange, r *amendment) error {
	id := x.UUID("order_id")
	x.About("order_id", id)
	view, err := a.findView(ctx, id)
	if err != nil {
		return err
	}
	hash, err := x.Fingerprint(r)
	if err != nil {
		return err
	}
	in := workflows.AmendRequest{
		RequestID: x.KeyedID(domain.DerivedID(amendNamespace, id.String())), RequestHash: hash, Country: r.ShippingAddress.Country, By: r.By,
	}
	if in.Personal, err = a.vault.Seal(ctx, view.CustomerID, order.Recipient{ShippingAddress: r.ShippingAddress}); err != nil {
		return httpx.Unavailable(fmt.Errorf("seal the address: %w", err))
	}
	return a.changeOrder(ctx, x, change{
		askSaga: func(ctx context.Context) (orderState, error) { return a.sagas.AmendAddress(ctx, id, in) },
		decide: func(o order.Order) ([]domain.Event, error) {
			return order.Amend(o, order.AmendAddress{
				RequestID: in.RequestID, RequestHash: in.RequestHash, Country: in.Country, Personal: in.Personal, By: in.By,
			})
		},
	})
}
