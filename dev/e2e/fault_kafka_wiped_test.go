package e2e_test

import (
	"testing"

	"github.com/orderloom/orderloom/broker"
	"github.com/stretchr/testify/require"
)

var kafkaWiped = fault{
	name:      "kafka-wiped",
	what:      "Kafka has lost everything, its topics too",
	meanwhile: "Orders go on. Events wait in the event store. Views lag behind, and a single order is shown from the store.",
	told:      []alarm{{alert: "OrderloomKafkaLostEvents"}, {alert: "OrderloomRelayBehind", limit: 1}},
	named: []naming{
		{command: "doctor", status: 3, says: `FAIL  publishes, and Kafka keeps it: orderloom: Kafka`},
		{command: "relay status", status: 3, says: `"orderloom relay rewind --to 0" publishes all again`},
		{command: "verify", status: 3, says: "incomplete or out of order"},
	},
	mended: "`orderloom setup` makes the topics, and `orderloom relay rewind --to 0` publishes everything again. " +
		"Consumers skip what they know. Customers' keys are copied again too.",
	drill: drillKafkaWiped,
}

// drillKafkaWiped fails without the look for ends that have gone back (relay/lost.go): once an event is published after
// the loss, nothing else tells. It also fails where the copies of customers' keys are taken to be there.
func drillKafkaWiped(t *testing.T, d *drill) {
	d.open(t)
	d.start(t, "all")
	d.place(t)
	d.awaitQuiet(t)
	await(t, "the relay to know where the topics end", func() bool {
		var events, ends int
		require.NoError(t, d.pool.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM orderloom.events),
			(SELECT coalesce(sum(end_offset), 0) FROM orderloom.relay_ends)`).Scan(&events, &ends))
		return ends >= events
	})

	d.kafka.wipe(t)
	d.order(t)
	d.requireTold(t)
	d.run(t, "setup")
	d.order(t).ship("berlin") // what is published now hides nothing
	d.requireNamed(t)

	d.run(t, "relay", "rewind", "--to", "0")
	d.place(t)
	d.requireEnds(t)
	await(t, "the copies of customers' keys", func() bool {
		copies, err := broker.ReadCopies(t.Context(), broker.Config{Brokers: []string{d.kafka.address}})
		return err == nil && len(copies) == len(d.orders)
	})
}
