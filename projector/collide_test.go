package projector_test

import (
	"encoding/json"
	"errors"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/internal/testing/eventtest"
	"github.com/orderloom/orderloom/internal/testing/viewtest"
	"github.com/orderloom/orderloom/projector"
	"github.com/orderloom/orderloom/projector/maintain"
	"github.com/orderloom/orderloom/projector/views/orders"
	"github.com/orderloom/orderloom/projector/views/timeline"
	"github.com/orderloom/orderloom/readmodel"
	"github.com/stretchr/testify/require"
)

// orderIDs returns the ids of the orders, in the order in which they were placed.
func orderIDs(events []domain.Envelope) (ids []uuid.UUID) {
	for _, e := range events {
		if e.EventType == "OrderPlaced" {
			ids = append(ids, e.AggregateID)
		}
	}
	return ids
}

// change sets a member of the payload of the first event of a stream with this type.
func change(t *testing.T, events []domain.Envelope, id uuid.UUID, eventType, member string, value any) {
	t.Helper()
	for i := range events {
		if events[i].AggregateID != id || events[i].EventType != eventType {
			continue
		}
		var payload map[string]any
		require.NoError(t, json.Unmarshal(events[i].Payload, &payload))
		require.Contains(t, payload, member)
		payload[member] = value
		text, err := json.Marshal(payload)
		require.NoError(t, err)
		events[i].Payload = text
		return
	}
	require.FailNow(t, "there is no such event")
}

func number(t *testing.T, events []domain.Envelope, id uuid.UUID) string {
	t.Helper()
	for _, e := range events {
		if e.AggregateID == id && e.EventType == "OrderPlaced" {
			var payload struct {
				Number string `json:"order_number"`
			}
			require.NoError(t, json.Unmarshal(e.Payload, &payload))
			require.NotEmpty(t, payload.Number)
			return payload.Number
		}
	}
	return ""
}

// Events whose rows collide with those of others park their own streams. Sweeper, discarding and rebuild go on with all
// others, whichever way the events come.
// Fails without Key.Own: the row that an event of another order changes was not read, so its insertion collides.
func TestCollidingEventsParkTheirOwnStreamsAlone(t *testing.T) {
	t.Parallel()
	for name, published := range map[string]bool{"swept": false, "published": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			events := eventtest.Lives(61, 60)
			ids := orderIDs(events)
			foreign, twin, third, unknown := ids[3], ids[5], ids[7], ids[9]
			change(t, events, foreign, "OrderPlaced", "order_id", ids[0])
			change(t, events, twin, "OrderPlaced", "order_number", number(t, events, ids[1]))
			change(t, events, third, "OrderPlaced", "order_number", number(t, events, ids[1]))
			for i := range events {
				if events[i].AggregateID == unknown && events[i].EventType == "OrderPlaced" {
					events[i].EventVersion = 99
				}
			}
			b := viewtest.Setup(t, events...)
			if published {
				b.Publish(events...)
				b.Start()
			} else {
				b.Start(b.Sweeping)
			}
			v := b.AwaitEqual()
			require.GreaterOrEqual(t, v.Parked, int64(4))
			parked := map[uuid.UUID]string{}
			all, err := b.Maintainer.ListParked(t.Context(), 100)
			require.NoError(t, err)
			for _, p := range all {
				if p.Projection == orders.Name {
					parked[p.AggregateID] = p.Error
					require.EqualValues(t, 1, p.Version)
				}
			}
			require.Contains(t, parked[foreign], "names order "+ids[0].String())
			require.Contains(t, parked[unknown], "does not know")
			collided := 0 // one of the three with the number was first
			for _, id := range []uuid.UUID{ids[1], twin, third} {
				if parked[id] != "" {
					require.Contains(t, parked[id], "order_views_number")
					collided++
				}
			}
			require.Equal(t, 2, collided)

			for id := range parked {
				for free := false; !free; {
					free, err = b.Maintainer.DiscardParked(t.Context(), orders.Name, id, "it collides")
					require.NoError(t, err, parked[id])
				}
			}
			b.AwaitEqual()
			report, err := b.Maintainer.Rebuild(t.Context(), b.Store, orders.Name, maintain.RebuildOptions{})
			require.NoError(t, err)
			require.True(t, report.Swapped)
			require.Zero(t, report.Parked)
			b.AwaitEqual()
		})
	}
}

// Of a repair the event that is refused is parked, and not the first one that is missing.
// Fails where a repair is blamed on the next event.
func TestARepairParksTheEventAtFault(t *testing.T) {
	t.Parallel()
	events := eventtest.Lives(62, 20)
	id := delivered(t, events)
	b := viewtest.Setup(t, events...)
	_, err := b.Pool.Exec(t.Context(), `ALTER TABLE orderloom.order_views ADD CONSTRAINT nonsense CHECK (order_id <> '`+id.String()+`' OR version < 3)`)
	require.NoError(t, err)
	b.Start(b.Sweeping)
	require.EqualValues(t, 1, b.AwaitEqual().Parked)
	p, err := b.Maintainer.FindParked(t.Context(), orders.Name, id)
	require.NoError(t, err)
	require.EqualValues(t, 3, p.Version)
	require.Greater(t, p.LastVersion, p.Version)
}

// A row that can't be read parks its stream. The others go on, and a rebuild makes the row anew.
// Fails where only what the database refuses counts as a fault of the data.
func TestARowThatCannotBeReadParksItsStream(t *testing.T) {
	t.Parallel()
	events := eventtest.Lives(63, 20)
	id := delivered(t, events)
	split := 0
	for i, e := range events {
		if e.AggregateID == id {
			split = i + 1
			break
		}
	}
	b := viewtest.Setup(t, events...)
	b.Publish(events[:split]...)
	b.Start()
	b.AwaitDrained("projector")
	_, err := b.Pool.Exec(t.Context(), `UPDATE orderloom.order_views SET order_state = '{"items": "broken", "placed_at": 7}' WHERE order_id = $1`, id)
	require.NoError(t, err)
	b.Publish(events[split:]...)
	b.AwaitDrained("projector")
	p, err := b.Maintainer.FindParked(t.Context(), orders.Name, id)
	require.NoError(t, err)
	require.Contains(t, p.Error, readmodel.ErrUnreadableRow.Error())
	all, err := b.Maintainer.ListParked(t.Context(), 100)
	require.NoError(t, err)
	for _, p := range all {
		require.Equal(t, orders.Name, p.Projection)
	}
	_, err = b.Maintainer.Rebuild(t.Context(), b.Store, orders.Name, maintain.RebuildOptions{})
	require.NoError(t, err)
	require.Zero(t, b.AwaitEqual().Parked)
}

// An order with events that can't be applied is shown with a mark, and the lag counts them. Both go when they are
// applied.
// Fails without session.mark, and without the parked in projectionsSQL.
func TestAParkedOrderIsShownAsSuch(t *testing.T) {
	t.Parallel()
	events := eventtest.Lives(64, 20)
	id := delivered(t, events)
	var last int64
	for _, e := range events {
		if e.AggregateID == id {
			last = e.Version
		}
	}
	for name, refuse := range map[string]func(*viewtest.Bundle) (mend func()){
		"by the view": func(b *viewtest.Bundle) func() {
			var fail atomic.Int64
			fail.Store(3)
			bad := poison{
				Projection: orders.View{}, at: projector.Key{AggregateID: id}, fail: &fail,
				how: func(projector.Event) error { return errors.New("can't fold this") },
			}
			b.Keep([]projector.Projection{bad, timeline.View{}})
			return func() { fail.Store(0) }
		},
		"by the database": func(b *viewtest.Bundle) func() {
			b.Keep([]projector.Projection{orders.View{}, timeline.View{}})
			_, err := b.Pool.Exec(t.Context(), `ALTER TABLE orderloom.order_views ADD CONSTRAINT nonsense CHECK (order_id <> '`+id.String()+`' OR version < 3)`)
			require.NoError(t, err)
			return func() {
				_, err := b.Pool.Exec(t.Context(), `ALTER TABLE orderloom.order_views DROP CONSTRAINT nonsense`)
				require.NoError(t, err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := viewtest.Setup(t, events...)
			mend := refuse(b)
			b.Publish(events...)
			stop := b.Start()
			b.AwaitEqual()
			b.AwaitDrained("projector")
			stop()
			status := func() (readmodel.Shown, int64, float64) { // what waits is parked, and all else goes on
				shown, err := readmodel.NewReader(b.Pool, readmodel.Options{}).Order(t.Context(), id)
				require.NoError(t, err)
				all, err := readmodel.Projections(t.Context(), b.Pool, nil)
				require.NoError(t, err)
				i := slices.IndexFunc(all, func(s readmodel.ProjectionStatus) bool { return s.Name == orders.Name })
				require.Zero(t, all[i].WaitingSeconds)
				return shown, all[i].LagEvents, all[i].LagSeconds
			}
			shown, lag, seconds := status()
			require.True(t, shown.Parked())
			require.Contains(t, string(shown.JSON), `"parked":["order"]`)
			require.EqualValues(t, 2, shown.Version)
			require.Equal(t, last-2, lag)
			require.Positive(t, seconds)

			mend()
			free, err := b.Maintainer.RetryParked(t.Context(), orders.Name, id)
			require.NoError(t, err)
			require.True(t, free)
			shown, lag, seconds = status()
			require.False(t, shown.Parked())
			require.Equal(t, last, shown.Version)
			require.Zero(t, lag)
			require.Zero(t, seconds)
		})
	}
}

// A stream of which nothing but a discarded event is there agrees with its fold.
// Fails where a row takes the time of an event that was left out.
func TestAStreamOfDiscardedEventsAlonePassesVerification(t *testing.T) {
	t.Parallel()
	events := eventtest.Lives(63, 5)
	id := orderIDs(events)[0]
	events = slices.DeleteFunc(events, func(e domain.Envelope) bool {
		return e.Metadata.CorrelationID == id.String() && e.EventType != "OrderPlaced" || e.AggregateID == id && e.Version > 1
	})
	change(t, events, id, "OrderPlaced", "items", "none")
	b := viewtest.Setup(t, events...)
	require.NoError(t, b.Maintainer.CatchUp(t.Context(), b.Store.Streams()))
	require.Positive(t, b.AwaitEqual().Parked)
	for _, projection := range []string{orders.Name, timeline.Name} {
		free, err := b.Maintainer.DiscardParked(t.Context(), projection, id, "it can't be read")
		require.NoError(t, err)
		require.True(t, free)
	}
	require.Zero(t, b.AwaitEqual().Parked)
}
