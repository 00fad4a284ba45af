// Command reads measures what it takes to read orders over HTTP when there are a million: one by its id,
// hot and cold, and pages of lists, beside the SQL that each needs, asked of PostgreSQL directly.
//
//	go run ./bench/reads
//
// "Hot" is one of a hundred orders, read again and again; "cold" is another order each time, chosen from all.
// The last line of the output is one JSON object; worst_vs_sql is the largest ratio of a page's
// median to that of its SQL.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"net/url"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/bench/rig"
	"github.com/orderloom/orderloom/readmodel"
)

// templates is how many orders are carried through, to be copied.
const templates = 20

func main() {
	var o rig.Options
	var orders, times int
	flag.IntVar(&orders, "orders", 1_000_000, "orders in the store and the views")
	flag.IntVar(&times, "times", 300, "how often each read is made")
	flag.StringVar(&o.Binaries, "binaries", "", "directory with orderloom and orderloom-dev; empty builds them")
	flag.BoolVar(&o.Embedded, "embedded", true, "use the embedded broker even where there is Java")
	flag.BoolVar(&o.Keep, "keep", false, "keep the directory with the logs")
	flag.Parse()
	o.Log = func(format string, args ...any) { fmt.Printf("# "+format+"\n", args...) }
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o, orders, times); err != nil {
		fmt.Fprintln(os.Stderr, "reads:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o rig.Options, orders, times int) (err error) {
	r, err := rig.Start(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Stop(context.WithoutCancel(ctx))) }()
	if err := carryTemplates(ctx, r); err != nil {
		return err
	}
	if err := r.Fill(ctx, orders); err != nil {
		return err
	}
	b := bench{shop: r.Shop(), pool: r.Pool, times: times}
	if b.hot, err = b.sample(ctx, 100); err != nil {
		return err
	}
	if b.cold, err = b.sample(ctx, 2*times); err != nil {
		return err
	}
	fmt.Printf("\n%d orders, each read %d times; median and 99th of a hundred in ms\n\n", orders, times)
	fmt.Printf("%-34s %7s %7s %9s %9s\n", "", "HTTP", "p99", "bare SQL", "ratio")
	worst := 0.0
	for _, read := range b.reads() {
		ratio, err := b.measure(ctx, read)
		if err != nil {
			return fmt.Errorf("%s: %w", read.name, err)
		}
		if read.page {
			worst = max(worst, ratio)
		}
	}
	line, err := json.Marshal(map[string]any{
		"orders": orders, "worst_vs_sql": math.Round(worst*100) / 100, "by_id_hot_ms": b.hotMedian, "by_id_cold_ms": b.coldMedian,
	})
	fmt.Printf("\n%s\n", line)
	return err
}

func carryTemplates(ctx context.Context, r *rig.Rig) error {
	watchCtx, stop := context.WithCancel(ctx)
	defer stop()
	watch, err := r.Watch(watchCtx)
	if err != nil {
		return err
	}
	shop := r.Shop()
	for i := range templates {
		sku := fmt.Sprintf("SKU-%03d", i)
		if err := shop.Receive(ctx, sku, "berlin", 1000); err != nil {
			return err
		}
		if _, err := shop.Through(ctx, watch, rig.Order{Customer: fmt.Sprintf("customer-%d", i), SKU: sku, Quantity: 1 + i%3}); err != nil {
			return err
		}
	}
	return nil
}

type bench struct {
	shop                  *rig.Shop
	pool                  *pgxpool.Pool
	times                 int
	hot, cold             []uuid.UUID
	hotMedian, coldMedian float64
}

// read is one kind of request, and the statement that it needs.
type read struct {
	name string
	page bool
	// path gives the request of the nth time, sql the statement with its arguments.
	path func(n int) string
	sql  func(n int) (string, []any)
}

func (b *bench) sample(ctx context.Context, n int) ([]uuid.UUID, error) {
	rows, err := b.pool.Query(ctx, `SELECT order_id FROM orderloom.order_views WHERE version > 0 AND order_id >= $1 ORDER BY order_id LIMIT $2`, uuid.New(), n*50)
	if err != nil {
		return nil, err
	}
	var ids []uuid.UUID
	for rows.Next() {
		var id uuid.UUID
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	rand.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	return ids[:min(n, len(ids))], rows.Err()
}

func (b *bench) reads() []read {
	one := `SELECT ` + readmodel.OrderColumns + ` FROM orderloom.order_views WHERE order_id = $1`
	list := `SELECT ` + readmodel.OrderColumns + ` FROM orderloom.order_views WHERE created_at IS NOT NULL`
	newest := ` ORDER BY order_views.created_at DESC, order_id DESC LIMIT 21`
	cursor, at, id := b.hundredth()
	page := func(name, query, where string, args ...any) read {
		return read{
			name: name, page: true,
			path: func(int) string { return "/api/v1/orders?limit=20" + query },
			sql:  func(int) (string, []any) { return list + where, args },
		}
	}
	return []read{
		{
			name: "one by id, hot", path: func(n int) string { return "/api/v1/orders/" + b.hot[n%len(b.hot)].String() },
			sql: func(n int) (string, []any) { return one, []any{b.hot[n%len(b.hot)]} },
		},
		{
			name: "one by id, cold", path: func(n int) string { return "/api/v1/orders/" + b.cold[n%len(b.cold)].String() },
			sql: func(n int) (string, []any) { return one, []any{b.cold[(n+b.times)%len(b.cold)]} },
		},
		page("first page", "", newest),
		page("hundredth page", "&cursor="+url.QueryEscape(cursor), ` AND (created_at, order_id) < ($1, $2)`+newest, at, id),
		page("status confirmed", "&status=confirmed", ` AND status = $1`+newest, "confirmed"),
		page("payment captured", "&payment_status=captured", ` AND payment_status = $1`+newest, "captured"),
		page("a customer's", "&customer_id=customer-of-4711", ` AND customer_id = $1`+newest, "customer-of-4711"),
		page("with a SKU", "&sku=SKU-003", ` AND skus @> ARRAY[$1::text]`+newest, "SKU-003"),
		page("number begins with", "&order_number=COPY-00004711", ` AND order_number LIKE $1`+newest, "COPY-00004711%"),
		page("dearest first", "&sort=-total", ` ORDER BY order_views.total_amount DESC, order_id DESC LIMIT 21`),
		page("above 400 EUR", "&total_min=400.00&currency=EUR&sort=total", ` AND total_amount >= $1::numeric AND currency = $2
			ORDER BY order_views.total_amount ASC, order_id ASC LIMIT 21`, "400.00", "EUR"),
	}
}

// hundredth walks to the hundredth page, as a reader does, and returns its cursor and where it begins.
func (b *bench) hundredth() (cursor string, at time.Time, id uuid.UUID) {
	ctx := context.Background()
	for range 99 {
		var page struct {
			Orders []struct {
				OrderID   uuid.UUID `json:"order_id"`
				CreatedAt time.Time `json:"created_at"`
			} `json:"orders"`
			NextCursor string `json:"next_cursor"`
		}
		path := "/api/v1/orders?limit=20"
		if cursor != "" {
			path += "&cursor=" + url.QueryEscape(cursor)
		}
		if err := b.shop.Read(ctx, path, &page); err != nil || len(page.Orders) == 0 {
			return cursor, at, id
		}
		last := page.Orders[len(page.Orders)-1]
		cursor, at, id = page.NextCursor, last.CreatedAt, last.OrderID
	}
	return cursor, at, id
}

// measure makes the request and asks for the SQL in turn.
func (b *bench) measure(ctx context.Context, r read) (float64, error) {
	var http, sql []time.Duration
	const warm = 20
	for n := range b.times + warm {
		begun := time.Now()
		if err := b.shop.Read(ctx, r.path(n), nil); err != nil {
			return 0, err
		}
		took := time.Since(begun)
		text, args := r.sql(n)
		begun = time.Now()
		if err := b.bare(ctx, text, args); err != nil {
			return 0, err
		}
		if n >= warm {
			http, sql = append(http, took), append(sql, time.Since(begun))
		}
	}
	slices.Sort(http)
	slices.Sort(sql)
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	median, bare := ms(http[len(http)/2]), ms(sql[len(sql)/2])
	fmt.Printf("%-34s %7.2f %7.2f %9.2f %9.2f\n", r.name, median, ms(http[len(http)*99/100]), bare, median/bare)
	switch r.name {
	case "one by id, hot":
		b.hotMedian = median
	case "one by id, cold":
		b.coldMedian = median
	}
	return median / bare, nil
}

// bare runs a statement and reads the orders, as whoever shows them has to.
func (b *bench) bare(ctx context.Context, sql string, args []any) error {
	rows, err := b.pool.Query(ctx, sql, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		_ = rows.RawValues()
	}
	return rows.Err()
}
