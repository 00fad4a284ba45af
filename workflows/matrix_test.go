package workflows_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain/catalog"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/payments"
	"github.com/orderloom/orderloom/payments/sandbox"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
)

var update = flag.Bool("update", false, "write docs/sagas-paths.md anew")

// scenario is one path of an order when nothing fails.
type scenario struct {
	name   string
	stock  map[string]int
	token  string
	items  []order.Item
	review activities.ReviewRules
	input  func(*workflows.OrderInput)
	// gateway is something before the sandbox gateway; nil is nothing.
	gateway func(*sandbox.Gateway) payments.Gateway
	// limits are the amounts that the gateway moves; zero for all.
	limits money.Limits
	// world plays the people, the bank and the carrier.
	world func(*testing.T, *platform)
	want  string
	// books is what has become of the money when nothing fails, as "captured, refunded, waived"; empty for anything.
	books string
	// after asserts more when all is over.
	after func(*testing.T, *platform)
}

const hour = time.Hour

var scenarios = slices.Concat(ordinary, moneyScenarios, editScenarios, exchangeScenarios)

var ordinary = []scenario{
	{
		name: "delivered", stock: map[string]int{"A@berlin": 5}, token: "tok_approve", items: []order.Item{item("A", 2, "10.00")},
		world: func(_ *testing.T, p *platform) {
			p.dispatchAt(hour, "berlin")
			p.reportAt(2*hour, workflows.ShipmentDelivered, "berlin")
		},
		want: "delivered",
	},
	{
		name: "two shipments", stock: map[string]int{"A@berlin": 5, "B@reno": 5}, token: "tok_approve",
		items: []order.Item{item("A", 1, "10.00"), item("B", 2, "7.50")},
		world: func(_ *testing.T, p *platform) {
			p.dispatchAt(hour, "berlin")
			p.dispatchAt(2*hour, "reno")
			p.reportAt(3*hour, workflows.ShipmentDelivered, "reno")
			p.reportAt(4*hour, workflows.ShipmentDelivered, "berlin")
		},
		want: "delivered",
	},
	{
		name: "reported by signals", stock: map[string]int{"A@berlin": 5, "B@reno": 5}, token: "tok_approve",
		items: []order.Item{item("A", 1, "10.00"), item("B", 2, "7.50")},
		world: func(_ *testing.T, p *platform) {
			p.bySignal = true
			p.dispatchAt(hour, "berlin")
			p.dispatchAt(2*hour, "reno")
			p.reportAt(3*hour, workflows.ShipmentDelivered, "reno")
			p.reportAt(4*hour, workflows.ShipmentDelivered, "berlin")
		},
		want: "delivered",
	},
	{name: "declined", stock: map[string]int{"A@berlin": 5}, token: "tok_decline", items: []order.Item{item("A", 2, "10.00")}, want: "cancelled payment_declined"},
	{name: "out of stock", stock: map[string]int{"A@berlin": 1}, token: "tok_approve", items: []order.Item{item("A", 2, "10.00")}, want: "cancelled out_of_stock"},
	{
		name: "cancelled by the customer", stock: map[string]int{"A@berlin": 5}, token: "tok_approve", items: []order.Item{item("A", 2, "10.00")},
		world: func(_ *testing.T, p *platform) {
			p.at(hour, workflows.CancelOrder, workflows.CancelRequest{Reason: "changed_my_mind", By: "customer"})
		},
		want: "cancelled changed_my_mind",
	},
	{
		name: "part cancelled", stock: map[string]int{"A@berlin": 5}, token: "tok_approve",
		items: []order.Item{item("A", 1, "12.00"), item("A", 3, "10.00")},
		world: func(_ *testing.T, p *platform) {
			p.at(hour, workflows.CancelLines, workflows.CancelLinesRequest{
				RequestID: p.orderID, Reason: "one_too_many", By: "customer",
				Lines: []order.LineQuantity{{LineID: order.LineID(p.orderID, 2), Quantity: 1}},
			})
			p.dispatchAt(2*hour, "berlin")
			p.reportAt(3*hour, workflows.ShipmentDelivered, "berlin")
		},
		want: "delivered",
	},
	{
		name: "last shipment cancelled", stock: map[string]int{"A@berlin": 5, "B@reno": 5}, token: "tok_approve",
		items: []order.Item{item("A", 1, "10.00"), item("B", 2, "7.50")},
		world: func(_ *testing.T, p *platform) {
			p.dispatchAt(hour, "berlin")
			p.reportAt(2*hour, workflows.ShipmentDelivered, "berlin")
			p.at(3*hour, workflows.CancelLines, workflows.CancelLinesRequest{
				RequestID: p.orderID, Lines: []order.LineQuantity{{SKU: "B", Quantity: 2}}, Reason: "took_too_long", By: "customer",
			})
		},
		want: "delivered",
	},
	{
		name: "bank confirms", stock: map[string]int{"A@berlin": 5}, token: "tok_require_action", items: []order.Item{item("A", 1, "10.00")},
		world: func(t *testing.T, p *platform) {
			p.bankAt(t, 10*time.Minute, true)
			p.dispatchAt(hour, "berlin")
			p.reportAt(2*hour, workflows.ShipmentDelivered, "berlin")
		},
		want: "delivered",
	},
	{
		name: "bank refuses", stock: map[string]int{"A@berlin": 5}, token: "tok_require_action", items: []order.Item{item("A", 1, "10.00")},
		world: func(t *testing.T, p *platform) { p.bankAt(t, 10*time.Minute, false) },
		want:  "cancelled payment_declined",
	},
	{
		name: "bank is silent", stock: map[string]int{"A@berlin": 5}, token: "tok_require_action", items: []order.Item{item("A", 1, "10.00")},
		want: "cancelled payment_deadline",
	},
	{
		name: "backordered", stock: map[string]int{"A@berlin": 1}, token: "tok_approve", items: []order.Item{item("A", 3, "10.00")},
		input: func(in *workflows.OrderInput) { in.AllowBackorder = true },
		world: func(t *testing.T, p *platform) {
			p.receiveAt(t, hour, "A@berlin", 4)
			p.dispatchAt(2*hour, "berlin")
			p.reportAt(3*hour, workflows.ShipmentDelivered, "berlin")
		},
		want: "delivered",
	},
	{
		name: "never restocked", stock: map[string]int{"A@berlin": 1}, token: "tok_approve", items: []order.Item{item("A", 3, "10.00")},
		input: func(in *workflows.OrderInput) { in.AllowBackorder = true },
		want:  "cancelled stock_deadline",
	},
	{
		name: "approved by review", stock: map[string]int{"A@berlin": 5}, token: "tok_approve", items: []order.Item{item("A", 1, "900.00")},
		review: activities.ReviewRules{Above: []money.Money{money.Must("500.00", "EUR")}},
		world: func(_ *testing.T, p *platform) {
			p.at(hour, workflows.ApproveOrder, workflows.ReviewRequest{By: "alice"})
			p.dispatchAt(2*hour, "berlin")
			p.reportAt(3*hour, workflows.ShipmentDelivered, "berlin")
		},
		want: "delivered",
	},
	{
		name: "rejected by review", stock: map[string]int{"A@berlin": 5}, token: "tok_approve", items: []order.Item{item("A", 1, "900.00")},
		review: activities.ReviewRules{Customers: []string{"cus_1"}},
		world: func(_ *testing.T, p *platform) {
			p.at(hour, workflows.RejectOrder, workflows.ReviewRequest{By: "alice"})
		},
		want: "cancelled review_rejected",
	},
	{
		name: "never reviewed", stock: map[string]int{"A@berlin": 5}, token: "tok_approve", items: []order.Item{item("A", 1, "900.00")},
		review: activities.ReviewRules{Customers: []string{"cus_1"}}, want: "cancelled review_deadline",
	},
	{
		name: "lost shipment", stock: map[string]int{"A@berlin": 5, "B@reno": 5}, token: "tok_approve",
		items: []order.Item{item("A", 1, "10.00"), item("B", 1, "7.50")},
		world: func(_ *testing.T, p *platform) {
			p.dispatchAt(hour, "berlin")
			p.dispatchAt(2*hour, "reno")
			p.reportAt(3*hour, workflows.ShipmentLost, "reno")
			p.reportAt(4*hour, workflows.ShipmentDelivered, "berlin")
		},
		want: "delivered",
	},
	{
		name: "refused shipment", stock: map[string]int{"A@berlin": 5}, token: "tok_approve", items: []order.Item{item("A", 2, "10.00")},
		world: func(_ *testing.T, p *platform) {
			p.dispatchAt(hour, "berlin")
			p.reportAt(2*hour, workflows.ShipmentRefused, "berlin")
		},
		want: "cancelled undeliverable",
	},
	{
		name: "refused with two lines of one SKU", stock: map[string]int{"A@berlin": 5}, token: "tok_approve",
		items: []order.Item{item("A", 2, "10.00"), item("A", 2, "10.00")},
		world: func(_ *testing.T, p *platform) {
			p.dispatchAt(hour, "berlin")
			p.reportAt(2*hour, workflows.ShipmentRefused, "berlin")
		},
		want: "cancelled undeliverable",
	},
	{
		name: "authorisation renewed", stock: map[string]int{"A@berlin": 5}, token: "tok_approve", items: []order.Item{item("A", 2, "10.00")},
		input: keepMethod,
		world: func(_ *testing.T, p *platform) {
			p.dispatchAt(8*24*hour, "berlin")
			p.reportAt(9*24*hour, workflows.ShipmentDelivered, "berlin")
		},
		want: "delivered",
	},
	{
		name: "paid anew", stock: map[string]int{"A@berlin": 5, "B@reno": 5}, token: "tok_approve",
		items: []order.Item{item("A", 1, "10.00"), item("B", 2, "7.50")},
		world: func(_ *testing.T, p *platform) {
			p.dispatchAt(hour, "berlin")
			p.reportAt(2*hour, workflows.ShipmentDelivered, "berlin")
			p.payAt(8*24*hour, "tok_decline")
			p.payAt(9*24*hour, "tok_approve")
			p.dispatchAt(10*24*hour, "reno")
			p.reportAt(11*24*hour, workflows.ShipmentDelivered, "reno")
		},
		want: "delivered",
	},
	{
		name: "never paid anew", stock: map[string]int{"A@berlin": 5}, token: "tok_approve", items: []order.Item{item("A", 2, "10.00")},
		want: "cancelled payment_deadline",
	},
	{
		name: "rest never paid", stock: map[string]int{"A@berlin": 5, "B@reno": 5}, token: "tok_approve",
		items: []order.Item{item("A", 1, "10.00"), item("B", 2, "7.50")},
		world: func(_ *testing.T, p *platform) {
			p.dispatchAt(hour, "berlin")
			p.reportAt(2*hour, workflows.ShipmentDelivered, "berlin")
		},
		want: "delivered",
	},
	{
		name: "bank link replaced", stock: map[string]int{"A@berlin": 5}, token: "tok_require_action", items: []order.Item{item("A", 1, "10.00")},
		world: func(t *testing.T, p *platform) {
			p.payAt(5*time.Minute, "tok_decline")
			p.payAt(10*time.Minute, "tok_require_action")
			p.bankAt(t, 15*time.Minute, true)
			p.dispatchAt(hour, "berlin")
			p.reportAt(2*hour, workflows.ShipmentDelivered, "berlin")
		},
		want: "delivered",
	},
	{
		name: "void refused, and made elsewhere", stock: map[string]int{"A@berlin": 5}, token: "tok_approve", items: []order.Item{item("A", 2, "10.00")},
		gateway: refusesVoids,
		world: func(t *testing.T, p *platform) {
			p.at(hour, workflows.CancelOrder, workflows.CancelRequest{Reason: "changed_my_mind", By: "customer"})
			p.letGoAt(t, 30*hour)
		},
		want: "cancelled changed_my_mind",
	},
	{
		name: "void refused, and retried", stock: map[string]int{"A@berlin": 5}, token: "tok_approve", items: []order.Item{item("A", 2, "10.00")},
		gateway: func(g *sandbox.Gateway) payments.Gateway { return &voidRefused{Gateway: g, times: 1} },
		world: func(t *testing.T, p *platform) {
			p.at(hour, workflows.CancelOrder, workflows.CancelRequest{Reason: "changed_my_mind", By: "customer"})
			p.attendAt(t, 90*time.Minute, func(at time.Time) any {
				return activities.VoidPayment{OrderID: p.orderID, Reason: "retried", At: at}
			})
		},
		want: "cancelled changed_my_mind",
	},
}

// undocumented are scenarios whose steps run side by side, so that their order is not the same in each run.
var undocumented = []scenario{
	{
		name: "renewal declined", stock: map[string]int{"A@berlin": 5}, token: "tok_require_action", items: []order.Item{item("A", 2, "10.00")},
		input: keepMethod,
		world: func(t *testing.T, p *platform) {
			p.bankAt(t, 10*time.Minute, true)
			p.payAt(7*24*hour, "tok_approve")
			p.dispatchAt(8*24*hour, "berlin")
			p.reportAt(9*24*hour, workflows.ShipmentDelivered, "berlin")
		},
		want: "delivered",
	},
	{
		name: "share below the least capture, and waived", stock: map[string]int{"A@berlin": 5, "B@reno": 5}, token: "tok_approve",
		items: []order.Item{item("A", 1, "10.00"), item("B", 2, "7.50")}, limits: capturesFrom("15.00"),
		world: func(_ *testing.T, p *platform) {
			p.dispatchAt(hour, "berlin")
			p.reportAt(2*hour, workflows.ShipmentDelivered, "berlin")
			p.at(3*hour, workflows.CancelLines, workflows.CancelLinesRequest{
				RequestID: p.orderID, Lines: []order.LineQuantity{{SKU: "B", Quantity: 2}}, Reason: "took_too_long", By: "customer",
			})
		},
		want: "delivered", books: "0.00, 0.00, 10.00",
	},
	{
		name: "share below the least capture, and taken in excess", stock: map[string]int{"A@berlin": 5, "B@reno": 5}, token: "tok_approve",
		items: []order.Item{item("A", 1, "10.00"), item("B", 2, "7.50")}, limits: capturesFrom("15.00"),
		world: func(_ *testing.T, p *platform) {
			p.dispatchAt(hour, "reno")
			p.reportAt(2*hour, workflows.ShipmentDelivered, "reno")
			p.at(3*hour, workflows.CancelLines, workflows.CancelLinesRequest{
				RequestID: p.orderID, Lines: []order.LineQuantity{{SKU: "A", Quantity: 1}}, Reason: "took_too_long", By: "customer",
			})
		},
		want: "delivered", books: "25.00, 10.00, 0.00",
	},
	{
		name: "key revoked", stock: map[string]int{"A@berlin": 5}, token: "tok_approve", items: []order.Item{item("A", 2, "10.00")},
		gateway: revokedAtFirst,
		world: func(_ *testing.T, p *platform) {
			p.dispatchAt(hour, "berlin")
			p.reportAt(2*hour, workflows.ShipmentDelivered, "berlin")
		},
		want: "delivered",
	},
}

// capturesFrom are the amounts of a gateway that captures at least this much.
func capturesFrom(least string) money.Limits {
	return money.Limits{CaptureMin: money.Must(least, "EUR").Amount}
}

// keepMethod is the customer's consent that the means of payment is authorised again.
func keepMethod(in *workflows.OrderInput) { in.KeepPaymentMethod = true }

// bankAt plays the customer at the bank, and the gateway's webhook.
func (p *platform) bankAt(t *testing.T, after time.Duration, approve bool) {
	delay, past := p.delay(after)
	p.env.RegisterDelayedCallback(func() {
		id := payment.ID(p.orderID)
		if err := p.gateway.Confirm(id, approve); err != nil && !past {
			return // the order has given up, and the gateway has cancelled the payment
		}
		u := workflows.PaymentUpdate{GatewayRef: "sandbox_" + id.String()}
		if err := p.env.SignalWorkflowByID(workflows.PaymentSagaID(p.orderID), workflows.PaymentUpdated, u); err != nil {
			t.Logf("the webhook found nobody: %v", err)
		}
	}, delay)
}

// letGoAt plays a person who lets the money go in the gateway's dashboard.
func (p *platform) letGoAt(t *testing.T, after time.Duration) {
	delay, _ := p.delay(after)
	p.env.RegisterDelayedCallback(func() { require.NoError(t, p.gateway.VoidElsewhere(payment.ID(p.orderID))) }, delay)
}

// attendAt plays the saga that carries out a person's decision, and tells the order.
func (p *platform) attendAt(t *testing.T, after time.Duration, in func(at time.Time) any) {
	delay, _ := p.delay(after)
	p.env.RegisterDelayedCallback(func() {
		switch in := in(p.env.Now()).(type) {
		case activities.VoidPayment:
			p.carryOut(t, func(a *activities.Activities) any { return a.RetryVoid }, in)
		case activities.ResolveAttention:
			p.carryOut(t, func(a *activities.Activities) any { return a.ResolveAttention }, in)
		}
		if !p.env.IsWorkflowCompleted() {
			p.signal(workflows.PaymentChanged, nil)
		}
	}, delay)
}

// receiveAt brings stock in by the activity, and wakes who waits as the receipt's saga does.
func (p *platform) receiveAt(t *testing.T, after time.Duration, item string, quantity int) {
	delay, past := p.delay(after)
	if past {
		return // the goods are there: who waits for them looks at the stock first
	}
	p.env.RegisterDelayedCallback(func() {
		sku, location := splitItem(item)
		p.carryOut(t, func(a *activities.Activities) any { return a.ReceiveStock }, activities.ReceiveStock{
			ReceiptID: uuid.New(), SKU: sku, Location: location, Quantity: quantity, At: p.env.Now(),
		})
		p.onHand[item] += quantity
		if err := p.env.SignalWorkflowByID(workflows.InventorySagaID(p.orderID), workflows.StockServed, nil); err != nil {
			t.Logf("nobody waits for stock: %v", err)
		}
	}, delay)
}

func (s scenario) setup(t *testing.T) *platform {
	wrap := s.gateway
	if wrap == nil {
		wrap = func(g *sandbox.Gateway) payments.Gateway { return g }
	}
	return setupLimited(t, s.stock, s.review, wrap, s.limits)
}

// begin sets the scenario's world in motion and returns the order that is placed in it.
func (s scenario) begin(t *testing.T, p *platform) workflows.OrderInput {
	in := p.input(s.token, s.items...)
	if s.input != nil {
		s.input(&in)
	}
	if s.world != nil {
		s.world(t, p)
	}
	return in
}

// play runs a scenario with a fault at one call, or none, and audits what came of it.
func (s scenario) play(t *testing.T, kind string, at int) (end string, calls []string) {
	p := s.setup(t)
	p.faults.kind, p.faults.at = kind, at
	p.faults.cancel = func() {
		p.env.SignalWorkflow(workflows.CancelOrder, workflows.CancelRequest{Reason: "cancelled_meanwhile", By: "customer"})
	}
	in := s.begin(t, p)
	if kind == goneBefore || kind == goneAfter {
		p = p.resume(t, s, in)
		if kind == goneAfter || at > 0 {
			in = workflows.OrderInput{OrderID: p.orderID, Resume: true}
		} // an order that was never placed is placed by its own request, which comes again
	}
	if !p.env.IsWorkflowCompleted() {
		p.env.ExecuteWorkflow(workflows.OrderSaga, in)
	}
	require.True(t, p.env.IsWorkflowCompleted(), "the saga has not ended")
	require.NoError(t, p.env.GetWorkflowError())
	var told workflows.OrderState
	require.NoError(t, p.env.GetWorkflowResult(&told))
	p.audit(t, s, told)
	if s.after != nil {
		s.after(t, p)
	}
	if pay := p.payment(t); kind == "" && s.books != "" {
		require.Equal(t, s.books, pay.Captured.Text()+", "+pay.Refunded.Text()+", "+pay.Waived().Text())
	}
	return endOf(told), p.faults.calls
}

// endOf is where an order has ended, and why.
func endOf(told workflows.OrderState) string {
	return strings.TrimSpace(string(told.Status) + " " + told.Reason)
}

// resume runs the saga until its execution is gone, and returns the world in which another one is to take its place.
func (p *platform) resume(t *testing.T, s scenario, in workflows.OrderInput) *platform {
	p.faults.gone = make(chan struct{})
	p.env.SetTestTimeout(24 * hour) // it waits for a step that never comes back
	begun := p.env.Now()
	ended := make(chan struct{})
	go func() {
		p.env.ExecuteWorkflow(workflows.OrderSaga, in)
		close(ended)
	}()
	select {
	case <-p.faults.gone:
		p.faults.underWay.Wait()
	case <-ended:
		return p // two steps ran side by side, and the one that was to be the last did not come
	}
	next := *p
	next.env, next.faults = newEnvironment(), &faults{seen: map[string]bool{}, at: -1}
	next.elapsed = max(p.env.Now().Sub(begun), 1)
	next.register(next.asked, s.review)
	next.env.SetStartTime(begun.Add(next.elapsed))
	next.env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: workflows.OrderSagaID(p.orderID), TaskQueue: workflows.TaskQueue})
	if s.world != nil {
		s.world(t, &next)
	}
	return &next
}

// audit asserts that the four ledgers agree: what the customer was told, the order's events, the
// gateway's ledger and the stock.
func (p *platform) audit(t *testing.T, s scenario, told workflows.OrderState) {
	o, pay := p.order(t), p.payment(t)
	require.Equal(t, o.Status, told.Status, "the customer was told something else than the events say")
	require.Equal(t, o.CancelReason, told.Reason)

	balance, err := p.gateway.Balance(payment.ID(p.orderID))
	require.NoError(t, err)
	equal := func(want, got money.Money, what string) {
		require.True(t, want.Amount.Equal(got.Amount), "%s: want %s, the gateway says %s", what, want.Amount, got.Amount)
	}
	equal(pay.CapturedAtGateway(), balance.Captured, "captured")
	equal(pay.RefundedAtGateway(), balance.Refunded, "refunded")

	var owed money.Money // what the shipments cost that the customer has, or that are under way
	sold := map[string]int{}
	for _, shipment := range o.Shipments {
		for _, l := range shipment.Lines {
			if shipment.Status == order.ShipmentStatusDelivered || shipment.Status == order.ShipmentStatusLost {
				sold[l.SKU+"@"+shipment.Location] += l.Quantity
			}
			if shipment.Status == order.ShipmentStatusDelivered {
				owed = owed.Add(l.Cost())
			}
		}
		if shipment.Status == order.ShipmentStatusDelivered {
			for _, share := range shipment.Shipping {
				owed = owed.Add(share.Amount)
			}
		}
	}
	for _, w := range pay.Waivers {
		if w.Reason == payment.ReasonBelowMinimum {
			owed = owed.Sub(w.Amount)
		}
	}
	equal(owed, pay.Captured.Sub(pay.Refunded), "paid in the end")
	if s.limits.IsZero() {
		require.Empty(t, pay.Waivers)
	}
	for item, before := range p.onHand {
		left := p.stock(t, item)
		require.Equal(t, before-sold[item], left.OnHand, "%s on hand", item)
		require.Zero(t, left.Reserved, "%s still reserved", item)
		require.Empty(t, left.Reservations, item)
		sku, _ := splitItem(item)
		require.Empty(t, p.stock(t, sku+"@").Backorders, "nobody waits for %s", sku)
	}
	equal(money.Zero("EUR"), balance.Held, "still held at the gateway")
	require.Nil(t, pay.Required, "an order that has ended waits for no money")
	require.Nil(t, pay.Requested)
	p.auditEvents(t)
}

// auditEvents asserts that no event was stored twice and that each can be read.
func (p *platform) auditEvents(t *testing.T) {
	page, err := p.store.Read(context.Background(), eventstore.ReadOptions{})
	require.NoError(t, err)
	seen := map[string]bool{}
	for _, e := range page.Events {
		require.False(t, seen[e.EventID.String()], "event %s is there twice", e.EventID)
		seen[e.EventID.String()] = true
		_, err := catalog.Decode(e)
		require.NoError(t, err)
	}
}

// TestEveryPathAtEveryFaultLeavesTheLedgersAgreed runs every path with every kind of fault at every step.
//
// It fails when the compensations are left out (compensation.go), or are pushed only after their step (order_saga.go,
// secureOrder). It fails too when the domain does not answer a repeated command with no events.
func TestEveryPathAtEveryFaultLeavesTheLedgersAgreed(t *testing.T) {
	t.Parallel()
	kinds := []string{failsBefore, failsAfter, timesOut, outage, answersLost, goneBefore, goneAfter, cutBefore, cutAfter, cancelsBefore, cancelsAfter}
	var mu sync.Mutex
	table := map[string][][]string{}
	t.Run("paths", func(t *testing.T) {
		for _, s := range append(slices.Clone(undocumented), scenarios...) {
			t.Run(s.name, func(t *testing.T) {
				t.Parallel()
				end, calls := s.play(t, "", -1)
				require.Equal(t, s.want, end)
				rows := [][]string{{"nothing fails", end}}
				for at, name := range calls {
					row := []string{fmt.Sprintf("%d %s", at+1, name)}
					for _, kind := range kinds {
						t.Run(fmt.Sprintf("%d_%s_%s", at+1, name, kind), func(t *testing.T) {
							end, _ := s.play(t, kind, at)
							if !strings.HasPrefix(kind, "cancelled") {
								require.Equal(t, s.want, end, "a failure that passes changed the end")
							}
							row = append(row, end)
						})
					}
					rows = append(rows, row)
				}
				mu.Lock()
				defer mu.Unlock()
				table[s.name] = rows
			})
		}
		playReturns(t, kinds, &mu, table)
	})
	if !t.Failed() && len(table) == len(scenarios)+len(undocumented)+len(returnPaths) {
		checkDocument(t, "../docs/sagas-paths.md", document(kinds, table))
	}
}

func document(kinds []string, table map[string][][]string) string {
	var b strings.Builder
	b.WriteString(`# Every path of an order, and where it ends

Generated by the tests (` + "`go test ./workflows -run EveryPath -update`" + `). [The sagas](sagas.md) are described in a
document of their own.

Each cell is a run with one fault at one step. After each run these agree: what the customer was told, the events, the
gateway's ledger and the stock. The columns are the faults:

- *fails before*: the step fails once before it takes effect.
- *fails after*: the step fails once after it has taken effect.
- *times out*: the step has taken effect and does not answer in time, once.
- *outage*: the step's first six attempts fail.
- *answers lost*: the step's first six attempts take effect, and their answers are lost.
- *gone before*, *gone after*: the execution is gone for good before or after the step, as after a termination or the
  loss of Temporal. A new saga that knows the order's id alone goes on.
- *gateway away*, *gateway unheard*: the gateway can't be reached in the middle of the step, or its answer gets lost,
  once. What the step has recorded before stands.
- *cancelled before*, *cancelled after*: the customer cancels the order before or after the step. Of a return it is the
  return that is cancelled.
`)
	names := make([]string, 0, len(scenarios)+len(returnPaths))
	for _, s := range scenarios {
		names = append(names, s.name)
	}
	for _, r := range returnPaths {
		names = append(names, r.name)
	}
	for _, name := range names {
		fmt.Fprintf(&b, "\n## %s\n\nUndisturbed: **%s**.\n\n", name, table[name][0][1])
		fmt.Fprintf(&b, "| step | %s |\n|---|%s\n", strings.Join(kinds, " | "), strings.Repeat("---|", len(kinds)))
		for _, row := range table[name][1:] {
			fmt.Fprintf(&b, "| %s |\n", strings.Join(row, " | "))
		}
	}
	return b.String()
}

// checkDocument compares the document with what the tests have found, or writes it under -update.
func checkDocument(t *testing.T, path, want string) {
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(want), 0o644))
		return
	}
	written, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, want, string(written), "%s is stale: run go test ./workflows -run EveryPath -update", path)
}
