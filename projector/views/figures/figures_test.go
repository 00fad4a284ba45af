package figures_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/catalog"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/internal/testing/eventtest"
	"github.com/orderloom/orderloom/internal/testing/pgtest"
	"github.com/orderloom/orderloom/projector"
	"github.com/orderloom/orderloom/projector/maintain"
	"github.com/orderloom/orderloom/projector/views"
	"github.com/orderloom/orderloom/projector/views/figures"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/require"
)

// Each event of many orders counts once, also when all of them come again, and a rebuild counts nothing.
func TestEachEventCountsOnce(t *testing.T) {
	t.Parallel()
	events := eventtest.Lives(7, 25)
	want := told(t, events)
	require.NotZero(t, want["orders created"])
	require.NotZero(t, want["orders cancelled"])
	require.NotZero(t, want["compensations"])
	require.NotZero(t, want["confirmed"])

	registry := prometheus.NewRegistry()
	pool, store := pgtest.Pool(t), eventtest.NewStore(events...)
	mender := projector.NewMender(projector.MenderOptions{
		Pool: pool, Source: store, Projections: views.With(views.Options{Figures: figures.New(registry)}),
	})
	for range 2 {
		for from := 0; from < len(events); from += 50 {
			require.NoError(t, mender.Project(t.Context(), events[from:min(from+50, len(events))]))
		}
		require.Equal(t, want, shown(t, registry))
	}
	_, err := maintain.New(mender).Rebuild(t.Context(), store, "orders", maintain.RebuildOptions{})
	require.NoError(t, err)
	require.Equal(t, want, shown(t, registry), "a rebuild tells nothing new")
}

// told counts what figures should show by the events alone.
func told(t *testing.T, events []domain.Envelope) map[string]float64 {
	t.Helper()
	want := map[string]float64{}
	for _, env := range events {
		e, err := catalog.Decode(env)
		require.NoError(t, err)
		switch e := e.(type) {
		case order.OrderPlaced:
			want["orders created"]++
		case order.OrderConfirmed:
			want["orders confirmed"]++
			want["confirmed"]++
		case order.OrderShipped:
			want["orders shipped"]++
			want["shipped"]++
		case order.OrderDelivered:
			want["orders delivered"]++
		case order.OrderCancelled:
			want["orders cancelled"]++
			want["cancelled"]++
			if e.Reason == order.ReasonOutOfStock || e.Reason == order.ReasonStockDeadline {
				want["stock_outs"]++
			}
		case payment.PaymentVoided, payment.RefundOwed, inventory.StockReservationReduced:
			want["compensations"]++
		case inventory.StockReleased:
			if e.Quantity > 0 {
				want["compensations"]++
			}
		case inventory.StockBackordered:
			want["stock_outs"]++
		}
	}
	return want
}

// shown sums what the registry shows, under the names that told uses.
func shown(t *testing.T, registry *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := registry.Gather()
	require.NoError(t, err)
	got := map[string]float64{}
	names := map[string]string{
		"orderloom_orders_cancelled_total": "cancelled", "orderloom_compensations_total": "compensations", "orderloom_stock_outs_total": "stock_outs",
		"orderloom_order_confirmed_seconds": "confirmed", "orderloom_order_shipped_seconds": "shipped",
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			key := names[f.GetName()]
			if f.GetName() == "orderloom_orders_total" {
				key = "orders " + label(m, "status")
			}
			if n := m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount()); n > 0 {
				got[key] += n
			}
		}
	}
	return got
}

// Shops choose the names of channels, and callers the words of reasons. Neither makes series without bound.
func TestLabelsAreBounded(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	f := figures.New(registry)
	for i := range 200 {
		var n figures.Noted
		n.Status(figures.Move{To: order.StatusCreated, Channel: fmt.Sprintf("channel-%d", i)})
		n.Status(figures.Move{To: order.StatusConfirmed, Channel: "\xff", After: time.Second, Waited: i%2 == 0})
		n.Event(order.OrderCancelled{Reason: fmt.Sprintf("because %d", i)})
		n.Event(payment.PaymentVoided{Reason: fmt.Sprintf("because %d", i)})
		f.Count(n)
	}
	families, err := registry.Gather()
	require.NoError(t, err)
	channels := map[string]float64{}
	for _, family := range families {
		require.Less(t, len(family.GetMetric()), 150, family.GetName())
		for _, m := range family.GetMetric() {
			if c := label(m, "channel"); c != "" && label(m, "status") == "created" {
				channels[c] = m.GetCounter().GetValue()
			}
		}
	}
	require.Len(t, channels, 22, "20 names, those of orders without one, and the others")
	require.InDelta(t, 181, channels[figures.ChannelOther], 0)
}

// Prometheus sees no increase in a series that begins with 1. So what is known beforehand begins with 0, and so do the
// further statuses of a channel once it is known.
func TestWhatIsKnownBeginsWithZero(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	f := figures.New(registry)
	var n figures.Noted
	n.Status(figures.Move{To: order.StatusCreated, Channel: "web"})
	f.Count(n)
	families, err := registry.Gather()
	require.NoError(t, err)
	begun := map[string]bool{}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			if m.GetCounter().GetValue() == 0 {
				begun[family.GetName()+" "+label(m, "status")+label(m, "channel")+label(m, "step")+" "+label(m, "reason")] = true
			}
		}
	}
	for _, series := range []string{
		"orderloom_orders_total deliveredweb ", "orderloom_orders_total creatednone ", "orderloom_orders_cancelled_total  out_of_stock",
		"orderloom_orders_cancelled_total  other", "orderloom_compensations_total refund return", "orderloom_compensations_total release order_cancelled",
	} {
		require.True(t, begun[series], "%s of %v", series, begun)
	}
	require.False(t, begun["orderloom_orders_total createdweb "])
}

// Figures that nobody keeps cost nothing and fail nothing.
func TestNobodyHasToCount(t *testing.T) {
	t.Parallel()
	var n figures.Noted
	n.Status(figures.Move{To: order.StatusCreated, Channel: "web"})
	var f *figures.Figures
	f.Count(n)
}

// label is the value of a label, empty for none.
func label(m *dto.Metric, name string) string {
	for _, l := range m.GetLabel() {
		if l.GetName() == name {
			return l.GetValue()
		}
	}
	return ""
}
