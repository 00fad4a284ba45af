package soak

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/client"
	"github.com/shopspring/decimal"
)

// Goods.
const (
	goods = 6 // of each kind
	shelf = 100_000
	// rare is the SKU of which there is never enough.
	rare  = "rare"
	price = "10.00"
)

func local(i int) string { return fmt.Sprintf("local-%d", i) }
func far(i int) string   { return fmt.Sprintf("far-%d", i) }

// story is one kind of life of an order.
type story struct {
	name   string
	weight int
	token  string
	// end and reason are how it has to end.
	end    client.OrderStatus
	reason string
	lines  func(r *rand.Rand) []line
	// then is what the buyer does after the order has ended.
	then func(b *buyer, ctx context.Context, o *lived) error
	// calledOff means that the buyer cancels once the order is confirmed.
	calledOff bool
}

type line struct {
	client.NewItem
	location string
}

func lineOf(sku, location string, quantity int) line {
	return line{NewItem: client.NewItem{SKU: sku, ProductID: "p-" + sku, Quantity: quantity, UnitPrice: price}, location: location}
}

func oneLine(r *rand.Rand) []line { return []line{lineOf(local(r.IntN(goods)), here, 1+r.IntN(3))} }

func twoLines(r *rand.Rand) []line {
	return []line{lineOf(local(r.IntN(goods)), here, 1+r.IntN(2)), lineOf(far(r.IntN(goods)), elsewhere, 1)}
}

// twoLinesOfOneSKU have two prices.
func twoLinesOfOneSKU(r *rand.Rand) []line {
	lines := []line{lineOf(local(r.IntN(goods)), here, 1+r.IntN(2)), {}}
	lines[1] = lineOf(lines[0].SKU, here, 1+r.IntN(2))
	lines[1].UnitPrice = "12.00"
	return lines
}

func tooMany(*rand.Rand) []line { return []line{lineOf(rare, here, 3)} }

var stories = []story{
	{name: "delivered", weight: 6, token: "tok_approve", end: client.OrderDelivered, lines: oneLine},
	{name: "split shipments", weight: 3, token: "tok_approve", end: client.OrderDelivered, lines: twoLines},
	{name: "delivered, gateway in trouble", weight: 1, token: "tok_fail_twice", end: client.OrderDelivered, lines: oneLine},
	{name: "delivered, answer of the gateway lost", weight: 1, token: "tok_timeout", end: client.OrderDelivered, lines: oneLine},
	{name: "declined", weight: 2, token: "tok_decline", end: client.OrderCancelled, reason: "payment_declined", lines: oneLine},
	{name: "out of stock", weight: 2, token: "tok_approve", end: client.OrderCancelled, reason: "out_of_stock", lines: tooMany},
	{name: "cancelled", weight: 3, token: "tok_approve", end: client.OrderCancelled, reason: changedMind, lines: oneLine, calledOff: true},
	{name: "returned", weight: 2, token: "tok_approve", end: client.OrderDelivered, lines: oneLine, then: (*buyer).sendBack},
	{name: "returned by line", weight: 1, token: "tok_approve", end: client.OrderDelivered, lines: twoLinesOfOneSKU, then: (*buyer).sendBack},
	{name: "refunded in part", weight: 1, token: "tok_approve", end: client.OrderDelivered, lines: oneLine, then: (*buyer).complain},
}

const changedMind = "changed_my_mind"

// buyer takes one order after the other to its end, and is the warehouse and the carrier as well.
type buyer struct {
	shop   *shop
	books  *books
	random *rand.Rand
	name   string
}

// live takes one order of a random story to its end, and receives goods now and then.
func (b *buyer) live(ctx context.Context, n int) error {
	if b.random.IntN(4) == 0 {
		key := fmt.Sprintf("receipt-%s-%d", b.name, n)
		if err := b.shop.receive(ctx, b.books, local(b.random.IntN(goods)), here, 1+b.random.IntN(5), key); err != nil {
			return err
		}
	}
	s := b.choose()
	o := &lived{story: s.name, end: s.end, lines: s.lines(b.random), key: fmt.Sprintf("order-%s-%d", b.name, n)}
	if err := b.place(ctx, s, o); err != nil {
		return fmt.Errorf("place %s (%s): %w", o.key, s.name, err)
	}
	b.books.placed(o)
	if err := b.follow(ctx, s, o); err != nil {
		return fmt.Errorf("order %s (%s): %w", o.id, s.name, err)
	}
	if s.then != nil {
		if err := s.then(b, ctx, o); err != nil {
			return fmt.Errorf("order %s (%s), afterwards: %w", o.id, s.name, err)
		}
	}
	return nil
}

func (b *buyer) choose() story {
	sum := 0
	for _, s := range stories {
		sum += s.weight
	}
	at := b.random.IntN(sum)
	for _, s := range stories {
		if at -= s.weight; at < 0 {
			return s
		}
	}
	panic("soak: the weights changed meanwhile")
}

// waitForIt is how long half of the buyers wait to be told at once what becomes of their order.
const waitForIt = 2 * time.Second

func (b *buyer) place(ctx context.Context, s story, o *lived) error {
	options := []client.CallOption{client.IdempotencyKey(o.key)}
	if b.random.IntN(2) == 0 {
		options = append(options, client.Wait(waitForIt))
	}
	order := client.NewOrder{
		CustomerID: "cus_" + b.name, Currency: "EUR", PaymentToken: s.token,
		Recipient:       &client.Recipient{Name: "Ada Lovelace", Phone: "030 1234567", Email: "ada@example.com"},
		ShippingAddress: client.Address{Line1: "Torstraße 1", City: "Berlin", Zip: "10119", Country: "DE"},
	}
	for _, l := range o.lines {
		order.Items = append(order.Items, l.NewItem)
	}
	placed, err := patiently(ctx, func(ctx context.Context) (client.PlacedOrder, error) {
		return b.shop.PlaceOrder(ctx, order, options...)
	})
	o.id = placed.OrderID
	if err != nil || placed.Order == nil {
		return err
	}
	status, reason := placed.Status, placed.Order.CancelReason
	wrong := status == client.OrderCancelled && (s.end != client.OrderCancelled || reason != s.reason) ||
		status == client.OrderConfirmed && s.end == client.OrderCancelled && !s.calledOff
	if wrong {
		return fmt.Errorf("%w: told at once that it is %s %q, instead of %s %q", errWrongEnd, status, reason, s.end, s.reason)
	}
	return nil
}

// errWrongEnd says that an order reached a status that its story excludes.
var errWrongEnd = errors.New("ended otherwise")

// follow does what the order waits for until it has ended.
func (b *buyer) follow(ctx context.Context, s story, o *lived) error {
	last, since := "", time.Now()
	for {
		now, err := patiently(ctx, func(ctx context.Context) (client.Order, error) { return b.shop.GetOrder(ctx, o.id) })
		if err != nil {
			return err
		}
		state := fmt.Sprint(now.Status, now.PaymentStatus, now.CancelReason, now.Shipments)
		if state != last {
			last, since = state, time.Now()
		}
		switch {
		case now.Status == s.end && now.CancelReason == s.reason:
			b.ended(s, o)
			return nil
		case now.Status == client.OrderCancelled || now.Status == client.OrderDelivered:
			return fmt.Errorf("%w: %s %q instead of %s %q", errWrongEnd, now.Status, now.CancelReason, s.end, s.reason)
		case time.Since(since) > patience:
			return fmt.Errorf("does not change for %s: %s", patience, state)
		}
		if err := b.advance(ctx, s, now); err != nil {
			return err
		}
		if !pause(ctx, 3*lookEvery) {
			return ctx.Err()
		}
	}
}

// advance reports what the order is waiting for. A view may show an old state, so conflicts mean nothing.
func (b *buyer) advance(ctx context.Context, s story, now client.Order) error {
	if s.calledOff {
		if now.Status != client.OrderConfirmed {
			return nil
		}
		_, err := patiently(ctx, func(ctx context.Context) (client.Outcome, error) {
			return b.shop.CancelOrder(ctx, now.OrderID, client.CancelOrder{Reason: changedMind, By: client.ByCustomer})
		})
		return unlessConflicting(err)
	}
	for i, shipment := range now.Shipments {
		_, err := patiently(ctx, func(ctx context.Context) (client.ShipmentOutcome, error) {
			return b.report(ctx, now.OrderID, shipment, fmt.Sprintf("T%d", i))
		})
		if err := unlessConflicting(err); err != nil {
			return err
		}
	}
	return nil
}

// report says of a shipment what happens to it next, if anything.
func (b *buyer) report(ctx context.Context, order uuid.UUID, shipment client.Shipment, tracking string) (client.ShipmentOutcome, error) {
	switch shipment.Status {
	case client.ShipmentPlanned:
		return b.shop.DispatchShipment(ctx, order, shipment.ShipmentID, client.Dispatch{Carrier: "DHL", TrackingNumber: tracking})
	case client.ShipmentDispatched:
		return b.shop.DeliverShipment(ctx, order, shipment.ShipmentID)
	}
	return client.ShipmentOutcome{}, nil
}

// ended writes down what an order that has ended so has moved.
func (b *buyer) ended(s story, o *lived) {
	if s.end == client.OrderDelivered {
		for _, l := range o.lines {
			b.books.moved(l.SKU, l.location, -l.Quantity)
		}
		b.books.paid(o, o.total(), decimal.Zero)
	}
}

// sendBack returns one piece of the last line.
func (b *buyer) sendBack(ctx context.Context, o *lived) error {
	last := len(o.lines) - 1
	l := o.lines[last]
	order, err := patiently(ctx, func(ctx context.Context) (client.Order, error) { return b.shop.GetOrder(ctx, o.id) })
	if err != nil {
		return err
	}
	_, err = patiently(ctx, func(ctx context.Context) (client.ReturnedGoods, error) {
		goods := client.ReturnGoods{Lines: []client.ReturnLine{{LineID: order.Items[last].LineID, Quantity: 1}}, Reason: "too small"}
		return b.shop.ReturnGoods(ctx, o.id, goods, client.IdempotencyKey("return-"+o.key))
	})
	if err == nil {
		b.books.moved(l.SKU, l.location, 1)
		b.books.paid(o, decimal.Zero, decimal.RequireFromString(l.UnitPrice))
	}
	return err
}

// complain gets some money back.
func (b *buyer) complain(ctx context.Context, o *lived) error {
	const amount = "2.50"
	_, err := patiently(ctx, func(ctx context.Context) (client.RefundedPayment, error) {
		refund := client.RefundPayment{Amount: amount, Currency: "EUR", Reason: "late"}
		return b.shop.RefundPayment(ctx, o.id, refund, client.IdempotencyKey("refund-"+o.key))
	})
	if err == nil {
		b.books.paid(o, decimal.Zero, decimal.RequireFromString(amount))
	}
	return err
}
