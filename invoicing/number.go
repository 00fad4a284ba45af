package invoicing

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/domain/invoice"
)

// series is the last number of a series, and its date.
type series struct {
	last   int64
	lastOn string
}

// number gives numbers to documents in their order, and writes them.
//
// The date of a document is that of its event. In a series it never goes back: an event whose step has begun earlier
// than another's, and ended later, gets the later date.
func (i *Issuer) number(ctx context.Context, tx pgx.Tx, documents []invoice.Document) error {
	if len(documents) == 0 {
		return nil
	}
	names, err := numbersOf(ctx, tx, documents)
	if err != nil {
		return err
	}
	var rows columns
	known, err := i.seriesOf(ctx, tx, documents)
	if err != nil {
		return err
	}
	for _, d := range documents {
		at := d.RecordedAt.In(i.o.Forms.Zone)
		form := i.o.Forms.Of(d.Kind)
		name := form.Series(d.Channel, at)
		s := known[name]
		s.last, s.lastOn = s.last+1, max(s.lastOn, at.Format(time.DateOnly))
		known[name] = s
		number := form.Number(name, s.last)
		names[d.EventID] = number
		if err := rows.add(d.Numbered(number, s.lastOn, names), name, s.last); err != nil {
			return err
		}
	}
	return rows.write(ctx, tx, known)
}

// numbersOf returns the numbers that documents of these orders have, by their events.
func numbersOf(ctx context.Context, db querier, documents []invoice.Document) (map[uuid.UUID]string, error) {
	var orders []uuid.UUID
	for _, d := range documents {
		if !slices.Contains(orders, d.OrderID) {
			orders = append(orders, d.OrderID)
		}
	}
	rows, err := db.Query(ctx, `SELECT event_id, number FROM orderloom.invoices WHERE order_id = ANY ($1)`, orders)
	if err != nil {
		return nil, fmt.Errorf("read the numbers of earlier invoices: %w", err)
	}
	names := map[uuid.UUID]string{}
	var id uuid.UUID
	var number string
	if _, err = pgx.ForEachRow(rows, []any{&id, &number}, func() error { names[id] = number; return nil }); err != nil {
		return nil, fmt.Errorf("read the numbers of earlier invoices: %w", err)
	}
	return names, nil
}

// seriesOf returns the series that documents may belong to. The row of the cursor keeps others from changing them.
func (i *Issuer) seriesOf(ctx context.Context, tx pgx.Tx, documents []invoice.Document) (map[string]series, error) {
	var names []string
	for _, d := range documents {
		if name := i.o.Forms.Of(d.Kind).Series(d.Channel, d.RecordedAt.In(i.o.Forms.Zone)); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	rows, err := tx.Query(ctx, `SELECT series, last, last_on::text FROM orderloom.invoice_series WHERE series = ANY ($1)`, names)
	if err != nil {
		return nil, fmt.Errorf("read the last numbers: %w", err)
	}
	known := map[string]series{}
	var name string
	var s series
	if _, err = pgx.ForEachRow(rows, []any{&name, &s.last, &s.lastOn}, func() error { known[name] = s; return nil }); err != nil {
		return nil, fmt.Errorf("read the last numbers: %w", err)
	}
	return known, nil
}

// columns are rows to be written, column by column.
type columns struct {
	numbers, series, kinds, dates, customers, channels, currencies, totals, contents, personal []string

	ordinals, sequences []int64
	events, orders      []uuid.UUID
}

func (c *columns) add(d invoice.Document, series string, ordinal int64) error {
	content, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("write invoice %s: %w", d.Number, err)
	}
	personal, err := json.Marshal(d.Personal)
	if err != nil {
		return fmt.Errorf("write invoice %s: %w", d.Number, err)
	}
	c.numbers, c.series, c.ordinals = append(c.numbers, d.Number), append(c.series, series), append(c.ordinals, ordinal)
	c.kinds, c.dates, c.sequences = append(c.kinds, string(d.Kind)), append(c.dates, d.Date), append(c.sequences, d.Sequence)
	c.events, c.orders, c.customers = append(c.events, d.EventID), append(c.orders, d.OrderID), append(c.customers, d.CustomerID)
	c.channels, c.currencies = append(c.channels, d.Channel), append(c.currencies, d.Currency())
	c.totals, c.contents, c.personal = append(c.totals, d.Totals.Total.Text()), append(c.contents, string(content)), append(c.personal, string(personal))
	return nil
}

// write inserts the rows, and moves their series.
func (c *columns) write(ctx context.Context, tx pgx.Tx, known map[string]series) error {
	const insert = `INSERT INTO orderloom.invoices
			(number, series, ordinal, kind, issued_on, sequence, event_id, order_id, customer_id, channel, currency, total, content, personal)
		SELECT number, series, ordinal, kind, issued_on::date, sequence, event_id, order_id, customer_id, channel, currency, total::numeric,
			content::json, personal::jsonb
		FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::bigint[], $7::uuid[], $8::uuid[], $9::text[], $10::text[],
			$11::text[], $12::text[], $13::text[], $14::text[])
		AS u(number, series, ordinal, kind, issued_on, sequence, event_id, order_id, customer_id, channel, currency, total, content, personal)`
	if _, err := tx.Exec(ctx, insert, c.numbers, c.series, c.ordinals, c.kinds, c.dates, c.sequences, c.events, c.orders, c.customers, c.channels,
		c.currencies, c.totals, c.contents, c.personal); err != nil {
		return fmt.Errorf("write %d invoices: %w", len(c.numbers), err)
	}
	var names, dates []string
	var last []int64
	for name, s := range known {
		names, last, dates = append(names, name), append(last, s.last), append(dates, s.lastOn)
	}
	const move = `INSERT INTO orderloom.invoice_series (series, last, last_on)
		SELECT series, last, last_on::date FROM unnest($1::text[], $2::bigint[], $3::text[]) AS u(series, last, last_on)
		ON CONFLICT (series) DO UPDATE SET last = excluded.last, last_on = excluded.last_on`
	if _, err := tx.Exec(ctx, move, names, last, dates); err != nil {
		return fmt.Errorf("move the series: %w", err)
	}
	return nil
}
