package e2e_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var kafkaUnreachable = fault{
	name:      "kafka-unreachable",
	what:      "Kafka can't be reached",
	meanwhile: "Orders go on. Events wait in the event store. Views lag behind, and a single order is shown from the store. Invoices wait for their numbers.",
	told: []alarm{
		{alert: "OrderloomRelayBehind", limit: 2},
		{alert: "OrderloomKafkaUnreachable"},
		{alert: "OrderloomViewsBehind", limit: 2},
		{alert: "OrderloomInvoicesBehind", limit: 2},
	},
	named: []naming{
		{command: "doctor", status: 3, says: `FAIL  answers: connect to broker`},
		{command: "relay status", status: 3, says: "the topics could not be looked at"},
		{command: "verify", status: 5, says: "connection refused"},
	},
	mended: "By itself once Kafka answers. Nothing has to be done.",
	drill:  drillKafkaUnreachable,
}

func drillKafkaUnreachable(t *testing.T, d *drill) {
	d.open(t)
	d.start(t, "all")
	d.place(t)
	d.awaitQuiet(t)

	d.kafka.stop()
	begun := time.Now()
	d.order(t)
	d.requireTold(t)
	d.requireNamed(t)
	await(t, "Kafka to be away for long", func() bool { return time.Since(begun) > lasts(0, time.Minute) })
	d.order(t).ship("berlin")
	require.Greater(t, d.value(t, "orderloom_relay_backlog_seconds"), (lasts(0, time.Minute) - 5*time.Second).Seconds())

	d.kafka.start(t)
	d.place(t)
	d.requireEnds(t)
}
