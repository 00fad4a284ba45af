package relay

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/broker"
)

// endsInterval is how often the leading relay looks whether Kafka has lost what was published.
const endsInterval = 3 * time.Second

// Ended is a [Publisher] that can tell where the partitions end; [broker.Writer] is one.
type Ended interface {
	// Ends returns the offset at which each partition of all topics ends. A topic that does not exist has none.
	Ends(ctx context.Context) (map[broker.PartitionID]int64, error)
}

// lookForLoss compares where the partitions end with where they ended before, while this relay leads in an epoch. An
// end never goes back, unless Kafka was emptied, restored, or its topics were made anew. That is recorded until an
// operator rewinds the relay. Suspected says that the last look has found it too, since a broker that has just begun to
// lead may not know its end yet.
func (r *Relay) lookForLoss(ctx context.Context, epoch int64, suspected bool) (lost bool, err error) {
	kafka, ok := r.opts.Writer.(Ended)
	if !ok {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, watchTimeout)
	defer cancel()
	ends, err := kafka.Ends(ctx)
	if err != nil {
		return suspected, err
	}
	lost, err = recordEnds(ctx, r.opts.Pool, r.opts.Name, epoch, ends, suspected)
	if err == nil && lost && suspected {
		r.log.ErrorContext(ctx, "Kafka has lost events that were published: \"orderloom relay rewind --to 0\" publishes all again")
	}
	return lost && !suspected, err
}

type beginner interface {
	Begin(ctx context.Context) (pgx.Tx, error)
}

// recordEnds records where the partitions end, if the relay still leads in that epoch. It reports whether one of them
// ended later before. Unless that was suspected, it records nothing then.
func recordEnds(
	ctx context.Context, db beginner, name string, epoch int64, ends map[broker.PartitionID]int64, suspected bool,
) (lost bool, err error) {
	var topics []string
	var partitions []int32
	var offsets []int64
	for _, id := range slices.SortedFunc(maps.Keys(ends), byPartition) {
		topics, partitions, offsets = append(topics, id.Topic), append(partitions, int32(id.Partition)), append(offsets, ends[id])
	}
	err = pgx.BeginFunc(ctx, db, func(tx pgx.Tx) error {
		var leads bool
		// It keeps a new leader from recording later ends before this one has.
		err := tx.QueryRow(ctx, `SELECT epoch = $2 FROM orderloom.relay_cursors WHERE name = $1 FOR SHARE`, name, epoch).Scan(&leads)
		if err != nil || !leads {
			return err
		}
		const compare = `SELECT count(*) > 0 FROM orderloom.relay_ends r
			LEFT JOIN unnest($2::text[], $3::integer[], $4::bigint[]) AS now (topic, partition, end_offset) USING (topic, partition)
			WHERE r.name = $1 AND r.end_offset > coalesce(now.end_offset, 0)`
		err = tx.QueryRow(ctx, compare, name, topics, partitions, offsets).Scan(&lost)
		if err != nil || lost && !suspected {
			return err
		}
		q := &pgx.Batch{}
		if lost {
			q.Queue(`DELETE FROM orderloom.relay_ends WHERE name = $1`, name)
			q.Queue(`UPDATE orderloom.relay_cursors SET lost_since = coalesce(lost_since, now()) WHERE name = $1`, name)
		}
		q.Queue(`INSERT INTO orderloom.relay_ends AS r (name, topic, partition, end_offset)
			SELECT $1, * FROM unnest($2::text[], $3::integer[], $4::bigint[])
			ON CONFLICT (name, topic, partition) DO UPDATE SET end_offset = excluded.end_offset WHERE r.end_offset < excluded.end_offset`,
			name, topics, partitions, offsets)
		return tx.SendBatch(ctx, q).Close()
	})
	if err != nil {
		return false, fmt.Errorf("record where the topics end: %w", err)
	}
	return lost, nil
}

func byPartition(a, b broker.PartitionID) int {
	return cmp.Or(strings.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
}

// lostSince returns when Kafka was found to have lost what was published, zero when it has not.
func lostSince(ctx context.Context, db Querier, name string) (time.Time, error) {
	var at *time.Time
	err := db.QueryRow(ctx, `SELECT max(lost_since) FROM orderloom.relay_cursors WHERE name = $1`, name).Scan(&at)
	if err != nil {
		return time.Time{}, fmt.Errorf("look whether Kafka has lost events: %w", err)
	}
	if at == nil {
		return time.Time{}, nil
	}
	return *at, nil
}
