package e2e_test

import (
	"context"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/client"
	"github.com/orderloom/orderloom/dev/platform"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/payments/sandbox"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	temporal "go.temporal.io/sdk/client"
)

// An orphaned order is found within twice this time.
const orphansEvery = time.Second

// shop is a platform for drills, with what tells how its orders have ended.
type shop struct {
	*client.Client
	platform *platform.Platform
	sagas    temporal.Client
	gateway  *sandbox.Gateway
	pool     *pgxpool.Pool
	events   *eventstore.Repository
	store    *eventstore.Store
}

// openShop starts a platform with these settings, each a name and a value.
func openShop(t *testing.T, set ...string) *shop {
	t.Helper()
	ledger := filepath.Join(t.TempDir(), "ledger.jsonl")
	settings := map[string]string{
		"ORDERLOOM_ORPHANS_EVERY": orphansEvery.String(), "ORDERLOOM_REVIEW_ABOVE": "500.00:EUR", "ORDERLOOM_SANDBOX_LEDGER": ledger,
	}
	for pair := range slices.Chunk(set, 2) {
		settings[pair[0]] = pair[1]
	}
	p, err := platform.Start(t.Context(), platform.Options{Log: t.Logf, Lookup: func(name string) (string, bool) {
		value, ok := settings[name]
		return value, ok
	}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Stop(context.Background())) })
	s := &shop{platform: p}
	s.sagas, err = temporal.DialContext(t.Context(), temporal.Options{
		HostPort: p.Config.Temporal.Address, Namespace: p.Config.Temporal.Namespace,
	})
	require.NoError(t, err)
	t.Cleanup(s.sagas.Close)
	s.Client, err = client.New(p.APIURL)
	require.NoError(t, err)
	s.gateway, err = sandbox.Open(settings["ORDERLOOM_SANDBOX_LEDGER"])
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.gateway.Close()) })
	s.pool, err = pgxpool.New(t.Context(), string(p.Config.Database.URL))
	require.NoError(t, err)
	t.Cleanup(s.pool.Close)
	store, err := eventstore.Open(t.Context(), s.pool, eventstore.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close(context.Background())) })
	s.store = store
	s.events = eventstore.NewRepository(store, eventstore.RepositoryOptions{})
	return s
}

// drilled is one order whose execution is taken away, with what its customer and its warehouse do.
type drilled struct {
	*shop
	t   *testing.T
	sku string
	id  uuid.UUID
}

// far is the SKU of the order's second line, which lies in Reno.
func (o *drilled) far() string { return o.sku + "-reno" }

// place places an order and waits until it is in a state.
func (s *shop) place(t *testing.T, in state) *drilled {
	t.Helper()
	o, err := s.placeOnly(t, in)
	require.NoError(t, err)
	in.reach(o)
	return o
}

// placeOnly places an order, and waits for nothing. Several goroutines may do so.
func (s *shop) placeOnly(t *testing.T, in state) (*drilled, error) {
	t.Helper()
	o, err := s.stocked(t, in)
	if err != nil {
		return o, err
	}
	return o, o.order(in)
}

// stocked receives the goods of an order that is to be placed.
func (s *shop) stocked(t *testing.T, in state) (*drilled, error) {
	t.Helper()
	o := &drilled{shop: s, t: t, sku: uuid.NewString()}
	receipts := []client.Receipt{{SKU: o.sku, Location: "berlin", Quantity: in.stock}}
	if in.reno {
		receipts = append(receipts, client.Receipt{SKU: o.far(), Location: "reno", Quantity: 1})
	}
	for _, r := range receipts {
		if _, err := o.ReceiveStock(t.Context(), r); err != nil {
			return o, err
		}
	}
	return o, nil
}

// order places the order. An error means that it was not accepted.
func (o *drilled) order(in state) error {
	items := []client.NewItem{{ProductID: "p", SKU: o.sku, Quantity: in.quantity, UnitPrice: in.price}}
	if in.reno {
		items = append(items, client.NewItem{ProductID: "p", SKU: o.far(), Quantity: 1, UnitPrice: in.price})
	}
	token := "tok_approve"
	if in.bank {
		token = "tok_require_action"
	}
	placed, err := o.PlaceOrder(o.t.Context(), client.NewOrder{
		CustomerID: "c-" + o.sku, Currency: "EUR", PaymentToken: token, AllowBackorder: true, Items: items,
		Recipient:       &client.Recipient{Name: "Ada Lovelace"},
		ShippingAddress: client.Address{Line1: "Torstraße 1", City: "Berlin", Zip: "10119", Country: "DE"},
	})
	o.id = placed.OrderID
	return err
}

func (o *drilled) shown() client.Order {
	o.t.Helper()
	shown, err := o.GetOrder(o.t.Context(), o.id)
	require.NoError(o.t, err)
	return shown
}

func (o *drilled) awaitStatus(want client.OrderStatus) {
	o.t.Helper()
	o.await("status "+string(want), func() bool { return o.shown().Status == want })
}

func (o *drilled) receive(location, sku string, quantity int) {
	o.t.Helper()
	_, err := o.ReceiveStock(o.t.Context(), client.Receipt{SKU: sku, Location: location, Quantity: quantity})
	require.NoError(o.t, err)
}

func (o *drilled) stock(sku string) client.Stock {
	o.t.Helper()
	s, err := o.GetStock(o.t.Context(), sku)
	require.NoError(o.t, err)
	return s
}

// confirmAtBank lets the customer's bank confirm the payment, and the gateway report it to whoever waits for it.
func (o *drilled) confirmAtBank() {
	o.t.Helper()
	require.NoError(o.t, o.gateway.Confirm(payment.ID(o.id), true))
	paid := fold(o, domain.AggregatePayment, payment.ID(o.id), payment.Evolve, payment.Payment.Clone)
	o.await("somebody who waits for the bank", func() bool {
		update := workflows.PaymentUpdate{GatewayRef: paid.GatewayRef}
		return o.sagas.SignalWorkflow(o.t.Context(), workflows.PaymentSagaID(o.id), "", workflows.PaymentUpdated, update) == nil
	})
}

// shipmentFrom returns the order's shipment from a location.
func (o *drilled) shipmentFrom(location string) client.Shipment {
	o.t.Helper()
	var found client.Shipment
	o.await("a shipment from "+location, func() bool {
		for _, s := range o.shown().Shipments {
			if s.Location == location {
				found = s
				return true
			}
		}
		return false
	})
	return found
}

func (o *drilled) dispatch(shipment uuid.UUID) {
	o.t.Helper()
	o.await("a dispatch", func() bool {
		_, err := o.DispatchShipment(o.t.Context(), o.id, shipment, client.Dispatch{Carrier: "DHL", TrackingNumber: "T1"})
		return err == nil
	})
}

// ship lets the shipments from these locations leave and arrive, as far as they have not.
func (o *drilled) ship(locations ...string) {
	o.t.Helper()
	for _, location := range locations {
		s := o.shipmentFrom(location)
		if s.Status == client.ShipmentPlanned {
			o.dispatch(s.ShipmentID)
		}
		o.await("a delivery", func() bool {
			_, err := o.DeliverShipment(o.t.Context(), o.id, s.ShipmentID)
			return err == nil
		})
	}
}

// running returns the run id of the order's open saga, empty when there is none.
func (o *drilled) running() string {
	d, err := o.sagas.DescribeWorkflowExecution(o.t.Context(), workflows.OrderSagaID(o.id), "")
	if err != nil || d.GetWorkflowExecutionInfo().GetStatus() != enums.WORKFLOW_EXECUTION_STATUS_RUNNING {
		return ""
	}
	return d.GetWorkflowExecutionInfo().GetExecution().GetRunId()
}

func (o *drilled) await(what string, is func() bool) {
	o.t.Helper()
	await(o.t, what+" of order "+o.id.String(), is)
}

func await(t *testing.T, what string, is func() bool) {
	t.Helper()
	require.Eventually(t, is, time.Minute, 50*time.Millisecond, "waited for %s", what)
}

// end is how an order ends: what was captured and refunded, and how many pieces are left in Berlin and in Reno.
type end struct {
	status             client.OrderStatus
	captured, refunded string
	berlin, reno       int
}

// audit asserts that the order comes to an end, and its saga too. Then four ledgers agree: what the customer is told,
// the events, the gateway and the stock.
func (o *drilled) audit(want end) {
	o.t.Helper()
	o.awaitStatus(want.status)
	o.await("the end of its saga", func() bool { return o.running() == "" })
	o.await("what the customer is told", func() bool {
		shown := o.shown()
		return shown.Captured.Amount == want.captured && shown.Refunded.Amount == want.refunded && shown.PaymentStatus != client.PaymentAuthorized
	})
	require.Equal(o.t, want.status, client.OrderStatus(fold(o, domain.AggregateOrder, o.id, order.Evolve, order.Order.Clone).Status))
	paid := fold(o, domain.AggregatePayment, payment.ID(o.id), payment.Evolve, payment.Payment.Clone)
	require.False(o.t, paid.HoldsMoney())
	if want.captured != "0.00" {
		require.Equal(o.t, want.captured, paid.Captured.Text())
		require.Equal(o.t, want.refunded, paid.Refunded.Text())
		want.refunded = paid.RefundedAtGateway().Text() // without what pays for another order
	}
	balance, err := o.gateway.Balance(payment.ID(o.id))
	require.NoError(o.t, err)
	require.Equal(o.t, []string{"0", want.captured, want.refunded},
		[]string{balance.Held.Amount.String(), balance.Captured.Amount.StringFixed(2), balance.Refunded.Amount.StringFixed(2)}, "held, captured and refunded")
	o.auditStock("berlin", o.sku, want.berlin)
	o.auditStock("reno", o.far(), want.reno)
}

func (o *drilled) auditStock(location, sku string, onHand int) {
	o.t.Helper()
	s := fold(o, domain.AggregateInventory, inventory.ID(sku, location), inventory.Evolve, nil)
	require.Equal(o.t, []int{onHand, 0, 0}, []int{s.OnHand, s.Reserved, len(s.Backorders)}, "on hand, reserved and waiting in %s", location)
	o.await("the view of the stock in "+location, func() bool {
		shown := o.stock(sku)
		return shown.OnHand == onHand && shown.Reserved == 0 && shown.Backordered == 0
	})
}

func fold[S any](o *drilled, aggregate string, id uuid.UUID, evolve func(S, domain.Event) S, clone func(S) S) S {
	o.t.Helper()
	a := eventstore.Aggregate[S]{Type: aggregate, Evolve: evolve, Clone: clone}
	s, _, err := eventstore.Fold(o.t.Context(), o.events, a, id)
	require.NoError(o.t, err)
	return s
}
