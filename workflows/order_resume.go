package workflows

import (
	"time"

	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"go.temporal.io/sdk/workflow"
)

// resumeOrder goes on with an order that was there before this saga, and whose standing it has adopted. That is so
// after a reset, in the place of an execution that is gone, and in a run that goes on from another one. It is so too
// when the answer of the first step was lost.
//
// Whatever is carried out once more does nothing when it was done before. What an ended order still owes is settled.
func (s *orderSaga) resumeOrder(ctx workflow.Context, standing activities.Standing) error {
	if standing.Status == order.StatusCreated {
		return s.secureAndFulfil(ctx, standing.Held, standing.Reserved)
	}
	if err := s.setStatus(ctx, standing.Status); err != nil {
		return err
	}
	s.pushCompensations()
	if standing.Status == order.StatusCancelled {
		if err := s.awaitUndone(ctx, s.undo.start(ctx)); err != nil {
			return err
		}
	}
	if err := s.resumeEdit(ctx); err != nil {
		return err
	}
	if err := s.settleRefunds(ctx); err != nil {
		return err
	}
	s.lookIfWanted()
	return s.fulfilOrder(ctx)
}

// goOnInstead goes on with an order that its events do not let be cancelled: a shipment has left. This saga has not
// heard of it when the answer was lost, or when a step of an earlier saga was still under way.
//
// Who asked to cancel or reject the order is refused.
func (s *orderSaga) goOnInstead(ctx workflow.Context) error {
	var a *activities.Activities
	standing, err := runStep(ctx, "Resume the order", a.ResumeOrder, activities.ResumeOrder{OrderID: s.in.OrderID})
	if err != nil {
		return err
	}
	s.cancelRequest, s.review, s.undo = nil, nil, nil
	s.adoptStanding(standing)
	return s.resumeOrder(ctx, standing)
}

// adoptStanding takes over where the order stands by its events. What it was placed with counts, not the saga's input:
// that of a resumed saga has the id alone. An event of version 1 has no terms, and a saga that was reset has its own.
func (s *orderSaga) adoptStanding(standing activities.Standing) {
	s.standing = &standing
	s.in.CustomerID, s.in.Items, s.in.ShipToCountry = standing.CustomerID, standing.Items, standing.ShipToCountry
	s.in.ShippingLines, s.in.ShippingByValue = standing.ShippingLines, standing.Terms.ShippingByValue
	s.in.AllowBackorder = s.in.AllowBackorder || standing.Terms.AllowBackorder
	s.in.KeepPaymentMethod = s.in.KeepPaymentMethod || standing.Terms.KeepPaymentMethod
	if standing.Terms.Deadlines != (order.Deadlines{}) {
		s.in.Deadlines = standing.Terms.Deadlines
	}
	s.state.Status, s.state.Reason, s.state.Shipments = standing.Status, standing.Reason, standing.Shipments
	s.state.CancelledBy, s.state.ApprovedBy, s.state.RejectedBy = standing.CancelledBy, standing.ApprovedBy, standing.RejectedBy
	s.facts, s.clock.ahead = standing.Facts, standing.Ahead
	s.noteLeftBehind(standing)
	s.partlyCancelled, s.overdue, s.held = standing.PartlyCancelled, standing.Overdue, standing.Held
	if s.lookAt = standing.LookAt; standing.Asked {
		s.lookAt = standing.PlacedAt // at once
	}
	if s.state.Payment = nil; standing.Required != nil || standing.Payment == payment.StatusActionRequired {
		s.state.Payment = &PaymentState{Status: standing.Payment, Required: standing.Required}
		if standing.Payment != payment.StatusActionRequired {
			s.state.Payment.Status = payment.StatusPaymentRequired
		}
	}
	if s.paymentAskedAt.IsZero() {
		s.paymentAskedAt = standing.PaymentRequiredAt
	}
}

// pushCompensations pushes what undoes the steps that an earlier saga has taken.
func (s *orderSaga) pushCompensations() {
	if lines := order.Lines(s.in.Items); len(lines) > 0 {
		s.undo.push(func(ctx workflow.Context) error {
			return releaseStock(ctx, InventoryInput{OrderID: s.in.OrderID, Lines: lines}, false)
		})
	}
	if s.standing.Edit != nil {
		s.undoEdit(s.standing.Edit.Goods, true)
	}
	if s.facts.VoidRefused || s.free() {
		return // a person decides: each saga that takes another's place would ask once more
	}
	s.undo.push(func(ctx workflow.Context) error { return s.voidPayment(ctx, "order_cancelled") })
}

// settleRefunds carries on with what is owed or was requested, and voids the rest of the payment when nothing is left
// that would capture it. A cancelled order has voided it.
func (s *orderSaga) settleRefunds(ctx workflow.Context) error {
	moved := activities.Moved{Captures: s.standing.Captures, Refunds: s.standing.Refunds}
	moved.HoldsMore = moved.HoldsMore && s.state.Status != order.StatusCancelled
	return s.settleCaptures(ctx, moved, "what is owed or was requested")
}

// resumed reports whether an earlier saga of the order may have asked the gateway for the same.
func (s *orderSaga) resumed() bool { return s.standing != nil }

// sealedToken is the payment token that the order was placed with.
func (s *orderSaga) sealedToken() domain.Sealed {
	if s.standing != nil {
		return s.standing.Terms.Payment
	}
	return s.in.Payment
}

// placedAt and confirmedAt are when an order was placed and confirmed that was there before this saga; zero for others.
func (s *orderSaga) placedAt() (at time.Time) {
	if s.standing != nil {
		at = s.standing.PlacedAt
	}
	return at
}

func (s *orderSaga) confirmedAt() (at time.Time) {
	if s.standing != nil {
		at = s.standing.ConfirmedAt
	}
	return at
}

// remaining returns how much is left of a deadline that began at since. It is all of it when since is zero, and a
// moment when the deadline has passed.
func (s *orderSaga) remaining(ctx workflow.Context, deadline time.Duration, since time.Time) time.Duration {
	deadline = orUnset(deadline)
	if since.IsZero() {
		return deadline
	}
	return max(deadline-now(ctx).Sub(since), time.Millisecond)
}
