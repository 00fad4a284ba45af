package workflows

import (
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain/order"
	"go.temporal.io/sdk/workflow"
)

func (s *orderSaga) validateCorrectTracking(r TrackingRequest) error {
	if err := order.CheckDispatch(r.Carrier, r.TrackingNumber); err != nil {
		return activities.Refusal(err)
	}
	return s.refusal(order.CanCorrect(s.order(), r.ShipmentID))
}

// correctTracking replaces the carrier and the tracking number of a shipment on its way.
func (s *orderSaga) correctTracking(ctx workflow.Context, r TrackingRequest) (replayed bool, err error) {
	var a *activities.Activities
	moved, err := runStep(ctx, "Correct the tracking", a.CorrectTracking, activities.CorrectTracking{
		OrderID: s.in.OrderID, ShipmentID: r.ShipmentID, RequestID: r.RequestID, Carrier: r.Carrier, TrackingNumber: r.TrackingNumber,
		At: now(ctx),
	})
	if err != nil {
		return false, err
	}
	if err := s.adoptMoved(ctx, moved); err != nil {
		return false, err
	}
	return moved.Replayed, nil
}
