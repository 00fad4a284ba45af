package order

import (
	"time"

	"github.com/orderloom/orderloom/domain"
)

// CancelOrder asks to cancel an order.
type CancelOrder struct {
	Reason string
	// By is [ByCustomer], [ByOperator] or [BySystem].
	By string
	// Unpaid says that the payment lacks money, which an order that was confirmed can be given up for.
	Unpaid bool
	At     time.Time
}

// Refusals.
const (
	// CodeNotCancellable refuses a cancellation for which it is too late, or too early.
	CodeNotCancellable domain.ErrorCode = "not_cancellable"
	// CodeAlreadyCancelled refuses a cancellation of an order that is cancelled for another reason, or by another.
	CodeAlreadyCancelled domain.ErrorCode = "already_cancelled"
)

// Cancel decides what cancelling an order means in its present state.
//
// It returns no events when the order is cancelled for this reason, by this one. Errors: as [CanCancel];
// already_cancelled when it is cancelled otherwise; as [CheckCancel]; not_cancellable for a cancellation by the system
// whose cause the order's events contradict.
func Cancel(o Order, c CancelOrder) ([]domain.Event, error) {
	if err := CanCancel(o); err != nil {
		return nil, err
	}
	if o.Status == StatusCancelled {
		if o.CancelReason != c.Reason || o.CancelledBy != c.By || o.RejectedBy != "" {
			return nil, alreadyCancelled(o)
		}
		return nil, nil
	}
	if c.By == BySystem {
		if err := canGiveUp(o, c); err != nil {
			return nil, err
		}
	}
	if err := CheckCancel(c.Reason, c.By); err != nil {
		return nil, err
	}
	return []domain.Event{OrderCancelled{OrderID: o.ID, Reason: c.Reason, CancelledBy: c.By, CancelledAt: c.At}}, nil
}

func alreadyCancelled(o Order) error {
	return domain.Refuse(CodeAlreadyCancelled, "order %s was cancelled by %s: %s", o.Number, o.CancelledBy, domain.Clip(o.CancelReason))
}

// canGiveUp says why the system can't cancel an order for this reason: what the reason says was missing has come.
// Whoever asked for it has an old memory of the order.
func canGiveUp(o Order, c CancelOrder) error {
	unpaid := c.Unpaid && c.Reason == ReasonPaymentDeadline
	if o.Status == StatusConfirmed && !unpaid || c.Reason == ReasonReviewDeadline && o.Held == "" {
		return domain.Refuse(CodeNotCancellable, "order %s is not cancelled for %s: it has what it lacked", o.Number, domain.Clip(c.Reason))
	}
	return nil
}

// CanCancel says why an order can't be cancelled; nil when it can be, or is. Errors: not_found; not_cancellable once a
// shipment has left, because the goods are then the carrier's.
func CanCancel(o Order) error {
	switch o.Status {
	case StatusCreated, StatusConfirmed, StatusCancelled:
		return nil
	case StatusShipped, StatusDelivered:
		return domain.Refuse(CodeNotCancellable, "order %s is %s: it has left the warehouse", o.Number, o.Status)
	default:
		return notFound(o)
	}
}

// Who may ask for a change of an order, as its events tell it.
const (
	ByCustomer = "customer"
	ByOperator = "operator"
	// BySystem is the platform itself.
	BySystem = "system"
)

// CheckCancelRequest names what is wrong with a person's request to cancel an order or some of its lines, as
// [domain.Invalids].
func CheckCancelRequest(reason, by string) error {
	var bad domain.Invalids
	checkText(&bad, "reason", reason)
	checkAsker(&bad, by)
	return bad.Err()
}

// CheckAsker names what is wrong with the person who asks for a change, as [domain.Invalids]: it is a customer or an
// operator.
func CheckAsker(by string) error {
	var bad domain.Invalids
	checkAsker(&bad, by)
	return bad.Err()
}

func checkAsker(bad *domain.Invalids, by string) {
	if by != ByCustomer && by != ByOperator {
		bad.Add("by", "must be %s or %s, got %q", ByCustomer, ByOperator, domain.Clip(by))
	}
}

// CheckCancel names what is wrong with a request to cancel, as [domain.Invalids].
func CheckCancel(reason, by string) error {
	var bad domain.Invalids
	checkCancel(&bad, reason, by)
	return bad.Err()
}

func checkCancel(bad *domain.Invalids, reason, by string) {
	checkText(bad, "reason", reason)
	checkText(bad, "by", by)
}

// checkText blames a text that is missing or can't be kept.
func checkText(bad *domain.Invalids, field, text string) {
	bad.Required(field, text, TextLengthMax)
}
