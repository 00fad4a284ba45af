package moneytest_test

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/account"
	"github.com/orderloom/orderloom/domain/catalog"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/workflows"
)

// fact is what one step has recorded of an order and its payment.
type fact struct {
	source           string // the id of the execution
	step             string // such as "cancel" or "return/<id>"
	at               time.Time
	orders, payments []domain.Event
}

// facts are what was recorded, in its order.
func (l *life) facts() (facts []*fact) {
	var all []domain.Envelope
	for _, stream := range []eventstore.StreamID{{Type: domain.AggregateOrder, ID: l.orderID}, {Type: domain.AggregatePayment, ID: payment.ID(l.orderID)}} {
		events, err := l.store.Load(l.ctx, stream, 0)
		if err != nil {
			panic(err)
		}
		all = append(all, events...)
	}
	slices.SortFunc(all, func(a, b domain.Envelope) int { return cmp.Compare(a.Sequence, b.Sequence) })
	bySource := map[string]*fact{}
	for _, env := range all {
		f := bySource[env.Metadata.CausationID]
		if f == nil {
			source, step, _ := strings.Cut(env.Metadata.CausationID, "/")
			f = &fact{source: source, step: step, at: env.Timestamp}
			bySource[env.Metadata.CausationID], facts = f, append(facts, f)
		}
		e, err := catalog.Decode(env)
		if err != nil {
			panic(err)
		}
		if env.AggregateType == domain.AggregateOrder {
			f.orders = append(f.orders, e)
		} else {
			f.payments = append(f.payments, e)
		}
	}
	return facts
}

// auditPreviews holds what each request has changed against what its preview tells of the order as it was before.
func (l *life) auditPreviews() {
	var o order.Order
	var p payment.Payment
	for _, f := range l.facts() {
		if decide := l.previewed(f); decide != nil {
			orders, payments, err := decide(o, p)
			told, done := account.PreviewOf(o, p, orders, payments), account.PreviewOf(o, p, f.orders, f.payments)
			if a, b := inJSON(told), inJSON(done); err != nil || a != b {
				l.fault("the preview of %s tells %v\n%s\nand it was\n%s", f.step, err, a, b)
			}
		}
		l.auditEditPreview(o, f)
		o, p = o.Clone(), p.Clone()
		for _, e := range f.orders {
			o = order.Evolve(o, e)
		}
		for _, e := range f.payments {
			p = payment.Evolve(p, e)
		}
	}
}

// decision is what a request means for an order and its payment.
type decision func(order.Order, payment.Payment) (orders, payments []domain.Event, err error)

// previewed returns the decision on the request behind a fact, as its preview makes it. It is nil for what is no
// request, or has no such preview.
func (l *life) previewed(f *fact) decision {
	kind, rest, _ := strings.Cut(f.step, "/")
	id, after, _ := strings.Cut(rest, "/")
	switch kind {
	case "cancel":
		for _, e := range f.orders {
			if e, ok := e.(order.OrderCancelled); ok && e.CancelledBy != order.BySystem && e.RejectedBy == "" {
				return func(o order.Order, p payment.Payment) (orders, payments []domain.Event, err error) {
					return account.Cancel(o, p, order.CancelOrder{Reason: e.Reason, By: e.CancelledBy, At: f.at})
				}
			}
		}
	case "cancel-lines":
		if r, asked := l.cancellations[id]; asked {
			c := order.CancelLines{RequestID: r.RequestID, Lines: r.Lines, Reason: r.Reason, By: r.By, At: f.at}
			return func(o order.Order, p payment.Payment) (orders, payments []domain.Event, err error) {
				return account.CancelPart(o, p, c, l.setting.limits)
			}
		}
	case "return":
		for _, in := range l.returns {
			if in.ReturnID.String() == id && f.source == in.WorkflowID() {
				c := order.ReturnOrder{ReturnID: in.ReturnID, Lines: in.Lines, Reason: in.Reason, At: f.at}
				return func(o order.Order, p payment.Payment) (orders, payments []domain.Event, err error) {
					return account.Return(o, p, c, in.Action == workflows.ReturnReceive, l.setting.limits)
				}
			}
		}
	case "refund":
		for _, in := range l.requests {
			if in.RefundID.String() == id && after == "request/1" {
				return func(o order.Order, p payment.Payment) (orders, payments []domain.Event, err error) {
					payments, err = l.previewedRefund(o, p, in, f.at)
					return nil, payments, err
				}
			}
		}
	}
	return nil
}

func (l *life) previewedRefund(o order.Order, p payment.Payment, in workflows.RefundInput, at time.Time) ([]domain.Event, error) {
	c, err := account.Refund(o, p, account.RefundRequest{Asked: in.Lines, Spread: in.Spread, RefundPayment: payment.RefundPayment{
		RefundID: in.RefundID, Amount: in.Amount, Reason: in.Reason, Limits: l.setting.limits, At: at,
	}})
	if err != nil {
		return nil, err
	}
	return payment.RequestRefund(p, c)
}

// auditEditPreview does the same for an edit. What it costs is told when it is asked for, and stays so however long its
// money takes.
func (l *life) auditEditPreview(o order.Order, f *fact) {
	after := o.Clone()
	var edited, requested uuid.UUID
	for _, e := range f.orders {
		switch e := e.(type) {
		case order.OrderEdited:
			edited = e.RequestID
		case order.OrderEditRequested:
			requested = e.Edit.RequestID
		}
		after = order.Evolve(after, e)
	}
	for _, r := range l.edits {
		if r.RequestID == requested || r.RequestID == edited && o.Editing == nil {
			plan, err := r.Edit().Plan(o)
			if err != nil {
				l.fault("the preview of edit %s is refused, and it was carried out: %v", r.RequestID, err)
				continue
			}
			plan.Allocations = f.allocations()
			told, err := plan.Outcome(o, f.at)
			if err != nil {
				l.fault("the preview of edit %s is refused, and it was carried out: %v", r.RequestID, err)
				continue
			}
			l.promised = &told
		}
		if r.RequestID == edited && l.promised != nil {
			if a, b := inJSON([]any{l.promised.Total, l.promised.Items, l.promised.ShippingLines}), inJSON([]any{after.Total, after.Items, after.ShippingLines}); a != b {
				l.fault("the preview of edit %s tells\n%s\nand it was\n%s", edited, a, b)
			}
		}
	}
}

// allocations are where the goods come from that an edit brings.
func (f *fact) allocations() (from []inventory.Allocation) {
	for _, e := range f.orders {
		switch e := e.(type) {
		case order.OrderEditRequested:
			return e.Edit.Allocations
		case order.OrderEdited:
			for _, s := range e.Shipments {
				for _, line := range s.Lines {
					if !s.Digital() {
						from = append(from, inventory.Allocation{SKU: line.SKU, Location: s.Location, Quantity: line.Quantity})
					}
				}
			}
		}
	}
	return from
}

func inJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(text)
}
