package workflows_test

import (
	"testing"
	"time"

	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/require"
)

// Fails where the Web UI makes a link of what a warehouse calls its carrier.
func TestACarrierIsNoLinkInTheWebUI(t *testing.T) {
	t.Parallel()
	p := setup(t, map[string]int{"A@berlin": 5}, noReview)
	p.at(hour, workflows.ShipmentDispatched, workflows.Dispatch{ShipmentID: p.shipment("berlin"), Carrier: "[log in](https://evil.example)", TrackingNumber: "T1"})
	var shown string
	p.env.RegisterDelayedCallback(func() { shown = p.details(t) }, hour+time.Minute)
	p.reportAt(2*hour, workflows.ShipmentDelivered, "berlin")
	p.play(t, p.input("tok_approve", item("A", 1, "10.00")))
	require.Contains(t, shown, `Waiting for the delivery of 1 of 1 shipments: [log in]\(https:\//evil.example) T1.`)
}
