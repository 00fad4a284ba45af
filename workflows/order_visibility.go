package workflows

import (
	"fmt"
	"strings"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// The search attributes of an order as typed keys.
var (
	KeyOrderStatus = temporal.NewSearchAttributeKeyKeyword(AttributeOrderStatus)
	KeyCustomerID  = temporal.NewSearchAttributeKeyKeyword(AttributeCustomerID)
	KeyOrderNumber = temporal.NewSearchAttributeKeyKeyword(AttributeOrderNumber)
	KeyOrderTotal  = temporal.NewSearchAttributeKeyFloat64(AttributeOrderTotal)
)

// enter moves the order to a status.
func (s *orderSaga) enter(ctx workflow.Context, status order.Status) error {
	s.state.Status = status
	if s.closed() {
		s.wait(ctx, "")
		return s.mark(ctx, string(status))
	}
	return s.mark(ctx, s.underWay())
}

// underWay is the mark of an order that waits for nobody but the warehouse.
func (s *orderSaga) underWay() string {
	if s.overdue && s.state.Status == order.StatusConfirmed {
		return MarkOverdue
	}
	return MarkOpen
}

// mark makes searchable how an order has ended, or what it waits for that somebody has to do; not each status on its way,
// since the server's list of executions, with an index for each attribute there can be, costs more to write than the
// rest of a step. Whoever looks for confirmed or shipped orders asks the read model.
func (s *orderSaga) mark(ctx workflow.Context, as string) error {
	if s.marked == as {
		return nil
	}
	s.marked = as
	return workflow.UpsertTypedSearchAttributes(ctx, KeyOrderStatus.ValueSet(as))
}

// wait tells operators what the order is waiting for, in the Web UI and in answers to queries.
func (s *orderSaga) wait(ctx workflow.Context, forWhat string) {
	s.state.WaitingFor = forWhat
	s.describe(ctx)
}

func (s *orderSaga) waitForShipments(ctx workflow.Context) {
	var planned, under []string
	for _, p := range s.state.Shipments {
		switch p.Status {
		case order.ShipmentStatusPlanned:
			planned = append(planned, p.Location)
		case order.ShipmentStatusDispatched:
			under = append(under, strings.TrimSpace(p.Carrier+" "+p.TrackingNumber))
		}
	}
	var waits []string
	if s.overdue && s.state.Status == order.StatusConfirmed {
		waits = append(waits, "**Overdue:** the dispatch deadline has passed.")
	}
	if len(planned) > 0 {
		waits = append(waits, fmt.Sprintf("Waiting for the dispatch of %d of %d shipments, from %s.",
			len(planned), len(s.state.Shipments), strings.Join(planned, " and ")))
	}
	if len(under) > 0 {
		waits = append(waits, fmt.Sprintf("Waiting for the delivery of %d of %d shipments: %s.", len(under), len(s.state.Shipments), strings.Join(under, ", ")))
	}
	s.state.WaitingFor = strings.Join(waits, " ")
	s.describe(ctx)
}

// refused tells operators why the last request was not carried out, where it came as a signal and
// there is nobody to answer.
func (s *orderSaga) refused(ctx workflow.Context, code domain.ErrorCode, message string) {
	workflow.GetLogger(ctx).Warn("Refused a request.", "code", string(code))
	s.lastRefusal = fmt.Sprintf("\n\n**Last refusal:** %s: %s", code, message)
	s.describe(ctx)
}

func (s *orderSaga) describe(ctx workflow.Context) {
	details := fmt.Sprintf("**%s** is %s. %s", s.state.OrderNumber, s.state.Status, s.state.WaitingFor)
	if s.state.Reason != "" {
		details += " Reason: " + s.state.Reason
	}
	workflow.SetCurrentDetails(ctx, details+s.lastRefusal)
}

// SearchAttributes returns the search attributes that the sagas set, with their types.
func SearchAttributes() map[string]enums.IndexedValueType {
	return map[string]enums.IndexedValueType{
		AttributeOrderStatus: enums.INDEXED_VALUE_TYPE_KEYWORD,
		AttributeCustomerID:  enums.INDEXED_VALUE_TYPE_KEYWORD,
		AttributeOrderNumber: enums.INDEXED_VALUE_TYPE_KEYWORD,
		AttributeOrderTotal:  enums.INDEXED_VALUE_TYPE_DOUBLE,
	}
}
