package activities

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/domain/pricing"
	"github.com/orderloom/orderloom/eventstore"
)

// PlaceOrder is the input of [Activities.PlaceOrder].
type PlaceOrder struct {
	OrderID       uuid.UUID     `json:"order_id"`
	CustomerID    string        `json:"customer_id"`
	Items         []order.Item  `json:"items"`
	ShipToCountry string        `json:"ship_to_country"`
	Personal      domain.Sealed `json:"personal"`
	// ShippingLines, Discounts and Rounding are as in [order.PlaceOrder], ShippingByValue as in [order.Terms].
	ShippingLines   []order.ShippingLine `json:"shipping_lines,omitempty"`
	Discounts       []order.Discount     `json:"discounts,omitempty"`
	Rounding        pricing.Rounding     `json:"rounding,omitzero"`
	ShippingByValue bool                 `json:"shipping_by_value,omitempty"`
	order.References
	RequestHash string `json:"request_hash"`
	// UserID is the account that places it.
	UserID string `json:"user_id,omitempty"`
	// These become the order's terms. Payment seals the token; PaymentToken has it in the clear, and is sealed.
	Payment           domain.Sealed   `json:"payment,omitzero"`
	PaymentToken      string          `json:"payment_token,omitempty"`
	AllowBackorder    bool            `json:"allow_backorder,omitempty"`
	KeepPaymentMethod bool            `json:"keep_payment_method,omitempty"`
	Deadlines         order.Deadlines `json:"deadlines,omitzero"`
	// Exchange is goods of another order that pay for this one; nil for none.
	Exchange *ExchangeGoods `json:"exchange,omitempty"`
	// At is when the saga started: the same for every attempt, and another one for another saga.
	At time.Time `json:"at"`
}

// Placed says what became of a [PlaceOrder].
type Placed struct {
	// Standing is where an order stands that was there before this call; nil for one that this call has placed. The
	// saga goes on from it: after a reset or a lost answer, and when an earlier saga of the order is gone.
	Standing *Standing `json:"standing,omitempty"`
	// Held is the rule that asks for a review before the order goes on; empty for none.
	Held string `json:"held,omitempty"`
	// Reserved says where the order's goods were reserved with it. It is empty unless all of them were: the saga runs
	// [Activities.ReserveStock] then.
	Reserved Reserved `json:"reserved,omitzero"`
}

// PlaceOrder records the order, holds it where a rule asks for a review, and reserves its goods if all of them are
// there. All of that is one append. Refusals: invalid; idempotency_key_reused.
func (a *Activities) PlaceOrder(ctx context.Context, in PlaceOrder) (Placed, error) {
	command, err := a.sealedCommand(ctx, in)
	if err != nil {
		return Placed{}, err
	}
	st := stamp(ctx, "place", in.OrderID, in.At)
	st.Fresh = in.OrderID
	var out Placed
	var existed bool
	q := stockQuestion{skus: inventory.SKUs(order.Lines(in.Items)), streams: orderStream(in.OrderID), placing: in.Exchange == nil}
	q.streams = append(q.streams, in.Exchange.streams(in.OrderID)...)
	err = a.decideOnStock(ctx, st, q, func(s supply) error {
		o := eventstore.State(s.tx, orderAggregate, in.OrderID)
		if existed = o.Status != ""; existed {
			_, err := order.Place(o, command) // the request may be another one
			return err
		}
		out, err = a.placeNew(s, o, command, in.Exchange)
		return err
	})
	if err != nil {
		return Placed{}, Refusal(fmt.Errorf("%s: %w", st.Source, err))
	}
	if existed {
		standing, err := a.ResumeOrder(ctx, ResumeOrder{OrderID: in.OrderID})
		return Placed{Standing: &standing}, err
	}
	return out, nil
}

// sealedCommand returns the command for an order, with what is personal or secret in it under the customer's key.
func (a *Activities) sealedCommand(ctx context.Context, in PlaceOrder) (order.PlaceOrder, error) {
	personal, err := a.vault.Reseal(ctx, in.CustomerID, in.Personal)
	if err != nil {
		return order.PlaceOrder{}, fmt.Errorf("seal the personal data of order %s: %w", in.OrderID, err)
	}
	terms := order.Terms{
		AllowBackorder: in.AllowBackorder, KeepPaymentMethod: in.KeepPaymentMethod, ShippingByValue: in.ShippingByValue, Deadlines: in.Deadlines,
	}
	sealed := in.Payment
	if in.PaymentToken != "" {
		sealed, err = a.vault.Seal(ctx, in.CustomerID, in.PaymentToken)
	}
	if err == nil && !sealed.IsZero() { // a vault that can't reach its keys seals without the customer's
		terms.Payment, err = a.vault.Reseal(ctx, in.CustomerID, sealed)
	}
	if err != nil {
		return order.PlaceOrder{}, fmt.Errorf("seal the payment token of order %s: %w", in.OrderID, err)
	}
	return order.PlaceOrder{
		OrderID: in.OrderID, CustomerID: in.CustomerID, Items: in.Items, ShipToCountry: in.ShipToCountry,
		ShippingLines: in.ShippingLines, Discounts: in.Discounts, Rounding: in.Rounding,
		Personal: personal, RequestHash: in.RequestHash, Terms: terms, At: in.At, References: in.References, Caller: in.UserID,
	}, nil
}

// placeNew records a new order. With it come a hold where a rule asks for one, and a reservation where all goods are
// there. Goods of another order may pay for it.
func (a *Activities) placeNew(s supply, o order.Order, c order.PlaceOrder, goods *ExchangeGoods) (Placed, error) {
	reserved := a.decideReservation(s, c)
	if err := goods.checkReserved(c, reserved); err != nil {
		return Placed{}, err
	}
	for _, r := range reserved {
		c.Allocations = append(c.Allocations, r.Allocation)
	}
	out := Placed{Reserved: Reserved{Allocations: c.Allocations}}
	events, err := order.Place(o, c)
	if err != nil {
		return Placed{}, err
	}
	total := order.Total(c.Items, c.ShippingLines)
	rule := a.review.Rule(c.CustomerID, total)
	var taken []domain.Event
	if goods != nil {
		exchanged, err := a.exchange(s.tx, *goods, c, total)
		if err != nil {
			return Placed{}, err
		}
		events, taken = append(events, exchanged.Agreed...), exchanged.Taken
		if goods.OnReceipt {
			rule = order.HoldExchange
		}
	}
	if rule != "" {
		held, err := order.Hold(orderAfter(o, events), rule, c.At)
		if err != nil {
			return Placed{}, err
		}
		out.Held = rule
		events = append(events, held...)
	}
	eventstore.Record(s.tx, orderAggregate, c.OrderID, events...)
	if len(taken) > 0 {
		eventstore.Record(s.tx, paymentAggregate, payment.ID(c.OrderID), taken...)
	}
	for _, r := range reserved {
		s.record(r.SKU, r.Location, r.events...)
	}
	return out, nil
}

// reservation is an allocation with what it means for its stock item.
type reservation struct {
	inventory.Allocation
	events []domain.Event
}

// decideReservation decides on the goods of a new order, all or none, by what this process knows of the stock.
//
// When another process has taken some meanwhile, the append is a conflict and is decided again. Goods that seem to be
// missing are left to ReserveStock, whose refusal is checked.
func (a *Activities) decideReservation(s supply, c order.PlaceOrder) []reservation {
	peek := func(sku, location string) inventory.Stock {
		return eventstore.Peek(s.tx, stockAggregate, inventory.ID(sku, location))
	}
	lines := order.Lines(c.Items)
	if len(lines) == 0 {
		return nil
	}
	allocations, err := s.allocate(a.allocator, lines, c.ShipToCountry, false, peek)
	if err != nil {
		return nil
	}
	reserved := make([]reservation, len(allocations))
	for i, al := range allocations {
		events, err := s.decideAllocation(c.OrderID, al, c.ShipToCountry, c.At)
		if err != nil {
			return nil
		}
		reserved[i] = reservation{al, events}
	}
	return reserved
}
