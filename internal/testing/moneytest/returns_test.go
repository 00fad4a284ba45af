package moneytest_test

import (
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/workflows"
)

// openReturns are the returns that somebody has to decide on, or whose goods may come.
func (s sight) openReturns() (found []order.ReturnRecord) {
	for _, r := range s.o.Returns {
		if r.Status.Open() || r.Status == order.ReturnStatusExpired {
			found = append(found, r)
		}
	}
	return found
}

// requestReturn asks to send pieces back that were delivered.
func (l *life) requestReturn(s sight) {
	in := workflows.ReturnInput{
		OrderID: l.orderID, ReturnID: l.id(), Action: workflows.ReturnRequest, Reason: "too_small", By: order.ByCustomer,
		DecideWithin: deadlines.Review,
	}
	if in.Lines = l.someDelivered(s); len(in.Lines) > 0 {
		l.stepReturn(in)
	}
}

// decideReturn decides on a return as people do: in time or not, and also what it does not allow any more.
func (l *life) decideReturn(s sight) {
	r := pick(l, s.openReturns()...)
	l.stepReturn(workflows.ReturnInput{
		OrderID: l.orderID, ReturnID: r.ReturnID, By: order.ByOperator, Reason: "worn", ExpiresAfter: deadlines.Dispatch,
		Action: pick(l, order.ReturnApprove, order.ReturnApprove, order.ReturnApprove, order.ReturnRefuse, order.ReturnCancel),
	})
}

// receiveReturn takes goods of a return, some or all of them.
func (l *life) receiveReturn(s sight) {
	r := pick(l, s.openReturns()...)
	in := workflows.ReturnInput{OrderID: l.orderID, ReturnID: r.ReturnID, Action: workflows.ReturnReceive}
	for _, line := range r.Lines {
		if l.chance(0.8) {
			in.Lines = append(in.Lines, order.ReturnLine{LineID: line.LineID, Quantity: 1 + l.intN(line.Quantity), Restock: l.chance(0.5)})
		}
	}
	if len(in.Lines) > 0 {
		l.stepReturn(in)
	}
}

// stepReturn takes a step of a return, which may come again.
func (l *life) stepReturn(in workflows.ReturnInput) {
	l.returns = append(l.returns, in)
	l.takeBack(in)
}

// endReturns looks for returns that are due.
func (l *life) endReturns(sight) {
	l.note("returns that are due are looked for")
	if _, err := l.run("returns-due-"+l.orderID.String(), nil, workflows.ReturnDeadlineSaga, workflows.ReturnDeadline{OrderID: l.orderID}, nil); err != nil {
		l.note("   … refused: %v", err)
	}
}
