// Package orders keeps the view of orders: what is shown of each, in lists and alone, and a summary for each customer.
package orders

import (
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/projector"
	"github.com/orderloom/orderloom/projector/views/figures"
	"github.com/orderloom/orderloom/readmodel"
)

// View keeps order_views, one row for each order with its payment. From its changes it keeps customer_summaries,
// order_contacts and order_changes.
type View struct {
	// Contacts indexes by what orders are found; nil leaves them out of the index, and counted as such.
	Contacts Contacts
	// Figures counts what happens to orders; nil counts nothing.
	Figures *figures.Figures
}

// Name is the name of the projection.
const Name = "orders"

// Name implements [projector.Projection].
func (View) Name() string { return Name }

// Aggregates implements [projector.Projection].
func (View) Aggregates() []string {
	return []string{domain.AggregateOrder, domain.AggregatePayment}
}

// Tables implements [projector.Projection].
func (View) Tables() []projector.Table {
	return []projector.Table{
		{Name: "order_views", Key: []string{"order_id"}, Versions: []string{"version", "payment_version"}},
		{
			Name: "customer_summaries", Key: []string{"customer_id", "currency"},
			Moving: `coalesce(l.customer_id, s.customer_id) IN (SELECT coalesce(a.customer_id, b.customer_id)
				FROM {order_views} a FULL JOIN {order_views[shadow]} b USING (order_id)
				WHERE (a.version, a.payment_version) IS DISTINCT FROM (b.version, b.payment_version))`,
		},
		{
			Name: tableContacts, Key: []string{"order_id"},
			Moving: `coalesce(l.order_id, s.order_id) IN (SELECT coalesce(a.order_id, b.order_id)
				FROM {order_views} a FULL JOIN {order_views[shadow]} b USING (order_id)
				WHERE a.version IS DISTINCT FROM b.version)`,
		},
	}
}

// Open implements [projector.Projection]. It locks the rows, because what a change adds to the customer's summary is
// the difference between the row before and after it.
func (v View) Open(q *pgx.Batch, in projector.Place, keys []projector.Key) projector.Batch {
	b := &orderBatch{in: in, rows: map[uuid.UUID]*orderRow{}, opener: v.Contacts, figures: v.Figures}
	seen := map[uuid.UUID]bool{}
	for _, k := range keys {
		seen[rowOf(k)] = true
	}
	if in.VersionsOnly() {
		b.readVersions(q, projector.SortedIDs(seen))
		return b
	}
	statement := "SELECT " + readmodel.OrderColumns + " FROM {order_views} WHERE order_id = ANY($1) ORDER BY order_id"
	if in.Locks() {
		statement += " FOR UPDATE"
	}
	projector.Queue(q, in.SQL(statement), projector.SortedIDs(seen)).Query(func(rows pgx.Rows) error {
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

// readVersions reads the versions alone. The states beside them are most of a row, and of what reading one costs.
func (b *orderBatch) readVersions(q *pgx.Batch, ids []uuid.UUID) {
	projector.Queue(q, b.in.SQL("SELECT order_id, version, payment_version FROM {order_views} WHERE order_id = ANY($1)"), ids).Query(func(rows pgx.Rows) error {
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
	in   projector.Place
	rows map[uuid.UUID]*orderRow
	// opener is nil where contacts can't be indexed.
	opener   Contacts
	contacts []contactRow
	// sorted are the rows to write, nil before they are gathered.
	sorted []*orderRow
	// noted is what figures counts after the commit.
	figures *figures.Figures
	noted   figures.Noted
}

type orderRow struct {
	// exists reports whether the row was there when the batch was opened.
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

// Version implements [projector.Batch].
func (b *orderBatch) Version(k projector.Key) int64 {
	r := b.rows[rowOf(k)]
	switch {
	case r == nil:
		return 0
	case k.AggregateType == domain.AggregatePayment:
		return r.view.PaymentVersion
	default:
		return r.view.Version
	}
}

// Apply implements [projector.Batch].
func (b *orderBatch) Apply(e projector.Event) error {
	if e.OrderID == uuid.Nil {
		return fmt.Errorf("%s names no order", e.EventType)
	}
	r := b.row(e.OrderID)
	r.changed = true
	before := r.view.Status
	if e.AggregateType == domain.AggregatePayment {
		r.view = r.view.ApplyPayment(e.Envelope, e.Data)
	} else {
		r.view = r.view.ApplyOrder(e.Envelope, e.Data)
	}
	b.noted.Event(e.Data)
	if v := r.view; v.Status != before {
		b.noted.Status(figures.Move{To: v.Status, Channel: v.Channel, After: e.Timestamp.Sub(v.CreatedAt), Waited: v.Waited()})
	}
	return nil
}

// Count implements [projector.CountedBatch].
func (b *orderBatch) Count() { b.figures.Count(b.noted) }

// rowOf returns the id of the row that a stream belongs to. A payment whose order no event tells has a row of its own,
// which is shown to nobody. It keeps how far the payment's events were discarded.
func rowOf(k projector.Key) uuid.UUID {
	if k.OrderID == uuid.Nil {
		return k.AggregateID
	}
	return k.OrderID
}

// Skip implements [projector.Batch]. A row of which nothing but discarded events is known has no times, as its fold.
func (b *orderBatch) Skip(e projector.Event) {
	r := b.row(rowOf(e.Key()))
	r.changed = true
	if e.AggregateType == domain.AggregatePayment {
		r.view.PaymentVersion = e.Version
	} else {
		r.view.Version = e.Version
	}
}

// MarkParked implements [projector.MarkedBatch].
func (b *orderBatch) MarkParked(k projector.Key, parked bool) {
	r := b.rows[rowOf(k)]
	if r == nil || slices.Contains(r.view.Parked, k.AggregateType) == parked {
		return
	}
	r.changed = true
	if parked {
		r.view.Parked = append(slices.Clone(r.view.Parked), k.AggregateType)
		slices.Sort(r.view.Parked)
		return
	}
	r.view.Parked = slices.DeleteFunc(slices.Clone(r.view.Parked), func(t string) bool { return t == k.AggregateType })
}

// Flush implements [projector.Batch]. What was not prepared is left out of the index, and counted as such.
func (b *orderBatch) Flush(q *pgx.Batch) {
	var added, updated orderColumns
	customers := customerDeltas{}
	var changed []readmodel.OrderView
	if b.sorted == nil {
		b.gather()
	}
	rows := b.sorted
	texts := make([]orderTexts, len(rows))
	projector.InParts(len(rows), func(from, to int) {
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
		projector.Queue(q, b.in.SQL("INSERT INTO {order_views} ("+orderColumnNames+") SELECT "+orderColumnCasts+" FROM "+orderColumnArrays+
			" ON CONFLICT (order_id) DO NOTHING"), added.args()...).Exec(func(tag pgconn.CommandTag) error {
			if int(tag.RowsAffected()) != n {
				return projector.ErrRaced
			}
			return nil
		})
	}
	if len(updated.ids) > 0 {
		projector.Queue(q, b.in.SQL("UPDATE {order_views} AS t SET ("+orderColumnNames+") = ROW("+orderColumnCasts+") FROM "+orderColumnArrays+
			" WHERE t.order_id = u.order_id"), updated.args()...)
	}
	customers.flush(q, b.in)
	b.flushContacts(q)
	if len(changed) > 0 && b.in.IsLive() {
		announce(q, changed)
	}
}

// changedRows returns the rows to write, sorted by id.
func (b *orderBatch) changedRows() []*orderRow {
	rows := make([]*orderRow, 0, len(b.rows))
	for _, id := range projector.SortedIDs(b.rows) {
		if r := b.rows[id]; r.changed {
			rows = append(rows, r)
		}
	}
	return rows
}

// announce queues what tells those who follow the changes of orders. NOTIFY makes transactions commit one after the
// other. A projector has few and large ones, so that costs little.
func announce(q *pgx.Batch, changed []readmodel.OrderView) {
	var ids []uuid.UUID
	var versions, paymentVersions []int64
	var customers, statuses, payments, fulfillments, accounts, channels []string
	for _, v := range changed {
		ids, versions, paymentVersions = append(ids, v.OrderID), append(versions, v.Version), append(paymentVersions, v.PaymentVersion)
		customers, statuses = append(customers, v.CustomerID), append(statuses, string(v.Status))
		payments, fulfillments = append(payments, v.PaymentStatus), append(fulfillments, v.FulfillmentStatus)
		accounts, channels = append(accounts, v.Account), append(channels, v.Channel)
	}
	projector.Queue(q, `INSERT INTO orderloom.order_changes
			(order_id, version, payment_version, customer_id, status, payment_status, fulfillment_status, account, channel)
		SELECT order_id, version, payment_version, customer_id, status, payment_status, fulfillment_status, nullif(account, ''), nullif(channel, '')
		FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[])
			AS u(order_id, version, payment_version, customer_id, status, payment_status, fulfillment_status, account, channel)`,
		ids, versions, paymentVersions, customers, statuses, payments, fulfillments, accounts, channels)
	projector.Queue(q, `SELECT pg_notify($1, '')`, readmodel.ChangesChannel)
}

// Changed implements [projector.CachedBatch].
func (b *orderBatch) Changed() []readmodel.OrderVersion {
	var all []readmodel.OrderVersion
	for id, r := range b.rows {
		if r.changed {
			all = append(all, readmodel.OrderVersion{OrderID: id, Version: r.view.Version, PaymentVersion: r.view.PaymentVersion})
		}
	}
	return all
}
