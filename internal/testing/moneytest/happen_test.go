package moneytest_test

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/payments/stripe/stripefake"
	"github.com/orderloom/orderloom/workflows"
	"go.temporal.io/sdk/testsuite"
)

// sight is what can be seen of an order when something is about to happen.
type sight struct {
	o       order.Order
	p       payment.Payment
	saga    *execution
	intents []stripefake.Intent
	events  []stripefake.Event
}

func (l *life) look() sight {
	l.mu.Lock()
	saga := l.saga
	l.mu.Unlock()
	return sight{
		o: l.order(), p: l.payment(), saga: saga, intents: l.stripe.Intents(payment.ID(l.orderID).String()), events: l.stripe.Events(),
	}
}

// shipments are those in a state.
func (s sight) shipments(status order.ShipmentStatus) (found []order.Shipment) {
	for _, shipment := range s.o.Shipments {
		if shipment.Status == status {
			found = append(found, shipment)
		}
	}
	return found
}

// takenFrom are the intents that money was captured from, and not given back.
func (s sight) takenFrom() (found []stripefake.Intent) {
	for _, pi := range s.intents {
		if left(pi) > 0 {
			found = append(found, pi)
		}
	}
	return found
}

// left is what of an intent was captured and not given back.
func left(pi stripefake.Intent) int64 {
	n := pi.Captured
	for _, r := range pi.Refunds {
		if r.Live() {
			n -= r.Amount
		}
	}
	return n
}

// held are the intents that still hold money.
func (s sight) held() (found []stripefake.Intent) {
	for _, pi := range s.intents {
		if pi.Held > 0 {
			found = append(found, pi)
		}
	}
	return found
}

func (s sight) refunds(is func(stripefake.Refund) bool) (found []stripefake.Refund) {
	for _, pi := range s.intents {
		for _, r := range pi.Refunds {
			if is(r) {
				found = append(found, r)
			}
		}
	}
	return found
}

func (s sight) refundsIn(status payment.RefundStatus) (found []payment.Refund) {
	for _, r := range s.p.Refunds {
		if r.Status() == status {
			found = append(found, r)
		}
	}
	return found
}

// happening is something that may happen to an order.
type happening struct {
	weight int
	can    func(*life, sight) bool
	do     func(*life, sight)
	// inPassing is true of what may happen between a call to the gateway and its record.
	inPassing bool
}

// happen lets one thing happen.
func (l *life) happen() { l.happenOne(func(happening) bool { return true }) }

// happenMeanwhile lets one thing happen between a call and its record.
func (l *life) happenMeanwhile() { l.happenOne(func(h happening) bool { return h.inPassing }) }

func (l *life) happenOne(may func(happening) bool) {
	s := l.look()
	var can []happening
	sum := 0
	for _, h := range happenings() {
		if may(h) && h.can(l, s) {
			can, sum = append(can, h), sum+h.weight
		}
	}
	if sum == 0 {
		return
	}
	n := l.intN(sum)
	for _, h := range can {
		if n -= h.weight; n < 0 {
			h.do(l, s)
			return
		}
	}
}

func always(*life, sight) bool       { return true }
func running(_ *life, s sight) bool  { return s.saga != nil }
func captured(_ *life, s sight) bool { return s.p.Captured.IsPositive() }

func happenings() []happening {
	return slices.Concat(ofTheOrder(), ofTheMoney(), ofTheGateway())
}

// ofTheOrder are what customers and warehouses do.
func ofTheOrder() []happening {
	return []happening{
		{30, func(_ *life, s sight) bool { return s.saga != nil && len(s.shipments(order.ShipmentStatusPlanned)) > 0 }, (*life).dispatch, false},
		{24, func(_ *life, s sight) bool {
			return s.saga != nil && len(s.shipments(order.ShipmentStatusDispatched)) > 0
		}, (*life).endShipment, false},
		{3, running, (*life).cancel, true},
		{6, func(_ *life, s sight) bool { return s.saga != nil && len(s.shipments(order.ShipmentStatusPlanned)) > 0 }, (*life).cancelLines, true},
		{20, editable, (*life).edit, false},
		{6, func(l *life, s sight) bool { return s.saga != nil && len(l.edits) > 0 }, (*life).editAgain, false},
		{12, func(_ *life, s sight) bool { return len(s.shipments(order.ShipmentStatusDelivered)) > 0 }, (*life).returnGoods, true},
		{4, func(l *life, _ sight) bool { return len(l.returns) > 0 }, (*life).returnAgain, true},
		{8, func(_ *life, s sight) bool { return len(s.shipments(order.ShipmentStatusDelivered)) > 0 }, (*life).requestReturn, true},
		{16, func(_ *life, s sight) bool { return len(s.openReturns()) > 0 }, (*life).decideReturn, true},
		{12, func(_ *life, s sight) bool { return len(s.openReturns()) > 0 }, (*life).receiveReturn, true},
		{4, func(_ *life, s sight) bool { return !s.o.ReturnsDue().IsZero() }, (*life).endReturns, true},
		{12, func(_ *life, s sight) bool { return s.p.Status == payment.StatusActionRequired }, (*life).confirmAtBank, false},
		{24, func(_ *life, s sight) bool { return s.saga != nil && s.p.Required != nil }, (*life).providePayment, true},
		{6, func(_ *life, s sight) bool { return s.saga != nil && s.p.Status == payment.StatusActionRequired }, (*life).providePayment, true},
		{2, running, (*life).providePayment, true},
		{6, func(l *life, s sight) bool { return s.saga != nil && len(l.methods) > 0 }, (*life).provideAgain, true},
		{3, running, func(l *life, s sight) {
			l.note("the order's execution is taken away")
			s.saga.take()
		}, false},
	}
}

// ofTheMoney are what the people of the shop do with money.
func ofTheMoney() []happening {
	return []happening{
		{30, captured, (*life).refund, true},
		{6, func(l *life, _ sight) bool { return len(l.requests) > 0 }, (*life).refundAgain, true},
		{10, func(_ *life, s sight) bool { return len(s.refundsIn(payment.RefundStatusFailed)) > 0 }, (*life).retryRefund, true},
		{4, func(_ *life, s sight) bool { return len(s.refundsIn(payment.RefundStatusFailed)) > 0 }, (*life).resolveRefund, true},
		{8, func(_ *life, s sight) bool { return s.p.VoidFailure != nil }, (*life).retryVoid, true},
		{12, captured, (*life).refundLines, true},
		{8, func(_ *life, s sight) bool { return len(s.takenFrom()) > 0 }, (*life).refundElsewhere, true},
		{2, func(_ *life, s sight) bool { return len(s.held()) > 0 }, (*life).captureElsewhere, false},
		{2, func(_ *life, s sight) bool { return len(s.held()) > 0 }, (*life).cancelElsewhere, false},
		{8, func(_ *life, s sight) bool { return len(s.events) > 0 }, (*life).deliverOne, true},
		{3, always, (*life).reconcileNightly, false},
	}
}

// ofTheGateway are what happens at the gateway by itself.
func ofTheGateway() []happening {
	return []happening{
		{5, func(_ *life, s sight) bool { return len(s.takenFrom()) > 0 }, (*life).openDispute, true},
		{5, func(l *life, _ sight) bool { return len(l.disputes) > 0 }, (*life).endDispute, true},
		{4, captured, func(l *life, _ sight) {
			on := l.chance(0.7)
			l.note("refunds are pending from now on: %t", on)
			l.stripe.PendRefunds(on)
		}, true},
		{6, func(_ *life, s sight) bool { return len(s.refunds(stripefake.Refund.Live)) > 0 }, (*life).bookRefund, true},
		{4, always, func(l *life, _ sight) {
			n := 1 + l.intN(9)
			l.note("Stripe can't be reached for %d calls", n)
			l.mu.Lock()
			l.down = n
			l.mu.Unlock()
		}, true},
		{2, always, func(l *life, _ sight) {
			n := 1 + l.intN(6)
			l.note("Stripe refuses the key for %d calls", n)
			l.mu.Lock()
			l.revoked = n
			l.mu.Unlock()
		}, false},
		{3, always, func(l *life, _ sight) {
			path := pick(l, "/v1/payment_intents/*/capture", "/v1/payment_intents/*/cancel", "/v1/refunds")
			l.note("Stripe refuses the next POST %s", path)
			l.stripe.Inject(stripefake.Fault{Method: http.MethodPost, Path: path, Status: http.StatusBadRequest, Kept: true})
		}, true},
	}
}

// ask sends an update to the order's saga and notes the answer.
func (l *life) ask(s sight, what, name string, request any, answered ...func(underWay bool)) {
	l.note("%s", what)
	id := uuid.NewString()
	callback := &testsuite.TestUpdateCallback{
		OnAccept: func() {},
		OnReject: func(err error) { l.note("   … %s: refused at once: %v", what, err) },
		OnComplete: func(v any, err error) {
			state, ok := v.(workflows.OrderState)
			for _, f := range answered {
				f(state.UnderWay)
			}
			if ok && err == nil {
				l.note("   … %s: %s, under way %t", what, state.Status, state.UnderWay)
				return
			}
			l.note("   … %s: %v", what, err)
		},
	}
	s.saga.env.RegisterDelayedCallback(func() {
		if !s.saga.env.IsWorkflowCompleted() {
			s.saga.env.UpdateWorkflow(name, id, callback, request)
		}
	}, 0)
}

func (l *life) dispatch(s sight) {
	shipment := pick(l, s.shipments(order.ShipmentStatusPlanned)...)
	l.mu.Lock()
	l.unanswered[shipment.ShipmentID] = true
	l.mu.Unlock()
	l.ask(s, fmt.Sprintf("the shipment from %s leaves, %s", shipment.Location, shipment.Amount.Text()), workflows.ShipmentDispatched,
		workflows.Dispatch{ShipmentID: shipment.ShipmentID, Carrier: "DHL", TrackingNumber: "T-" + shipment.Location},
		func(underWay bool) {
			l.mu.Lock()
			defer l.mu.Unlock()
			if !underWay {
				delete(l.unanswered, shipment.ShipmentID)
			}
		})
}

func (l *life) endShipment(s sight) {
	shipment := pick(l, s.shipments(order.ShipmentStatusDispatched)...)
	report := pick(l, workflows.ShipmentDelivered, workflows.ShipmentDelivered, workflows.ShipmentDelivered, workflows.ShipmentLost, workflows.ShipmentRefused)
	l.ask(s, fmt.Sprintf("%s from %s", report, shipment.Location), report, workflows.ShipmentReport{ShipmentID: shipment.ShipmentID})
}

func (l *life) cancel(s sight) {
	l.ask(s, "the customer cancels", workflows.CancelOrder, workflows.CancelRequest{Reason: "changed_my_mind", By: order.ByCustomer})
}

func (l *life) cancelLines(s sight) {
	shipment := pick(l, s.shipments(order.ShipmentStatusPlanned)...)
	line := pick(l, shipment.Lines...)
	n := 1 + l.intN(line.Quantity)
	r := workflows.CancelLinesRequest{
		RequestID: l.id(), Lines: []order.LineQuantity{{LineID: line.LineID, Quantity: n}}, Reason: "too_many", By: order.ByCustomer,
	}
	l.mu.Lock()
	l.cancellations[r.RequestID.String()] = r
	l.mu.Unlock()
	l.ask(s, fmt.Sprintf("%d pieces at %s are cancelled", n, line.UnitPrice.Text()), workflows.CancelLines, r)
}

// id is another id in each call, and the same ones in each life of the seed.
func (l *life) id() uuid.UUID {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reports++
	return domain.DerivedID(l.orderID, fmt.Sprintf("asked/%d", l.reports))
}

func (l *life) returnGoods(s sight) {
	in := workflows.ReturnInput{OrderID: l.orderID, ReturnID: l.id(), Reason: "too_small"}
	if in.Lines = l.someDelivered(s); len(in.Lines) > 0 {
		l.stepReturn(in)
	}
}

// someDelivered are pieces of lines that were delivered.
func (l *life) someDelivered(s sight) (lines []order.ReturnLine) {
	for _, shipment := range s.shipments(order.ShipmentStatusDelivered) {
		for _, line := range shipment.Lines {
			if n := line.Quantity - line.Returned; n > 0 && l.chance(0.7) && !slices.ContainsFunc(lines, func(r order.ReturnLine) bool { return r.LineID == line.LineID }) {
				lines = append(lines, order.ReturnLine{LineID: line.LineID, Quantity: 1 + l.intN(n), Restock: l.chance(0.5), Reason: "other"})
			}
		}
	}
	return lines
}

func (l *life) returnAgain(sight) { l.takeBack(pick(l, l.returns...)) }

func (l *life) takeBack(in workflows.ReturnInput) {
	pieces := 0
	for _, line := range in.Lines {
		pieces += line.Quantity
	}
	l.note("return %s %s: %d pieces", in.Action, in.ReturnID, pieces)
	var out workflows.ReturnResult
	gone, err := l.run(in.WorkflowID(), nil, workflows.ReturnSaga, in, &out)
	switch {
	case gone:
	case err != nil:
		l.note("   … refused: %v", err)
	case out.Refund == nil:
		l.note("   … %s, worth %s, and nothing is owed", out.Return.Status, out.Amount.Text())
	default:
		l.note("   … worth %s, the refund of %s is %s", out.Amount.Text(), out.Refund.Amount.Text(), out.Refund.Status)
	}
}

func (l *life) refund(s sight) {
	unit, most := money.FromMinorUnits(1, l.setting.currency), s.p.Refundable()
	half := money.FromMinorUnits(most.MinorUnits()/2, l.setting.currency)
	amount := pick(l, unit, half, half, most, most, most.Add(unit))
	if !amount.IsPositive() {
		amount = unit
	}
	in := workflows.RefundInput{OrderID: l.orderID, RefundID: l.id(), Amount: amount, Spread: l.chance(0.3), Reason: "late"}
	l.requests = append(l.requests, in)
	l.giveBack("refund-"+in.RefundID.String(), in)
}

// refundLines asks for some pieces of lines that have left.
func (l *life) refundLines(s sight) {
	in := workflows.RefundInput{OrderID: l.orderID, RefundID: l.id(), Reason: "scratched"}
	for _, shipment := range s.o.Shipments {
		for _, line := range shipment.Lines {
			known := slices.ContainsFunc(in.Lines, func(other order.RefundLine) bool { return other.LineID == line.LineID })
			if shipment.Status.Left() && !known && l.chance(0.6) {
				in.Lines = append(in.Lines, order.RefundLine{LineID: line.LineID, Quantity: 1 + l.intN(line.Quantity)})
			}
		}
	}
	for _, line := range s.o.ShippingLines {
		if s.o.CapturedFor(line.ShippingLineID).IsPositive() && l.chance(0.4) {
			in.Lines = append(in.Lines, order.RefundLine{ShippingLineID: line.ShippingLineID})
		}
	}
	if len(in.Lines) == 0 {
		return
	}
	l.requests = append(l.requests, in)
	l.note("%d lines are to be refunded", len(in.Lines))
	l.giveBack("refund-"+in.RefundID.String(), in)
}

// captureElsewhere is a person who captures in the dashboard, which lets the rest go.
func (l *life) captureElsewhere(s sight) {
	pi := pick(l, s.held()...)
	amount := pick(l, pi.Held, 1+int64(l.intN(int(pi.Held))))
	l.note("%d of %s are captured in the dashboard: %t", amount, pi.ID, l.stripe.CaptureElsewhere(pi.ID, amount))
}

// cancelElsewhere is a person who cancels in the dashboard.
func (l *life) cancelElsewhere(s sight) {
	pi := pick(l, s.held()...)
	l.note("%s is cancelled in the dashboard: %t", pi.ID, l.stripe.CancelElsewhere(pi.ID))
}

func (l *life) refundAgain(sight) {
	in := pick(l, l.requests...)
	l.giveBack("refund-"+in.RefundID.String(), in)
}

// retryRefund tries a refund once more that has failed.
func (l *life) retryRefund(s sight) {
	r := pick(l, s.refundsIn(payment.RefundStatusFailed)...)
	in := workflows.RefundInput{OrderID: l.orderID, RefundID: r.RefundID, Amount: r.Amount, Reason: r.Reason, After: len(r.Attempts)}
	l.giveBack(fmt.Sprintf("refund-%s-%d", r.RefundID, in.After+1), in)
}

func (l *life) giveBack(id string, in workflows.RefundInput) {
	l.note("a refund of %s is asked for (%s, after %d)", in.Amount.Text(), in.RefundID, in.After)
	var out workflows.RefundResult
	gone, err := l.run(id, nil, workflows.RefundSaga, in, &out)
	switch {
	case gone:
	case err != nil:
		l.note("   … refused: %v", err)
	default:
		l.note("   … %s %s", out.Refund.Amount.Text(), out.Refund.Status)
	}
}

// resolveRefund is a person who has settled a failed refund outside of the platform.
func (l *life) resolveRefund(s sight) {
	r := pick(l, s.refundsIn(payment.RefundStatusFailed)...)
	amount := pick(l, r.Remaining(), r.Remaining(), money.Zero(l.setting.currency))
	l.note("refund %s is settled outside, %s", r.RefundID, amount.Text())
	settled := l.attend(workflows.AttentionInput{Resolution: &workflows.Resolution{
		RefundID: r.RefundID, Amount: amount, Reference: "transfer " + r.RefundID.String()[:8], By: "alice",
	}})
	if settled {
		l.writtenOff = l.writtenOff.Add(r.Remaining().Sub(amount))
	}
}

func (l *life) retryVoid(s sight) {
	l.note("the void is tried again")
	l.attend(workflows.AttentionInput{Attempts: s.p.VoidFailure.Attempt})
}

func (l *life) attend(in workflows.AttentionInput) (settled bool) {
	in.OrderID, in.AttentionID = l.orderID, l.id()
	var out workflows.AttentionResult
	gone, err := l.run("attention-"+in.AttentionID.String(), nil, workflows.AttentionSaga, in, &out)
	if !gone {
		l.note("   … settled %t %s %v", out.Settled, out.Cause, err)
	}
	return gone || out.Settled // who was taken away may have recorded it
}

func (l *life) refundElsewhere(s sight) {
	pi := pick(l, s.takenFrom()...)
	// Of a single capture that may be more than is booked: all was taken with the first shipment.
	most := left(pi)
	amount := pick(l, most, 1+int64(l.intN(int(most))))
	l.note("%d of %s are refunded in the dashboard: %s", amount, pi.ID, l.stripe.RefundElsewhere(pi.ID, amount))
}

func (l *life) openDispute(s sight) {
	pi := pick(l, s.takenFrom()...)
	amount, inquiry := pick(l, left(pi), 1+int64(l.intN(int(left(pi))))), l.chance(0.3)
	id := l.stripe.OpenDispute(pi.ID, amount, inquiry)
	l.note("the customer contests %d of %s: %s, inquiry %t", amount, pi.ID, id, inquiry)
	l.disputes = append(l.disputes, id)
}

func (l *life) endDispute(sight) {
	id, won := l.disputes[0], l.chance(0.5)
	l.disputes = l.disputes[1:]
	l.note("dispute %s ends, won %t", id, won)
	l.stripe.EndDispute(id, won)
}

// bookRefund is a bank that has booked a refund, or can't.
func (l *life) bookRefund(s sight) {
	r := pick(l, s.refunds(stripefake.Refund.Live)...)
	l.book(r, l.chance(0.5))
}

// book lets the bank book a refund, or fail to.
func (l *life) book(r stripefake.Refund, booked bool) {
	if booked {
		l.note("refund %s is booked", r.ID)
		l.stripe.SettleRefund(r.ID)
		return
	}
	l.note("refund %s fails at the bank", r.ID)
	l.stripe.FailRefund(r.ID)
}

func (l *life) confirmAtBank(s sight) {
	approve := l.chance(0.7)
	l.note("the customer confirms at the bank: %t, was asked %t", approve, l.stripe.Confirm(s.p.GatewayRef, approve))
	if l.chance(0.8) {
		l.deliver(l.stripe.Events()[len(l.stripe.Events())-1])
	}
}
