package eventstore

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/domain"
)

func (o ReadOptions) checked() (ReadOptions, error) {
	if o.After < 0 {
		return o, domain.Invalid("after", "must not be negative, got %d", o.After)
	}
	if o.Limit < 0 || o.Limit > PageMax {
		return o, domain.Invalid("limit", "must be from 1 to %d, got %d", PageMax, o.Limit)
	}
	if o.Span < 0 {
		return o, domain.Invalid("span", "must not be negative, got %d", o.Span)
	}
	if code, message := payloadFault(o.Filter.Payload); len(o.Filter.Payload) > 0 && code != "" {
		return o, domain.Invalid("filter.payload", "%s", message)
	}
	o.Limit = cmp.Or(o.Limit, PageDefault)
	return o, nil
}

// Read returns the next page of the global order after a cursor, never past the high-water mark. So no event with a
// sequence up to Page.Next can appear later.
func (s *Store) Read(ctx context.Context, o ReadOptions) (Page, error) {
	o, err := o.checked()
	if err != nil {
		return Page{}, err
	}
	mark, archived, err := s.highWater.advance(ctx)
	if err != nil {
		return Page{}, fmt.Errorf("find the high-water mark: %w", err)
	}
	return s.readTo(ctx, o, mark, archived)
}

// readTo reads a page up to a mark that was found before.
func (s *Store) readTo(ctx context.Context, o ReadOptions, mark, archived int64) (Page, error) {
	page := Page{HighWater: mark, Next: o.After}
	if o.After >= mark {
		return page, nil
	}
	to := mark
	if o.Span > 0 && o.Span < mark-o.After {
		to = o.After + o.Span
	}
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return Page{}, err
	}
	defer conn.Release()
	for {
		if err := fillPage(ctx, conn.Conn(), o, to, archived, &page); err != nil {
			return Page{}, err
		}
		// A partition that was archived meanwhile may have been missed.
		const sql = "SELECT coalesce(max(to_sequence), 0) FROM orderloom.partitions WHERE archived_at IS NOT NULL"
		bound := archived
		if err := conn.QueryRow(ctx, sql).Scan(&bound); err != nil {
			return Page{}, fmt.Errorf("look for archived partitions: %w", err)
		}
		if bound <= archived || o.After >= bound-1 {
			return page, nil
		}
		archived = bound
	}
}

// fillPage reads a page up to a sequence from the archived partitions, then the table.
func fillPage(ctx context.Context, conn *pgx.Conn, o ReadOptions, to, archived int64, page *Page) error {
	page.Events, page.More, page.Next = make([]domain.Envelope, 0, min(int64(o.Limit), to-o.After)), false, o.After
	tables := []string{"orderloom.events"}
	if o.After < archived-1 {
		const sql = `SELECT name FROM orderloom.partitions WHERE archived_at IS NOT NULL AND to_sequence > $1 + 1 ORDER BY from_sequence`
		names, err := collect[string](ctx, conn, sql, o.After)
		if err != nil {
			return fmt.Errorf("list archived partitions: %w", err)
		}
		tables = nil
		for _, name := range names {
			tables = append(tables, pgx.Identifier{"orderloom", name}.Sanitize())
		}
		tables = append(tables, "orderloom.events")
	}
	for i, table := range tables {
		if i == len(tables)-1 {
			o.After = max(o.After, archived-1) // one that is marked may still be attached
		}
		if err := readTable(ctx, conn, table, o, to, page); err != nil || page.More {
			return err
		}
	}
	page.Next, page.More = to, to < page.HighWater
	return nil
}

// pageBytesMax bounds the payloads of a page; one event more may stand in it.
const pageBytesMax = 16 << 20

// readTable adds events of one table, up to a sequence, to the page. It sets More and Next when the page is full.
func readTable(ctx context.Context, conn *pgx.Conn, table string, o ReadOptions, to int64, page *Page) error {
	sql, args := pageSQL(table, o, to, o.Limit-len(page.Events)+1)
	args = append([]any{pgx.QueryExecModeCacheStatement, pgx.QueryResultFormats{1}}, args...)
	rows, err := conn.Query(ctx, sql, args...)
	if err != nil {
		return fmt.Errorf("read events: %w", err)
	}
	defer rows.Close()
	var c envelopes
	bytes := 0
	for rows.Next() {
		if len(page.Events) == o.Limit || bytes > pageBytesMax {
			page.More = true
			break
		}
		e := c.scan(rows.RawValues())
		bytes += len(e.Payload)
		page.Events = append(page.Events, e)
		page.Next = e.Sequence
	}
	rows.Close()
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read events: %w", err)
	}
	return nil
}

// pageSQL is the statement for at most limit events of one table, up to a sequence.
func pageSQL(table string, o ReadOptions, to int64, limit int) (sql string, args []any) {
	sql = "SELECT " + eventColumns + " FROM " + table + " e WHERE e.sequence > $1 AND e.sequence <= $2"
	args = []any{o.After, to}
	add := func(condition string, value any) {
		args = append(args, value)
		sql += fmt.Sprintf(" AND "+condition, len(args))
	}
	from, before := `e."timestamp" >= $%d`, `e."timestamp" < $%d`
	if o.Span > 0 {
		// The index by time leads to events of any sequence. In this form PostgreSQL can't take it, and reads the span.
		from, before = "("+from+") IS TRUE", "("+before+") IS TRUE"
	}
	if len(o.Filter.AggregateTypes) > 0 {
		add("e.aggregate_type = ANY ($%d)", o.Filter.AggregateTypes)
	}
	if len(o.Filter.EventTypes) > 0 {
		add("e.event_type = ANY ($%d)", o.Filter.EventTypes)
	}
	if o.Filter.CorrelationID != "" {
		add("e.correlation_id = $%d", o.Filter.CorrelationID)
	}
	if !o.Filter.From.IsZero() {
		add(from, o.Filter.From)
	}
	if !o.Filter.To.IsZero() {
		add(before, o.Filter.To)
	}
	if len(o.Filter.Payload) > 0 {
		add("e.payload @> $%d::jsonb", string(o.Filter.Payload))
	}
	args = append(args, limit)
	return sql + fmt.Sprintf(" ORDER BY e.sequence LIMIT $%d", len(args)), args
}

func collect[T any](ctx context.Context, conn *pgx.Conn, sql string, args ...any) ([]T, error) {
	rows, err := conn.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[T])
}

// Events ranges over the events after a cursor up to the high-water mark of the moment it starts. It reads page by
// page, so in bounded memory however many there are. It ends after the first error, or when ctx ends.
//
//	for event, err := range store.Events(ctx, eventstore.ReadOptions{}) { … }
func (s *Store) Events(ctx context.Context, o ReadOptions) iter.Seq2[domain.Envelope, error] {
	return func(yield func(domain.Envelope, error) bool) {
		o, err := o.checked()
		var mark, archived int64
		if err == nil {
			mark, archived, err = s.highWater.advance(ctx)
		}
		for err == nil {
			var page Page
			if page, err = s.readTo(ctx, o, mark, archived); err != nil {
				break
			}
			for _, e := range page.Events {
				if !yield(e, nil) {
					return
				}
			}
			if !page.More {
				return
			}
			o.After = page.Next
		}
		yield(domain.Envelope{}, err)
	}
}

// TailPollDefault is how long [Store.Tail] sleeps when nothing wakes it: commits of other processes are
// found no later than this.
const TailPollDefault = 100 * time.Millisecond

// Tail gives page after page to handle, for ever: it waits for new events when there are none. It returns
// when ctx ends or handle fails. handle is not called with an empty page, unless the cursor has moved past
// events that the filter leaves out.
func (s *Store) Tail(ctx context.Context, o ReadOptions, poll time.Duration, handle func(Page) error) error {
	if poll <= 0 {
		poll = TailPollDefault
	}
	wake, stop := s.Wake()
	defer stop()
	ticker := time.NewTicker(poll)
	defer ticker.Stop()
	for {
		page, err := s.Read(ctx, o)
		if err != nil {
			return err
		}
		if page.Next > o.After {
			o.After = page.Next
			if err := handle(page); err != nil {
				return err
			}
		}
		if page.More {
			continue
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-wake:
		case <-ticker.C:
		}
	}
}
