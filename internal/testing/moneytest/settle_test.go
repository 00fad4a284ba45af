package moneytest_test

import (
	"strings"
	"time"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/payments/stripe/stripefake"
	"github.com/orderloom/orderloom/workflows"
)

const (
	// roundsMax is how many rounds it takes at most until nothing changes any more.
	roundsMax = 8
	// idleMax is how often the order's end is asked for in vain before it is cancelled; twice that is a fault.
	idleMax = 8
)

// runSaga runs the order's saga. Things happen while it runs, until the order has ended or is left open.
func (l *life) runSaga(in workflows.OrderInput) {
	var told workflows.OrderState
	gone, err := l.run(workflows.OrderSagaID(l.orderID), func(x *execution) {
		l.mu.Lock()
		l.saga = x
		l.mu.Unlock()
		l.goOn(x)
	}, workflows.OrderSaga, in, &told)
	l.mu.Lock()
	l.saga = nil
	l.mu.Unlock()
	switch {
	case gone:
		for l.left > 0 && l.chance(0.6) {
			l.left--
			l.wait()
			l.happen()
		}
		l.wait()
	case err != nil:
		l.fault("the order's saga has failed: %v", err)
		panic(errGaveUp)
	default:
		l.note("the order's saga has ended: %s %s", told.Status, told.Reason)
		if o := l.order(); o.Status != told.Status || o.CancelReason != told.Reason {
			l.fault("the saga told %s %q, the events say %s %q", told.Status, told.Reason, o.Status, o.CancelReason)
		}
	}
}

// goOn lets the next thing happen after a while, for as long as the order's saga runs.
func (l *life) goOn(x *execution) {
	pause := l.pause()
	if l.left == 0 {
		pause = time.Hour
	}
	x.env.RegisterDelayedCallback(func() {
		if x.env.IsWorkflowCompleted() || x.gone {
			return
		}
		x.looping = true
		x.steps.letLateGoOn()
		if l.left > 0 {
			l.left--
			l.happen()
		} else {
			l.end(x)
		}
		x.looping = false
		if !x.gone {
			l.goOn(x)
		}
	}, pause)
}

// end does what the order waits for, one thing at a time.
func (l *life) end(x *execution) {
	l.calm()
	s := l.look()
	if l.idle++; l.idle > 2*idleMax {
		l.fault("the order does not come to its end: %s, payment %s", s.o.Status, s.p.Status)
		l.stayOpen = true
	}
	for _, shipment := range s.o.Shipments {
		if shipment.Status != order.ShipmentStatusPlanned {
			delete(l.unanswered, shipment.ShipmentID)
		}
	}
	planned, dispatched := s.shipments(order.ShipmentStatusPlanned), s.shipments(order.ShipmentStatusDispatched)
	switch {
	case s.o.Status.Ended() && l.idle > 2:
		// Stripe repeats a failure under its key for a day.
		l.note("a day passes")
		x.take()
		l.pass(25 * time.Hour)
	case l.stayOpen && len(l.unanswered) == 0 && (s.o.Status == order.StatusConfirmed || s.o.Status == order.StatusShipped):
		l.note("the order is left open")
		x.take()
	case l.idle > 2*idleMax:
		x.take()
	case l.idle > idleMax && s.o.Status == order.StatusShipped && len(planned) > 0:
		l.cancelLines(s)
	case l.idle > idleMax && len(dispatched) == 0:
		l.cancel(s)
	case s.p.Required != nil && l.chance(0.6):
		l.providePayment(s)
	case s.p.Status == payment.StatusActionRequired:
		l.confirmAtBank(s)
	case len(dispatched) > 0:
		l.endShipment(s)
	case len(planned) > 0:
		l.dispatch(s)
	}
}

// calm ends all outages and faults.
func (l *life) calm() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.chaos, l.down, l.revoked = false, 0, 0
	l.stripe.Revoke(false)
	l.stripe.Relent()
}

// settle lets everything come to its end: disputes and refunds end, reports come, what is owed is carried on. Reports
// or the reconciliation alone are enough.
func (l *life) settle() {
	l.calm()
	l.settling = true
	byReport := l.chance(0.6) || l.now().Sub(begin) > ledgerLife
	byLedger := !byReport || l.chance(0.5)
	l.note("everything settles, by reports %t, by the ledger %t", byReport, byLedger)
	before := ""
	for round := 0; ; round++ {
		if l.count >= stepsMax {
			return
		}
		if round > roundsMax {
			l.fault("it does not settle")
			return
		}
		l.settleAtBanks()
		l.pass(time.Hour)
		told := len(l.stripe.Events())
		if byReport {
			l.deliverAll(func(e stripefake.Event) bool { return l.told[e.ID] == 0 })
		}
		// That the gateway takes our credentials again is recorded by whoever asks it next. After the order's end that
		// is the reconciliation.
		if byLedger || l.look().p.Access.Refused() {
			l.reconcileAll()
		}
		l.resume()
		after := l.versions()
		if after == before && told == len(l.stripe.Events()) { // time passes while sagas wait, and authorisations end
			break
		}
		before = after
	}
	// Whatever is told once more changes nothing.
	l.deliverAll(func(stripefake.Event) bool { return true })
	if out := l.reconcileAll(); out.Adopted > 0 || out.Differences > 0 {
		l.fault("the reconciliation finds more: %+v", out)
	}
	if after := l.versions(); after != before {
		l.fault("what is told twice counts twice: %s and then %s", before, after)
	}
}

// settleAtBanks ends the disputes and the refunds that are pending.
func (l *life) settleAtBanks() {
	for len(l.disputes) > 0 {
		l.endDispute(sight{})
	}
	l.stripe.PendRefunds(false)
	for _, r := range l.look().refunds(stripefake.Refund.Pending) {
		l.book(r, l.chance(0.7))
	}
}

// deliverAll delivers webhooks in any order.
func (l *life) deliverAll(which func(stripefake.Event) bool) {
	events := l.stripe.Events()
	l.mu.Lock()
	l.rand.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
	l.mu.Unlock()
	for _, e := range events {
		if which(e) {
			l.deliver(e)
		}
	}
}

// resume starts a saga for an order that needs one, and takes it away again where the order stays open.
func (l *life) resume() {
	o := l.order()
	if o.Status.Ended() && !l.owes() {
		return
	}
	l.note("the order is resumed")
	l.runSaga(workflows.OrderInput{OrderID: l.orderID, Resume: true})
}

func (l *life) pass(d time.Duration) {
	l.mu.Lock()
	l.clock = l.clock.Add(d)
	l.mu.Unlock()
	l.syncClock()
}

// versions are what is recorded of the order and its payment. Differences are what a reconciliation alone records.
func (l *life) versions() string {
	text := ""
	for _, stream := range []eventstore.StreamID{{Type: domain.AggregateOrder, ID: l.orderID}, {Type: domain.AggregatePayment, ID: payment.ID(l.orderID)}} {
		events, err := l.store.Load(l.ctx, stream, 0)
		if err != nil {
			panic(err)
		}
		for _, e := range events {
			switch { // authorisations end, and are made anew, as time passes
			case strings.HasPrefix(e.EventType, "PaymentDifference"), strings.HasPrefix(e.EventType, "Authorization"), e.EventType == "PaymentAuthorized":
			default:
				text += e.EventType + " "
			}
		}
		text += "| "
	}
	return text
}
