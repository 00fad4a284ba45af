//go:build kubernetes

package e2e_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/client"
	"github.com/orderloom/orderloom/internal/testing/kubetest"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	temporal "go.temporal.io/sdk/client"
)

// TestTheDocumentOfKubernetesIsCarriedOut runs every command of docs/kubernetes.md, in its order. It installs, makes a
// key, upgrades, goes back, scales, and does the owner's work. After each change all pods have the right version.
func TestTheDocumentOfKubernetesIsCarriedOut(t *testing.T) {
	t.Parallel()
	c := openCluster(t)
	commands := commandsOf(t, "../../docs/kubernetes.md")
	c.makeNamespace(t, commands[0])
	// With Helm's release in place, the same objects belong to somebody else. Elsewhere they may be tried at any time.
	for _, line := range commands {
		if strings.Contains(line, "deploy/kubernetes") {
			c.run(t, line)
		}
	}
	image := "0.1.0"
	for _, line := range commands[1:] {
		if strings.Contains(line, "deploy/kubernetes") {
			continue
		}
		says := c.run(t, line)
		switch {
		case strings.HasPrefix(line, "helm upgrade"):
			if image = "0.1.0"; strings.Contains(line, "image.tag=0.2.0") {
				image = "0.2.0"
			}
			c.awaitRollout(t, image)
		case strings.HasPrefix(line, "helm install"):
			c.awaitRollout(t, image)
		case strings.HasPrefix(line, "helm rollback"):
			image = "0.1.0"
			c.awaitRollout(t, image)
		case strings.Contains(line, "keys create"):
			shop, err := client.New("http://"+c.node.Pods("api")[0].Address+":8080", client.WithAPIKey(keyOf(says)))
			require.NoError(t, err)
			_, err = shop.ListLocations(t.Context())
			require.NoError(t, err, "the key of the document opens the API")
		case strings.Contains(line, "create job"), strings.Contains(line, "kubectl -n shop create -f"):
			c.run(t, "kubectl -n shop wait --for=condition=Complete --timeout=2m jobs --all")
		}
	}
	require.Len(t, c.node.Pods("worker"), 4, "as many as the document scales to")
	rebuild, err := c.server.Get(t.Context(), "/apis/batch/v1/namespaces/shop/jobs/orderloom-rebuild-orders")
	require.NoError(t, err)
	require.Equal(t, []any{"rebuild", "orders"}, kubetest.List(rebuild, "spec", "template", "spec", "containers")[0]["args"])
	c.requireStopped(t)
}

// A setup that fails stops the upgrade, and no pod is replaced.
func TestAnUpgradeEndsWithItsSetup(t *testing.T) {
	t.Parallel()
	c := openCluster(t)
	c.install(t)
	before := c.node.Pods("")
	c.run(t, `kubectl -n shop create secret generic orderloom-other --from-literal=url="postgres://orderloom_owner:wrong@postgresql.shop.svc:5432/orderloom"`)
	upgrade := "helm upgrade orderloom deploy/helm/orderloom --namespace shop --values deploy/helm/values/base.yaml --set image.tag=0.2.0,database.owner.name=orderloom-other,setup.backoffLimit=0"
	_, err := c.try(t, upgrade)
	require.ErrorContains(t, err, "BackoffLimitExceeded")
	require.Equal(t, before, c.node.Pods(""))
	require.Contains(t, c.run(t, "helm history orderloom --namespace shop"), "failed")
	// It may be tried again, and the whole release comes up.
	c.run(t, strings.ReplaceAll(upgrade, "orderloom-other", "orderloom-database-owner"))
	c.awaitRollout(t, "0.2.0")
}

// TestDrillUpgrade replaces all processes by those of another build and goes back, while customers buy. The chart says
// how: each process has the variables, the role of PostgreSQL, the pause and the grace of its pod. No order is lost.
// Customers are answered nothing worse than 503 with Retry-After.
//
// There is no former release yet, so the other version is another build of the same source.
func TestDrillUpgrade(t *testing.T) {
	t.Run("workers without versions", func(t *testing.T) { drillUpgrade(t, "", func(*testing.T, *cluster, string) {}) })
	t.Run("workers with build ids", func(t *testing.T) { drillUpgrade(t, "versioning: {by: buildId}\n", makeCurrent) })
	t.Run("workers by the controller", func(t *testing.T) {
		drillUpgrade(t, "versioning: {by: controller, rollout: {strategy: AllAtOnce, steps: null}}\n", func(*testing.T, *cluster, string) {})
	})
}

// drillUpgrade is the drill with more values. Once pods of a version run, takenUp tells Temporal of it.
func drillUpgrade(t *testing.T, values string, takenUp func(t *testing.T, c *cluster, version string)) {
	c := openCluster(t)
	c.addValues(t, values)
	if strings.Contains(values, "by: controller") {
		c.startController(t)
	}
	c.installUntil(t, func() { takenUp(t, c, "0.1.0") })
	key := keyOf(c.exec(t, "api", "keys create --account shop --name drill --role admin"))
	s := c.serve(t)
	shop := s.client(t, key)
	early := make([]client.Order, 10) // they are confirmed by one version, and end on another
	for i := range early {
		early[i] = placeEarly(t, shop)
	}
	c.requireRole(t, "orderloom_runtime")

	requests, stop := load(t, shop)
	await(t, "requests", func() bool { return requests.Load() > 20 })
	for _, change := range []struct{ command, image string }{
		{"helm upgrade orderloom deploy/helm/orderloom --namespace shop --values deploy/helm/values/base.yaml --set image.tag=0.2.0", "0.2.0"},
		{"helm rollback orderloom 1 --namespace shop", "0.1.0"},
	} {
		c.run(t, change.command)
		takenUp(t, c, change.image)
		c.awaitRollout(t, change.image)
		done := requests.Load()
		await(t, "more requests", func() bool { return requests.Load() > done+20 })
		c.requireRole(t, "orderloom_runtime")
	}
	require.Empty(t, stop(), "requests that have failed")
	require.Empty(t, s.failures(), "answers that no customer may get")
	t.Logf("%d requests, %d of them answered 503 with Retry-After", s.total.Load(), s.busy.Load())
	for _, o := range early {
		deliver(t, shop, o.OrderID)
	}
	c.refundMeanwhile(t, shop, early[0].OrderID, takenUp)
	await(t, "orderloom verify to agree", func() bool {
		_, err := c.node.Pods("projector")[0].Exec(t.Context(), "verify")
		return err == nil
	})
	c.exec(t, "worker", "doctor")
	require.Len(t, c.node.Former("api"), 8, "each was replaced three times")
	c.requireStopped(t)
}

// refundMeanwhile asks for a refund while the gateway is away, and upgrades. No worker of the version that has begun it
// is left then. It fails where a saga is pinned to its version.
func (c *cluster) refundMeanwhile(t *testing.T, shop *client.Client, id uuid.UUID, takenUp func(t *testing.T, c *cluster, version string)) {
	t.Helper()
	mend := spoil(t, c.ledger)
	asked, err := shop.RefundPayment(t.Context(), id, client.RefundPayment{Amount: "1.00", Currency: "EUR", Reason: "late"})
	require.NoError(t, err)
	c.run(t, "helm upgrade orderloom deploy/helm/orderloom --namespace shop --values deploy/helm/values/base.yaml --set image.tag=0.2.0")
	takenUp(t, c, "0.2.0")
	c.awaitRollout(t, "0.2.0")
	require.Equal(t, "0.00", show(t, shop, id).Refunded.Amount)
	mend()
	at := c.dialTemporal(t)
	await(t, "the end of the refund's saga", func() bool {
		saga, err := at.DescribeWorkflowExecution(t.Context(), "refund-"+asked.Refund.RefundID.String(), "")
		return err == nil && saga.GetWorkflowExecutionInfo().GetStatus() == enums.WORKFLOW_EXECUTION_STATUS_COMPLETED
	})
	require.Equal(t, "1.00", show(t, shop, id).Refunded.Amount)
}

// makeCurrent makes a version of the workers the current one, as soon as Temporal knows it.
func makeCurrent(t *testing.T, c *cluster, version string) {
	t.Helper()
	at := c.dialTemporal(t)
	await(t, "a worker of "+version, func() bool {
		_, err := at.WorkerDeploymentClient().GetHandle("orderloom").SetCurrentVersion(t.Context(), temporal.WorkerDeploymentSetCurrentVersionOptions{BuildID: version})
		return err == nil
	})
}

func (c *cluster) dialTemporal(t *testing.T) temporal.Client {
	t.Helper()
	at, err := temporal.DialContext(t.Context(), temporal.Options{HostPort: c.TemporalAddress, Namespace: "orderloom"})
	require.NoError(t, err)
	t.Cleanup(at.Close)
	return at
}

func keyOf(says string) string { return regexp.MustCompile(`ol_\w+`).FindString(says) }

// placeEarly places an order that waits for its warehouse.
func placeEarly(t *testing.T, shop *client.Client) client.Order {
	t.Helper()
	sku := uuid.NewString()
	receive(t, shop, sku, 1)
	placed, err := shop.PlaceOrder(t.Context(), client.NewOrder{
		CustomerID: "c-" + sku, Currency: "EUR", PaymentToken: "tok_approve",
		Items:           []client.NewItem{{ProductID: "p", SKU: sku, Quantity: 1, UnitPrice: "10.00"}},
		Recipient:       &client.Recipient{Name: "Ada Lovelace"},
		ShippingAddress: client.Address{Line1: "Torstraße 1", City: "Berlin", Zip: "10119", Country: "DE"},
	})
	require.NoError(t, err)
	return client.Order{OrderID: placed.OrderID}
}

// deliver takes an order to its end.
func deliver(t *testing.T, shop *client.Client, id uuid.UUID) {
	t.Helper()
	await(t, "the delivery of an order", func() bool {
		return advance(t, shop, show(t, shop, id)).Status == client.OrderDelivered
	})
}

// install carries out the document as far as the installation, and waits until all pods are ready.
func (c *cluster) install(t *testing.T) {
	t.Helper()
	c.installUntil(t, func() {})
}

// installUntil is [cluster.install] with what is to be done before pods can be ready.
func (c *cluster) installUntil(t *testing.T, before func()) {
	t.Helper()
	for i, line := range commandsOf(t, "../../docs/kubernetes.md") {
		if i == 0 {
			c.makeNamespace(t, line)
			continue
		}
		c.run(t, line)
		if strings.HasPrefix(line, "helm install") {
			break
		}
	}
	before()
	c.awaitRollout(t, "0.1.0")
}

// requireRole demands that nobody but a role of PostgreSQL works in the database.
func (c *cluster) requireRole(t *testing.T, want string) {
	t.Helper()
	db, err := pgx.ConnectConfig(t.Context(), c.superuser)
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close(t.Context())) }()
	rows, err := db.Query(t.Context(), "SELECT DISTINCT usename::text FROM pg_stat_activity WHERE datname = 'orderloom'")
	require.NoError(t, err)
	roles, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	require.Equal(t, []string{want}, roles)
}

// requireStopped demands that no process was killed or has ended by itself.
func (c *cluster) requireStopped(t *testing.T) {
	t.Helper()
	for _, p := range c.node.Former("") {
		require.False(t, p.Killed(), "%s took longer to stop than its grace", p.Name)
		require.Zero(t, p.Restarts(), p.Name)
	}
}

// makeNamespace carries out the document's command, and lets the namespace take only restricted pods.
func (c *cluster) makeNamespace(t *testing.T, command string) {
	t.Helper()
	require.Equal(t, "kubectl create namespace "+shopNamespace, command)
	c.run(t, command)
	require.NoError(t, c.server.Restrict(t.Context(), shopNamespace))
}

var shellBlock = regexp.MustCompile("(?ms)^```(?:sh)?\n(.*?)^```$")

// commandsOf returns the commands of a document in their order.
func commandsOf(t *testing.T, path string) (commands []string) {
	t.Helper()
	document, err := os.ReadFile(path)
	require.NoError(t, err)
	for _, block := range shellBlock.FindAllStringSubmatch(string(document), -1) {
		commands = append(commands, strings.Split(strings.TrimSpace(block[1]), "\n")...)
	}
	require.Greater(t, len(commands), 10)
	return commands
}
