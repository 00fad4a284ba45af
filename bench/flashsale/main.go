// Command flashsale sells one thousand pieces of one SKU to five thousand orders, sixty-four at once. It compares
// that with the same load spread over one thousand SKUs of one piece each.
//
//	go -C bench run ./flashsale
//
// It checks that exactly what was there is sold: as many orders are confirmed as there were pieces. All others are
// cancelled as out of stock, and no payment was begun for them. The last line of the output is one JSON object. The
// exit status is 0 only if all of that holds.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/bench/rig"
	"github.com/orderloom/orderloom/client"
)

// sale says how much is sold to whom.
type sale struct {
	orders, pieces, atOnce int
}

func main() {
	o := rig.Flags()
	s := sale{}
	flag.IntVar(&s.orders, "orders", 5000, "orders")
	flag.IntVar(&s.pieces, "pieces", 1000, "pieces in stock")
	flag.IntVar(&s.atOnce, "at-once", 64, "orders in flight")
	o.EmbeddedFlag(false)
	flag.Parse()
	rig.Main("flashsale", func(ctx context.Context) error { return run(ctx, *o, s) })
}

func run(ctx context.Context, o rig.Options, s sale) (err error) {
	r, err := rig.Start(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Stop(context.WithoutCancel(ctx))) }()
	watchCtx, stop := context.WithCancel(ctx)
	defer stop()
	watch, err := r.Watch(watchCtx)
	if err != nil {
		return err
	}
	// Half of the spread load runs before the hot one and half after it, so that the time of the run favours neither.
	half := sale{orders: s.orders / 2, pieces: s.pieces / 2, atOnce: s.atOnce}
	warm := sale{orders: max(s.orders/10, s.atOnce), pieces: max(s.pieces/10, 1), atOnce: s.atOnce}
	var results []result
	for _, part := range []struct {
		name string
		sale
		skus int
	}{{"warm", warm, warm.pieces}, {"before", half, half.pieces}, {"hot", s, 1}, {"after", half, half.pieces}} {
		one, err := sell(ctx, r, watch, part.name, part.sale, part.skus)
		if err != nil {
			return err
		}
		results = append(results, one)
		fmt.Printf("# %-6s %5d orders for %4d pieces of %4d SKUs: %6.1f orders/s, %d confirmed, %d refused\n",
			part.name, part.orders, part.pieces, part.skus, one.rate(), one.confirmed, one.refused)
	}
	hot := results[2]
	spread := float64(results[1].orders+results[3].orders) / (results[1].took + results[3].took).Seconds()
	return report(hot, s, spread)
}

func report(hot result, s sale, spread float64) error {
	line, err := json.Marshal(map[string]any{
		"orders": s.orders, "confirmed": hot.confirmed, "refused": hot.refused, "failed": hot.failed, "money_touched": hot.touched,
		"left_in_stock": hot.available, "orders_per_second": round(hot.rate()), "spread_orders_per_second": round(spread),
		"flashsale_vs_spread": round(hot.rate() / spread),
	})
	fmt.Printf("\n%s\n", line)
	if hot.confirmed != s.pieces || hot.refused != s.orders-s.pieces || hot.failed != 0 || hot.touched != 0 || hot.available != 0 {
		return errors.Join(err, errors.New("not exactly what was there was sold"))
	}
	return err
}

func round(v float64) float64 { return math.Round(v*100) / 100 }

// result is what became of a sale.
type result struct {
	orders, confirmed, refused, failed int
	// touched is how many of the refused orders have a payment of any kind; available is what is left of the goods.
	touched, available int
	took               time.Duration
}

func (r result) rate() float64 { return float64(r.orders) / r.took.Seconds() }

// endTimeout bounds how long one order may take.
const endTimeout = 2 * time.Minute

// sell sells the pieces, spread evenly over a number of SKUs. Each order asks for one piece.
func sell(ctx context.Context, r *rig.Rig, watch *rig.Watch, name string, s sale, skus int) (result, error) {
	shop, err := r.Shop()
	if err != nil {
		return result{}, err
	}
	if err := stockUp(ctx, shop, name, s, skus); err != nil {
		return result{}, err
	}
	out := result{orders: s.orders}
	var next, failed atomic.Int64
	var mu sync.Mutex
	var ids []uuid.UUID
	var all sync.WaitGroup
	begun := time.Now()
	for range s.atOnce {
		all.Go(func() {
			for i := next.Add(1) - 1; i < int64(s.orders); i = next.Add(1) - 1 {
				id, err := buy(ctx, shop, watch, fmt.Sprintf("customer-%d", i), sku(name, int(i)%skus))
				if err != nil {
					failed.Add(1)
					continue
				}
				mu.Lock()
				ids = append(ids, id)
				mu.Unlock()
			}
		})
	}
	all.Wait()
	out.took, out.failed = time.Since(begun), int(failed.Load())
	return out, out.count(ctx, r, name, ids)
}

func sku(name string, i int) string { return fmt.Sprintf("%s-%04d", name, i) }

func stockUp(ctx context.Context, shop *client.Client, name string, s sale, skus int) error {
	var next atomic.Int64
	failed := make(chan error, s.atOnce)
	var all sync.WaitGroup
	for range s.atOnce {
		all.Go(func() {
			for i := next.Add(1) - 1; i < int64(skus); i = next.Add(1) - 1 {
				if err := rig.Receive(ctx, shop, sku(name, int(i)), "berlin", s.pieces/skus); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	all.Wait()
	close(failed)
	return <-failed
}

// buy orders one piece and waits until the order is confirmed or refused.
func buy(ctx context.Context, shop *client.Client, watch *rig.Watch, customer, sku string) (uuid.UUID, error) {
	ctx, cancel := context.WithTimeout(ctx, endTimeout)
	defer cancel()
	placed, err := shop.PlaceOrder(ctx, rig.NewOrder(customer, sku, 1), rig.Once)
	if err != nil {
		return uuid.Nil, err
	}
	if err := watch.Reached(ctx, placed.OrderID, "confirmed"); err != nil && !errors.Is(err, rig.ErrOtherEnd) {
		return placed.OrderID, err
	}
	return placed.OrderID, nil
}

// count reads from the events and the views how the orders ended.
func (r *result) count(ctx context.Context, g *rig.Rig, name string, ids []uuid.UUID) error {
	err := g.Pool.QueryRow(ctx, `SELECT count(*) FILTER (WHERE event_type = 'OrderConfirmed'),
			count(*) FILTER (WHERE event_type = 'OrderCancelled' AND payload ->> 'reason' = 'out_of_stock')
		FROM orderloom.events WHERE aggregate_id = ANY ($1)`, ids).Scan(&r.confirmed, &r.refused)
	if err != nil {
		return fmt.Errorf("count the orders: %w", err)
	}
	err = g.Pool.QueryRow(ctx, `SELECT count(*) FROM orderloom.order_views v WHERE v.order_id = ANY ($1) AND v.status = 'cancelled'
		AND EXISTS (SELECT FROM orderloom.payment_views p WHERE p.order_id = v.order_id)`, ids).Scan(&r.touched)
	if err != nil {
		return fmt.Errorf("look for payments: %w", err)
	}
	return g.Pool.QueryRow(ctx, `SELECT coalesce(sum(on_hand - reserved), -1) FROM orderloom.stock_levels WHERE sku LIKE $1`, name+"-%").Scan(&r.available)
}
