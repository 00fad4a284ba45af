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
	// CodeAlreadyReviewed refuses a review of an order on which another review has decided.
	CodeAlreadyReviewed domain.ErrorCode = "already_reviewed"
)

// ReviewOrder tells what a person has decided on an order that was held.
type ReviewOrder struct {
	// By names the person.
	By string
	// Approve lets the order go on; otherwise it is cancelled.
	Approve bool
	At      time.Time
}

// Hold lets an order wait for a review that the rule asks for. It returns no events when it waits
// already, or was approved before. Errors: not_found; not_holdable once the order is confirmed or cancelled.
func Hold(o Order, rule string, at time.Time) ([]domain.Event, error) {
	switch {
	case o.Status == "":
		return nil, notFound(o)
	case o.Status != StatusCreated:
		return nil, domain.Refuse(CodeNotHoldable, "order %s is %s", o.Number, o.Status)
	case o.Held != "" || o.ApprovedBy != "":
		return nil, nil
	}
	return []domain.Event{OrderHeld{OrderID: o.ID, Rule: rule, HeldAt: at}}, nil
}

// Review records what a person has decided: the order goes on, or is cancelled. It can be made from the moment that the
// order is held, whatever else that waits for.
//
// It returns no events when the same person has decided the same before. Errors: as [CanReview]; already_reviewed when
// somebody has decided otherwise, or somebody else; as [CheckReviewer].
func Review(o Order, c ReviewOrder) ([]domain.Event, error) {
	if before, made := o.review(); made {
		if before.By != c.By || before.Approve != c.Approve {
			return nil, alreadyReviewed(o, before)
		}
		return nil, nil
	}
	if err := CanReview(o); err != nil {
		return nil, err
	}
	if err := CheckReviewer(c.By); err != nil {
		return nil, err
	}
	if c.Approve {
		return []domain.Event{OrderApproved{OrderID: o.ID, ApprovedBy: c.By, ApprovedAt: c.At}}, nil
	}
	return []domain.Event{OrderCancelled{
		OrderID: o.ID, Reason: ReasonReviewRejected, CancelledBy: ByOperator, RejectedBy: c.By, CancelledAt: c.At,
	}}, nil
}

// review returns the review that was made; false when there was none.
func (o Order) review() (ReviewOrder, bool) {
	if o.ApprovedBy != "" {
		return ReviewOrder{By: o.ApprovedBy, Approve: true}, true
	}
	return ReviewOrder{By: o.RejectedBy}, o.RejectedBy != ""
}

func alreadyReviewed(o Order, before ReviewOrder) error {
	decision := "rejected"
	if before.Approve {
		decision = "approved"
	}
	return domain.Refuse(CodeAlreadyReviewed, "order %s was %s by %s", o.Number, decision, domain.Clip(before.By))
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

// region overdue

// Overdue records that no shipment had left at the deadline. It returns no events when that is recorded
// or not true any more.
func Overdue(o Order, deadline time.Time) []domain.Event {
	if !o.AwaitsGoods() || o.Overdue {
		return nil
	}
	return []domain.Event{DispatchOverdue{OrderID: o.ID, DeadlineAt: deadline}}
}

// endregion

// CheckReviewer names what is wrong with the name of who reviews an order, as [domain.Invalids].
func CheckReviewer(by string) error {
	var bad domain.Invalids
	checkText(&bad, "by", by)
	return bad.Err()
}
