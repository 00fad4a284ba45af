package orders

import (
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/domain/money"
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
	total                        decimal.Decimal
	captured, refunded, owed     decimal.Decimal
	disputed, disputesLost       decimal.Decimal
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
	signed := func(m money.Money) decimal.Decimal { return m.Amount.Mul(decimal.NewFromInt(sign)) }
	if v.Status != order.StatusCancelled {
		c.total = c.total.Add(signed(v.Total))
	}
	c.captured = c.captured.Add(signed(v.Captured))
	c.refunded, c.owed = c.refunded.Add(signed(v.Refunded)), c.owed.Add(signed(v.Owed()))
	c.disputed, c.disputesLost = c.disputed.Add(signed(v.InDispute())), c.disputesLost.Add(signed(v.LostInDisputes()))
	if sign > 0 {
		if c.first.IsZero() || v.CreatedAt.Before(c.first) {
			c.first = v.CreatedAt
		}
		if v.CreatedAt.After(c.last) {
			c.last = v.CreatedAt
		}
	}
}

// isZero reports whether the orders add nothing to the summary.
func (c *customerDelta) isZero() bool {
	return c.orders == 0 && c.cancelled == 0 && c.delivered == 0 && c.total.IsZero() && c.captured.IsZero() && c.refunded.IsZero() && c.owed.IsZero() &&
		c.disputed.IsZero() && c.disputesLost.IsZero()
}

func (d customerDeltas) flush(q *pgx.Batch, in projector.Place) {
	keys := make([]customerKey, 0, len(d))
	for k, c := range d {
		if !c.isZero() {
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
	var customers, currencies, totals, captured, refunds, owed, disputed, lost []string
	var orders, cancelled, delivered []int64
	var first, last []time.Time
	for _, k := range keys {
		c := d[k]
		customers, currencies, totals = append(customers, k.customer), append(currencies, k.currency), append(totals, c.total.String())
		captured = append(captured, c.captured.String())
		orders, cancelled, delivered = append(orders, c.orders), append(cancelled, c.cancelled), append(delivered, c.delivered)
		first, last, refunds = append(first, c.first), append(last, c.last), append(refunds, c.refunded.String())
		owed, disputed, lost = append(owed, c.owed.String()), append(disputed, c.disputed.String()), append(lost, c.disputesLost.String())
	}
	projector.Queue(q, in.SQL(`INSERT INTO {customer_summaries} AS t
			(customer_id, currency, orders, cancelled, delivered, total_amount, first_order_at, last_order_at, refunded_amount, owed_amount,
			disputed_amount, disputes_lost_amount, captured_amount)
		SELECT a, b, c, d, e, f::numeric, g, h, i::numeric, j::numeric, k::numeric, l::numeric, m::numeric
		FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[], $7::timestamptz[], $8::timestamptz[],
			$9::text[], $10::text[], $11::text[], $12::text[], $13::text[]) AS u(a, b, c, d, e, f, g, h, i, j, k, l, m)
		ON CONFLICT (customer_id, currency) DO UPDATE SET orders = t.orders + excluded.orders, cancelled = t.cancelled + excluded.cancelled,
			delivered = t.delivered + excluded.delivered, total_amount = t.total_amount + excluded.total_amount,
			refunded_amount = t.refunded_amount + excluded.refunded_amount, owed_amount = t.owed_amount + excluded.owed_amount,
			disputed_amount = t.disputed_amount + excluded.disputed_amount,
			disputes_lost_amount = t.disputes_lost_amount + excluded.disputes_lost_amount,
			captured_amount = t.captured_amount + excluded.captured_amount,
			first_order_at = LEAST(t.first_order_at, excluded.first_order_at), last_order_at = GREATEST(t.last_order_at, excluded.last_order_at)`),
		customers, currencies, orders, cancelled, delivered, totals, first, last, refunds, owed, disputed, lost, captured)
}
