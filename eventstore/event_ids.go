package eventstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/bits-and-blooms/bloom/v3"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// eventIDMistakes is how often a filter takes a new event id for one of its own, which then costs a look at
// the events themselves. It makes three bytes an event: 15 MB for a partition of five million.
const eventIDMistakes = 1e-5

// eventIDs tells which event ids may lie in partitions that are full. The index of the partition that takes events
// finds those in there. To look into the index of every older one as well would double the cost of an append at
// twenty million events.
type eventIDs struct {
	filters map[string]*bloom.BloomFilter // by partition
	// known is where the first partition without a filter begins, and reach where it ends: an event below
	// reach has no older partition without one.
	known, reach int64
	last         int64 // the highest number seen
	loaded       time.Time
}

// reloadEvery is how often it is looked for a filter that is missing.
const reloadEvery = time.Second

// load reads what filters there are and are not here yet.
func (k *eventIDs) load(ctx context.Context, conn *pgx.Conn) error {
	const list = `SELECT p.name, p.from_sequence, p.to_sequence, f.partition IS NOT NULL FROM orderloom.partitions p
		LEFT JOIN orderloom.event_id_filters f ON f.partition = p.name WHERE p.archived_at IS NULL ORDER BY p.from_sequence`
	type part struct {
		name     string
		from, to int64
		filtered bool
	}
	rows, err := conn.Query(ctx, list)
	if err != nil {
		return err
	}
	parts, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (p part, err error) {
		return p, row.Scan(&p.name, &p.from, &p.to, &p.filtered)
	})
	if err != nil {
		return err
	}
	filters := make(map[string]*bloom.BloomFilter)
	known, reach := int64(0), int64(0)
	for _, p := range parts {
		known, reach = p.from, p.to
		if !p.filtered {
			break
		}
		if filters[p.name] = k.filters[p.name]; filters[p.name] != nil {
			continue
		}
		var b []byte
		if err := conn.QueryRow(ctx, "SELECT filter FROM orderloom.event_id_filters WHERE partition = $1", p.name).Scan(&b); err != nil {
			return err
		}
		filter := &bloom.BloomFilter{}
		if err := filter.UnmarshalBinary(b); err != nil {
			return fmt.Errorf("read the filter of %s: %w", p.name, err)
		}
		filters[p.name] = filter
	}
	k.filters, k.known, k.reach, k.loaded = filters, known, reach, time.Now()
	return nil
}

// behind reports whether events are appended already to a partition before which one has no filter.
func (k *eventIDs) behind() bool { return k.last >= k.reach }

// suspects returns the ids of events that may lie in a partition which has a filter.
func (k *eventIDs) suspects(groups []*group) (ids [][16]byte) {
	if len(k.filters) == 0 {
		return nil
	}
	for _, g := range groups {
		for i := range g.events {
			for _, filter := range k.filters {
				if filter.Test(g.events[i].ID[:]) {
					ids = append(ids, g.events[i].ID)
					break
				}
			}
		}
	}
	return ids
}

// refuse returns a usedIDError when an event that this transaction has just appended has an id that lies in an older
// partition. It looks for suspects in all of them, and for other ids in those without a filter.
func (k *eventIDs) refuse(ctx context.Context, conn *pgx.Conn, groups []*group, suspects [][16]byte) error {
	var all, suspected [][16]byte
	var own []int64
	for _, g := range groups {
		for _, e := range g.events {
			if g.streams[e.stream].status != statusAppended {
				continue // a retry, whose events are there with good reason
			}
			all, own = append(all, e.ID), append(own, e.position)
			if slices.Contains(suspects, [16]byte(e.ID)) {
				suspected = append(suspected, e.ID)
			}
		}
	}
	if !k.behind() {
		all = nil
	}
	const sql = `SELECT event_id FROM orderloom.events WHERE event_id = ANY ($1) AND sequence >= $2 AND sequence <> ALL ($3) LIMIT 1`
	for _, look := range []struct {
		ids  [][16]byte
		from int64
	}{{suspected, 0}, {all, k.known}} {
		if len(look.ids) == 0 {
			continue
		}
		used := &usedIDError{cause: errors.New("by an event of an older partition")}
		err := conn.QueryRow(ctx, sql, look.ids, look.from, own).Scan(&used.id)
		if err == nil {
			return used
		}
		if !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
	}
	return nil
}

// beyondReach reports whether an append was refused because it came to a partition that the caller's filters
// don't reach to.
func beyondReach(err error) bool {
	var answer *pgconn.PgError
	return errors.As(err, &answer) && answer.Code == "OL001"
}

// filterEventIDs makes the filters of full partitions that have none.
func (s *Store) filterEventIDs(ctx context.Context, mark int64) error {
	const list = `SELECT p.name, p.from_sequence, p.to_sequence FROM orderloom.partitions p
		WHERE p.archived_at IS NULL AND p.to_sequence <= $1
		  AND NOT EXISTS (SELECT FROM orderloom.event_id_filters f WHERE f.partition = p.name) ORDER BY p.from_sequence`
	rows, err := s.pool.Query(ctx, list, mark)
	if err != nil {
		return fmt.Errorf("list partitions without a filter of event ids: %w", err)
	}
	partitions, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (p Partition, err error) {
		return p, row.Scan(&p.Name, &p.From, &p.To)
	})
	if err != nil {
		return fmt.Errorf("list partitions without a filter of event ids: %w", err)
	}
	for _, p := range partitions {
		if err := s.filterPartition(ctx, p); err != nil {
			return fmt.Errorf("make the filter of event ids of %s: %w", p.Name, err)
		}
	}
	return nil
}

func (s *Store) filterPartition(ctx context.Context, p Partition) error {
	filter := bloom.NewWithEstimates(uint(p.To-p.From), eventIDMistakes)
	rows, err := s.pool.Query(ctx, "SELECT event_id FROM "+pgx.Identifier{"orderloom", p.Name}.Sanitize())
	if err != nil {
		return err
	}
	var id uuid.UUID
	if _, err := pgx.ForEachRow(rows, []any{(*[16]byte)(&id)}, func() error {
		filter.Add(id[:])
		return nil
	}); err != nil {
		return err
	}
	b, err := filter.MarshalBinary()
	if err != nil {
		return err
	}
	const insert = "INSERT INTO orderloom.event_id_filters (partition, filter) VALUES ($1, $2) ON CONFLICT DO NOTHING"
	_, err = s.pool.Exec(ctx, insert, p.Name, b)
	return err
}
