//go:build real

package e2e_test

import (
	"context"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/client"
	"github.com/orderloom/orderloom/internal/advisory"
	"github.com/orderloom/orderloom/internal/backoff"
	"github.com/orderloom/orderloom/internal/testing/certs"
	"github.com/orderloom/orderloom/internal/testing/freeport"
	"github.com/orderloom/orderloom/relay"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/require"
)

var (
	ruleFor   = regexp.MustCompile(`(?m)^(\s+for: )\w+$`)
	ruleRange = regexp.MustCompile(`(\[|offset )\d+[mh]`)
)

// inSeconds are the alerts that are shipped, with seconds in place of their minutes and hours. The bounds of the
// objectives are so small that any order exceeds them.
func inSeconds(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../deploy/prometheus/alerts.yml")
	require.NoError(t, err)
	rules := ruleFor.ReplaceAllString(string(text), "${1}1s")
	rules = ruleRange.ReplaceAllString(rules, "${1}10s")
	for bound, least := range bounds {
		require.Contains(t, rules, bound)
		rules = strings.ReplaceAll(rules, bound, least)
	}
	return rules
}

// bounds are those of the objectives, and the least that their metrics have: an order is accepted within a second, and
// confirmed within 30. No request takes less than a millisecond.
var bounds = map[string]string{`le=~"1([.]0)?"`: `le=~"0[.]001"`, `le=~"30([.]0)?"`: `le=~"0[.]05"`}

// alertDrill provokes alerts on running processes, and a real Prometheus that scrapes them has to fire each.
type alertDrill struct {
	*drill
	watching *prometheus
}

// TestAlertsFire provokes the alerts that no fault of TestFaults provokes. Each fires by the series of running
// processes, and none fires any more once all is mended.
func TestAlertsFire(t *testing.T) {
	t.Parallel()
	d := alertDrill{&drill{fault: fault{name: "alerts"}, ground: openGround(t)}, startPrometheus(t, inSeconds(t))}
	d.open(t, "ORDERLOOM_ORPHANS_RESUME", "false")
	d.run(t, "keys", "create", "--account", "shop", "--name", "a drill", "--role", "storefront", "--expires-in", "24h")
	d.requireFiring(t, "OrderloomWithoutAPI", "OrderloomWithoutWorker", "OrderloomWithoutProjector")
	d.watch(t, d.start(t, "api"))

	d.provokeWithoutLeader(t)
	d.watch(t, d.start(t, "projector"))
	id := d.provokeLateOrders(t)
	d.provokeLostSaga(t, id)
	d.provokeForeignNamespace(t)
	d.provokeExpiry(t)

	away := d.start(t, "api", "TEMPORAL_ADDRESS", "127.0.0.1:1")
	d.watch(t, away)
	d.requireFiring(t, "OrderloomTemporalFailing")
	d.end(t, away)

	var firing map[string]bool
	defer func() { t.Logf("these fire: %v", firing) }()
	await(t, "no alert to fire", func() bool {
		firing = d.watching.firing(t)
		return len(firing) == 0
	})
}

func (d *alertDrill) watch(t *testing.T, p *process) {
	t.Helper()
	d.watching.scrape(t, p.name, p.url)
}

// end ends a process for good.
func (d *alertDrill) end(t *testing.T, p *process) {
	t.Helper()
	d.watching.forget(t, p.name)
	d.forget(p)
	require.NoError(t, p.cmd.Process.Kill())
	<-p.exited
}

func (d *alertDrill) requireFiring(t *testing.T, alerts ...string) {
	t.Helper()
	for _, alert := range alerts {
		require.Contains(t, provokedByAlertDrill, alert)
		await(t, alert+" to fire", func() bool { return d.watching.firing(t)[alert] })
	}
}

// provokeWithoutLeader holds the lock of the leader as a process would that does nothing else.
func (d *alertDrill) provokeWithoutLeader(t *testing.T) {
	t.Helper()
	conn, err := d.pool.Acquire(t.Context())
	require.NoError(t, err)
	defer conn.Release()
	locked, err := advisory.TryLock(t.Context(), conn, advisory.RelayLeader, relay.Name)
	require.NoError(t, err)
	require.True(t, locked)
	d.watch(t, d.start(t, "worker"))
	d.requireFiring(t, "OrderloomRelayWithoutLeader")
	_ = conn.Conn().Close(t.Context())
}

// provokeLateOrders places orders, and returns one of them.
func (d *alertDrill) provokeLateOrders(t *testing.T) (id uuid.UUID) {
	t.Helper()
	_, err := d.ReceiveStock(t.Context(), client.Receipt{SKU: "LATE", Location: "berlin", Quantity: 1000})
	require.NoError(t, err)
	var firing map[string]bool
	defer func() { t.Logf("these fire: %v", firing) }()
	await(t, "the objectives to be missed", func() bool {
		held, err := d.pool.Begin(t.Context()) // no event is appended meanwhile
		require.NoError(t, err)
		defer func() { _ = held.Rollback(context.WithoutCancel(t.Context())) }()
		_, err = held.Exec(t.Context(), "LOCK TABLE orderloom.events IN EXCLUSIVE MODE")
		require.NoError(t, err)
		placed, err := d.PlaceOrder(t.Context(), client.NewOrder{
			CustomerID: "late", Currency: "EUR", PaymentToken: "tok_approve",
			Items:           []client.NewItem{{ProductID: "p", SKU: "LATE", Quantity: 1, UnitPrice: "19.90"}},
			Recipient:       &client.Recipient{Name: "Ada Lovelace"},
			ShippingAddress: client.Address{Line1: "Torstraße 1", City: "Berlin", Zip: "10119", Country: "DE"},
		})
		require.NoError(t, err)
		id = placed.OrderID
		require.NoError(t, backoff.Pause(t.Context(), 100*time.Millisecond)) // longer than the least bound
		firing = d.watching.firing(t)
		return firing["OrderloomAcceptBurnsFast"] && firing["OrderloomConfirmBurnsFast"]
	})
	d.requireFiring(t, "OrderloomAcceptBurnsFast", "OrderloomAcceptBurnsSlowly", "OrderloomConfirmBurnsFast", "OrderloomConfirmBurnsSlowly")
	return id
}

// provokeLostSaga ends the saga of an order while nobody may resume it. Then somebody may, and has done so before it is
// scraped first.
func (d *alertDrill) provokeLostSaga(t *testing.T, id uuid.UUID) {
	t.Helper()
	await(t, "the order to be confirmed", func() bool {
		o, err := d.GetOrder(t.Context(), id)
		return err == nil && o.Status == client.OrderConfirmed
	})
	require.NoError(t, d.sagas.TerminateWorkflow(t.Context(), workflows.OrderSagaID(id), "", "an operator's mistake"))
	d.requireFiring(t, "OrderloomOrdersWithoutSaga")
	resuming := d.start(t, "worker", "ORDERLOOM_ORPHANS_RESUME", "true")
	await(t, "the order to be resumed", func() bool {
		return scrapeAll(t.Context(), map[string]string{resuming.name: resuming.url}).
			count("orderloom_orphaned_orders_resumed_total") > 0
	})
	d.watch(t, resuming)
	d.requireFiring(t, "OrderloomSagasLost")
}

// provokeForeignNamespace lets a worker of another store work in the namespace for a while.
func (d *alertDrill) provokeForeignNamespace(t *testing.T) {
	t.Helper()
	other := d.ground.database(t, "drill_alerts_foreign")
	says, status := command(t, d.ground.program, d.settings("DATABASE_URL", other), "migrate")
	require.Zero(t, status, says)
	foreign := d.start(t, "worker", "DATABASE_URL", other)
	d.watch(t, foreign)
	d.requireFiring(t, "OrderloomForeignNamespace")
	d.end(t, foreign)
}

// provokeExpiry serves an API with a certificate that ends within the hour, and with a key that ends within a day.
func (d *alertDrill) provokeExpiry(t *testing.T) {
	t.Helper()
	files := certs.New(t)
	ports, err := freeport.Find(t.Context(), 1)
	require.NoError(t, err)
	address := freeport.Address(ports[0])
	closed := d.start(t, "api", "ORDERLOOM_API_OPEN", "no", "ORDERLOOM_OPERATIONS_ADDRESS", address,
		"ORDERLOOM_HTTP_TLS_CERT_PATH", files.Server, "ORDERLOOM_HTTP_TLS_KEY_PATH", files.ServerKey)
	d.watching.scrape(t, closed.name, "http://"+address)
	d.requireFiring(t, "OrderloomCertificateExpiring", "OrderloomKeyExpiring")
	d.end(t, closed)
}

// count is the sum of a metric over all its series.
func (s scrape) count(name string) (sum float64) {
	for _, one := range s {
		if one.name == name {
			sum += one.value
		}
	}
	return sum
}
