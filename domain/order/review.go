package order

import (
	"time"

	"github.com/orderloom/orderloom/domain"
)

// Refusals.
const (
	// CodeNotHoldable refuses to hold an order that is confirmed or cancelled.
	CodeNotHoldable domain.ErrorCode = "not_holdable"
	// CodeNotHeld refuses a review of an order that waits for none.
	CodeNotHeld domain.ErrorCode = "not_held"
)

// ApproveOrder asks to let an order go on that was held for review.
type ApproveOrder struct {
	By string
	At time.Time
}

// Hold lets an order wait for a review that the rule asks for. It returns no events when it waits
// already, or was reviewed before. Errors: not_found; not_holdable once the order is confirmed or cancelled.
func Hold(o Order, rule string, at time.Time) ([]domain.Event, error) {
	switch {
	case o.Status == "":
		return nil, notFound(o)
	case o.Status != StatusCreated:
		return nil, domain.Refuse(CodeNotHoldable, "order %s is %s", o.Number, o.Status)
	case o.Held != "" || o.Reviewed:
		return nil, nil
	}
	return []domain.Event{OrderHeld{OrderID: o.ID, Rule: rule, HeldAt: at}}, nil
}

// Approve lets a held order go on. It returns no events when it was approved before. Errors: as [CanReview]; invalid
// without a name of who did it.
func Approve(o Order, c ApproveOrder) ([]domain.Event, error) {
	if o.Reviewed {
		return nil, nil
	}
	if err := CanReview(o); err != nil {
		return nil, err
	}
	if err := CheckReviewer(c.By); err != nil {
		return nil, err
	}
	return []domain.Event{OrderApproved{OrderID: o.ID, ApprovedBy: c.By, ApprovedAt: c.At}}, nil
}

// CanReview says why nobody can approve or reject an order; nil when somebody has to. Errors: not_found; not_held when
// the order waits for no review, or none any more.
func CanReview(o Order) error {
	switch {
	case o.Status == "":
		return notFound(o)
	case o.Held == "" || o.Status != StatusCreated:
		return domain.Refuse(CodeNotHeld, "order %s is %s and waits for no review", o.Number, o.Status)
	}
	return nil
}

// Overdue records that no shipment had left at the deadline. It returns no events when that is recorded
// or not true any more.
func Overdue(o Order, deadline time.Time) []domain.Event {
	if o.Status != StatusConfirmed || o.Overdue {
		return nil
	}
	return []domain.Event{DispatchOverdue{OrderID: o.ID, DeadlineAt: deadline}}
}

// CheckReviewer names what is wrong with the name of who reviews an order, as [domain.Invalids].
func CheckReviewer(by string) error {
	var bad domain.Invalids
	checkText(&bad, "by", by)
	return bad.Err()
}
