package projector

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/readmodel"
	"github.com/shopspring/decimal"
)

// Orders keeps order_views, one row for each order with its payment, and from its changes
// customer_summaries and order_changes.
type Orders struct{}

// Name implements [Projection].
func (Orders) Name() string { return "orders" }

// Aggregates implements [Projection].
func (Orders) Aggregates() []string {
	return []string{domain.AggregateOrder, domain.AggregatePayment}
}

// Tables implements [Projection].
func (Orders) Tables() []Table {
	return []Table{
		{Name: "order_views", Key: []string{"order_id"}, Versions: []string{"version", "payment_version"}},
		{
			Name: "customer_summaries", Key: []string{"customer_id", "currency"},
			Moving: `coalesce(l.customer_id, s.customer_id) IN (SELECT coalesce(a.customer_id, b.customer_id)
				FROM {order_views} a FULL JOIN {order_views[shadow]} b USING (order_id) WHERE a.version IS DISTINCT FROM b.version)`,
		},
	}
}

// errRaced means that another projector has created a row meanwhile: the batch is done again.
var errRaced = errors.New("another projector was first")

// Open implements [Projection]. The rows are locked, because what a change adds to the customer's summary
// is the difference between the row before and after it.
func (Orders) Open(q *pgx.Batch, in Place, keys []Key) Batch {
	b := &orderBatch{in: in, rows: map[uuid.UUID]*orderRow{}}
	seen := map[uuid.UUID]bool{}
	for _, k := range keys {
		seen[k.OrderID] = true
	}
	if in.comparing {
		b.compare(q, sortedIDs(seen))
		return b
	}
	statement := "SELECT " + readmodel.OrderColumns + " FROM {order_views} WHERE order_id = ANY($1) ORDER BY order_id"
	if in.Locks() {
		statement += " FOR UPDATE"
	}
	queue(q, in.SQL(statement), sortedIDs(seen)).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			v, err := readmodel.ScanOrder(rows)
			if err != nil {
				return err
			}
			b.rows[v.OrderID] = &orderRow{exists: true, before: v, view: v}
		}
		return rows.Err()
	})
	return b
}

// compare reads the versions alone: the states beside them are most of a row, and of what reading one takes.
func (b *orderBatch) compare(q *pgx.Batch, ids []uuid.UUID) {
	queue(q, b.in.SQL("SELECT order_id, version, payment_version FROM {order_views} WHERE order_id = ANY($1)"), ids).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			r := &orderRow{exists: true}
			if err := rows.Scan(&r.view.OrderID, &r.view.Version, &r.view.PaymentVersion); err != nil {
				return err
			}
			b.rows[r.view.OrderID] = r
		}
		return rows.Err()
	})
}

type orderBatch struct {
	in   Place
	rows map[uuid.UUID]*orderRow
}

type orderRow struct {
	// exists tells whether the row was there when the batch was opened.
	exists, changed bool
	before, view    readmodel.OrderView
}

func (b *orderBatch) row(id uuid.UUID) *orderRow {
	r := b.rows[id]
	if r == nil {
		r = &orderRow{before: readmodel.NewOrderView(id), view: readmodel.NewOrderView(id)}
		b.rows[id] = r
	}
	return r
}

// Version implements [Batch].
func (b *orderBatch) Version(k Key) int64 {
	r := b.rows[k.OrderID]
	switch {
	case r == nil:
		return 0
	case k.AggregateType == domain.AggregatePayment:
		return r.view.PaymentVersion
	default:
		return r.view.Version
	}
}

// Apply implements [Batch].
func (b *orderBatch) Apply(e Event) error {
	if e.OrderID == uuid.Nil {
		return fmt.Errorf("%s names no order", e.EventType)
	}
	r := b.row(e.OrderID)
	r.changed = true
	if e.AggregateType == domain.AggregatePayment {
		r.view = r.view.ApplyPayment(e.Envelope, e.Data)
	} else {
		r.view = r.view.ApplyOrder(e.Envelope, e.Data)
	}
	return nil
}

// Skip implements [Batch].
func (b *orderBatch) Skip(e Event) {
	r := b.row(e.OrderID)
	r.changed = true
	if e.AggregateType == domain.AggregatePayment {
		r.view.PaymentVersion = e.Version
	} else {
		r.view.Version = e.Version
	}
	if r.view.UpdatedAt.IsZero() {
		r.view.UpdatedAt = e.Timestamp
	}
}

// Flush implements [Batch].
func (b *orderBatch) Flush(q *pgx.Batch) {
	var added, updated orderColumns
	customers := customerDeltas{}
	var changed []readmodel.OrderView
	rows := b.changedRows()
	texts := make([]orderTexts, len(rows))
	inParts(len(rows), func(from, to int) {
		for i := from; i < to; i++ {
			texts[i] = textsOf(rows[i].view)
		}
	})
	for i, r := range rows {
		if r.exists {
			updated.add(r.view, texts[i])
		} else {
			added.add(r.view, texts[i])
		}
		customers.add(r.before, -1)
		customers.add(r.view, +1)
		if r.view.Status != "" {
			changed = append(changed, r.view)
		}
	}
	if n := len(added.ids); n > 0 {
		queue(q, b.in.SQL("INSERT INTO {order_views} ("+orderColumnNames+") SELECT "+orderColumnCasts+" FROM "+orderColumnArrays+
			" ON CONFLICT (order_id) DO NOTHING"), added.args()...).Exec(func(tag pgconn.CommandTag) error {
			if int(tag.RowsAffected()) != n {
				return errRaced
			}
			return nil
		})
	}
	if len(updated.ids) > 0 {
		queue(q, b.in.SQL("UPDATE {order_views} AS t SET ("+orderColumnNames+") = ROW("+orderColumnCasts+") FROM "+orderColumnArrays+
			" WHERE t.order_id = u.order_id"), updated.args()...)
	}
	customers.flush(q, b.in)
	if len(changed) > 0 && b.in.IsLive() {
		announce(q, changed)
	}
}

// changedRows returns the rows to write, sorted by id.
func (b *orderBatch) changedRows() []*orderRow {
	rows := make([]*orderRow, 0, len(b.rows))
	for _, id := range sortedIDs(b.rows) {
		if r := b.rows[id]; r.changed {
			rows = append(rows, r)
		}
	}
	return rows
}

// announce queues what tells those who follow the changes of orders. NOTIFY makes transactions commit one
// after the other, which the few and large ones of a projector can bear.
func announce(q *pgx.Batch, changed []readmodel.OrderView) {
	var ids []uuid.UUID
	var versions, paymentVersions []int64
	var customers, statuses, payments, fulfillments []string
	for _, v := range changed {
		ids, versions, paymentVersions = append(ids, v.OrderID), append(versions, v.Version), append(paymentVersions, v.PaymentVersion)
		customers, statuses = append(customers, v.CustomerID), append(statuses, string(v.Status))
		payments, fulfillments = append(payments, v.PaymentStatus), append(fulfillments, v.FulfillmentStatus)
	}
	queue(q, `INSERT INTO orderloom.order_changes (order_id, version, payment_version, customer_id, status, payment_status, fulfillment_status)
		SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[])`,
		ids, versions, paymentVersions, customers, statuses, payments, fulfillments)
	queue(q, `SELECT pg_notify($1, '')`, readmodel.ChangesChannel)
}

// changes returns the orders that this batch has changed.
func (b *orderBatch) changes() []readmodel.OrderVersion {
	var all []readmodel.OrderVersion
	for id, r := range b.rows {
		if r.changed {
			all = append(all, readmodel.OrderVersion{OrderID: id, Version: r.view.Version, PaymentVersion: r.view.PaymentVersion})
		}
	}
	return all
}

// orderColumns holds rows of order_views column by column, which is how one statement takes many.
type orderColumns struct {
	ids                                                                  []uuid.UUID
	versions, paymentVersions                                            []int64
	created                                                              []*time.Time
	updated                                                              []time.Time
	numbers, customers, statuses, fulfillments, totals, currencies, skus []*string
	personalKeys, orderStates, paymentStates                             []*string
	personal                                                             [][]byte
	paymentStatuses, captured, refunded, shown                           []string
}

const (
	orderColumnNames = `order_id, version, payment_version, created_at, updated_at, order_number, customer_id, status, fulfillment_status,
		total_amount, currency, skus, shown, personal_key, personal_data, order_state, payment_state, payment_status, captured_amount,
		refunded_amount`
	orderColumnCasts = `u.order_id, u.version, u.payment_version, u.created_at, u.updated_at, u.order_number, u.customer_id, u.status,
		u.fulfillment_status, u.total_amount::numeric, u.currency, u.skus::text[], u.shown::json, u.personal_key, u.personal_data, u.order_state::json,
		u.payment_state::json, u.payment_status, u.captured_amount::numeric, u.refunded_amount::numeric`
	orderColumnArrays = `unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::timestamptz[], $5::timestamptz[], $6::text[], $7::text[], $8::text[],
		$9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::bytea[], $16::text[], $17::text[], $18::text[], $19::text[],
		$20::text[]) AS u(` + orderColumnNames + `)`
)

// orderTexts are the columns of a row that take some work to write; nil for NULL.
type orderTexts struct {
	shown                                       string
	skus, personalKey, orderState, paymentState *string
}

func textsOf(v readmodel.OrderView) orderTexts {
	known := v.Status != ""
	return orderTexts{
		shown:        string(v.Shown().JSON),
		skus:         text(known, func() string { return arrayText(skus(v.Items)) }),
		personalKey:  text(!v.Personal.IsZero(), func() string { return v.Personal.Key }),
		orderState:   text(known, func() string { return mustText(v.OrderState()) }),
		paymentState: text(v.PaymentVersion > 0, func() string { return mustText(v.PaymentState()) }),
	}
}

// text returns what comes from the order's stream, nil while that is unknown.
func text(known bool, s func() string) *string {
	if !known {
		return nil
	}
	t := s()
	return &t
}

func (c *orderColumns) add(v readmodel.OrderView, t orderTexts) {
	c.ids = append(c.ids, v.OrderID)
	c.versions, c.paymentVersions = append(c.versions, v.Version), append(c.paymentVersions, v.PaymentVersion)
	c.created, c.updated = append(c.created, timeOrNil(v.CreatedAt)), append(c.updated, v.UpdatedAt)
	known := v.Status != ""
	c.numbers = append(c.numbers, text(known, func() string { return v.OrderNumber }))
	c.customers = append(c.customers, text(known, func() string { return v.CustomerID }))
	c.statuses = append(c.statuses, text(known, func() string { return string(v.Status) }))
	c.fulfillments = append(c.fulfillments, text(known, func() string { return v.FulfillmentStatus }))
	c.totals = append(c.totals, text(known, func() string { return v.Total.Amount.String() }))
	c.currencies = append(c.currencies, text(known, func() string { return v.Total.Currency }))
	c.skus, c.shown = append(c.skus, t.skus), append(c.shown, t.shown)
	c.personalKeys, c.personal = append(c.personalKeys, t.personalKey), append(c.personal, v.Personal.Data)
	c.orderStates, c.paymentStates = append(c.orderStates, t.orderState), append(c.paymentStates, t.paymentState)
	c.paymentStatuses = append(c.paymentStatuses, v.PaymentStatus)
	c.captured, c.refunded = append(c.captured, v.Captured.Amount.String()), append(c.refunded, v.Refunded.Amount.String())
}

func (c *orderColumns) args() []any {
	return []any{
		c.ids, c.versions, c.paymentVersions, c.created, c.updated, c.numbers, c.customers, c.statuses, c.fulfillments, c.totals, c.currencies,
		c.skus, c.shown, c.personalKeys, c.personal, c.orderStates, c.paymentStates, c.paymentStatuses, c.captured, c.refunded,
	}
}

// customerDeltas sums what orders add to the summaries of their customers.
type customerDeltas map[customerKey]*customerDelta

type customerKey struct{ customer, currency string }

type customerDelta struct {
	orders, cancelled, delivered int64
	total                        decimal.Decimal
	first, last                  time.Time
}

// add adds an order, or with sign -1 takes it away again.
func (d customerDeltas) add(v readmodel.OrderView, sign int64) {
	if v.Status == "" {
		return
	}
	k := customerKey{v.CustomerID, v.Total.Currency}
	c := d[k]
	if c == nil {
		c = &customerDelta{}
		d[k] = c
	}
	c.orders += sign
	switch v.Status {
	case order.StatusCancelled:
		c.cancelled += sign
	case order.StatusDelivered:
		c.delivered += sign
	}
	if v.Status != order.StatusCancelled {
		c.total = c.total.Add(v.Total.Amount.Mul(decimal.NewFromInt(sign)))
	}
	if sign > 0 {
		if c.first.IsZero() || v.CreatedAt.Before(c.first) {
			c.first = v.CreatedAt
		}
		if v.CreatedAt.After(c.last) {
			c.last = v.CreatedAt
		}
	}
}

func (d customerDeltas) flush(q *pgx.Batch, in Place) {
	keys := make([]customerKey, 0, len(d))
	for k, c := range d {
		if c.orders != 0 || c.cancelled != 0 || c.delivered != 0 || !c.total.IsZero() {
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		return
	}
	slices.SortFunc(keys, func(a, b customerKey) int {
		if c := strings.Compare(a.customer, b.customer); c != 0 {
			return c
		}
		return strings.Compare(a.currency, b.currency)
	})
	var customers, currencies, totals []string
	var orders, cancelled, delivered []int64
	var first, last []time.Time
	for _, k := range keys {
		c := d[k]
		customers, currencies, totals = append(customers, k.customer), append(currencies, k.currency), append(totals, c.total.String())
		orders, cancelled, delivered = append(orders, c.orders), append(cancelled, c.cancelled), append(delivered, c.delivered)
		first, last = append(first, c.first), append(last, c.last)
	}
	queue(q, in.SQL(`INSERT INTO {customer_summaries} AS t
			(customer_id, currency, orders, cancelled, delivered, total_amount, first_order_at, last_order_at)
		SELECT a, b, c, d, e, f::numeric, g, h
		FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[], $7::timestamptz[], $8::timestamptz[])
			AS u(a, b, c, d, e, f, g, h)
		ON CONFLICT (customer_id, currency) DO UPDATE SET orders = t.orders + excluded.orders, cancelled = t.cancelled + excluded.cancelled,
			delivered = t.delivered + excluded.delivered, total_amount = t.total_amount + excluded.total_amount,
			first_order_at = LEAST(t.first_order_at, excluded.first_order_at), last_order_at = GREATEST(t.last_order_at, excluded.last_order_at)`),
		customers, currencies, orders, cancelled, delivered, totals, first, last)
}

// skus returns the SKUs of the lines, each once, sorted.
func skus(items []order.Item) []string {
	all := make([]string, 0, len(items))
	for _, i := range items {
		all = append(all, i.SKU)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// arrayText returns an array literal of PostgreSQL, since an array of arrays of different lengths can't be
// passed.
func arrayText(all []string) string {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, s := range all {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('"')
		b.WriteString(arrayEscapes.Replace(s))
		b.WriteByte('"')
	}
	b.WriteByte('}')
	return b.String()
}

var arrayEscapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`)
