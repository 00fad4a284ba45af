package order

import (
	"strings"
	"time"

	"github.com/orderloom/orderloom/domain"
)

// CancelOrder asks to cancel an order.
type CancelOrder struct {
	Reason string
	// By is "customer", "operator" or "system".
	By string
	At time.Time
}

// Cancel decides what cancelling an order means in its present state.
//
// It returns no events when the order is already cancelled. Errors: not_found; not_cancellable once
// a shipment has left, because the goods are then the carrier's; [domain.Invalids] for a reason that is
// missing or can't be kept.
func Cancel(o Order, c CancelOrder) ([]domain.Event, error) {
	switch o.Status {
	case StatusCreated, StatusConfirmed:
		if err := CheckCancel(c.Reason, c.By); err != nil {
			return nil, err
		}
		return []domain.Event{OrderCancelled{OrderID: o.ID, Reason: c.Reason, CancelledBy: c.By, CancelledAt: c.At}}, nil
	case StatusCancelled:
		return nil, nil
	case StatusShipped, StatusDelivered:
		return nil, domain.Refuse("not_cancellable", "order %s is %s: it has left the warehouse", o.Number, o.Status)
	default:
		return nil, notFound(o)
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
	if strings.TrimSpace(text) == "" {
		bad.Add(field, "is required")
		return
	}
	bad.Text(field, text, TextLengthMax)
}
