package app

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain/attention"
	"github.com/orderloom/orderloom/internal/testing/pgtest"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
)

// The metrics are there once they are counted, and not while they can't be.
func TestWhatWaitsIsCountedBeforeItIsShown(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	gauges := newWaitingGauges(registry)
	shown := func() map[string]int {
		families, err := registry.Gather()
		require.NoError(t, err)
		all := map[string]int{}
		for _, f := range families {
			all[f.GetName()] = len(f.GetMetric())
		}
		return all
	}
	require.Empty(t, shown())
	pool := pgtest.Pool(t)
	require.NoError(t, gauges.set(t.Context(), pool))
	causes := len(attention.AllCauses())
	require.Equal(t, map[string]int{"orderloom_attention": causes, "orderloom_attention_oldest_seconds": causes}, shown())
	_, err := pool.Exec(t.Context(), "ALTER TABLE orderloom.waiting_sagas RENAME TO gone")
	require.NoError(t, err)
	require.Error(t, gauges.set(t.Context(), pool))
	require.Empty(t, shown(), "an old number would not be true")
}

// What customers are owed is summed by currency, and what was paid leaves 0 behind, not the last sum.
func TestWhatIsOwedIsSummedByCurrency(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	gauges := newWaitingGauges(registry)
	pool := pgtest.Pool(t)
	owe := func(currency, amount string) uuid.UUID {
		id := uuid.New()
		_, err := pool.Exec(t.Context(), `INSERT INTO orderloom.order_views
			(order_id, version, created_at, updated_at, order_number, customer_id, status, total_amount, currency, shown, owed_amount)
			VALUES ($1, 1, $2, $2, 'ORD-' || $5::text, 'c', 'delivered', 10, $3, '{}', $4::numeric)`, id, time.Now(), currency, amount, id.String())
		require.NoError(t, err)
		return id
	}
	first := owe("EUR", "1.50")
	owe("EUR", "2.25")
	owe("JPY", "300")
	told := func(name string) map[string]float64 {
		require.NoError(t, gauges.set(t.Context(), pool))
		families, err := registry.Gather()
		require.NoError(t, err)
		all := map[string]float64{}
		for _, f := range families {
			for _, m := range f.GetMetric() {
				if f.GetName() == name {
					all[m.GetLabel()[0].GetValue()] = m.GetGauge().GetValue()
				}
			}
		}
		return all
	}
	require.Equal(t, map[string]float64{"EUR": 2, "JPY": 1}, told("orderloom_refunds_owed"))
	require.Equal(t, map[string]float64{"EUR": 3.75, "JPY": 300}, told("orderloom_refunds_owed_amount"))
	_, err := pool.Exec(t.Context(), "UPDATE orderloom.order_views SET owed_amount = NULL WHERE order_id = $1 OR currency = 'JPY'", first)
	require.NoError(t, err)
	require.Equal(t, map[string]float64{"EUR": 2.25, "JPY": 0}, told("orderloom_refunds_owed_amount"))
}
