package api

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/workflows"
)

// amendment is the body of POST /api/v1/orders/{order_id}/amend. What it does not have stays as it is.
type amendment struct {
	ShippingAddress *newAddress `json:"shipping_address,omitempty"`
	// What an amendment has had since is left out of the fingerprint where it is not given.
	Recipient       *changedContact `json:"recipient,omitempty"`
	BillingAddress  *newAddress     `json:"billing_address,omitempty"`
	BillToRecipient bool            `json:"bill_to_recipient,omitzero"`
	CustomerNote    *string         `json:"customer_note,omitempty"`
	By              string          `json:"by"`
}

// changedContact is what of the contact becomes another.
type changedContact struct {
	Name    *string `json:"name,omitempty"`
	Company *string `json:"company,omitempty"`
	Phone   *string `json:"phone,omitempty"`
	Email   *string `json:"email,omitempty"`
}

// Check names what the domain finds wrong. What depends on where the order goes is checked later.
func (r *amendment) Check() error {
	var bad domain.Invalids
	r.ShippingAddress.checkLine1(&bad, "shipping_address")
	r.BillingAddress.checkLine1(&bad, "billing_address")
	change := r.change()
	change.Contact = nil
	_, err := r.checked(change, "")
	return append(bad, invalids(err)...).Err()
}

// change is the amendment in the domain's form.
func (r *amendment) change() order.RecipientChange {
	c := order.RecipientChange{BillingAddress: r.BillingAddress.billing(), BillToRecipient: r.BillToRecipient, CustomerNote: r.CustomerNote}
	if r.ShippingAddress != nil {
		a := r.ShippingAddress.address()
		c.ShippingAddress = &a
	}
	if r.Recipient != nil {
		contact := order.ContactChange(*r.Recipient)
		c.Contact = &contact
	}
	return c
}

// checked returns a change as it is kept. Errors: [domain.Invalids], with the names that the request has.
func (r *amendment) checked(c order.RecipientChange, country string) (order.RecipientChange, error) {
	kept, err := c.Checked(country)
	bad := invalids(err)
	r.ShippingAddress.asNamed(bad, "shipping_address")
	r.BillingAddress.asNamed(bad, "billing_address")
	return kept, bad.Err()
}

// amendOrder changes the personal part of an order, such as to send it elsewhere within its country: POST
// /api/v1/orders/{order_id}/amend. With an Idempotency-Key it may be repeated, also after the order was amended again.
// The saga applies the change to what the order has then, so that two amendments of different parts both hold.
func (a *API) amendOrder(ctx context.Context, x *httpx.Exchange, r *amendment) error {
	id := x.UUID("order_id")
	x.About("order_id", id)
	if r.change().IsZero() {
		return domain.Invalid("", "asks for no change")
	}
	view, err := a.findView(ctx, id)
	if err != nil {
		return err
	}
	country := view.ShipToCountry
	if r.ShippingAddress != nil {
		country = r.ShippingAddress.Country
	}
	change, err := r.checked(r.change(), country)
	if err != nil {
		return err
	}
	if r.By, err = asker(x, r.By); err != nil {
		return err
	}
	hash, err := x.Fingerprint(r)
	if err != nil {
		return err
	}
	in := workflows.AmendRequest{
		RequestID: x.KeyedID(domain.DerivedID(amendNamespace, id.String())), RequestHash: hash, Country: country, By: r.By,
	}
	if in.Personal, err = a.vault.Seal(ctx, view.CustomerID, change); err != nil {
		return fmt.Errorf("seal the change: %w", err)
	}
	return a.askToAmend(ctx, x, id, in)
}

func (a *API) askToAmend(ctx context.Context, x *httpx.Exchange, id uuid.UUID, in workflows.AmendRequest) error {
	return a.changeOrder(ctx, x, change{
		askSaga: func(ctx context.Context) (orderState, error) { return a.sagas.AmendAddress(ctx, id, in) },
		decide: func(o order.Order) ([]domain.Event, error) {
			return order.Amend(o, order.AmendAddress{
				RequestID: in.RequestID, RequestHash: in.RequestHash, Country: in.Country, Personal: in.Personal, By: in.By,
			})
		},
	})
}
