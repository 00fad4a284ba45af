package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/bench/rig"
	"github.com/orderloom/orderloom/client"
	"github.com/orderloom/orderloom/workflows"
)

// What is ordered, and by whom.
const (
	skus      = 100
	pieces    = 1_000_000
	customers = 1_000
)

// orders is the load of whole orders.
type orders struct {
	rig   *rig.Rig
	shop  *client.Client
	watch *rig.Watch
	// look makes all clients place orders and look later, instead of waiting for the answer; alternate makes every
	// other one do so.
	look, alternate bool
	placed          atomic.Int64

	mu       sync.Mutex
	accepted []uuid.UUID
	failed   []error
}

func newOrders(ctx context.Context, r *rig.Rig, watch *rig.Watch) (*orders, error) {
	shop, err := r.Shop()
	if err != nil {
		return nil, err
	}
	o := &orders{rig: r, shop: shop, watch: watch}
	var all sync.WaitGroup
	failed := make(chan error, skus)
	queue := make(chan int, skus)
	for i := range skus {
		queue <- i
	}
	close(queue)
	for range 8 {
		all.Go(func() {
			for i := range queue {
				if err := rig.Receive(ctx, shop, sku(i), "berlin", pieces); err != nil {
					failed <- err
				}
			}
		})
	}
	all.Wait()
	close(failed)
	return o, <-failed
}

func sku(i int) string { return fmt.Sprintf("SKU-%03d", i) }

func (o *orders) name() string { return workloadOrders }
func (o *orders) begin() error { return nil }
func (o *orders) end()         {}

func (o *orders) runOne(ctx context.Context, due time.Time, took *latencies) {
	o.runOrder(ctx, anOrder(), due, took)
}

func (o *orders) runOrder(ctx context.Context, order client.NewOrder, due time.Time, took *latencies) {
	if err := o.carry(ctx, order, due, took); err != nil {
		o.mu.Lock()
		o.failed = append(o.failed, err)
		o.mu.Unlock()
	}
}

// carry carries one order from its placing to its end.
func (o *orders) carry(ctx context.Context, order client.NewOrder, due time.Time, took *latencies) error {
	place := o.placeSettled
	if o.look || o.alternate && o.placed.Add(1)%2 == 0 {
		place = o.placeAndLook
	}
	shown, err := place(ctx, order, due, took)
	if err != nil {
		return err
	}
	took.add("confirm", time.Since(due))
	if shown.Status != client.OrderConfirmed || len(shown.Shipments) != 1 {
		return fmt.Errorf("order %s is %s and has %d shipments", shown.OrderID, shown.Status, len(shown.Shipments))
	}
	id, shipment := shown.OrderID, shown.Shipments[0].ShipmentID
	asked := time.Now()
	if err := rig.Dispatch(ctx, o.shop, id, shipment); err != nil { // answered once it is recorded
		return err
	}
	took.add("dispatch", time.Since(asked))
	asked = time.Now()
	if err := rig.Deliver(ctx, o.shop, id, shipment); err != nil {
		return err
	}
	took.add("deliver", time.Since(asked))
	asked = time.Now()
	err = o.watch.Closed(ctx, id, "delivered")
	took.add("shown", time.Since(asked))
	took.add("whole", time.Since(due))
	return err
}

// placeSettled places an order as a client does that wants to know at once whether it is confirmed.
func (o *orders) placeSettled(ctx context.Context, order client.NewOrder, _ time.Time, _ *latencies) (client.Order, error) {
	placed, err := o.shop.PlaceOrder(ctx, order, rig.Once, waitForIt)
	if err != nil {
		return client.Order{}, err
	}
	o.accept(placed.OrderID)
	if placed.Order == nil { // too many wait already
		return client.Order{OrderID: placed.OrderID, Status: placed.Status}, nil
	}
	return *placed.Order, nil
}

var waitForIt = client.Wait(10 * time.Second)

// placeAndLook places an order as a client does that looks later what has become of it.
func (o *orders) placeAndLook(ctx context.Context, order client.NewOrder, due time.Time, took *latencies) (client.Order, error) {
	placed, err := o.shop.PlaceOrder(ctx, order, rig.Once)
	if err != nil {
		return client.Order{}, err
	}
	took.add("accept", time.Since(due))
	o.accept(placed.OrderID)
	if err := o.watch.Reached(ctx, placed.OrderID, "confirmed"); err != nil {
		return client.Order{}, err
	}
	return o.shop.GetOrder(ctx, placed.OrderID)
}

func anOrder() client.NewOrder {
	return rig.NewOrder(fmt.Sprintf("customer-%d", rand.IntN(customers)), sku(rand.IntN(skus)), 1+rand.IntN(3))
}

// fullOrders is the load of whole orders with all that an order's money can have: two lines, tax and
// shipping. They are counted and audited with the others.
type fullOrders struct{ *orders }

func (fullOrders) name() string { return workloadFull }

func (o fullOrders) runOne(ctx context.Context, due time.Time, took *latencies) {
	o.runOrder(ctx, aFullOrder(), due, took)
}

func aFullOrder() client.NewOrder {
	order := anOrder()
	taxes := []client.NewTax{{Name: "VAT", Rate: "0.19"}}
	order.PricesIncludeTax = true
	second := rand.IntN(skus)
	order.Items[0].Taxes = taxes
	order.Items = append(order.Items, client.NewItem{
		ProductID: "p-" + sku(second), SKU: sku(second), Quantity: 1, UnitPrice: "7.95", Taxes: taxes,
	})
	order.ShippingLines = []client.NewShippingLine{{Method: "standard", Name: "Standard", Amount: "4.90", Taxes: taxes}}
	return order
}

func (o *orders) accept(id uuid.UUID) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.accepted = append(o.accepted, id)
}

// ends counts the orders that did not end as they should.
type ends struct {
	accepted, failed, stuck, lost int
	errors                        []error
}

// auditTimeout is how long orders may take to end after the load has.
const auditTimeout = 20 * time.Second

// audit looks for every order that was accepted. An order is failed when a request was refused, or when it ended
// otherwise than delivered. It is stuck when it has not ended or its saga is still open. It is lost when the events
// do not know it.
func (o *orders) audit(ctx context.Context) (ends, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	e := ends{accepted: len(o.accepted), errors: o.failed}
	for _, err := range o.failed {
		if !errors.Is(err, context.DeadlineExceeded) {
			e.failed++
		}
	}
	ids := make([]string, len(o.accepted))
	for i, id := range o.accepted {
		ids[i] = workflows.OrderSagaID(id)
	}
	deadline := time.Now().Add(auditTimeout)
	for {
		var placed, delivered, shown, completed int
		err := o.rig.Pool.QueryRow(ctx, `SELECT count(*) FILTER (WHERE event_type = 'OrderPlaced'), count(*) FILTER (WHERE event_type = 'OrderDelivered')
			FROM orderloom.events WHERE aggregate_id = ANY ($1) AND event_type IN ('OrderPlaced', 'OrderDelivered')`, o.accepted).Scan(&placed, &delivered)
		if err != nil {
			return e, err
		}
		err = o.rig.Pool.QueryRow(ctx, `SELECT count(*) FROM orderloom.order_views
			WHERE order_id = ANY ($1) AND status = 'delivered' AND payment_status = 'captured'`, o.accepted).Scan(&shown)
		if err != nil {
			return e, err
		}
		err = o.rig.Executions.QueryRow(ctx, `
			SELECT count(*) FROM current_executions WHERE workflow_id = ANY ($1) AND state = 3 AND status = 2`, ids).Scan(&completed)
		if err != nil {
			return e, err
		}
		e.lost = e.accepted - placed
		e.stuck = e.accepted - e.lost - min(delivered, shown, completed)
		if e.lost+e.stuck == 0 || time.Now().After(deadline) {
			return e, nil
		}
		sleep(ctx, 200*time.Millisecond)
	}
}

// sampleSize is of how many orders the histories are read.
const sampleSize = 100

// sample returns some of the orders, evenly over the run.
func (o *orders) sample() []uuid.UUID {
	o.mu.Lock()
	defer o.mu.Unlock()
	var out []uuid.UUID
	for i := range min(sampleSize, len(o.accepted)) {
		out = append(out, o.accepted[i*len(o.accepted)/min(sampleSize, len(o.accepted))])
	}
	return out
}
