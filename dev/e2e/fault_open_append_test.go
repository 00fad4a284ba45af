package e2e_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/orderloom/orderloom/internal/advisory"
	"github.com/stretchr/testify/require"
)

var openAppend = fault{
	name:      "open-append",
	what:      "An append stays open, as of a program that hangs in the middle of it",
	meanwhile: "Orders go on. What is appended after it is not published. Views lag behind, and a single order is shown from the store.",
	told:      []alarm{{alert: "OrderloomAppendOpen", limit: 2}, {alert: "OrderloomRelayBehind", limit: 2}},
	named: []naming{
		{command: "doctor", status: 3, says: `FAIL  no append stays open`},
		{command: "relay status", status: 3, says: "ends it"},
		{command: "verify", status: 3, says: "events that came after it are not published until it ends"},
	},
	mended: "By itself once the append ends. `orderloom relay status` prints the statement that ends it, `SELECT pg_terminate_backend(…)`.",
	drill:  drillOpenAppend,
}

// drillOpenAppend fails where the backlog is told by what was published last, which is nothing then.
func drillOpenAppend(t *testing.T, d *drill) {
	d.open(t)
	d.start(t, "all")
	d.place(t)
	d.awaitQuiet(t)

	open, err := d.pool.Acquire(t.Context())
	require.NoError(t, err)
	defer open.Release()
	begun := time.Now()
	var process int
	for _, sql := range []string{
		"BEGIN", fmt.Sprintf("SELECT pg_advisory_xact_lock_shared(%d, %d)", advisory.Appends, advisory.AppendsKey),
		"SELECT nextval('orderloom.event_sequence')",
	} {
		_, err := open.Exec(t.Context(), sql)
		require.NoError(t, err)
	}
	require.NoError(t, open.QueryRow(t.Context(), "SELECT pg_backend_pid()").Scan(&process))
	d.order(t)
	first := time.Now()
	d.requireTold(t)
	await(t, "the append to be open for long", func() bool { return time.Since(begun) > lasts(0, time.Minute) })
	await(t, "the metrics to tell for how long", func() bool {
		want := time.Since(first) - 4*time.Second // they are measured every other second
		return want > time.Second && d.value(t, "orderloom_relay_backlog_seconds") > want.Seconds() &&
			d.value(t, "orderloom_relay_open_append_seconds") > want.Seconds()
	})
	d.requireNamed(t)

	_, err = d.pool.Exec(t.Context(), "SELECT pg_terminate_backend($1)", process)
	require.NoError(t, err)
	d.place(t)
	d.requireEnds(t)
}
