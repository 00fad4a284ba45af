package e2e_test

import (
	"testing"
)

var relayPaused = fault{
	name:      "relay-paused",
	what:      "The process whose relay leads is frozen, as on a machine that is paused",
	meanwhile: "Orders go on with the other processes. Events wait in the event store until another relay leads, after 10 seconds.",
	told:      []alarm{{alert: "OrderloomProcessDown"}, {alert: "OrderloomRelayBehind", limit: 3}},
	named: []naming{
		{command: "relay status", status: 3, says: "the leader has been silent"},
		{command: "doctor", status: 3, says: `the leader has been silent`},
	},
	mended: "By itself: another relay ends the leader's session at PostgreSQL, and leads. What the frozen process does when it goes " +
		"on repeats what was published.",
	drill: drillRelayPaused,
}

// drillRelayPaused fails without the end of a silent leader's session (relay/silent.go): PostgreSQL keeps the lock for
// a process that is frozen.
func drillRelayPaused(t *testing.T, d *drill) {
	d.open(t)
	leader := d.start(t, "worker")
	await(t, "the first worker to lead", func() bool { return d.value(t, "orderloom_relay_leading") == 1 })
	d.start(t, "all")
	d.place(t)
	d.awaitQuiet(t)

	leader.freeze(t)
	d.order(t)
	d.requireTold(t)
	d.requireNamed(t)
	await(t, "another relay to lead", func() bool { return d.value(t, "orderloom_relay_takeovers_total") == 1 })
	await(t, "everything to be published", func() bool { return d.value(t, "orderloom_relay_backlog_seconds") == 0 })
	d.place(t)

	leader.thaw(t)
	d.requireEnds(t)
}
