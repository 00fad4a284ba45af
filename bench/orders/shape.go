package main

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/bench/rig"
	"github.com/orderloom/orderloom/workflows"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
)

// shape is the size of a delivered order's history.
type shape struct {
	events, tasks       int // of the order in the middle
	eventsMax, tasksMax int
	bytes               int
}

// histories reads the histories of some orders.
func histories(ctx context.Context, r *rig.Rig, ids []uuid.UUID) (shape, error) {
	c, err := client.Dial(client.Options{
		HostPort: r.Temporal, Namespace: rig.Namespace, Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler)),
	})
	if err != nil {
		return shape{}, err
	}
	defer c.Close()
	var events, tasks, sizes []int
	for _, id := range ids {
		n, done, size := 0, 0, 0
		history := c.GetWorkflowHistory(ctx, workflows.OrderSagaID(id), "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		for history.HasNext() {
			e, err := history.Next()
			if err != nil {
				return shape{}, fmt.Errorf("read the history of %s: %w", id, err)
			}
			n++
			size += e.Size()
			if e.GetEventType() == enums.EVENT_TYPE_WORKFLOW_TASK_COMPLETED {
				done++
			}
		}
		events, tasks, sizes = append(events, n), append(tasks, done), append(sizes, size)
	}
	if len(events) == 0 {
		return shape{}, nil
	}
	s := shape{eventsMax: slices.Max(events), tasksMax: slices.Max(tasks)}
	for _, v := range [][]int{events, tasks, sizes} {
		slices.Sort(v)
	}
	s.events, s.tasks, s.bytes = events[len(events)/2], tasks[len(tasks)/2], sizes[len(sizes)/2]
	return s, nil
}

// visibility is how long events of orders and payments took from their commit to that of the view. It reads the
// commit times that PostgreSQL keeps: they are exact, exist for every event, and cost nothing during the run.
func visibility(ctx context.Context, r *rig.Rig, since time.Time) (quantiles, error) {
	rows, err := r.Pool.Query(ctx, `SELECT pg_xact_commit_timestamp(t.xmin) - pg_xact_commit_timestamp(e.xmin)
		FROM orderloom.order_timeline t JOIN orderloom.events e ON e.sequence = t.sequence
		WHERE e.aggregate_type IN ('order', 'payment') AND pg_xact_commit_timestamp(e.xmin) > $1`, since)
	if err != nil {
		return quantiles{}, err
	}
	values, err := pgx.CollectRows(rows, pgx.RowTo[time.Duration])
	if err != nil {
		return quantiles{}, fmt.Errorf("read commit times: %w", err)
	}
	return quantilesOf(values), nil
}
