package order

import (
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
)

// ReturnAction is what somebody decides on a return.
type ReturnAction string

// The decisions.
const (
	ReturnApprove ReturnAction = "approve"
	ReturnRefuse  ReturnAction = "refuse"
	ReturnCancel  ReturnAction = "cancel"
)

// DecideReturn is a decision on a return.
type DecideReturn struct {
	ReturnID uuid.UUID
	Action   ReturnAction
	// By names the person who approves or refuses. A return is cancelled by the customer or an operator.
	By string
	// Reason is why it is refused. It may be left out where it is cancelled.
	Reason string
	// Carrier and TrackingNumber are those of the label of an approved return, if there is one.
	Carrier        string
	TrackingNumber string
	// ExpiresAfter is how long the goods of an approved return are waited for; zero for ever.
	ExpiresAfter time.Duration
	At           time.Time
}

// Decide records a decision on a return: it is approved, refused or cancelled, while nothing of it came back.
//
// It returns no events when the same was decided before. Errors: not_found; return_decided when the return has gone on
// or has ended otherwise; as [DecideReturn.Check].
func Decide(o Order, c DecideReturn) ([]domain.Event, error) {
	r, err := findReturn(o, c.ReturnID)
	if err != nil {
		return nil, err
	}
	if err := c.Check(); err != nil {
		return nil, err
	}
	switch {
	case c.made(r):
		return nil, nil
	case !r.Status.Open(), c.Action == ReturnApprove && r.Status != ReturnStatusRequested:
		return nil, r.decided(o)
	}
	switch c.Action {
	case ReturnRefuse:
		return []domain.Event{ReturnRefused{OrderID: o.ID, ReturnID: r.ReturnID, Reason: c.Reason, RefusedBy: c.By, RefusedAt: c.At}}, nil
	case ReturnCancel:
		return []domain.Event{ReturnCancelled{OrderID: o.ID, ReturnID: r.ReturnID, Reason: c.Reason, CancelledBy: c.By, CancelledAt: c.At}}, nil
	}
	e := ReturnApproved{
		OrderID: o.ID, ReturnID: r.ReturnID, Carrier: c.Carrier, TrackingNumber: c.TrackingNumber, ApprovedBy: c.By, ApprovedAt: c.At,
	}
	if c.ExpiresAfter > 0 {
		e.ExpiresAt = c.At.Add(c.ExpiresAfter)
	}
	return []domain.Event{e}, nil
}

// made reports whether the return knows this decision.
func (c DecideReturn) made(r ReturnRecord) bool {
	switch c.Action {
	case ReturnApprove:
		return !r.ApprovedAt.IsZero() && r.ApprovedBy == c.By && r.Carrier == c.Carrier && r.TrackingNumber == c.TrackingNumber
	case ReturnRefuse:
		return r.Status == ReturnStatusRefused && r.EndedBy == c.By && r.EndReason == c.Reason
	default:
		return r.Status == ReturnStatusCancelled && r.EndedBy == c.By && r.EndReason == c.Reason
	}
}

// Check names what is wrong with the decision whatever the order holds, as [domain.Invalids].
func (c DecideReturn) Check() error {
	var bad domain.Invalids
	switch c.Action {
	case ReturnApprove:
		checkText(&bad, "by", c.By)
		bad.Text("carrier", c.Carrier, TextLengthMax)
		bad.Text("tracking_number", c.TrackingNumber, TextLengthMax)
	case ReturnRefuse:
		checkText(&bad, "by", c.By)
		checkText(&bad, "reason", c.Reason)
	case ReturnCancel:
		checkAsker(&bad, c.By)
		bad.Text("reason", c.Reason, TextLengthMax)
	default:
		bad.Add("action", "must be %s, %s or %s, got %q", ReturnApprove, ReturnRefuse, ReturnCancel, domain.Clip(string(c.Action)))
	}
	return bad.Err()
}

// EndReturns records what is due by the time: returns that nobody has decided on, and those whose goods did not come.
// It returns no events when nothing is.
func EndReturns(o Order, at time.Time) (events []domain.Event) {
	for _, r := range o.Returns {
		due := r.due()
		switch {
		case due.IsZero() || at.Before(due):
		case r.Status == ReturnStatusRequested:
			events = append(events, ReturnOverdue{OrderID: o.ID, ReturnID: r.ReturnID, DeadlineAt: due})
		default:
			events = append(events, ReturnExpired{OrderID: o.ID, ReturnID: r.ReturnID, ExpiredAt: due})
		}
	}
	return events
}

// evolveReturn returns the order after an event of one of its returns.
func (o Order) evolveReturn(e domain.Event) Order {
	if e, requested := e.(ReturnRequested); requested {
		o = o.Clone().withRequest(Request{ID: e.ReturnID, Content: e.RequestContent})
		o.Returns = append(o.Returns, ReturnRecord{
			ReturnID: e.ReturnID, Status: ReturnStatusRequested, Lines: e.Lines, Amount: money.Zero(o.Total.Currency), Reason: e.Reason,
			RequestedBy: e.RequestedBy, RequestedAt: e.RequestedAt, DecideBy: e.DecideBy,
		})
		return o
	}
	change := func(id uuid.UUID, change func(*ReturnRecord)) {
		if i := o.returnIndex(id); i >= 0 {
			o.Returns = slices.Clone(o.Returns)
			change(&o.Returns[i])
		}
	}
	end := func(id uuid.UUID, status ReturnStatus, reason, by string, at time.Time) {
		change(id, func(r *ReturnRecord) {
			r.Status, r.EndReason, r.EndedBy, r.EndedAt, r.Overdue = status, reason, by, at, false
		})
	}
	switch e := e.(type) {
	case ExchangeAgreed:
		if e.NewOrderID == o.ID {
			o.Exchange = &e.Exchange
			return o
		}
		change(e.Exchange.ReturnID, func(r *ReturnRecord) { r.ExchangeOrderID = e.NewOrderID })
	case ReturnApproved:
		change(e.ReturnID, func(r *ReturnRecord) {
			r.Status, r.Overdue, r.Carrier, r.TrackingNumber = ReturnStatusApproved, false, e.Carrier, e.TrackingNumber
			r.ApprovedBy, r.ApprovedAt, r.ExpiresAt = e.ApprovedBy, e.ApprovedAt, e.ExpiresAt
		})
	case ReturnRefused:
		end(e.ReturnID, ReturnStatusRefused, e.Reason, e.RefusedBy, e.RefusedAt)
	case ReturnCancelled:
		end(e.ReturnID, ReturnStatusCancelled, e.Reason, e.CancelledBy, e.CancelledAt)
	case ReturnExpired:
		end(e.ReturnID, ReturnStatusExpired, "", "", e.ExpiredAt)
	case ReturnOverdue:
		change(e.ReturnID, func(r *ReturnRecord) { r.Overdue = true })
	}
	return o
}
