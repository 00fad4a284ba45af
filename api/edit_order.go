package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/workflows"
)

// edit is the body of POST /api/v1/orders/{order_id}/edit.
type edit struct {
	Add              []newItem            `json:"add,omitempty"`
	PricesIncludeTax bool                 `json:"prices_include_tax,omitempty"`
	Lines            []order.LineQuantity `json:"lines,omitempty"`
	Reason           string               `json:"reason"`
	By               string               `json:"by"`
}

// Check names what is wrong with the edit by itself. What depends on the order is checked with it.
func (r *edit) Check() error {
	if len(r.Add)+len(r.Lines) == 0 {
		return domain.Invalids{domain.Invalid("", "asks for no change: add or lines is required")}
	}
	return nil
}

// editOrder changes what an order holds before it leaves: POST /api/v1/orders/{order_id}/edit. With an Idempotency-Key
// it may be repeated, also after the order has moved on. With preview=true it changes nothing, and answers with what
// the edit would come to.
func (a *API) editOrder(ctx context.Context, x *httpx.Exchange, r *edit) error {
	id := x.UUID("order_id")
	x.About("order_id", id)
	o, err := a.order(ctx, id)
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
	in := workflows.EditRequest{
		RequestID: x.KeyedID(domain.DerivedID(editNamespace, id.String())), RequestHash: hash, Lines: r.Lines, Reason: r.Reason, By: r.By,
	}
	if done, err := o.CarriedOut(in.Edit().Request()); !done && err == nil { // else it is known without its prices
		if in.Add, err = a.pricedLines(ctx, o, r); err != nil {
			return err
		}
	}
	if wantsPreview(x) {
		return a.previewEdit(ctx, x, o, in.Edit())
	}
	return a.changeOrder(ctx, x, change{
		askSaga: func(ctx context.Context) (orderState, error) { return a.sagas.EditOrder(ctx, id, in) },
		decide: func(o order.Order) ([]domain.Event, error) {
			if done, err := o.Edited(in.Edit()); done || err != nil {
				return nil, err
			}
			plan, err := in.Edit().Plan(o)
			if domain.Code(err) == order.CodeEditUnderWay && o.Editing.RequestID == in.RequestID {
				return []domain.Event{order.OrderEdited{}}, nil // it is being carried out
			}
			if err != nil {
				return nil, err
			}
			_, err = plan.Anywhere().Outcome(o, a.now())
			return []domain.Event{order.OrderEdited{}}, err
		},
	})
}

// pricedLines returns the new lines with what they cost. Their taxes are found where the order goes.
func (a *API) pricedLines(ctx context.Context, o order.Order, r *edit) ([]order.Item, error) {
	if len(r.Add) == 0 {
		return nil, nil
	}
	lines := &newOrder{
		Currency: o.Total.Currency, Items: r.Add, Rounding: o.Rounding, PricesIncludeTax: r.PricesIncludeTax,
		ShippingAddress: newAddress{Country: o.ShipToCountry},
	}
	var bad domain.Invalids
	for i := range lines.Items {
		item := &lines.Items[i]
		if item.Currency != "" && item.Currency != lines.Currency {
			bad.Add(fmt.Sprintf("items[%d].currency", i), "the order is in %s", lines.Currency)
		}
		item.Currency = lines.Currency
	}
	bad = append(bad, lines.checkMoney()...)
	var content order.Content
	err := bad.Err()
	if err == nil {
		if a.findsTaxes(lines) && !o.Personal.IsZero() {
			var recipient order.Recipient
			if err := a.vault.Open(ctx, o.Personal, &recipient); err != nil && !errors.Is(err, domain.ErrErased) {
				return nil, fmt.Errorf("open where the order goes: %w", err)
			}
			lines.ShippingAddress.State = recipient.ShippingAddress.State
		}
		content, err = a.priced(ctx, o.ID, lines)
	}
	return content.Items, asAdded(err)
}

// asAdded names what is wrong with new lines as an edit has them.
func asAdded(err error) error {
	for _, w := range invalids(err) {
		w.Field = order.AddedField(w.Field)
	}
	return err
}

// editPreview is what an edit would come to.
type editPreview struct {
	Preview bool `json:"preview"`
	// Before and Total are what the order costs without and with the edit, and Difference is the one less the other.
	Before        money.Money          `json:"total_before"`
	Total         money.Money          `json:"total"`
	Difference    money.Money          `json:"difference"`
	Items         []order.Item         `json:"items"`
	ShippingLines []order.ShippingLine `json:"shipping_lines,omitempty"`
}

// previewEdit answers with what an edit would come to, by the rules that carry it out, on the stock as the views show
// it. Whether the money is granted is not asked.
func (a *API) previewEdit(ctx context.Context, x *httpx.Exchange, o order.Order, c order.EditOrder) error {
	after, err := a.editedOrder(ctx, o, c)
	if err != nil {
		return refusedBy(o, err)
	}
	x.Writer.Header().Set("Cache-Control", "no-store")
	return x.JSON(http.StatusOK, editPreview{
		Preview: true, Before: o.Total, Total: after.Total, Difference: after.Total.Sub(o.Total), Items: after.Items, ShippingLines: after.ShippingLines,
	})
}

// editedOrder is the order as it would be after an edit. Errors: as [order.EditOrder.Plan] and [order.CancelPart];
// out_of_stock; unavailable.
func (a *API) editedOrder(ctx context.Context, o order.Order, c order.EditOrder) (order.Order, error) {
	plan, err := c.Plan(o)
	if err != nil {
		return o, err
	}
	if plan.Allocations, err = a.allocate(ctx, plan.Add, o.ShipToCountry, false); err != nil {
		return o, err
	}
	return plan.Outcome(o, a.now())
}
