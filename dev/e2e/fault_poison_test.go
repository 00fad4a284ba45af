package e2e_test

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"
)

var poisonedEvents = fault{
	name: "poisoned-events",
	what: "Events that can't be applied, and messages that are no events",
	meanwhile: "Such events are of an unknown type, of a newer version, unreadable, of another order, or have a row that collides. Their streams " +
		"are parked, each by itself. All other orders go on. What is no event goes to the topic of dead letters.",
	told: []alarm{{alert: "OrderloomParked"}, {alert: "OrderloomAttention", group: "parked", limit: 1}, {alert: "OrderloomDeadLetters"}},
	named: []naming{
		{command: "doctor", status: 3, says: `FAIL  nothing is parked`},
		{command: "parked list", status: 0, says: "order_views_number"},
		{command: "attention list --cause parked", status: 0, says: "retry_parked"},
		{command: "verify", status: 0, says: "9 parked"},
	},
	mended: "A newer program goes on by itself with what it knows. What nobody can apply is left out by `orderloom parked discard`, for each " +
		"that `orderloom parked list` shows. Dead letters stay where they are, to be looked at.",
	drill: drillPoisonedEvents,
}

// drillPoisonedEvents fails where one stream at fault holds up the others.
func drillPoisonedEvents(t *testing.T, d *drill) {
	d.open(t)
	d.start(t, "all")
	d.place(t)
	d.awaitQuiet(t)

	placed := d.placedBy(t, d.confirmed(t))
	for _, poison := range []func(payload map[string]any, e *eventstore.NewEvent){
		func(_ map[string]any, e *eventstore.NewEvent) { e.Type = "OrderTeleported" },
		func(_ map[string]any, e *eventstore.NewEvent) { e.SchemaVersion = 99 },
		func(payload map[string]any, _ *eventstore.NewEvent) { payload["items"] = "none" },
		func(map[string]any, *eventstore.NewEvent) {}, // the number is another order's
		func(payload map[string]any, _ *eventstore.NewEvent) {
			payload["order_id"] = d.orders[0].order.id.String()
		},
	} {
		d.poison(t, placed, poison)
	}
	writer := &kafka.Writer{Addr: kafka.TCP(d.kafka.address), Topic: "order-events", BatchTimeout: time.Millisecond}
	defer func() { require.NoError(t, writer.Close()) }()
	require.NoError(t, writer.WriteMessages(t.Context(), kafka.Message{Key: []byte("k"), Value: []byte("no event at all")}))
	d.place(t)
	d.requireTold(t)
	d.requireNamed(t)
	require.Equal(t, 5, int(d.value(t, "orderloom_projection_parked_aggregates")), "in the view of orders")
	require.Equal(t, 9, int(d.value(t, "orderloom_attention")), "in all views")

	await(t, "everything to be left out that can't be applied", func() bool {
		lines := strings.Split(strings.TrimSpace(d.run(t, "parked", "list")), "\n")[1:]
		for _, line := range lines {
			columns := strings.Fields(line) // projection, aggregate and id
			command(t, d.ground.program, d.settings(), "parked", "discard", columns[0], columns[2], "--reason", "a drill")
		}
		return len(lines) == 0
	})
	d.requireEnds(t)
}

// placedBy returns the event with which an order was placed.
func (d *drill) placedBy(t *testing.T, o *drilled) domain.Envelope {
	t.Helper()
	page, err := d.store.Read(t.Context(), eventstore.ReadOptions{Limit: 1000, Filter: eventstore.Filter{AggregateTypes: []string{domain.AggregateOrder}}})
	require.NoError(t, err)
	for _, e := range page.Events {
		if e.AggregateID == o.id && e.Version == 1 {
			return e
		}
	}
	require.FailNow(t, "the order has no event")
	return domain.Envelope{}
}

// poison appends the event of an order's placement, made unusable, as the first of a stream of its own.
func (d *drill) poison(t *testing.T, placed domain.Envelope, spoil func(map[string]any, *eventstore.NewEvent)) {
	t.Helper()
	var payload map[string]any
	require.NoError(t, json.Unmarshal(placed.Payload, &payload))
	id := uuid.New()
	payload = maps.Clone(payload)
	payload["order_id"] = id.String()
	e := eventstore.NewEvent{ID: uuid.New(), Type: placed.EventType, SchemaVersion: placed.EventVersion, Metadata: placed.Metadata, Timestamp: placed.Timestamp}
	spoil(payload, &e)
	text, err := json.Marshal(payload)
	require.NoError(t, err)
	e.Payload = text
	_, err = d.store.Append(t.Context(), eventstore.Append{
		Stream: eventstore.StreamID{Type: domain.AggregateOrder, ID: id}, Events: []eventstore.NewEvent{e},
	})
	require.NoError(t, err)
}
