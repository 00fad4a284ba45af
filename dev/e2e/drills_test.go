package e2e_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/client"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/payments/sandbox"
	"github.com/stretchr/testify/require"
	temporal "go.temporal.io/sdk/client"
)

// drill is a fault that is being played. A drill opens it, starts processes and places orders. Then it breaks
// something, and asserts that it is told, named, mended and that all orders end.
type drill struct {
	*shop
	fault       fault
	ground      *ground
	t           *testing.T
	kafka       *kafkaServer
	environment map[string]string
	processes   []*process
	orders      []*waiting
	// before is what the processes told before the fault.
	before scrape
	proven map[string]bool
}

// open sets up what the drill has for itself, with these settings over the usual ones.
func (d *drill) open(t *testing.T, set ...string) {
	t.Helper()
	d.t, d.proven, d.kafka = t, map[string]bool{}, startKafka(t)
	var key [32]byte
	_, _ = rand.Read(key[:])
	d.environment = map[string]string{
		"TEMPORAL_ADDRESS": d.ground.TemporalAddress, "TEMPORAL_NAMESPACE": "drill-" + d.fault.name, "KAFKA_BROKERS": d.kafka.address,
		"ORDERLOOM_KAFKA_PARTITIONS": "2", "ORDERLOOM_MASTER_KEYS": "drill:" + base64.StdEncoding.EncodeToString(key[:]),
		"ORDERLOOM_PAYMENT_GATEWAY": sandbox.Name, "ORDERLOOM_SANDBOX_LEDGER": filepath.Join(t.TempDir(), "ledger.jsonl"),
		"ORDERLOOM_LOCATIONS": "berlin:DE,reno:US", "ORDERLOOM_REVIEW_ABOVE": "500.00:EUR", "ORDERLOOM_ORPHANS_EVERY": orphansEvery.String(),
		"ORDERLOOM_HTTP_ADDRESS": "127.0.0.1:0", "ORDERLOOM_API_OPEN": "loopback", "ORDERLOOM_DRAIN_DELAY": "0s",
	}
	for pair := range slices.Chunk(set, 2) {
		d.environment[pair[0]] = pair[1]
	}
	if d.environment["DATABASE_URL"] == "" {
		d.environment["DATABASE_URL"] = d.ground.database(t, "drill_"+strings.ReplaceAll(d.fault.name, "-", "_"))
	}
	d.run(t, "setup")
	d.openShop(t)
}

// openShop opens what a drill asserts with. It may be repeated, when the database is another.
func (d *drill) openShop(t *testing.T) {
	t.Helper()
	before := d.shop
	d.shop = &shop{}
	if before != nil {
		d.Client = before.Client
	}
	var err error
	d.sagas, err = temporal.DialContext(t.Context(), temporal.Options{
		HostPort: d.environment["TEMPORAL_ADDRESS"], Namespace: d.environment["TEMPORAL_NAMESPACE"],
	})
	require.NoError(t, err)
	t.Cleanup(d.sagas.Close)
	d.gateway, err = sandbox.Open(d.environment["ORDERLOOM_SANDBOX_LEDGER"])
	require.NoError(t, err)
	gateway := d.gateway
	t.Cleanup(func() { require.NoError(t, gateway.Close()) })
	d.pool, err = pgxpool.New(t.Context(), d.environment["DATABASE_URL"])
	require.NoError(t, err)
	t.Cleanup(d.pool.Close)
	d.store, err = eventstore.Open(t.Context(), d.pool, eventstore.Options{})
	require.NoError(t, err)
	store := d.store
	t.Cleanup(func() { _ = store.Close(context.Background()) }) // the server may be gone
	d.events = eventstore.NewRepository(d.store, eventstore.RepositoryOptions{})
}

// settings are the environment of a process, with these settings over those of the drill.
func (d *drill) settings(set ...string) []string {
	all := maps.Clone(d.environment)
	for pair := range slices.Chunk(set, 2) {
		all[pair[0]] = pair[1]
	}
	environment := slices.Clone(os.Environ())
	for name, value := range all {
		environment = append(environment, name+"="+value)
	}
	return environment
}

// start starts a process. The first one that serves the API is the one that is asked.
func (d *drill) start(t *testing.T, role string, set ...string) *process {
	t.Helper()
	p := launch(t, d.ground.program, role, fmt.Sprintf("%s-%d", role, len(d.processes)+1), d.settings(set...))
	d.processes = append(d.processes, p)
	if d.Client == nil && (role == "all" || role == "api") {
		var err error
		d.Client, err = client.New(p.url)
		require.NoError(t, err)
	}
	return p
}

// forget leaves a process out from now on, such as one that has ended.
func (d *drill) forget(p *process) {
	d.processes = slices.DeleteFunc(d.processes, func(other *process) bool { return other == p })
}

// run carries out a command, which has to succeed, and returns its words.
func (d *drill) run(t *testing.T, arguments ...string) string {
	t.Helper()
	says, status := command(t, d.ground.program, d.settings(), arguments...)
	require.Zero(t, status, "orderloom %s: %s", strings.Join(arguments, " "), says)
	return says
}

func (d *drill) scrape(t *testing.T) scrape {
	t.Helper()
	urls := map[string]string{}
	for _, p := range d.processes {
		urls[p.name] = p.url
	}
	return scrapeAll(t.Context(), urls)
}

// awaitQuiet waits until no condition of the fault holds. Afterwards the fault begins.
func (d *drill) awaitQuiet(t *testing.T) {
	t.Helper()
	d.before = d.scrape(t)
	d.awaitConditions(t, "no condition to hold", func(holds int) bool { return holds == 0 })
}

// requireTold waits until all conditions of the fault hold at once.
func (d *drill) requireTold(t *testing.T) {
	t.Helper()
	d.awaitConditions(t, "the metrics to tell", func(holds int) bool { return holds == len(d.fault.told) })
	d.proven["told"] = true
}

func (d *drill) awaitConditions(t *testing.T, what string, is func(holds int) bool) {
	t.Helper()
	var shown []string
	defer func() {
		if t.Failed() {
			t.Logf("conditions: %s", strings.Join(shown, "; "))
		}
	}()
	await(t, what, func() bool {
		now, holds := d.scrape(t), 0
		shown = nil
		for _, a := range d.fault.told {
			c := a.condition()
			held := c.holds(t, now, d.before)
			if held {
				holds++
			}
			p, _ := c.parse()
			shown = append(shown, fmt.Sprintf("%s: %v by %v", c, held, p.values(now, d.before)))
		}
		return is(holds)
	})
}

// value returns the greatest value of a metric over all processes, 0 when none has it.
func (d *drill) value(t *testing.T, metric string) (greatest float64) {
	t.Helper()
	for _, s := range d.scrape(t) {
		if s.name == metric {
			greatest = max(greatest, s.value)
		}
	}
	return greatest
}

// requireNamed carries out the commands that say what is wrong.
func (d *drill) requireNamed(t *testing.T) {
	t.Helper()
	for _, n := range d.fault.named {
		var says string
		var status int
		defer func() {
			if t.Failed() {
				t.Logf("%s, status %d: %s", n.command, status, says)
			}
		}()
		await(t, n.command+" to say it", func() bool {
			says, status = d.ask(t, n.command)
			return status == n.status && strings.Contains(says, n.says)
		})
		t.Logf("%s: %s", n.command, says)
	}
	d.proven["named"] = true
}

// ask carries out a command, or a GET request to the first process. It returns the words and the exit status, or the
// status of the response.
func (d *drill) ask(t *testing.T, what string) (says string, status int) {
	t.Helper()
	path, isRequest := strings.CutPrefix(what, "GET ")
	if !isRequest {
		return command(t, d.ground.program, d.settings(), strings.Fields(what)...)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.processes[0].url+path, http.NoBody)
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err.Error(), 0
	}
	defer func() { require.NoError(t, response.Body.Close()) }()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return string(body), response.StatusCode
}

// places are the states of the orders of a drill, and how many there are of each.
func (d *drill) places() (in map[string]state, count int) {
	if !*full {
		return map[string]state{"confirmed": states["confirmed"], "partly shipped": states["partly shipped"], "backordered": states["backordered"]}, 1
	}
	in = maps.Clone(states)
	maps.DeleteFunc(in, func(_ string, s state) bool { return s.leave != nil })
	return in, 3
}

// place places orders, and waits until they are in their states.
func (d *drill) place(t *testing.T) {
	t.Helper()
	in, count := d.places()
	var placed []*waiting
	for name, s := range in {
		for range count {
			placed = append(placed, &waiting{state: s, name: name})
		}
	}
	each(t, fmt.Sprintf("place after %d", len(d.orders)), placed, func(t *testing.T, w *waiting) { w.order = d.shop.place(t, w.state) })
	d.orders = append(d.orders, placed...)
}

// confirmed is an order that was placed before the fault.
func (d *drill) confirmed(t *testing.T) *drilled {
	t.Helper()
	i := slices.IndexFunc(d.orders, func(w *waiting) bool { return w.name == "confirmed" })
	d.orders[i].order.t = t
	return d.orders[i].order
}

// confirmedSoon is the state of orders that are placed during a fault: nobody waits for it.
func confirmedSoon() state {
	in := states["confirmed"]
	in.reach = func(*drilled) {}
	return in
}

// order places one order, and returns once it is accepted.
func (d *drill) order(t *testing.T) *drilled {
	t.Helper()
	o := d.shop.place(t, confirmedSoon())
	d.accepted(o)
	return o
}

// accepted notes an order that was placed during the fault.
func (d *drill) accepted(o *drilled) {
	d.orders = append(d.orders, &waiting{state: confirmedSoon(), name: "placed during the fault", order: o})
}

// requireEnds takes all orders to their ends, and demands that everything agrees and that no condition holds any more.
func (d *drill) requireEnds(t *testing.T) {
	t.Helper()
	each(t, "end", d.orders, func(_ *testing.T, w *waiting) { w.order.finish(w.goOn, w.end, func(client.OrderStatus) {}) })
	var says string
	var status int
	defer func() { t.Logf("orderloom verify, status %d: %s", status, says) }()
	await(t, "orderloom verify to agree", func() bool {
		says, status = command(t, d.ground.program, d.settings(), "verify")
		return status == 0
	})
	d.before = d.scrape(t)
	d.awaitConditions(t, "no condition to hold any more", func(holds int) bool { return holds == 0 })
	d.proven["ended"] = true
}

// requireComplete demands that a drill has proven what the document says.
func (d *drill) requireComplete(t *testing.T) {
	t.Helper()
	for _, what := range []string{"told", "named", "ended"} {
		require.True(t, d.proven[what], "the drill has not proven that the fault is %s", what)
	}
}

// lasts is how long a fault lasts: small for `make test`, and more in full size.
func lasts(small, inFull time.Duration) time.Duration {
	if *full {
		return inFull
	}
	return small
}
