package soak

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

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

// story is one kind of life that an order can have.
type story struct {
	name   string
	weight int
	token  string
	// end and reason are how it has to end.
	end, reason string
	lines       func(r *rand.Rand) []line
	// then is what the buyer does, besides what warehouse and carrier do.
	then func(b *buyer, ctx context.Context, o *lived) error
	// calledOff means that the buyer cancels once the order is confirmed.
	calledOff bool
}

type line struct {
	SKU       string `json:"sku"`
	ProductID string `json:"product_id"`
	Quantity  int    `json:"quantity"`
	UnitPrice string `json:"unit_price"`
	location  string
}

func lineOf(sku, location string, quantity int) line {
	return line{SKU: sku, ProductID: "p-" + sku, Quantity: quantity, UnitPrice: price, location: location}
}

func one(r *rand.Rand) []line { return []line{lineOf(local(r.IntN(goods)), here, 1+r.IntN(3))} }

func two(r *rand.Rand) []line {
	return []line{lineOf(local(r.IntN(goods)), here, 1+r.IntN(2)), lineOf(far(r.IntN(goods)), elsewhere, 1)}
}

func tooMany(*rand.Rand) []line { return []line{lineOf(rare, here, 3)} }

var stories = []story{
	{name: "delivered", weight: 6, token: "tok_approve", end: "delivered", lines: one},
	{name: "split shipments", weight: 3, token: "tok_approve", end: "delivered", lines: two},
	{name: "delivered, gateway in trouble", weight: 1, token: "tok_fail_twice", end: "delivered", lines: one},
	{name: "delivered, answer of the gateway lost", weight: 1, token: "tok_timeout", end: "delivered", lines: one},
	{name: "declined", weight: 2, token: "tok_decline", end: "cancelled", reason: "payment_declined", lines: one},
	{name: "out of stock", weight: 2, token: "tok_approve", end: "cancelled", reason: "out_of_stock", lines: tooMany},
	{name: "cancelled", weight: 3, token: "tok_approve", end: "cancelled", reason: changedMind, lines: one, calledOff: true},
	{name: "returned", weight: 2, token: "tok_approve", end: "delivered", lines: one, then: (*buyer).sendBack},
	{name: "refunded in part", weight: 1, token: "tok_approve", end: "delivered", lines: one, then: (*buyer).complain},
}

const changedMind = "changed_my_mind"

// buyer takes one order after the other to its end, and is the warehouse and the carrier as well.
type buyer struct {
	shop   *shop
	books  *books
	random *rand.Rand
	name   string
}

// live chooses a story and lets it happen, and receives goods now and then.
func (b *buyer) live(ctx context.Context, n int) error {
	if b.random.IntN(4) == 0 {
		if err := receive(ctx, b.shop, b.books, local(b.random.IntN(goods)), here, 1+b.random.IntN(5), fmt.Sprintf("receipt-%s-%d", b.name, n)); err != nil {
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

func (b *buyer) place(ctx context.Context, s story, o *lived) error {
	var placed shown
	err := b.shop.call(ctx, http.MethodPost, "/api/v1/orders", o.key, map[string]any{
		"customer_id": "cus_" + b.name, "currency": "EUR", "payment_token": s.token, "items": o.lines,
		"shipping_address": map[string]string{"street": "Torstraße 1", "city": "Berlin", "zip": "10119", "country": "DE"},
	}, &placed)
	o.id = placed.OrderID
	if err != nil {
		return err
	}
	cancelled, confirmed := placed.Status == "cancelled", placed.Status == "confirmed"
	if cancelled && (s.end != "cancelled" || placed.Reason != s.reason) || confirmed && s.end == "cancelled" && !s.calledOff {
		return fmt.Errorf("%w: told at once that it is %s %q, instead of %s %q", errWrongEnd, placed.Status, placed.Reason, s.end, s.reason)
	}
	return nil
}

// errWrongEnd says that an order went where it must not go.
var errWrongEnd = errors.New("ended otherwise")

// follow does what the order waits for until it has ended.
func (b *buyer) follow(ctx context.Context, s story, o *lived) error {
	path := "/api/v1/orders/" + o.id.String()
	last, since := "", time.Now()
	for {
		var now shown
		if err := b.shop.call(ctx, http.MethodGet, path, "", nil, &now); err != nil {
			return err
		}
		state := fmt.Sprint(now)
		if state != last {
			last, since = state, time.Now()
		}
		switch {
		case now.Status == s.end && now.Reason == s.reason:
			b.ended(s, o)
			return nil
		case now.Status == "cancelled" || now.Status == "delivered":
			return fmt.Errorf("%w: %s %q instead of %s %q", errWrongEnd, now.Status, now.Reason, s.end, s.reason)
		case time.Since(since) > patience:
			return fmt.Errorf("goes on nowhere for %s: %+v", patience, now)
		}
		if err := b.advance(ctx, s, path, now); err != nil {
			return err
		}
		if !pause(ctx, 3*lookEvery) {
			return ctx.Err()
		}
	}
}

// advance reports what the order is waiting for. What a view shows may be old, so conflicts mean nothing.
func (b *buyer) advance(ctx context.Context, s story, path string, now shown) error {
	if s.calledOff {
		if now.Status != "confirmed" {
			return nil
		}
		return unlessConflicting(b.shop.call(ctx, http.MethodPost, path+"/cancel", "", map[string]string{"reason": changedMind, "by": "customer"}, nil))
	}
	for i, shipment := range now.Shipments {
		report := path + "/shipments/" + shipment.ShipmentID.String()
		var err error
		switch shipment.Status {
		case "planned":
			err = b.shop.call(ctx, http.MethodPost, report+"/dispatch", "", map[string]string{"carrier": "DHL", "tracking_number": fmt.Sprintf("T%d", i)}, nil)
		case "dispatched":
			err = b.shop.call(ctx, http.MethodPost, report+"/deliver", "", map[string]string{}, nil)
		}
		if err := unlessConflicting(err); err != nil {
			return err
		}
	}
	return nil
}

func unlessConflicting(err error) error {
	if conflicting(err) {
		return nil
	}
	return err
}

// ended writes down what an order that has ended so has moved.
func (b *buyer) ended(s story, o *lived) {
	if s.end == "delivered" {
		for _, l := range o.lines {
			b.books.moved(l.SKU, l.location, -l.Quantity)
		}
		b.books.paid(o, o.total(), decimal.Zero)
	}
}

// sendBack returns one piece of the first line.
func (b *buyer) sendBack(ctx context.Context, o *lived) error {
	l := o.lines[0]
	err := b.shop.call(ctx, http.MethodPost, "/api/v1/orders/"+o.id.String()+"/returns", "return-"+o.key,
		map[string]any{"lines": []map[string]any{{"sku": l.SKU, "quantity": 1}}, "reason": "too small"}, nil)
	if err == nil {
		b.books.moved(l.SKU, l.location, 1)
		b.books.paid(o, decimal.Zero, decimal.RequireFromString(price))
	}
	return err
}

// complain gets some money back.
func (b *buyer) complain(ctx context.Context, o *lived) error {
	const amount = "2.50"
	err := b.shop.call(ctx, http.MethodPost, "/api/v1/orders/"+o.id.String()+"/refunds", "refund-"+o.key,
		map[string]any{"amount": amount, "currency": "EUR", "reason": "late"}, nil)
	if err == nil {
		b.books.paid(o, decimal.Zero, decimal.RequireFromString(amount))
	}
	return err
}
