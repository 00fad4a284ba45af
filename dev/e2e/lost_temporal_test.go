package e2e_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/orderloom/orderloom/client"
	"github.com/orderloom/orderloom/internal/app"
	"github.com/orderloom/orderloom/internal/telemetry"
	"github.com/stretchr/testify/require"
)

// TestOrdersOutliveTemporalsDatabases drops Temporal's databases while orders wait in every state. The platform goes on
// running, and an operator does nothing but set up the new server. Every order comes to its right end.
//
// It fails when the finder takes the new server for another store's (orphans), and when a saga can't go on from the
// events.
func TestOrdersOutliveTemporalsDatabases(t *testing.T) {
	t.Parallel()
	drillDatabases(t, 1, func(string, client.OrderStatus) {})
}

// drillDatabases loses Temporal's databases with so many open orders of each state, takes them to their ends and notes
// these.
func drillDatabases(t *testing.T, ordersOfState int, note func(in string, end client.OrderStatus)) {
	t.Helper()
	s := openShop(t)
	var open []*waiting
	for name, in := range states {
		for range ordersOfState {
			open = append(open, &waiting{state: in, name: name})
		}
	}
	each(t, "place", open, func(t *testing.T, w *waiting) { w.order = s.place(t, w.state) })
	each(t, "leave", open, func(_ *testing.T, w *waiting) {
		if w.leave != nil {
			w.leave(w.order)
		}
	})

	api := map[string]string{"all": s.platform.APIURL}
	before := scrapeAll(t.Context(), api)
	require.NoError(t, s.platform.Stack.LoseTemporal(t.Context()))
	require.NoError(t, s.platform.SetUp(t.Context()))
	begun := time.Now()

	each(t, "resume", open, func(_ *testing.T, w *waiting) {
		if w.leave == nil { // one that settles what an ended order owes is over too soon to be seen
			w.order.awaitAnother("")
		}
	})
	await(t, "the metric to tell", func() bool { return temporalLost.told[0].condition().holds(t, scrapeAll(t.Context(), api), before) })
	t.Logf("%d orders have a saga again after %s", len(open), time.Since(begun).Round(time.Millisecond))
	each(t, "end", open, func(_ *testing.T, w *waiting) {
		w.order.finish(w.goOn, w.end, func(end client.OrderStatus) { note(w.name, end) })
	})
	s.verify(t)
}

// waiting is an order in a state.
type waiting struct {
	state
	name  string
	order *drilled
}

// each runs a step for all orders at once, and returns when it is done.
func each(t *testing.T, step string, open []*waiting, do func(*testing.T, *waiting)) {
	t.Helper()
	done := t.Run(step, func(t *testing.T) {
		for i, w := range open {
			t.Run(fmt.Sprintf("%s/%d", w.name, i), func(t *testing.T) {
				t.Parallel()
				if w.order != nil {
					w.order.t = t
				}
				do(t, w)
			})
		}
	})
	require.True(t, done)
}

// verify compares the views and the sagas with the events, as "orderloom verify" does.
func (s *shop) verify(t *testing.T) {
	t.Helper()
	tel, err := telemetry.Setup(t.Context(), s.platform.Config.Telemetry, "drill")
	require.NoError(t, err)
	m, err := app.OpenMaintenance(t.Context(), s.platform.Config, tel)
	require.NoError(t, err)
	defer func() { require.NoError(t, m.Close(t.Context())) }()
	views, err := m.Views.Verify(t.Context(), m.Store, nil)
	require.NoError(t, err)
	require.True(t, views.OK(), "%+v", views)
	invoices, err := m.VerifyInvoices(t.Context())
	require.NoError(t, err)
	require.True(t, invoices.OK(), "%+v", invoices)
	sagas, err := m.VerifySagas(t.Context())
	require.NoError(t, err)
	require.True(t, sagas.OK(), "%+v", sagas)
}
