package invoicing

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/invoice"
	"github.com/orderloom/orderloom/eventstore"
)

// Streams is what a verification reads of the event store; [eventstore.Store] is one.
type Streams interface {
	Events
	Versions(ctx context.Context, aggregateType string, after uuid.UUID, limit int) ([]eventstore.StreamVersion, error)
}

// Verification is what comparing the invoices with the events has shown.
type Verification struct {
	// Position is the event up to which both are compared.
	Position int64 `json:"position"`
	// Documents and Series count what was compared.
	Documents int64 `json:"documents"`
	Series    int   `json:"series"`
	// Wrong counts the differences. Differences are the first [DifferencesMax].
	Wrong       int          `json:"wrong"`
	Differences []Difference `json:"differences,omitempty"`
}

// DifferencesMax is how many differences a verification names.
const DifferencesMax = 20

// Difference is something that the invoices and the events do not agree on.
type Difference struct {
	// About is a number, a series, or the event of an order that has none.
	About string `json:"about"`
	What  string `json:"what"`
}

// OK reports whether nothing differs.
func (v Verification) OK() bool { return v.Wrong == 0 }

func (v *Verification) differ(about, format string, args ...any) {
	if v.Wrong++; len(v.Differences) < DifferencesMax {
		v.Differences = append(v.Differences, Difference{About: about, What: fmt.Sprintf(format, args...)})
	}
}

// verifyPage is how many orders are compared at once.
const verifyPage = 200

// Verify compares all invoices with the events, both ways. What moved money has just one document, with just what the
// events tell. Each document has its event, and no number of a series is missing. Events that are not numbered yet are
// left out. It may run at any time.
func Verify(ctx context.Context, pool *pgxpool.Pool, events Streams) (v Verification, err error) {
	if v.Position, err = Position(ctx, pool); err != nil {
		return v, err
	}
	var compared int64
	for after := uuid.Nil; ; {
		page, err := events.Versions(ctx, domain.AggregateOrder, after, verifyPage)
		if err != nil {
			return v, err
		}
		if len(page) == 0 {
			break
		}
		orders := make([]uuid.UUID, len(page))
		for i, s := range page {
			orders[i] = s.Stream.ID
		}
		after = orders[len(orders)-1]
		rows, err := rowsOf(ctx, pool, orders, v.Position)
		if err != nil {
			return v, err
		}
		want, err := documents(ctx, events, orders, v.Position)
		if err != nil {
			return v, err
		}
		for _, id := range orders {
			compared += int64(len(rows[id]))
			if err := want[id].err; err != nil {
				v.differ("order "+id.String(), "its events can't be read: %v", err)
			} else if err := v.compare(id, want[id].documents, rows[id]); err != nil {
				return v, err
			}
		}
	}
	if err := v.count(ctx, pool, compared); err != nil {
		return v, err
	}
	return v, v.findGaps(ctx, pool)
}

// row is an invoice as it is kept.
type row struct {
	number, series, date string
	ordinal, sequence    int64
	event                uuid.UUID
	content, personal    []byte
}

func rowsOf(ctx context.Context, pool *pgxpool.Pool, orders []uuid.UUID, through int64) (map[uuid.UUID][]row, error) {
	const sql = `SELECT order_id, number, series, issued_on::text, ordinal, sequence, event_id, content, personal FROM orderloom.invoices
		WHERE order_id = ANY ($1) AND sequence <= $2 ORDER BY sequence`
	found, err := pool.Query(ctx, sql, orders, through)
	if err != nil {
		return nil, fmt.Errorf("read the invoices: %w", err)
	}
	rows := map[uuid.UUID][]row{}
	var id uuid.UUID
	var r row
	_, err = pgx.ForEachRow(found, []any{&id, &r.number, &r.series, &r.date, &r.ordinal, &r.sequence, &r.event, &r.content, &r.personal}, func() error {
		r.content, r.personal = slices.Clone(r.content), slices.Clone(r.personal)
		rows[id] = append(rows[id], r)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the invoices: %w", err)
	}
	return rows, nil
}

// compare compares the invoices of an order with what its events make.
func (v *Verification) compare(orderID uuid.UUID, want []invoice.Document, have []row) error {
	names := map[uuid.UUID]string{}
	for _, r := range have {
		names[r.event] = r.number
	}
	for _, d := range want {
		i := slices.IndexFunc(have, func(r row) bool { return r.event == d.EventID })
		if i < 0 {
			v.differ(d.EventID.String(), "%s of %s of order %s has no number: event %d", d.Kind, d.Totals.Total, orderID, d.Sequence)
			continue
		}
		r := have[i]
		have = slices.Delete(slices.Clone(have), i, i+1)
		content, err := json.Marshal(d.Numbered(r.number, r.date, names))
		if err != nil {
			return fmt.Errorf("write invoice %s: %w", r.number, err)
		}
		personal, err := json.Marshal(d.Personal)
		if err != nil {
			return fmt.Errorf("write invoice %s: %w", r.number, err)
		}
		switch digits, ok := strings.CutPrefix(r.number, r.series); {
		case !ok || strings.TrimLeft(digits, "0") != strconv.FormatInt(r.ordinal, 10):
			v.differ(r.number, "it is number %d of the series %s", r.ordinal, r.series)
		case r.sequence != d.Sequence:
			v.differ(r.number, "it stands at event %d, which is event %d", r.sequence, d.Sequence)
		case !domain.SameJSON(content, r.content):
			v.differ(r.number, "the events tell %s, and it tells %s", content, r.content)
		case !domain.SameJSON(personal, r.personal):
			v.differ(r.number, "its recipient is not the order's")
		}
	}
	for _, r := range have {
		v.differ(r.number, "order %s has no event %s that moved money", orderID, r.event)
	}
	return nil
}

// count counts the invoices, and finds those of orders that the store does not have.
func (v *Verification) count(ctx context.Context, pool *pgxpool.Pool, compared int64) error {
	err := pool.QueryRow(ctx, `SELECT count(*) FROM orderloom.invoices WHERE sequence <= $1`, v.Position).Scan(&v.Documents)
	if err != nil {
		return fmt.Errorf("count the invoices: %w", err)
	}
	if lost := v.Documents - compared; lost != 0 {
		v.differ("all", "%d invoices are of orders that the event store does not have", lost)
	}
	return nil
}

// findGaps finds series in which a number is missing.
func (v *Verification) findGaps(ctx context.Context, pool *pgxpool.Pool) error {
	const sql = `SELECT coalesce(s.series, i.series), coalesce(s.last, 0), coalesce(i.count, 0), coalesce(i.last, 0), coalesce(s.last_on < i.last_on, true)
		FROM orderloom.invoice_series s
		FULL JOIN (SELECT series, count(*) AS count, max(ordinal) AS last, max(issued_on) AS last_on FROM orderloom.invoices GROUP BY series) i
			ON i.series = s.series ORDER BY 1`
	rows, err := pool.Query(ctx, sql)
	if err != nil {
		return fmt.Errorf("read the series: %w", err)
	}
	var name string
	var given, count, last int64
	var early bool
	_, err = pgx.ForEachRow(rows, []any{&name, &given, &count, &last, &early}, func() error {
		v.Series++
		switch {
		case count != last:
			v.differ(name, "%d numbers are missing up to %d", last-count, last)
		case given != last:
			v.differ(name, "the last number is %d, and %d was given", last, given)
		case early:
			v.differ(name, "an invoice has a later date than the series")
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read the series: %w", err)
	}
	return nil
}
