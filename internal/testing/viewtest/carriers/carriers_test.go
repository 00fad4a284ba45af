package carriers_test

import (
	_ "embed"
	"testing"

	"github.com/orderloom/orderloom/internal/testing/eventtest"
	"github.com/orderloom/orderloom/internal/testing/viewtest"
	"github.com/orderloom/orderloom/internal/testing/viewtest/carriers"
	"github.com/orderloom/orderloom/projector/maintain"
	"github.com/orderloom/orderloom/projector/views"
	"github.com/stretchr/testify/require"
)

//go:embed 00099_carriers.sql
var migration string

// The example does all that a view has to: it is kept live beside the platform's views, verified, and rebuilt.
func TestAViewIsAdded(t *testing.T) {
	t.Parallel()
	events := eventtest.Lives(71, 60)
	b := viewtest.Setup(t, events...)
	_, err := b.Pool.Exec(t.Context(), migration)
	require.NoError(t, err)
	b.Keep(append(views.All(), carriers.View{}))

	half := len(events) / 2
	b.Publish(events[:half]...)
	b.Start(b.Sweeping)
	b.Publish(events[half:]...)
	b.AwaitEqual()
	var dispatched, shipments int
	for _, e := range events {
		if e.EventType == "ShipmentDispatched" {
			dispatched++
		}
	}
	require.NoError(t, b.Pool.QueryRow(t.Context(), `SELECT count(carrier) FROM orderloom.carrier_shipments`).Scan(&shipments))
	require.NotZero(t, shipments)
	require.Equal(t, dispatched, shipments)

	good := b.Dump()
	_, err = b.Pool.Exec(t.Context(), `UPDATE orderloom.carrier_shipments SET carrier = 'nobody' WHERE carrier IS NOT NULL`)
	require.NoError(t, err)
	v, err := b.Maintainer.Verify(t.Context(), b.Store, nil)
	require.NoError(t, err)
	require.EqualValues(t, shipments, v.Wrong)
	require.Equal(t, "carrier_shipments", v.Differences[0].View)
	report, err := b.Maintainer.Rebuild(t.Context(), b.Store, "carriers", maintain.RebuildOptions{})
	require.NoError(t, err)
	require.EqualValues(t, shipments, report.Diff[0].Different)
	require.Equal(t, good, b.Dump())
	b.AwaitEqual()
}
