// Command reads measures what it takes to read orders over HTTP when there are a million. It reads one by its id, hot
// and cold, and pages of lists. Beside each it measures the SQL that the read needs, sent to PostgreSQL directly.
//
//	go -C bench run ./reads
//
// "Hot" is one of a hundred orders, read again and again; "cold" is another order each time, chosen from all.
// "Nothing" is the floor of each: GET /health, which needs no database, beside SELECT 1. "Beyond" is the ratio
// without what that request costs.
//
// The bare SQL is the statement that the read model sends, with the same columns and rows. pgx sends it, and the rows
// are not decoded. Both clients have one connection, which the measuring goroutine itself writes to and reads from.
//
// The last line of the output is one JSON object: the ratios by name, and worst_page_vs_sql, the largest of a page's.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/bench/rig"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/readmodel"
)

// templates is how many orders are taken to their end, to be copied.
const templates = 20

func main() {
	o := rig.Flags()
	var orders, times int
	var url, database, only string
	flag.IntVar(&orders, "orders", 1_000_000, "orders in the store and the views")
	flag.IntVar(&times, "times", 300, "how often each read is made")
	o.EmbeddedFlag(true)
	flag.StringVar(&url, "url", "", "measure a platform that runs already, at this URL, with -database: one that is open, or knows the key "+rig.Key)
	flag.StringVar(&database, "database", "", "the URL of its database")
	flag.StringVar(&only, "only", "", "measure only reads whose names contain this")
	flag.Parse()
	measured := func(ctx context.Context) error { return run(ctx, *o, orders, times, only) }
	if url != "" {
		measured = func(ctx context.Context) error { return measureAll(ctx, url, database, times, only) }
	}
	rig.Main("reads", measured)
}

func run(ctx context.Context, o rig.Options, orders, times int, only string) (err error) {
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
	return measureAll(ctx, r.URL, r.Database, times, only)
}

// measureAll measures a platform that runs, on a database that is filled.
func measureAll(ctx context.Context, url, database string, times int, only string) error {
	client, err := dial(ctx, url)
	if err != nil {
		return err
	}
	defer client.close()
	conn, err := pgx.Connect(ctx, database)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	var orders int64
	if err := conn.QueryRow(ctx, "SELECT count(*) FROM orderloom.order_views WHERE version > 0").Scan(&orders); err != nil {
		return err
	}
	b := bench{client: client, conn: conn, times: times}
	if b.statements, err = newRecorder(ctx, database); err != nil {
		return err
	}
	defer b.statements.pool.Close()
	reads, err := b.reads(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("\n%d orders, each read %d times; median and 99th of a hundred in ms\n\n", orders, times)
	fmt.Printf("%-28s %8s %8s %8s %8s %8s %8s\n", "", "HTTP", "p99", "bare SQL", "p99", "ratio", "beyond")
	reads = slices.DeleteFunc(reads, func(r *read) bool { return r.name != floor && !strings.Contains(r.name, only) })
	if err := b.measure(ctx, reads); err != nil {
		return err
	}
	ratios, worst := map[string]float64{}, 0.0
	for _, r := range reads {
		ratio := r.show(reads[0])
		ratios[r.name] = round(ratio)
		if r.page {
			worst = max(worst, ratio)
		}
	}
	line, err := json.Marshal(map[string]any{"orders": orders, "worst_page_vs_sql": round(worst), "vs_sql": ratios, "floor_ms": percentile(reads[0].http, 50)})
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
	shop, err := r.Shop()
	if err != nil {
		return err
	}
	for i := range templates {
		sku := fmt.Sprintf("SKU-%03d", i)
		if err := rig.Receive(ctx, shop, sku, "berlin", 1000); err != nil {
			return err
		}
		if err := rig.Through(ctx, shop, watch, rig.NewOrder(fmt.Sprintf("customer-%d", i), sku, 1+i%3)); err != nil {
			return err
		}
	}
	return nil
}

type bench struct {
	client     *client
	conn       *pgx.Conn
	statements *recorder
	times      int
}

// read is one kind of request, and the statement that it sends.
type read struct {
	name string
	page bool
	// path gives the request of the nth time, sql the statement with its arguments.
	path func(n int) string
	sql  func(n int) call
	// What each call took.
	http, bare []time.Duration
}

// floor is the read that needs no data.
const floor = "nothing"

// hotOrders are read again and again.
const hotOrders = 100

func (b *bench) reads(ctx context.Context) ([]*read, error) {
	ids, err := b.sample(ctx, hotOrders+2*(b.times+warmUp))
	if err != nil {
		return nil, err
	}
	one, err := b.statements.record(func(r *readmodel.Reader) error { _, err := r.Order(ctx, ids[0]); return err })
	if err != nil {
		return nil, err
	}
	hot, cold := ids[:hotOrders], ids[hotOrders:]
	byID := func(name string, shown, asked []uuid.UUID) *read {
		return &read{
			name: name, path: func(n int) string { return "/api/v1/orders/" + shown[n%len(shown)].String() },
			sql: func(n int) call { return call{one.sql, []any{asked[n%len(asked)]}} },
		}
	}
	reads := []*read{
		{name: floor, path: func(int) string { return "/health" }, sql: func(int) call { return call{sql: "SELECT 1"} }},
		byID("by id, hot", hot, hot),
		byID("by id, cold", cold[:len(cold)/2], cold[len(cold)/2:]),
	}
	total := money.Must("400.00", "EUR")
	for _, p := range []struct {
		name, parameters string
		query            readmodel.OrderQuery
	}{
		{"first page", "", readmodel.OrderQuery{}},
		{"first page of 100", "&limit=100", readmodel.OrderQuery{Limit: 100}},
		{"first page with addresses", "&expand[]=shipping_address", readmodel.OrderQuery{Personal: true}},
		{"status confirmed", "&status=confirmed", readmodel.OrderQuery{Status: "confirmed"}},
		{"payment captured", "&payment_status=captured", readmodel.OrderQuery{PaymentStatus: "captured"}},
		{"a customer's", "&customer_id=customer-of-4711", readmodel.OrderQuery{CustomerID: "customer-of-4711"}},
		{"with a SKU", "&sku=SKU-003", readmodel.OrderQuery{SKU: "SKU-003"}},
		{"number begins with", "&order_number=COPY-00004711", readmodel.OrderQuery{NumberPrefix: "COPY-00004711"}},
		{"dearest first", "&sort=-total&currency=EUR", readmodel.OrderQuery{Currency: "EUR", Sort: readmodel.SortTotalReverse}},
		{"above 400 EUR", "&total_min=400.00&currency=EUR&sort=total", readmodel.OrderQuery{TotalMin: &total, Sort: readmodel.SortTotal}},
	} {
		page, err := b.page(ctx, p.name, p.parameters, p.query)
		if err != nil {
			return nil, err
		}
		reads = append(reads, page)
	}
	cursor, err := b.hundredth(ctx)
	if err != nil {
		return nil, err
	}
	page, err := b.page(ctx, "hundredth page", "&cursor="+cursor, readmodel.OrderQuery{Cursor: cursor})
	return slices.Insert(reads, 4, page), err
}

func (b *bench) page(ctx context.Context, name, parameters string, q readmodel.OrderQuery) (*read, error) {
	statement, err := b.statements.record(func(r *readmodel.Reader) error { _, err := r.Orders(ctx, q); return err })
	path := "/api/v1/orders"
	if parameters != "" {
		path += "?" + parameters[1:]
	}
	return &read{name: name, page: true, path: func(int) string { return path }, sql: func(int) call { return statement }}, err
}

// sample chooses orders from all over the table.
func (b *bench) sample(ctx context.Context, n int) ([]uuid.UUID, error) {
	ids := make([]uuid.UUID, 0, n)
	for range n {
		var id uuid.UUID
		err := b.conn.QueryRow(ctx, `SELECT order_id FROM orderloom.order_views WHERE order_id >= $1 AND version > 0 ORDER BY order_id LIMIT 1`, uuid.New()).Scan(&id)
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return nil, err
		}
		if err == nil {
			ids = append(ids, id)
		}
	}
	if len(ids) <= hotOrders {
		return nil, errors.New("there are no orders to read")
	}
	return ids, nil
}

// hundredth returns the cursor of the hundredth page.
func (b *bench) hundredth(ctx context.Context) (string, error) {
	reader := readmodel.NewReader(b.statements.pool, readmodel.Options{})
	var q readmodel.OrderQuery
	for range 99 {
		page, err := reader.Orders(ctx, q)
		if err != nil {
			return "", err
		}
		q.Cursor = page.NextCursor
	}
	return q.Cursor, nil
}

// warmUp is how often a read is made before it counts.
const warmUp = 20

// measure makes all requests and sends their SQL in turn, again and again, so that a slow moment affects all of them.
// Every other time the SQL comes first.
func (b *bench) measure(ctx context.Context, reads []*read) error {
	for n := range b.times + warmUp {
		for _, r := range reads {
			request := func() error { return b.client.get(r.path(n)) }
			statement := func() error { return b.bare(ctx, r.sql(n)) }
			calls, took := []func() error{request, statement}, [2]time.Duration{}
			for i := range calls {
				which := (i + n) % 2
				begun := time.Now()
				if err := calls[which](); err != nil {
					return fmt.Errorf("%s: %w", r.name, err)
				}
				took[which] = time.Since(begun)
			}
			if n >= warmUp {
				r.http, r.bare = append(r.http, took[0]), append(r.bare, took[1])
			}
		}
	}
	return nil
}

// show prints what was measured and returns the ratio of the medians.
func (r *read) show(floor *read) float64 {
	http, bare := percentile(r.http, 50), percentile(r.bare, 50)
	beyond := (http - percentile(floor.http, 50)) / bare
	fmt.Printf("%-28s %8.3f %8.3f %8.3f %8.3f %8.2f %8.2f\n", r.name, http, percentile(r.http, 99), bare, percentile(r.bare, 99), http/bare, beyond)
	return http / bare
}

// percentile is in milliseconds.
func percentile(all []time.Duration, percent int) float64 {
	sorted := slices.Sorted(slices.Values(all))
	return float64(sorted[len(sorted)*percent/100].Microseconds()) / 1000
}

func round(f float64) float64 { return math.Round(f*100) / 100 }

// bare runs a statement and receives the rows, as whoever shows them has to.
func (b *bench) bare(ctx context.Context, c call) error {
	rows, err := b.conn.Query(ctx, c.sql, c.args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		_ = rows.RawValues()
	}
	return rows.Err()
}
