package orders

import (
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/projector"
	"github.com/orderloom/orderloom/readmodel"
	"github.com/shopspring/decimal"
)

// customerDeltas sums what orders add to the summaries of their customers.
type customerDeltas map[customerKey]*customerDelta

type customerKey struct{ customer, currency string }

type customerDelta struct {
	orders, cancelled, delivered int64
	total, refunded              decimal.Decimal
	first, last                  time.Time
}

// add adds an order, or with sign -1 takes it away again. An order whose first event was discarded is nobody's.
func (d customerDeltas) add(v readmodel.OrderView, sign int64) {
	if v.Status == "" || v.CustomerID == "" {
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
	c.refunded = c.refunded.Add(v.Refunded.Amount.Mul(decimal.NewFromInt(sign)))
	if sign > 0 {
		if c.first.IsZero() || v.CreatedAt.Before(c.first) {
			c.first = v.CreatedAt
		}
		if v.CreatedAt.After(c.last) {
			c.last = v.CreatedAt
		}
	}
}

func (d customerDeltas) flush(q *pgx.Batch, in projector.Place) {
	keys := make([]customerKey, 0, len(d))
	for k, c := range d {
		if c.orders != 0 || c.cancelled != 0 || c.delivered != 0 || !c.total.IsZero() || !c.refunded.IsZero() {
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
	var customers, currencies, totals, refunds []string
	var orders, cancelled, delivered []int64
	var first, last []time.Time
	for _, k := range keys {
		c := d[k]
		customers, currencies, totals = append(customers, k.customer), append(currencies, k.currency), append(totals, c.total.String())
		orders, cancelled, delivered = append(orders, c.orders), append(cancelled, c.cancelled), append(delivered, c.delivered)
		first, last, refunds = append(first, c.first), append(last, c.last), append(refunds, c.refunded.String())
	}
	projector.Queue(q, in.SQL(`INSERT INTO {customer_summaries} AS t
			(customer_id, currency, orders, cancelled, delivered, total_amount, first_order_at, last_order_at, refunded_amount)
		SELECT a, b, c, d, e, f::numeric, g, h, i::numeric
		FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[], $7::timestamptz[], $8::timestamptz[],
			$9::text[]) AS u(a, b, c, d, e, f, g, h, i)
		ON CONFLICT (customer_id, currency) DO UPDATE SET orders = t.orders + excluded.orders, cancelled = t.cancelled + excluded.cancelled,
			delivered = t.delivered + excluded.delivered, total_amount = t.total_amount + excluded.total_amount,
			refunded_amount = t.refunded_amount + excluded.refunded_amount,
			first_order_at = LEAST(t.first_order_at, excluded.first_order_at), last_order_at = GREATEST(t.last_order_at, excluded.last_order_at)`),
		customers, currencies, orders, cancelled, delivered, totals, first, last, refunds)
}
