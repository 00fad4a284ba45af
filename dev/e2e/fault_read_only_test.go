package e2e_test

import (
	"testing"
	"time"

	"github.com/orderloom/orderloom/internal/testing/pgserver"
	"github.com/stretchr/testify/require"
)

var databaseReadOnly = fault{
	name: "postgres-read-only",
	what: "PostgreSQL takes no writes",
	meanwhile: "Reads go on. Steps of sagas wait, and requests that change something are answered once they are done, or with 202 or 503. " +
		"`GET /ready` says which part of the work goes on: `reads` and `orders`, and not `reports`.",
	told: []alarm{{alert: "OrderloomPostgresFailing"}},
	named: []naming{
		{command: "doctor", status: 3, says: `FAIL  takes writes: it is read-only`},
		{command: "GET /ready?capability=reports", status: 503, says: `{"name":"postgres","status":"failing"}`},
	},
	mended: "By itself once PostgreSQL takes writes, such as after `ALTER SYSTEM RESET default_transaction_read_only` and " +
		"`SELECT pg_reload_conf()`.",
	drill: drillReadOnly,
}

// drillReadOnly fails where a server that answers is taken for one that works.
func drillReadOnly(t *testing.T, d *drill) {
	server := startPostgres(t, pgserver.Options{})
	require.NoError(t, server.CreateDatabase(t.Context(), "orderloom"))
	d.open(t, "DATABASE_URL", server.URL("orderloom"))
	d.start(t, "all")
	d.place(t)
	d.awaitQuiet(t)

	late, err := d.stocked(t, confirmedSoon())
	require.NoError(t, err)
	set := atServer(t, server.URL("postgres"))
	begun := time.Now()
	set("ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()")
	d.requireTold(t)
	d.requireNamed(t)
	seen := d.confirmed(t)
	require.Equal(t, seen.id, seen.shown().OrderID, "reads go on")
	answered := make(chan error, 1)
	go func() { answered <- late.order(confirmedSoon()) }() // the client tries again for a while
	await(t, "the fault to last", func() bool { return time.Since(begun) > lasts(0, time.Minute) })

	set("ALTER SYSTEM RESET default_transaction_read_only", "SELECT pg_reload_conf()")
	if err := <-answered; err != nil {
		t.Logf("an order was refused meanwhile: %v", err)
	} else {
		d.accepted(late)
	}
	await(t, "the process to be ready", func() bool { _, status := d.ask(t, "GET /ready?capability=reports"); return status == 200 })
	d.place(t)
	d.requireEnds(t)
}
