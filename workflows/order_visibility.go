package workflows

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// The search attributes of an order as typed keys.
var (
	KeyOrderStatus = temporal.NewSearchAttributeKeyKeyword(AttributeOrderStatus)
	KeyAttention   = temporal.NewSearchAttributeKeyKeywordList(AttributeOrderAttention)
	KeyCustomerID  = temporal.NewSearchAttributeKeyKeyword(AttributeCustomerID)
	KeyOrderNumber = temporal.NewSearchAttributeKeyKeyword(AttributeOrderNumber)
	KeyOrderTotal  = temporal.NewSearchAttributeKeyFloat64(AttributeOrderTotal)
)

// SearchAttributes returns the search attributes that the sagas set, with their types.
func SearchAttributes() map[string]enums.IndexedValueType {
	return map[string]enums.IndexedValueType{
		AttributeOrderStatus:    enums.INDEXED_VALUE_TYPE_KEYWORD,
		AttributeOrderAttention: enums.INDEXED_VALUE_TYPE_KEYWORD_LIST,
		AttributeCustomerID:     enums.INDEXED_VALUE_TYPE_KEYWORD,
		AttributeOrderNumber:    enums.INDEXED_VALUE_TYPE_KEYWORD,
		AttributeOrderTotal:     enums.INDEXED_VALUE_TYPE_DOUBLE,
	}
}

// setStatus moves the order to a status. How it has ended is searchable once nothing is held any more: see
// [orderSaga.awaitRelease].
func (s *orderSaga) setStatus(ctx workflow.Context, status order.Status) error {
	s.state.Status = status
	if status.Ended() {
		s.setWaitingFor(ctx, "")
		s.lookAgain()
		return nil
	}
	return s.setMark(ctx, s.markUnderWay())
}

// markSecuring is the mark of an order that is being secured. Who has to review it comes first: nobody has to do
// anything about goods that are on their way.
func (s *orderSaga) markSecuring() string {
	switch {
	case s.held != "":
		return MarkHeld
	case s.backordered:
		return MarkBackordered
	case s.required() != nil:
		return s.markMissing()
	}
	return MarkOpen
}

// markUnderWay is the mark of an order that waits for nobody but the warehouse.
func (s *orderSaga) markUnderWay() string {
	if s.required() != nil {
		return s.markMissing()
	}
	if s.overdue && s.order().AwaitsGoods() {
		return MarkOverdue
	}
	return MarkOpen
}

// markMissing is the mark of an order that lacks money. Its customer has to confirm a payment, or to give another
// means.
func (s *orderSaga) markMissing() string {
	if s.state.Payment.Status == payment.StatusActionRequired {
		return MarkActionRequired
	}
	return MarkPaymentRequired
}

// setMark makes searchable how an order has ended, or what somebody has to do for it.
//
// The statuses on its way are not marked. The server keeps an index for each attribute that there can be, so writing
// one costs more than the rest of a step. Whoever looks for confirmed or shipped orders asks the read model.
func (s *orderSaga) setMark(ctx workflow.Context, mark string) error {
	if s.mark == mark {
		return nil
	}
	s.mark = mark
	return workflow.UpsertTypedSearchAttributes(ctx, KeyOrderStatus.ValueSet(mark))
}

// setWaitingFor tells operators what the order is waiting for, in the Web UI and in answers to queries.
func (s *orderSaga) setWaitingFor(ctx workflow.Context, what string) {
	s.waits, s.state.WaitingFor = what, what
	if s.credentials > 0 {
		s.state.WaitingFor = strings.TrimSpace(credentialsRefused + " " + what)
	}
	s.setDetails(ctx)
}

// setWaitingToSecure tells operators what an order that is being secured waits for. It is called after each change of
// what it reads.
func (s *orderSaga) setWaitingToSecure(ctx workflow.Context) {
	var waits []string
	if s.held != "" {
		waits = append(waits, "Waiting for a review, because of the rule on "+s.held+".")
	}
	if s.backordered {
		waits = append(waits, "Waiting for goods that are not there.")
	}
	waits = append(waits, s.missingMoney()...)
	if len(waits) == 0 {
		waits = append(waits, s.securing)
	}
	s.setWaitingFor(ctx, strings.Join(waits, " "))
}

func (s *orderSaga) setWaitingForShipments(ctx workflow.Context) {
	var planned, dispatched []string
	for _, shipment := range s.state.Shipments {
		switch shipment.Status {
		case order.ShipmentStatusPlanned:
			planned = append(planned, placeOf(shipment))
		case order.ShipmentStatusDispatched:
			dispatched = append(dispatched, cmp.Or(plain(strings.TrimSpace(shipment.Carrier+" "+shipment.TrackingNumber)), "from "+placeOf(shipment)))
		}
	}
	waits := s.missingMoney()
	if s.overdue && s.order().AwaitsGoods() {
		waits = append(waits, "**Overdue:** the dispatch deadline has passed.")
	}
	if len(planned) > 0 {
		waits = append(waits, fmt.Sprintf("Waiting for the dispatch of %d of %d shipments, from %s.",
			len(planned), len(s.state.Shipments), strings.Join(planned, " and ")))
	}
	if len(dispatched) > 0 {
		waits = append(waits, fmt.Sprintf("Waiting for the delivery of %d of %d shipments: %s.",
			len(dispatched), len(s.state.Shipments), strings.Join(dispatched, ", ")))
	}
	s.setWaitingFor(ctx, strings.Join(waits, " "))
}

// missingMoney says which money the order waits for.
func (s *orderSaga) missingMoney() []string {
	r := s.required()
	if r == nil {
		return nil
	}
	return []string{fmt.Sprintf("**Payment required:** waiting for %s until %s: %s.", r.Amount, r.DeadlineAt.UTC().Format(time.RFC3339), plain(r.Reason))}
}

// showRefusal tells operators why a signal was not carried out: there is nobody to answer.
func (s *orderSaga) showRefusal(ctx workflow.Context, err error) {
	code := string(refusalCode(err))
	workflow.GetLogger(ctx).Warn("Refused a request.", "code", code)
	s.lastRefusal = fmt.Sprintf("\n\n**Last refusal:** %s: %s", code, plain(refusalMessage(err)))
	s.setDetails(ctx)
}

// clearRefusal forgets the last refusal: what came after it was carried out.
func (s *orderSaga) clearRefusal(ctx workflow.Context) {
	if s.lastRefusal != "" {
		s.lastRefusal = ""
		s.setDetails(ctx)
	}
}

// setDetails shows where the order stands, as Markdown.
func (s *orderSaga) setDetails(ctx workflow.Context) {
	details := fmt.Sprintf("**%s** is %s. %s", s.state.OrderNumber, s.state.Status, s.state.WaitingFor)
	if s.state.Reason != "" {
		details += " Reason: " + plain(s.state.Reason)
	}
	workflow.SetCurrentDetails(ctx, details+s.lastRefusal)
}

// plain is a text of somebody else as Markdown shows it letter by letter. So nobody puts a link, an image or a headline
// before those who look at sagas.
func plain(text string) string { return markdown.Replace(text) }

var markdown = strings.NewReplacer(`\`, `\\`, "`", "\\`", "*", `\*`, "](", `]\(`, "<", `\<`, ">", `\>`, "#", `\#`, "|", `\|`, "~", `\~`,
	"://", `:\//`, "www.", `www\.`, "\n", " ", "\r", " ")
