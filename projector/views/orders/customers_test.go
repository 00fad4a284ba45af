package orders_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/catalog"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/internal/testing/eventtest"
	"github.com/orderloom/orderloom/internal/testing/pgtest"
	"github.com/orderloom/orderloom/projector"
	"github.com/orderloom/orderloom/projector/maintain"
	"github.com/orderloom/orderloom/projector/views"
	"github.com/orderloom/orderloom/readmodel"
	"github.com/stretchr/testify/require"
)

var at = time.Date(2026, 11, 27, 4, 0, 0, 0, time.UTC)

func eur(s string) money.Money { return money.Must(s, "EUR") }

// testBundle is a database of views, and an order of 100 euros whose events come into them.
type testBundle struct {
	*testing.T
	pool       *pgxpool.Pool
	store      *eventtest.Store
	mender     *projector.Mender
	maintainer *maintain.Maintainer
	order      uuid.UUID
	versions   map[uuid.UUID]int64
	sequence   int64
}

func setup(t *testing.T) *testBundle {
	b := &testBundle{T: t, pool: pgtest.Pool(t), store: eventtest.NewStore(), order: uuid.New(), versions: map[uuid.UUID]int64{}}
	b.mender = projector.NewMender(projector.MenderOptions{Pool: b.pool, Source: b.store, Projections: views.All()})
	b.maintainer = maintain.New(b.mender)
	return b
}

// arrive adds an event to the store, and to the views.
func (b *testBundle) arrive(e domain.Event) {
	b.Helper()
	aggregateType, id := domain.AggregatePayment, payment.ID(b.order)
	switch e.(type) {
	case order.OrderPlaced, order.OrderCancelled:
		aggregateType, id = domain.AggregateOrder, b.order
	}
	payload, err := catalog.Encode(e)
	require.NoError(b, err)
	b.versions[id]++
	b.sequence++
	env := domain.Envelope{
		EventID: uuid.New(), AggregateID: id, AggregateType: aggregateType, EventType: e.EventType(), EventVersion: e.EventVersion(), Payload: payload,
		Timestamp: at.Add(time.Duration(b.sequence) * time.Second), Version: b.versions[id], Sequence: b.sequence,
		Metadata: domain.Metadata{CorrelationID: b.order.String()},
	}
	b.store.Add(env)
	require.NoError(b, b.mender.Project(b.Context(), []domain.Envelope{env}))
}

// sums is what of a customer went back, is owed, is in dispute and was lost.
type sums struct{ refunded, owed, disputed, lost string }

func (b *testBundle) requireSums(want sums, why string) {
	b.Helper()
	c, err := readmodel.NewReader(b.pool, readmodel.Options{}).Customer(b.Context(), "cust-1")
	require.NoError(b, err)
	require.Equal(b, want, sums{c.Refunded[0].Text(), c.Owed[0].Text(), c.Disputed[0].Text(), c.DisputesLost[0].Text()}, why)
}

// verified is what verify says of the views.
func (b *testBundle) verified() maintain.Verification {
	b.Helper()
	v, err := b.maintainer.Verify(b.Context(), b.store, nil)
	require.NoError(b, err)
	require.Zero(b, v.Behind)
	return v
}

func (b *testBundle) placed() order.OrderPlaced {
	return order.OrderPlaced{
		OrderID: b.order, OrderNumber: order.Number(b.order), CustomerID: "cust-1", Total: eur("100.00"), ShipToCountry: "DE", PlacedAt: at,
		Items: []order.Item{{ProductID: "p", SKU: "A", Quantity: 1, UnitPrice: eur("100.00")}},
	}
}

// paymentStep is an event of the payment, and the sums after it.
type paymentStep struct {
	event domain.Event
	want  sums
}

// paymentSteps are those of a payment that is captured, refunded in part, and disputed twice.
func (b *testBundle) paymentSteps() []paymentStep {
	id, asked, owed := payment.ID(b.order), uuid.New(), uuid.New()
	request := func(refund uuid.UUID, attempt int, amount string) domain.Event {
		return payment.RefundRequested{
			PaymentID: id, OrderID: b.order, RefundID: refund, Amount: eur(amount), Reason: "late", RequestedAt: at,
			Parts: []payment.RefundPart{{Attempt: attempt, Source: "pi", Amount: eur(amount)}},
		}
	}
	failed := func(refund uuid.UUID, amount string) domain.Event {
		return payment.RefundFailed{PaymentID: id, OrderID: b.order, RefundID: refund, Attempt: 1, Amount: eur(amount), GatewayRef: "re", FailedAt: at}
	}
	opened := func(ref string) domain.Event {
		return payment.DisputeOpened{PaymentID: id, OrderID: b.order, GatewayRef: ref, Amount: eur("25.00"), Reason: "fraudulent", OpenedAt: at}
	}
	return []paymentStep{
		{payment.PaymentAuthorized{PaymentID: id, OrderID: b.order, Amount: eur("100.00"), GatewayRef: "pi", AuthorizedAt: at}, sums{"0.00", "0.00", "0.00", "0.00"}},
		{payment.PaymentCaptured{PaymentID: id, OrderID: b.order, CaptureID: uuid.New(), Amount: eur("100.00")}, sums{"0.00", "0.00", "0.00", "0.00"}},
		{request(asked, 1, "10.00"), sums{"0.00", "10.00", "0.00", "0.00"}},
		{failed(asked, "10.00"), sums{"0.00", "0.00", "0.00", "0.00"}},
		{
			payment.RefundOwed{PaymentID: id, OrderID: b.order, RefundID: owed, Amount: eur("40.00"), Reason: payment.ReasonReturn, OwedAt: at},
			sums{"0.00", "40.00", "0.00", "0.00"},
		},
		{request(owed, 1, "40.00"), sums{"0.00", "40.00", "0.00", "0.00"}},
		{
			payment.RefundPending{PaymentID: id, OrderID: b.order, RefundID: owed, Attempt: 1, Amount: eur("40.00"), GatewayRef: "re", AcceptedAt: at},
			sums{"40.00", "0.00", "0.00", "0.00"},
		},
		{failed(owed, "40.00"), sums{"0.00", "40.00", "0.00", "0.00"}},
		{opened("dp_1"), sums{"0.00", "40.00", "25.00", "0.00"}},
		{opened("dp_2"), sums{"0.00", "40.00", "50.00", "0.00"}},
		{
			payment.DisputeFundsWithdrawn{PaymentID: id, OrderID: b.order, GatewayRef: "dp_1", Amount: eur("25.00"), WithdrawnAt: at},
			sums{"0.00", "40.00", "50.00", "0.00"},
		},
		{payment.DisputeLost{PaymentID: id, OrderID: b.order, GatewayRef: "dp_1", Amount: eur("25.00"), LostAt: at}, sums{"0.00", "40.00", "25.00", "25.00"}},
		{payment.DisputeWon{PaymentID: id, OrderID: b.order, GatewayRef: "dp_2", Amount: eur("25.00"), WonAt: at}, sums{"0.00", "40.00", "0.00", "25.00"}},
		{request(owed, 2, "40.00"), sums{"0.00", "40.00", "0.00", "25.00"}},
		{
			payment.PaymentRefunded{PaymentID: id, OrderID: b.order, RefundID: owed, Attempt: 2, Amount: eur("40.00"), Reason: "late", RefundedAt: at},
			sums{"40.00", "0.00", "0.00", "25.00"},
		},
		{opened("dp_3"), sums{"40.00", "0.00", "25.00", "25.00"}},
		{request(uuid.New(), 1, "5.00"), sums{"40.00", "5.00", "25.00", "25.00"}},
	}
}

// A summary follows the payment step by step, whenever the order's own events come: before them, between or after.
func TestASummaryKnowsRefundsAndDisputesInAnyOrderOfArrival(t *testing.T) {
	t.Parallel()
	for name, placedAfter := range map[string]int{"before": 0, "between": 9, "after": 17} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			steps := b.paymentSteps()
			for i := range len(steps) + 1 {
				if i == placedAfter {
					b.arrive(b.placed())
				}
				if i >= placedAfter && i > 0 {
					b.requireSums(steps[i-1].want, steps[i-1].event.EventType())
				}
				if i < len(steps) {
					b.arrive(steps[i].event)
				}
			}
			b.arrive(order.OrderCancelled{OrderID: b.order, Reason: "changed_mind", CancelledBy: order.ByCustomer, CancelledAt: at})
			b.requireSums(steps[len(steps)-1].want, "what went back of a cancelled order counts")
			require.True(t, b.verified().OK())
		})
	}
}

// Verify sees each sum that somebody has changed, in the row of the order and in that of the customer, and a rebuild
// mends it.
func TestVerifyAndRebuildKnowTheSumsOfACustomer(t *testing.T) {
	t.Parallel()
	b := setup(t)
	steps := b.paymentSteps()
	b.arrive(b.placed())
	for _, s := range steps {
		b.arrive(s.event)
	}
	require.True(t, b.verified().OK())
	for _, column := range []string{"owed_amount", "disputed_amount", "disputes_lost_amount"} {
		for _, table := range []string{"order_views", "customer_summaries"} {
			damage := "UPDATE orderloom." + table + " SET " + column + " = " + column + " + 1"
			tag, err := b.pool.Exec(t.Context(), damage)
			require.NoError(t, err)
			require.EqualValues(t, 1, tag.RowsAffected())
			require.False(t, b.verified().OK(), damage)
			mend := "UPDATE orderloom." + table + " SET " + column + " = " + column + " - 1"
			_, err = b.pool.Exec(t.Context(), mend)
			require.NoError(t, err)
			require.True(t, b.verified().OK(), mend)
		}
	}
	_, err := b.pool.Exec(t.Context(), `UPDATE orderloom.order_views SET owed_amount = NULL, disputed_amount = 7;
		UPDATE orderloom.customer_summaries SET owed_amount = 0, disputes_lost_amount = 7`)
	require.NoError(t, err)
	report, err := b.maintainer.Rebuild(t.Context(), b.store, "orders", maintain.RebuildOptions{})
	require.NoError(t, err)
	require.True(t, report.Swapped)
	require.True(t, slices.ContainsFunc(report.Diff, func(d maintain.TableDiff) bool { return d.Table == "customer_summaries" && d.Different == 1 }))
	b.requireSums(steps[len(steps)-1].want, "rebuilt")
	require.True(t, b.verified().OK())
}
