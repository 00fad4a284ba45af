package e2e_test

import (
	"testing"
	"time"

	"github.com/orderloom/orderloom/client"
	"github.com/stretchr/testify/require"
)

var redisFrozen = fault{
	name:      "redis-frozen",
	what:      "Redis takes connections and does not answer",
	meanwhile: "Everything goes on. Orders are read from the views, since a breaker keeps readers away from Redis.",
	told:      []alarm{{alert: "OrderloomBreakerOpen", group: "redis"}},
	named:     []naming{{command: "doctor", status: 3, says: `FAIL  answers`}, {command: "GET /ready", status: 200, says: `{"name":"breaker_redis","status":"failing"}`}},
	mended: "By itself once Redis answers. The caches are told first what has changed meanwhile, so no old state is shown. Until then a " +
		"second's reads at most wait for 0.1 seconds.",
	drill: drillRedisFrozen,
}

// drillRedisFrozen fails without the breaker of Redis, and where what changed meanwhile is not told to Redis.
func drillRedisFrozen(t *testing.T, d *drill) {
	redis := startRedis(t)
	d.open(t, "REDIS_URL", "redis://"+redis.address)
	d.start(t, "all")
	d.place(t)
	d.awaitQuiet(t)
	seen := d.confirmed(t)
	before := seen.shown().Status

	redis.freeze()
	slowest := time.Duration(0)
	await(t, "the breaker to open", func() bool {
		begun := time.Now()
		seen.shown()
		slowest = max(slowest, time.Since(begun))
		return d.value(t, "orderloom_breaker_state") > 0
	})
	require.Less(t, slowest, 2*time.Second, "reads stay fast")
	d.requireTold(t)
	d.requireNamed(t)
	d.place(t)
	seen.goOnTo(t, client.OrderShipped)
	require.NotEqual(t, before, seen.shown().Status)

	redis.thaw()
	await(t, "the breaker to close", func() bool { return d.value(t, "orderloom_breaker_state") == 0 })
	require.Equal(t, client.OrderShipped, seen.shown().Status, "what Redis held before is not shown any more")
	d.requireEnds(t)
}

// goOnTo takes an order on to a status.
func (o *drilled) goOnTo(t *testing.T, status client.OrderStatus) {
	t.Helper()
	o.t = t
	o.dispatch(o.shipmentFrom("berlin").ShipmentID)
	o.awaitStatus(status)
}
