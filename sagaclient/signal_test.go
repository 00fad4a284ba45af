package sagaclient_test

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain/actor"
	"github.com/orderloom/orderloom/sagaclient"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
)

// signalled keeps what was signalled last.
type signalled struct {
	client.Client
	report *any
}

func (s signalled) SignalWorkflow(_ context.Context, _, _, _ string, report any) error {
	*s.report = report
	return nil
}

func TestAReportThatIsLeftForTheSagaTellsWhoMadeIt(t *testing.T) {
	t.Parallel()
	var got any
	c := sagaclient.New(signalled{report: &got}, nil, workflows.Deadlines{}, "")
	ctx := actor.With(t.Context(), "warehouse/k-1")
	for _, n := range []workflows.ShipmentUpdate{
		{Name: workflows.ShipmentDispatched, Report: workflows.Dispatch{Carrier: "DHL", Actor: "admin/invented"}},
		{Name: workflows.ShipmentDelivered, Report: workflows.ShipmentReport{}},
	} {
		require.NoError(t, c.SignalShipmentReport(ctx, uuid.New(), n))
		switch r := got.(type) {
		case workflows.Dispatch:
			require.EqualValues(t, "warehouse/k-1", r.Actor)
		case workflows.ShipmentReport:
			require.EqualValues(t, "warehouse/k-1", r.Actor)
		default:
			t.Fatalf("%T", got)
		}
	}
}
