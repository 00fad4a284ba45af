package workflows

import (
	"slices"
	"time"

	"github.com/orderloom/orderloom/domain/order"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// digitalPause is how long what ships nothing waits after a refusal, until its capture is asked for again. It doubles
// with each further refusal, up to digitalPauseMax. Once the money is there, it is tried at once.
const (
	digitalPause    = 5 * time.Minute
	digitalPauseMax = 12 * time.Hour
)

// releaseDigital captures what ships nothing, and lets it leave and arrive. Nobody reports that. When its money is
// refused, it waits a while, and any report of it by a person comes first.
func (s *orderSaga) releaseDigital(ctx workflow.Context) error {
	for s.hasDigital() && !s.digitalAt.After(now(ctx)) && s.cancelRequest == nil {
		i := slices.IndexFunc(s.state.Shipments, underWayDigital)
		shipment := s.state.Shipments[i]
		var err error
		if shipment.Status == order.ShipmentStatusPlanned {
			err = s.dispatchShipment(ctx, Dispatch{ShipmentID: shipment.ShipmentID})
		} else {
			err = s.deliverShipment(ctx, ShipmentReport{ShipmentID: shipment.ShipmentID})
		}
		s.lookAfter(err)
		switch {
		case temporal.IsCanceledError(err) && s.cancelRequest != nil, refusalCode(err) != "":
			workflow.GetLogger(ctx).Warn("What ships nothing could not leave.", "shipment_id", shipment.ShipmentID, "error", err)
			s.digitalWait = min(max(2*s.digitalWait, digitalPause), digitalPauseMax)
			s.digitalAt = now(ctx).Add(s.digitalWait)
		case err != nil:
			return err
		default:
			s.retryDigital()
		}
	}
	return nil
}

// retryDigital lets what ships nothing leave at once, or be tried at once.
func (s *orderSaga) retryDigital() { s.digitalAt, s.digitalWait = time.Time{}, 0 }

// digitalDue is when what ships nothing is tried again; zero for never.
func (s *orderSaga) digitalDue() time.Time {
	if !s.hasDigital() {
		return time.Time{}
	}
	return s.digitalAt
}

func (s *orderSaga) hasDigital() bool { return slices.ContainsFunc(s.state.Shipments, underWayDigital) }

// underWayDigital reports whether a shipment ships nothing and has not arrived.
func underWayDigital(shipment order.Shipment) bool {
	return shipment.Digital() && !shipment.Status.Ended()
}
