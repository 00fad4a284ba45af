package activities_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/actor"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/domain/precondition"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/internal/testing/pgtest"
	"github.com/orderloom/orderloom/payments"
	"github.com/orderloom/orderloom/payments/sandbox"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	sdkworker "go.temporal.io/sdk/worker"
)

// testBundle is an event store on a PostgreSQL database of its own. Many orders may use it at the same time.
type testBundle struct {
	pool   *pgxpool.Pool
	store  *eventstore.Store
	events *eventstore.Repository
}

func setup(t *testing.T) *testBundle {
	t.Helper()
	pool := pgtest.Pool(t)
	store, err := eventstore.Open(t.Context(), pool, eventstore.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close(context.WithoutCancel(t.Context()))) })
	events := eventstore.NewRepository(store, eventstore.RepositoryOptions{})
	require.NoError(t, activities.New(activities.Options{Events: events, Locations: locations}).SeedLocations(t.Context(), at))
	return &testBundle{pool: pool, store: store, events: events}
}

// testOrder is one order on its way, with a payment gateway and goods of its own. There are five pieces of A in
// Berlin and five of B in Reno; the order wants two of each.
type testOrder struct {
	*testBundle
	*activities.Activities
	t          *testing.T
	id         uuid.UUID
	saga       string // the workflow id
	a, b       string // SKUs
	gateway    *gateway
	vault      *vault
	allocation []inventory.Allocation
	when       precondition.Precondition // of the steps; empty for none
}

// The order's time, and the price of all of it.
var (
	at    = time.Now().UTC().Truncate(time.Second)
	total = eur("60.00")
)

var locations = []inventory.Location{{ID: "berlin", Country: "DE"}, {ID: "reno", Country: "US"}}

func (b *testBundle) order(t *testing.T, change ...func(*activities.Options)) *testOrder {
	t.Helper()
	ledger, err := sandbox.Open("")
	require.NoError(t, err)
	id := uuid.New()
	o := &testOrder{
		testBundle: b, t: t, id: id, saga: "order-" + id.String(), a: "A-" + id.String(), b: "B-" + id.String(), gateway: &gateway{Gateway: ledger}, vault: &vault{},
	}
	options := activities.Options{Events: b.events, Gateway: o.gateway, Vault: o.vault}
	for _, c := range change {
		c(&options)
	}
	o.Activities = activities.New(options)
	o.receive(o.a, "berlin", 5)
	o.receive(o.b, "reno", 5)
	return o
}

func eur(amount string) money.Money { return money.Must(amount, "EUR") }

func (o *testOrder) items() []order.Item {
	return []order.Item{
		{ProductID: "p-a", SKU: o.a, Quantity: 2, UnitPrice: eur("10.00")}, {ProductID: "p-b", SKU: o.b, Quantity: 2, UnitPrice: eur("20.00")},
	}
}

func (o *testOrder) lines() []inventory.Line { return order.Lines(o.items()) }

func (o *testOrder) shipment(location string) uuid.UUID {
	return domain.DerivedID(o.id, "shipment/"+location)
}

// The stages that an order comes through; each begins with those before it.

func (o *testOrder) placeInput() activities.PlaceOrder {
	return activities.PlaceOrder{
		OrderID: o.id, CustomerID: "cus_1", Items: o.items(), ShipToCountry: "DE", Personal: domain.Sealed{Key: "inline", Data: []byte{1}},
		RequestHash: "hash", UserID: "shop", At: at,
	}
}

func (o *testOrder) place() *testOrder {
	placed, err := run(o, o.PlaceOrder, o.placeInput())
	require.NoError(o.t, err)
	o.allocation = placed.Reserved.Allocations
	return o
}

func (o *testOrder) authorizeInput(token string) activities.AuthorizePayment {
	return activities.AuthorizePayment{OrderID: o.id, Amount: total, Token: token, At: at}
}

// provide gives another means of payment.
func (o *testOrder) provide(token string, keep bool, at time.Time) {
	sealed, err := o.vault.Seal(o.t.Context(), "cus_1", token)
	require.NoError(o.t, err)
	_, err = run(o, o.ProvidePayment, activities.ProvidePayment{
		OrderID: o.id, CustomerID: "cus_1", RequestID: uuid.New(), RequestHash: token, Token: sealed, Keep: keep, Amount: total, At: at,
	})
	require.NoError(o.t, err)
}

func (o *testOrder) authorize() *testOrder {
	answer, err := run(o, o.AuthorizePayment, o.authorizeInput("tok_approve"))
	require.NoError(o.t, err)
	require.Equal(o.t, payment.StatusAuthorized, answer.Status)
	return o
}

func (o *testOrder) confirmed() *testOrder {
	o.place().authorize()
	_, err := run(o, o.ConfirmOrder, activities.ConfirmOrder{OrderID: o.id, Allocations: o.allocation, At: at})
	require.NoError(o.t, err)
	return o
}

func (o *testOrder) dispatchInput(location string) activities.DispatchShipment {
	in := activities.DispatchShipment{
		OrderID: o.id, ShipmentID: o.shipment(location), Carrier: "DHL", TrackingNumber: "T1", Location: location,
		SKUs: []string{o.a}, At: at,
	}
	if location == "reno" {
		in.SKUs = []string{o.b}
	}
	return in
}

func (o *testOrder) dispatch(in activities.DispatchShipment) error {
	_, err := run(o, o.DispatchShipment, in)
	return err
}

func (o *testOrder) dispatched() *testOrder {
	o.confirmed()
	for _, location := range []string{"berlin", "reno"} {
		require.NoError(o.t, o.dispatch(o.dispatchInput(location)))
	}
	return o
}

func (o *testOrder) endInput(location string) activities.EndShipment {
	return activities.EndShipment{OrderID: o.id, ShipmentID: o.shipment(location), At: at}
}

func (o *testOrder) delivered() *testOrder {
	o.dispatched()
	for _, location := range []string{"berlin", "reno"} {
		_, err := run(o, o.DeliverShipment, o.endInput(location))
		require.NoError(o.t, err)
	}
	return o
}

// returnAll is all that the order holds, on its way back.
func (o *testOrder) returnAll() activities.ReturnGoods {
	in := activities.ReturnGoods{OrderID: o.id, ReturnID: uuid.New(), Reason: "too_small", At: at}
	for _, i := range o.items() {
		in.Lines = append(in.Lines, order.ReturnLine{SKU: i.SKU, Quantity: i.Quantity, Restock: true})
	}
	return in
}

// Other commands that the tests need on the way.

func (o *testOrder) receive(sku, location string, quantity int) {
	in := activities.ReceiveStock{ReceiptID: uuid.New(), SKU: sku, Location: location, Quantity: quantity, At: at}
	_, err := run(o.as("stock-receipt-"+in.ReceiptID.String()), o.ReceiveStock, in)
	require.NoError(o.t, err)
}

// as returns the same order, with steps of another saga.
func (o *testOrder) as(saga string) *testOrder {
	other := *o
	other.saga = saga
	return &other
}

func (o *testOrder) cancel() error {
	return errorOf(o, o.CancelOrder, activities.CancelOrder{OrderID: o.id, Reason: "changed_mind", By: order.ByCustomer, At: at})
}

func (o *testOrder) void() error {
	_, err := run(o, o.VoidPayment, activities.VoidPayment{OrderID: o.id, Reason: "order_cancelled", At: at})
	return err
}

// What has become of the order.

func (o *testOrder) orderState() order.Order {
	s, _, err := eventstore.Fold(o.t.Context(), o.events, eventstore.Aggregate[order.Order]{Type: domain.AggregateOrder, Evolve: order.Evolve}, o.id)
	require.NoError(o.t, err)
	return s
}

func (o *testOrder) paymentState() payment.Payment {
	s, _, err := eventstore.Fold(o.t.Context(), o.events,
		eventstore.Aggregate[payment.Payment]{Type: domain.AggregatePayment, Evolve: payment.Evolve}, payment.ID(o.id))
	require.NoError(o.t, err)
	return s
}

func (o *testOrder) stock(sku, location string) inventory.Stock {
	s, _, err := eventstore.Fold(o.t.Context(), o.events,
		eventstore.Aggregate[inventory.Stock]{Type: domain.AggregateInventory, Evolve: inventory.Evolve}, inventory.ID(sku, location))
	require.NoError(o.t, err)
	return s
}

// stored returns the types of all events that the order, its payment and its goods have, without the first receipts.
func (o *testOrder) stored() []string {
	var types []string
	for _, s := range []eventstore.StreamID{
		{Type: domain.AggregateOrder, ID: o.id},
		{Type: domain.AggregatePayment, ID: payment.ID(o.id)},
		{Type: domain.AggregateInventory, ID: inventory.ID(o.a, "berlin")},
		{Type: domain.AggregateInventory, ID: inventory.ID(o.b, "reno")},
	} {
		after := int64(0)
		if s.Type == domain.AggregateInventory {
			after = 1
		}
		events, err := o.store.Load(o.t.Context(), s, after)
		require.NoError(o.t, err)
		for _, e := range events {
			types = append(types, e.EventType)
		}
	}
	return types
}

// requireUnchanged asserts that what act does stores nothing.
func (o *testOrder) requireUnchanged(act func()) {
	o.t.Helper()
	before := o.stored()
	act()
	require.Equal(o.t, before, o.stored())
}

func (o *testOrder) requireBalance(held, captured, refunded string) {
	o.t.Helper()
	b, err := o.gateway.Gateway.Balance(payment.ID(o.id))
	require.NoError(o.t, err)
	require.Equal(o.t, fmt.Sprintf("held %s, captured %s, refunded %s", held, captured, refunded),
		fmt.Sprintf("held %s, captured %s, refunded %s", b.Held.Amount, b.Captured.Amount, b.Refunded.Amount))
}

// run executes an activity as a step of the order's saga.
func run[I, O any](o *testOrder, step func(context.Context, I) (O, error), in I) (O, error) {
	o.t.Helper()
	var out O
	value, err := execute(o, step, in)
	if err == nil {
		require.NoError(o.t, value.Get(&out))
	}
	return out, err
}

// errorOf is the error of a step whose answer does not matter here.
func errorOf[I, O any](o *testOrder, step func(context.Context, I) (O, error), in I) error {
	_, err := run(o, step, in)
	return err
}

// runForEffect is [run] for an activity that answers nothing.
func runForEffect[I any](o *testOrder, step func(context.Context, I) error, in I) error {
	_, err := execute(o, step, in)
	return err
}

type encodedValue interface{ Get(any) error }

func execute(o *testOrder, step, in any) (encodedValue, error) {
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestActivityEnvironment()
	env.SetWorkerOptions(sdkworker.Options{Interceptors: []interceptor.WorkerInterceptor{&sagaOf{id: o.saga, when: o.when}}})
	env.RegisterActivity(o.Activities)
	return env.ExecuteActivity(step, in)
}

// sagaOf lets activities see the workflow id of an order's saga.
type sagaOf struct {
	interceptor.WorkerInterceptorBase
	id   string
	when precondition.Precondition
}

func (s *sagaOf) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &inbound{ActivityInboundInterceptorBase: interceptor.ActivityInboundInterceptorBase{Next: next}, id: s.id, when: s.when}
}

type inbound struct {
	interceptor.ActivityInboundInterceptorBase
	id   string
	when precondition.Precondition
}

func (i *inbound) Init(next interceptor.ActivityOutboundInterceptor) error {
	return i.Next.Init(&outbound{ActivityOutboundInterceptorBase: interceptor.ActivityOutboundInterceptorBase{Next: next}, id: i.id})
}

// asking is who asks for the steps of the tests.
const asking actor.Actor = "storefront/k-1"

func (i *inbound) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	return i.Next.ExecuteActivity(precondition.With(actor.With(ctx, asking), i.when), in)
}

type outbound struct {
	interceptor.ActivityOutboundInterceptorBase
	id string
}

func (o *outbound) GetInfo(ctx context.Context) activity.Info {
	info := o.Next.GetInfo(ctx)
	info.WorkflowExecution.ID = o.id
	return info
}

// requireRefused asserts that a step was refused with this code, and is not to be tried again.
func requireRefused(t *testing.T, code domain.ErrorCode, err error) {
	t.Helper()
	var app *temporal.ApplicationError
	require.ErrorAs(t, err, &app)
	require.True(t, app.NonRetryable(), err)
	require.Equal(t, string(code), app.Type(), err)
}

// requireRetryable asserts that a step failed for a reason that may pass.
func requireRetryable(t *testing.T, err error) {
	t.Helper()
	var app *temporal.ApplicationError
	require.ErrorAs(t, err, &app)
	require.False(t, app.NonRetryable(), err)
}

// gateway is a sandbox gateway that a test can take down.
type gateway struct {
	*sandbox.Gateway
	// down lets every call fail before it takes effect; answersLost lets it fail afterwards. Revoked are our
	// credentials.
	down, answersLost, revoked bool
	// meanwhile runs once, while the next call is under way.
	meanwhile      func()
	authorizations []payments.AuthorizeRequest
	voids          []payments.VoidRequest
	captures       []payments.CaptureRequest
	refunds        []payments.RefundRequest
	// refuses is why every void, capture and refund is refused; empty for not.
	refuses string
}

func (g *gateway) refusal() error {
	if g.refuses == "" {
		return nil
	}
	return domain.Refuse(payments.CodeGatewayRefused, "%s", g.refuses)
}

func (g *gateway) call(f func() error) error {
	if g.down {
		return payments.NoAnswer(errors.New("connection refused"))
	}
	if g.revoked {
		return payments.NoAnswer(payments.ErrCredentials)
	}
	err := f()
	if meanwhile := g.meanwhile; meanwhile != nil {
		g.meanwhile = nil
		meanwhile()
	}
	if g.answersLost {
		return payments.NoAnswer(errors.New("connection reset"))
	}
	return err
}

func (g *gateway) Authorize(ctx context.Context, r payments.AuthorizeRequest) (out payments.AuthorizeResult, err error) {
	g.authorizations = append(g.authorizations, r)
	err = g.call(func() error { out, err = g.Gateway.Authorize(ctx, r); return err })
	return out, err
}

func (g *gateway) Capture(ctx context.Context, r payments.CaptureRequest) (taken payments.CaptureResult, err error) {
	g.captures = append(g.captures, r)
	err = g.call(func() error {
		if err = g.refusal(); err == nil {
			taken, err = g.Gateway.Capture(ctx, r)
		}
		return err
	})
	return taken, err
}

func (g *gateway) Void(ctx context.Context, r payments.VoidRequest) error {
	return g.call(func() error {
		g.voids = append(g.voids, r)
		if err := g.refusal(); err != nil {
			return err
		}
		return g.Gateway.Void(ctx, r)
	})
}

func (g *gateway) Refund(ctx context.Context, r payments.RefundRequest) (out payments.RefundResult, err error) {
	g.refunds = append(g.refunds, r)
	if err := g.refusal(); err != nil {
		return out, err
	}
	err = g.call(func() error { out, err = g.Gateway.Refund(ctx, r); return err })
	return out, err
}

func (g *gateway) Find(ctx context.Context, r payments.FindRequest) (out payments.LedgerEntry, err error) {
	err = g.call(func() error { out, err = g.Gateway.Find(ctx, r); return err })
	return out, err
}

// vault seals everything under a key of the subject's, unless it is down. Erased: it has destroyed the key. Inline: it
// can't reach the keys when it seals. Empty data can't be opened.
type vault struct {
	down, erased, inline bool
	// opened is called before something is opened; nil for nobody.
	opened func()
}

func (v *vault) Reseal(_ context.Context, subject string, s domain.Sealed) (domain.Sealed, error) {
	if v.down {
		return domain.Sealed{}, errors.New("no key")
	}
	if strings.HasPrefix(s.Key, subject) {
		return s, nil
	}
	return domain.Sealed{Key: subject + ":1", Data: s.Data}, nil
}

func (v *vault) Seal(_ context.Context, subject string, value any) (domain.Sealed, error) {
	if v.down {
		return domain.Sealed{}, errors.New("no key")
	}
	data, err := json.Marshal(value)
	if v.inline {
		return domain.Sealed{Key: "inline", Data: data}, err
	}
	return domain.Sealed{Key: subject + ":1", Data: data}, err
}

func (v *vault) Open(_ context.Context, s domain.Sealed, value any) error {
	if v.opened != nil {
		v.opened()
	}
	switch {
	case v.down:
		return errors.New("no key")
	case v.erased:
		return domain.ErrErased
	case s.IsZero():
		return nil
	case len(s.Data) == 0:
		return domain.ErrUnreadable
	}
	if text, ok := value.(*json.RawMessage); ok {
		*text = s.Data
		return nil
	}
	return json.Unmarshal(s.Data, value)
}

func streamOf(aggregateType string, id uuid.UUID) eventstore.StreamID {
	return eventstore.StreamID{Type: aggregateType, ID: id}
}
