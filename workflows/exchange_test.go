package workflows_test

import (
	"cmp"
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/account"
	"github.com/orderloom/orderloom/domain/catalog"
	"github.com/orderloom/orderloom/domain/invoice"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/payments"
	"github.com/orderloom/orderloom/payments/sandbox"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
)

// exchangeScenarios are the paths of orders that goods of another order pay for: two of three pieces at 10.00.
var exchangeScenarios = []scenario{
	exchangeScenario("exchanged at once for more", "25.00", "tok_approve", false, "delivered", "25.00, 0.00, 0.00"),
	exchangeScenario("exchanged at once for less", "15.00", "tok_approve", false, "delivered", "15.00, 0.00, 0.00"),
	exchangeScenario("exchanged on receipt for more", "25.00", "tok_approve", true, "delivered", "25.00, 0.00, 0.00"),
	exchangeScenario("exchanged on receipt for less", "15.00", "tok_approve", true, "delivered", "15.00, 0.00, 0.00"),
	exchangeScenario("exchange declined", "25.00", "tok_decline", false, "cancelled payment_declined", "20.00, 20.00, 0.00"),
	exchangeScenario("exchange declined on receipt", "25.00", "tok_decline", true, "cancelled payment_declined", "20.00, 20.00, 0.00"),
	{
		name: "exchange of fewer goods", stock: map[string]int{"B@berlin": 5}, token: "tok_approve", items: []order.Item{item("B", 1, "25.00")},
		input: exchangeOf(true),
		world: func(t *testing.T, p *platform) {
			p.deliverExchanged(t)
			p.stepExchangedAt(t, hour, p.exchangeStep(workflows.ReturnReceive, order.ReturnLine{SKU: "A", Quantity: 1}))
			p.dispatchAt(2*hour, "berlin")
			p.reportAt(3*hour, workflows.ShipmentDelivered, "berlin")
		},
		want: "delivered", books: "35.00, 10.00, 0.00", after: auditExchanged,
	},
	{
		name: "exchange whose goods do not come", stock: map[string]int{"B@berlin": 5}, token: "tok_approve", items: []order.Item{item("B", 1, "25.00")},
		input: exchangeOf(true),
		world: func(t *testing.T, p *platform) {
			p.deliverExchanged(t)
			p.stepExchangedAt(t, hour, p.exchangeStep(order.ReturnCancel))
		},
		want: "cancelled review_rejected", books: "20.00, 20.00, 0.00", after: auditExchanged,
	},
	{
		name: "exchange for goods that come later", token: "tok_approve", items: []order.Item{item("B", 1, "25.00")},
		input: backordered(exchangeOf(true)),
		world: func(t *testing.T, p *platform) {
			p.deliverExchanged(t)
			p.stepExchangedAt(t, hour, p.receiveExchanged())
			p.receiveAt(t, 2*hour, "B@berlin", 4)
			p.dispatchAt(3*hour, "berlin")
			p.reportAt(4*hour, workflows.ShipmentDelivered, "berlin")
		},
		want: "delivered", books: "25.00, 0.00, 0.00", after: auditExchanged,
	},
	{
		name: "exchange for goods that never come", token: "tok_approve", items: []order.Item{item("B", 1, "25.00")},
		input: backordered(exchangeOf(false)), world: func(t *testing.T, p *platform) { p.deliverExchanged(t) },
		want: "cancelled stock_deadline", books: "20.00, 20.00, 0.00", after: auditExchanged,
	},
}

// backordered is an input of an order that may wait for its goods.
func backordered(input func(*workflows.OrderInput)) func(*workflows.OrderInput) {
	return func(in *workflows.OrderInput) {
		input(in)
		in.AllowBackorder = true
	}
}

func exchangeScenario(name, price, token string, onReceipt bool, want, books string) scenario {
	return scenario{
		name: name, stock: map[string]int{"B@berlin": 5}, token: token, items: []order.Item{item("B", 1, price)}, input: exchangeOf(onReceipt),
		world: func(t *testing.T, p *platform) {
			p.deliverExchanged(t)
			p.stepExchangedAt(t, hour, p.receiveExchanged())
			p.dispatchAt(2*hour, "berlin")
			p.reportAt(3*hour, workflows.ShipmentDelivered, "berlin")
		},
		want: want, books: books, after: auditExchanged,
	}
}

// exchangedID is the order whose goods pay for the platform's.
func exchangedID(orderID uuid.UUID) uuid.UUID { return domain.DerivedID(orderID, "exchanged") }

func exchangeOf(onReceipt bool) func(*workflows.OrderInput) {
	return func(in *workflows.OrderInput) {
		in.Exchange = &activities.ExchangeGoods{
			Exchange: order.Exchange{OrderID: exchangedID(in.OrderID), ReturnID: domain.DerivedID(in.OrderID, "return"), OnReceipt: onReceipt},
			Lines:    []order.ReturnLine{{SKU: "A", Quantity: 2, Reason: "does_not_fit"}}, Reason: "too_small", By: "ann", ExpiresAfter: 30 * 24 * hour,
		}
	}
}

// deliverExchanged delivers the order whose goods are exchanged, before the platform's is placed.
func (p *platform) deliverExchanged(t *testing.T) {
	if p.elapsed > 0 {
		return
	}
	q := *p
	q.env, q.faults, q.orderID, q.onHand = newEnvironment(), &faults{seen: map[string]bool{}, at: -1}, exchangedID(p.orderID), map[string]int{}
	q.register(q.gateway, noReview)
	q.env.SetStartTime(p.env.Now().Add(-10 * hour))
	q.env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: workflows.OrderSagaID(q.orderID), TaskQueue: workflows.TaskQueue})
	q.receive(t, "A@berlin", 3)
	q.deliver(hour, "berlin")
	q.play(t, q.input("tok_approve", item("A", 3, "10.00")))
}

func (p *platform) exchangeStep(action order.ReturnAction, lines ...order.ReturnLine) workflows.ReturnInput {
	return workflows.ReturnInput{
		OrderID: exchangedID(p.orderID), ReturnID: domain.DerivedID(p.orderID, "return"), Action: action, Lines: lines, By: order.ByCustomer, Reason: "kept",
	}
}

func (p *platform) receiveExchanged() workflows.ReturnInput {
	return p.exchangeStep(workflows.ReturnReceive, order.ReturnLine{SKU: "A", Quantity: 2})
}

// stepExchangedAt takes a step of the return some time after the new order was placed, and passes on what it tells.
// What is refused because the exchange has ended is no matter.
func (p *platform) stepExchangedAt(t *testing.T, after time.Duration, in workflows.ReturnInput) {
	delay, _ := p.delay(after)
	p.env.RegisterDelayedCallback(func() {
		p.stepExchanged(t, in, func(signal string, arg any) {
			if !p.env.IsWorkflowCompleted() {
				p.signal(signal, arg)
			}
		})
	}, delay)
}

func (p *platform) stepExchanged(t *testing.T, in workflows.ReturnInput, tell func(signal string, arg any)) {
	q := *p
	q.env, q.faults = newEnvironment(), cmp.Or(p.returning, &faults{seen: map[string]bool{}, at: -1})
	q.register(q.gateway, noReview)
	for _, signal := range []string{workflows.ApproveOrder, workflows.RejectOrder} {
		q.env.OnSignalExternalWorkflow(mock.Anything, mock.Anything, mock.Anything, signal, mock.Anything).Return(
			func(_, _, _, _ string, arg any) error { tell(signal, arg); return nil }).Maybe()
	}
	q.env.SetStartTime(p.env.Now())
	q.env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: in.WorkflowID(), TaskQueue: workflows.TaskQueue})
	q.env.ExecuteWorkflow(workflows.ReturnSaga, in)
	if err := q.env.GetWorkflowError(); err != nil {
		require.Contains(t, []string{string(order.CodeReturnDecided), string(domain.CodeNotFound)}, code(err), "%v", err)
	}
}

// auditExchanged asserts that the books of both orders agree with the gateway, and with each other. The goods of a
// return that is open come then, so that all is settled.
func auditExchanged(t *testing.T, p *platform) {
	id := exchangedID(p.orderID)
	before := p.fold(t, id)
	if r, known := before.FindReturn(domain.DerivedID(p.orderID, "return")); known && r.Status == order.ReturnStatusApproved {
		p.stepExchanged(t, p.receiveExchanged(), func(string, any) {})
	}
	o, paid := p.order(t), p.payment(t)
	from := p.fold(t, id)
	fromPaid, _, err := eventstore.Fold(context.Background(), p.events, paymentAggregate, payment.ID(id))
	require.NoError(t, err)
	for _, pay := range []payment.Payment{paid, fromPaid} {
		balance, err := p.gateway.Balance(payment.ID(pay.OrderID))
		require.NoError(t, err)
		require.True(t, balance.Captured.Amount.Equal(pay.CapturedAtGateway().Amount), "captured: %s and %s", balance.Captured, pay.CapturedAtGateway())
		require.True(t, balance.Refunded.Amount.Equal(pay.RefundedAtGateway().Amount), "refunded: %s and %s", balance.Refunded, pay.RefundedAtGateway())
		require.True(t, balance.Held.IsZero())
		p.auditDocuments(t, pay)
		require.Empty(t, pay.OpenRefunds())
		require.Empty(t, payment.Reconcile(pay, payment.GatewayBalance{
			Held: money.Zero("EUR"), Captured: balance.Captured, Refunded: balance.Refunded,
		}, time.Now()))
	}
	given := money.Zero("EUR")
	for _, c := range append(paid.Credits(), fromPaid.Credits()...) {
		given = given.Add(c.Amount)
	}
	require.True(t, given.IsZero(), "what one order has given the other one has")
	returned := account.Returns(from, fromPaid)
	kept := from.Total
	if len(returned) > 0 && returned[0].Status == order.ReturnStatusRefunded {
		kept = kept.Sub(*returned[0].Amount)
	}
	left := fromPaid.Captured.Sub(fromPaid.Refunded)
	require.Equal(t, kept.Text(), left.Text(), "the goods that did not come back are paid for")
	if o.Status == order.StatusCancelled {
		require.Empty(t, paid.Credits(), "all of the credit is given back")
	} else {
		require.Equal(t, o.Total.Text(), paid.Captured.Sub(paid.Refunded).Text(), "the new order is paid for")
	}
}

// auditDocuments asserts that the invoices of an order are what was captured, and its credit notes what went back.
func (p *platform) auditDocuments(t *testing.T, pay payment.Payment) {
	page, err := p.store.Read(context.Background(), eventstore.ReadOptions{})
	require.NoError(t, err)
	var book invoice.Book
	sums := map[invoice.Kind]money.Money{invoice.KindInvoice: money.Zero("EUR"), invoice.KindCreditNote: money.Zero("EUR")}
	for _, env := range page.Events {
		if env.AggregateID != pay.OrderID && env.AggregateID != pay.ID {
			continue
		}
		e, err := catalog.Decode(env)
		require.NoError(t, err)
		if d, made := book.Apply(env, e); made {
			require.Equal(t, pay.OrderID, d.OrderID, "a document knows its order")
			sums[d.Kind] = sums[d.Kind].Add(d.Totals.Total)
		}
	}
	require.Equal(t, pay.Captured.Text(), sums[invoice.KindInvoice].Text(), "invoices")
	require.Equal(t, pay.Refunded.Text(), sums[invoice.KindCreditNote].Text(), "credit notes")
}

func (p *platform) fold(t testing.TB, id uuid.UUID) order.Order {
	o, _, err := eventstore.Fold(context.Background(), p.events, orders, id)
	require.NoError(t, err)
	return o
}

// refundsAway answers the first requests for a refund with an error that says nothing.
type refundsAway struct {
	*sandbox.Gateway
	left atomic.Int64
}

func (g *refundsAway) Refund(ctx context.Context, r payments.RefundRequest) (payments.RefundResult, error) {
	if g.left.Add(-1) >= 0 {
		return payments.RefundResult{}, errInjected
	}
	return g.Gateway.Refund(ctx, r)
}

// The credit has gone back to the order of the goods when the gateway fails. That order's customer is paid all the
// same: the step begins anew, and must not think that all is done. It fails without refundCreditor of activities.
func TestACreditThatWentBackIsPaidOutThoughTheGatewayFailsInBetween(t *testing.T) {
	t.Parallel()
	for _, s := range exchangeScenarios {
		if s.name != "exchange declined" && s.name != "exchange declined on receipt" {
			continue
		}
		for _, times := range []int64{1, outageAttempts + 1} {
			t.Run(fmt.Sprintf("%s, %d times", s.name, times), func(t *testing.T) {
				t.Parallel()
				s.gateway = func(g *sandbox.Gateway) payments.Gateway {
					away := &refundsAway{Gateway: g}
					away.left.Store(times)
					return away
				}
				end, _ := s.play(t, "", -1)
				require.Equal(t, s.want, end)
			})
		}
	}
}

// The goods that pay for an order come back, and something fails just then. Both orders' books are right all the same.
func TestTheGoodsOfAnExchangeComeBackAtEveryFault(t *testing.T) {
	t.Parallel()
	for _, s := range exchangeScenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			play := func(t *testing.T, kind string, at int) []string {
				p := s.setup(t)
				p.returning = &faults{seen: map[string]bool{}, kind: kind, at: at}
				told := p.play(t, s.begin(t, p))
				p.audit(t, s, told)
				s.after(t, p)
				require.Equal(t, s.want, endOf(told))
				return p.returning.calls
			}
			for at, name := range play(t, "", -1) {
				for _, kind := range []string{failsBefore, failsAfter, timesOut, outage, answersLost, cutBefore, cutAfter} {
					t.Run(fmt.Sprintf("%d_%s_%s", at+1, name, kind), func(t *testing.T) { play(t, kind, at) })
				}
			}
		})
	}
}
