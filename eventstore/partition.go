package eventstore

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/domain"
)

// Partitions lists the parts of the events table, oldest first.
func (s *Store) Partitions(ctx context.Context) ([]Partition, error) {
	rows, err := s.pool.Query(ctx, `SELECT name, from_sequence, to_sequence, coalesce(indexed_at, 'epoch'), coalesce(archived_at, 'epoch')
		FROM orderloom.partitions ORDER BY from_sequence`)
	if err != nil {
		return nil, fmt.Errorf("list partitions: %w", err)
	}
	partitions, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (p Partition, err error) {
		err = row.Scan(&p.Name, &p.From, &p.To, &p.IndexedAt, &p.ArchivedAt)
		for _, t := range []*time.Time{&p.IndexedAt, &p.ArchivedAt} {
			if t.Unix() == 0 {
				*t = time.Time{}
			}
		}
		return p, err
	})
	if err != nil {
		return nil, fmt.Errorf("list partitions: %w", err)
	}
	return partitions, nil
}

// lookupIndexes are made on partitions that take no more events, so that they cost appends nothing. The
// index by time is on every partition from its beginning.
var lookupIndexes = []struct{ suffix, definition string }{
	{"event_type", "(event_type, sequence)"},
	{"correlation", "(correlation_id) WHERE correlation_id IS NOT NULL"},
	{"payload", "USING gin (payload jsonb_path_ops)"},
}

// Maintain makes partitions ahead of need, and notes how new events are, for [Store.Before]. For full partitions it
// makes the filter of event ids and the lookup indexes. It returns how many it indexed. The store makes partitions by
// itself; call this every minute or so for the others: appends cost more until the filter is there. Only the owner of
// the schema makes the lookup indexes; they are left to it by a role that is not. It may be repeated and interrupted,
// and holds up neither appends nor reads.
func (s *Store) Maintain(ctx context.Context) (indexed int, err error) {
	if _, err := s.pool.Exec(ctx, "SELECT orderloom.ensure_partitions()"); err != nil {
		return 0, fmt.Errorf("make partitions: %w", err)
	}
	mark, _, err := s.highWater.advance(ctx)
	if err != nil {
		return 0, fmt.Errorf("find the high-water mark: %w", err)
	}
	if err := s.filterEventIDs(ctx, mark); err != nil { // first: appends look for ids until it is there
		return 0, err
	}
	if err := s.noteTimes(ctx, mark); err != nil {
		return 0, err
	}
	partitions, err := s.Partitions(ctx)
	if err != nil {
		return 0, err
	}
	for _, p := range partitions {
		if p.To > mark || !p.IndexedAt.IsZero() || !p.ArchivedAt.IsZero() {
			continue
		}
		if owner, err := s.ownsEvents(ctx); err != nil || !owner {
			return indexed, err
		}
		if err := s.indexPartition(ctx, p); err != nil {
			return indexed, err
		}
		indexed++
	}
	return indexed, nil
}

// ownsEvents reports whether this role may make indexes.
func (s *Store) ownsEvents(ctx context.Context) (owner bool, err error) {
	const look = "SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = 'orderloom.events'::regclass"
	if err := s.pool.QueryRow(ctx, look).Scan(&owner); err != nil {
		return false, fmt.Errorf("look who owns the events: %w", err)
	}
	return owner, nil
}

func (s *Store) indexPartition(ctx context.Context, p Partition) error {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("index partition %s: %w", p.Name, err)
	}
	defer conn.Release()
	// One processor for it is enough: it takes minutes, and the others are for the orders of those minutes.
	if _, err := conn.Exec(ctx, "SET max_parallel_maintenance_workers = 0"); err != nil {
		return fmt.Errorf("index partition %s: %w", p.Name, err)
	}
	defer func() { _, _ = conn.Exec(context.WithoutCancel(ctx), "RESET max_parallel_maintenance_workers") }()
	table := pgx.Identifier{"orderloom", p.Name}.Sanitize()
	for _, i := range lookupIndexes {
		name := p.Name + "_" + i.suffix
		var valid *bool // of an index with that name
		const look = "SELECT (SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass($1))"
		if err := conn.QueryRow(ctx, look, "orderloom."+name).Scan(&valid); err != nil {
			return fmt.Errorf("look for index %s: %w", name, err)
		}
		if valid != nil && *valid {
			continue
		}
		if valid != nil { // a call that was interrupted leaves an invalid index behind
			if _, err := conn.Exec(ctx, "DROP INDEX CONCURRENTLY "+pgx.Identifier{"orderloom", name}.Sanitize()); err != nil {
				return fmt.Errorf("drop index %s: %w", name, err)
			}
		}
		sql := "CREATE INDEX CONCURRENTLY " + pgx.Identifier{name}.Sanitize() + " ON " + table + " " + i.definition
		if _, err := conn.Exec(ctx, sql); err != nil {
			return fmt.Errorf("index partition %s: %w", p.Name, err)
		}
	}
	if _, err := conn.Exec(ctx, "UPDATE orderloom.partitions SET indexed_at = now() WHERE name = $1", p.Name); err != nil {
		return fmt.Errorf("index partition %s: %w", p.Name, err)
	}
	return nil
}

// CodeNothingToArchive refuses to archive a partition that still takes events.
const CodeNothingToArchive domain.ErrorCode = "nothing_to_archive"

// Archive detaches the oldest partition, which must be full, and returns it. Load, Read and Events still find its
// events, in the table that is left in the schema. That table may be moved to another tablespace. An append is not:
// archive what no retry can reach any more. One that comes nevertheless is a conflict, which a [Repository] resolves
// by what it loads; with [Any] it is stored again. It may be repeated after an interruption. Errors:
// nothing_to_archive.
func (s *Store) Archive(ctx context.Context) (Partition, error) {
	mark, _, err := s.highWater.advance(ctx)
	if err != nil {
		return Partition{}, fmt.Errorf("find the high-water mark: %w", err)
	}
	// One that is marked and still attached is left from an interrupted call.
	const pick = `SELECT p.name, p.from_sequence, p.to_sequence, i.inhdetachpending FROM orderloom.partitions p
		JOIN pg_inherits i ON i.inhrelid = to_regclass('orderloom.' || quote_ident(p.name))
		ORDER BY p.from_sequence LIMIT 1`
	var p Partition
	var pending bool
	if err := s.pool.QueryRow(ctx, pick).Scan(&p.Name, &p.From, &p.To, &pending); err != nil {
		return p, fmt.Errorf("find the oldest partition: %w", err)
	}
	if p.To > mark {
		return p, domain.Refuse(CodeNothingToArchive, "the oldest partition, %s, still takes events up to %d", p.Name, p.To-1)
	}
	// Marked first: readers then take its events from the table itself, whether it is attached or not.
	const record = "UPDATE orderloom.partitions SET archived_at = coalesce(archived_at, now()) WHERE name = $1 RETURNING archived_at"
	if err := s.pool.QueryRow(ctx, record, p.Name).Scan(&p.ArchivedAt); err != nil {
		return p, fmt.Errorf("archive %s: %w", p.Name, err)
	}
	how := "CONCURRENTLY"
	if pending {
		how = "FINALIZE"
	}
	sql := "ALTER TABLE orderloom.events DETACH PARTITION " + pgx.Identifier{"orderloom", p.Name}.Sanitize() + " " + how
	if _, err := s.pool.Exec(ctx, sql); err != nil {
		return p, fmt.Errorf("detach %s: %w", p.Name, err)
	}
	return p, nil
}

// CodeNothingArchived refuses to attach a partition where none is archived.
const CodeNothingArchived domain.ErrorCode = "nothing_archived"

// Unarchive attaches the newest archived partition again, and returns it. Errors: nothing_archived.
func (s *Store) Unarchive(ctx context.Context) (Partition, error) {
	const pick = `SELECT name, from_sequence, to_sequence FROM orderloom.partitions WHERE archived_at IS NOT NULL ORDER BY from_sequence DESC LIMIT 1`
	var p Partition
	rows, err := s.pool.Query(ctx, pick)
	if err != nil {
		return p, fmt.Errorf("find the newest archived partition: %w", err)
	}
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Partition, error) {
		return p, row.Scan(&p.Name, &p.From, &p.To)
	})
	if err != nil {
		return p, fmt.Errorf("find the newest archived partition: %w", err)
	}
	if len(found) == 0 {
		return p, domain.Refuse(CodeNothingArchived, "no partition is archived")
	}
	tx, err := s.pool.Begin(ctx)
	if err != nil {
		return p, fmt.Errorf("attach %s: %w", p.Name, err)
	}
	defer func() { _ = tx.Rollback(ctx) }() // does nothing after a commit
	sql := fmt.Sprintf("ALTER TABLE orderloom.events ATTACH PARTITION %s FOR VALUES FROM (%d) TO (%d)",
		pgx.Identifier{"orderloom", p.Name}.Sanitize(), p.From, p.To)
	if _, err := tx.Exec(ctx, sql); err != nil {
		return p, fmt.Errorf("attach %s: %w", p.Name, err)
	}
	if _, err := tx.Exec(ctx, "UPDATE orderloom.partitions SET archived_at = NULL WHERE name = $1", p.Name); err != nil {
		return p, fmt.Errorf("attach %s: %w", p.Name, err)
	}
	if err := tx.Commit(ctx); err != nil {
		return p, fmt.Errorf("attach %s: %w", p.Name, err)
	}
	return p, nil
}
