package projector

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/eventstore"
)

// register records which projections there are, for the reporting of their status, and how far their views are.
func (p *Projector) register(ctx context.Context) error {
	q := &pgx.Batch{}
	for _, pr := range p.mender.projections {
		Queue(q, `INSERT INTO orderloom.projections AS t (name, aggregates, consumer_group) VALUES ($1, $2, $3)
			ON CONFLICT (name) DO UPDATE SET aggregates = excluded.aggregates, consumer_group = excluded.consumer_group, registered_at = now()
			WHERE (t.aggregates, t.consumer_group) IS DISTINCT FROM (excluded.aggregates, excluded.consumer_group)`,
			pr.Name(), pr.Aggregates(), p.opts.Broker.Group)
	}
	Queue(q, `UPDATE orderloom.projections AS t SET position = c.position
		FROM (SELECT max(sequence) AS position FROM orderloom.projection_checkpoints WHERE consumer_group = $1) AS c
		WHERE t.consumer_group = $1 AND t.position < c.position`, p.opts.Broker.Group)
	if err := p.opts.Pool.SendBatch(ctx, q).Close(); err != nil {
		return fmt.Errorf("register the projections: %w", err)
	}
	return nil
}

// CheckStore asks the event store whether it is the one that the views were built from, with all the events that they
// have. Views that were built from none yet become its own. Errors: [eventstore.StoreChangedError].
func (g *Engine) CheckStore(ctx context.Context, projections ...Projection) error {
	for _, p := range projections {
		cursor, err := g.cursor(ctx, p)
		if err != nil {
			return err
		}
		id, err := g.source.Check(ctx, cursor)
		if err != nil {
			return fmt.Errorf("the views of %s: %w", p.Name(), err)
		}
		if id.ID == cursor.Store && id.Epoch == cursor.Epoch {
			continue
		}
		if _, err := g.pool.Exec(ctx, `UPDATE orderloom.projections SET store_id = $2, store_epoch = $3 WHERE name = $1`,
			p.Name(), id.ID, id.Epoch); err != nil {
			return fmt.Errorf("record the event store of %s: %w", p.Name(), err)
		}
	}
	return nil
}

// cursor returns how far the views of a projection are, and in which store. It is the zero cursor when they are empty,
// or from before this was recorded.
func (g *Engine) cursor(ctx context.Context, p Projection) (eventstore.Cursor, error) {
	var c eventstore.Cursor
	rows, err := g.pool.Query(ctx, `SELECT store_id, store_epoch, position FROM orderloom.projections
		WHERE name = $1 AND position > 0 AND store_id IS NOT NULL AND store_epoch IS NOT NULL`, p.Name())
	if err == nil {
		_, err = pgx.ForEachRow(rows, []any{(*[16]byte)(&c.Store), &c.Epoch, &c.Position}, func() error { return nil })
	}
	if err != nil {
		return eventstore.Cursor{}, fmt.Errorf("find how far %s is: %w", p.Name(), err)
	}
	return c, nil
}

// SetCursor queues the statements that record that a rebuild has made the views of a projection from a store, up to a
// position. Checkpoints beyond the position are of events that the store does not have.
func SetCursor(q *pgx.Batch, projection string, c eventstore.Cursor) {
	Queue(q, `UPDATE orderloom.projections SET store_id = $2, store_epoch = $3, position = $4 WHERE name = $1`,
		projection, c.Store, c.Epoch, c.Position)
	Queue(q, `UPDATE orderloom.projection_checkpoints SET sequence = $1 WHERE sequence > $1`, c.Position)
}
