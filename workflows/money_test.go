package workflows_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/domain/pricing"
	"github.com/orderloom/orderloom/payments"
	"github.com/orderloom/orderloom/payments/sandbox"
	"github.com/orderloom/orderloom/workflows"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
)

// moneyScenarios are the paths of orders with more than prices: taxes, discounts, shipping, downloads and gifts.
var moneyScenarios = []scenario{
	{
		// 10.00 and 15.00 less 10 % are 9.00 and 13.50. With 19 % on top that is 10.71 and 16.07. Shipping is 4.90.
		// It goes with the shipment from Reno, and comes back with it.
		name: "shipping goes with the first shipment, which is lost", stock: map[string]int{"A@berlin": 5, "B@reno": 5}, token: "tok_approve",
		items: []order.Item{item("A", 1, "10.00"), item("B", 2, "7.50")}, input: priced,
		world: func(_ *testing.T, p *platform) {
			p.dispatchAt(hour, "reno")
			p.dispatchAt(2*hour, "berlin")
			p.reportAt(3*hour, workflows.ShipmentLost, "reno")
			p.reportAt(4*hour, workflows.ShipmentDelivered, "berlin")
		},
		want: "delivered", books: "31.68, 20.97, 0.00",
	},
	{
		name: "a download and goods", stock: map[string]int{"A@berlin": 5}, token: "tok_approve",
		items: []order.Item{item("A", 1, "10.00"), download("5.00")},
		world: func(_ *testing.T, p *platform) {
			p.dispatchAt(hour, "berlin")
			p.reportAt(2*hour, workflows.ShipmentDelivered, "berlin")
		},
		want: "delivered", books: "15.00, 0.00, 0.00",
	},
	{
		name: "nothing but a download", token: "tok_approve", items: []order.Item{download("5.00")},
		want: "delivered", books: "5.00, 0.00, 0.00",
	},
	{
		name: "an order that costs nothing", stock: map[string]int{"A@berlin": 5}, token: "tok_decline", items: []order.Item{item("A", 1, "0.00")},
		world: func(_ *testing.T, p *platform) {
			p.dispatchAt(hour, "berlin")
			p.reportAt(2*hour, workflows.ShipmentDelivered, "berlin")
		},
		want: "delivered", books: "0.00, 0.00, 0.00",
	},
}

// download is a line that ships nothing.
func download(price string) order.Item {
	i := item("D", 1, price)
	i.RequiresShipping = new(false)
	return i
}

// priced prices an order with 10 % off, 19 % tax on top of its lines, and shipping of 4.90 with tax inside.
func priced(in *workflows.OrderInput) {
	in.ShippingLines = []order.ShippingLine{{Method: "standard", Amount: money.Must("4.90", "EUR")}}
	in.Discounts = []order.Discount{{Target: pricing.TargetOrder, Percentage: decimal.NewFromInt(10)}}
	p := pricing.Order{Currency: "EUR", Discounts: []pricing.Discount{{Target: pricing.TargetOrder, Percentage: decimal.NewFromInt(10)}}}
	vat := pricing.TaxRule{Name: "VAT", Rate: decimal.New(19, -2)}
	for _, i := range in.Items {
		p.Lines = append(p.Lines, pricing.Line{UnitPrice: i.UnitPrice, Quantity: i.Quantity, Taxes: []pricing.TaxRule{vat}})
	}
	vat.Included = true
	p.Shipping = []pricing.ShippingLine{{Amount: money.Must("4.90", "EUR"), Taxes: []pricing.TaxRule{vat}}}
	result, err := pricing.Price(p)
	if err != nil {
		panic(err)
	}
	c := in.Content().Priced(result)
	in.Items, in.ShippingLines, in.Discounts = c.Items, c.ShippingLines, c.Discounts
}

func TestAnOrderThatCostsNothingAsksForNoPayment(t *testing.T) {
	t.Parallel()
	p := setup(t, map[string]int{"A@berlin": 5}, noReview)
	cancelled := p.ask(hour, workflows.CancelOrder, workflows.CancelRequest{Reason: "changed_my_mind", By: "customer"})
	told := p.play(t, p.input("tok_decline", item("A", 2, "0.00")))
	require.NoError(t, cancelled.err)
	require.Equal(t, order.StatusCancelled, told.Status)
	require.Empty(t, p.payment(t).Status, "nothing is recorded of a payment")
	p.audit(t, scenario{}, told)
}

// A gift that is left of an order whose paid line was cancelled costs nothing, and the authorisation is let go.
func TestAGiftThatIsLeftLeavesWithoutACapture(t *testing.T) {
	t.Parallel()
	p := setup(t, map[string]int{"A@berlin": 5, "B@berlin": 5}, noReview)
	p.ask(hour, workflows.CancelLines, workflows.CancelLinesRequest{
		RequestID: p.orderID, Lines: []order.LineQuantity{{SKU: "A", Quantity: 1}}, Reason: "changed_my_mind", By: "customer",
	})
	p.deliver(20*24*hour, "berlin")
	told := p.play(t, p.input("tok_approve", item("A", 1, "10.00"), item("B", 1, "0.00")))
	require.Equal(t, order.StatusDelivered, told.Status)
	require.Equal(t, payment.StatusVoided, p.payment(t).Status)
	p.audit(t, scenario{}, told)
}

// refusesCaptures refuses some captures for good.
type refusesCaptures struct {
	*sandbox.Gateway
	times atomic.Int32
}

func (g *refusesCaptures) Capture(ctx context.Context, r payments.CaptureRequest) (payments.CaptureResult, error) {
	if g.times.Add(-1) >= 0 {
		return payments.CaptureResult{}, domain.Refuse(payments.CodeGatewayRefused, "not now")
	}
	return g.Gateway.Capture(ctx, r)
}

func TestADownloadWhoseMoneyIsRefusedIsTriedAgain(t *testing.T) {
	t.Parallel()
	gateway := &refusesCaptures{}
	gateway.times.Store(2)
	p := setupWith(t, nil, noReview, func(g *sandbox.Gateway) payments.Gateway { gateway.Gateway = g; return gateway })
	var status order.Status
	p.env.RegisterDelayedCallback(func() { status = p.order(t).Status }, time.Minute)
	told := p.play(t, p.input("tok_approve", download("5.00")))
	require.Equal(t, order.StatusConfirmed, status, "it has not left unpaid")
	require.Equal(t, order.StatusDelivered, told.Status)
	p.audit(t, scenario{}, told)
}

func TestGoodsOfADownloadAreCancelledAndTheOrderIsDelivered(t *testing.T) {
	t.Parallel()
	p := setup(t, map[string]int{"A@berlin": 5}, noReview)
	whole := p.ask(hour, workflows.CancelOrder, workflows.CancelRequest{Reason: "changed_my_mind", By: "customer"})
	p.ask(2*hour, workflows.CancelLines, workflows.CancelLinesRequest{
		RequestID: p.orderID, Lines: []order.LineQuantity{{SKU: "A", Quantity: 1}}, Reason: "changed_my_mind", By: "customer",
	})
	told := p.play(t, p.input("tok_approve", item("A", 1, "10.00"), download("5.00")))
	require.Equal(t, "not_cancellable", code(whole.err), "the download has left")
	require.Equal(t, order.StatusDelivered, told.Status)
	require.Equal(t, "5.00", p.payment(t).Captured.Text())
	p.audit(t, scenario{}, told)
}

func TestGoodsBesideADownloadAreOverdue(t *testing.T) {
	t.Parallel()
	p := setup(t, map[string]int{"A@berlin": 5}, noReview)
	var late, left bool
	p.env.RegisterDelayedCallback(func() { late = p.order(t).Overdue }, 73*hour)
	p.deliver(80*hour, "berlin")
	p.env.RegisterDelayedCallback(func() { left = !p.order(t).Overdue }, 80*hour+time.Minute)
	told := p.play(t, p.input("tok_approve", item("A", 1, "10.00"), download("5.00")))
	require.True(t, late, "the download has left, and the goods have not")
	require.True(t, left)
	require.Equal(t, order.StatusDelivered, told.Status)
	p.audit(t, scenario{}, told)
}

// What comes back, and what is refunded without goods, is the same to the cent as what was charged.
func TestAReturnAndRefundsGiveBackWhatWasCharged(t *testing.T) {
	t.Parallel()
	p := setup(t, map[string]int{"A@berlin": 5}, noReview)
	p.deliver(hour, "berlin")
	in := p.input("tok_approve", item("A", 3, "9.99"))
	priced(&in)
	told := p.play(t, in)
	require.Equal(t, order.StatusDelivered, told.Status)
	require.Equal(t, "36.99", p.payment(t).Captured.Text())

	line := order.LineID(p.orderID, 1)
	run := func(saga, in any) {
		r := setupLike(p)
		r.env.SetStartTime(p.env.Now())
		r.env.ExecuteWorkflow(saga, in)
		require.NoError(t, r.env.GetWorkflowError())
	}
	run(workflows.ReturnSaga, workflows.ReturnInput{
		OrderID: p.orderID, ReturnID: domain.DerivedID(p.orderID, "return"), Reason: "too_small",
		Lines: []order.ReturnLine{{LineID: line, Quantity: 1}},
	})
	refund := func(name string, in workflows.RefundInput) {
		in.OrderID, in.RefundID, in.Reason = p.orderID, domain.DerivedID(p.orderID, name), "goodwill"
		run(workflows.RefundSaga, in)
		run(workflows.RefundSaga, in) // a request that comes again gives nothing back
	}
	refund("one", workflows.RefundInput{Lines: []order.RefundLine{{LineID: line, Quantity: 1}}})
	refund("spread", workflows.RefundInput{Amount: money.Must("5.00", "EUR"), Spread: true})
	refund("shipping", workflows.RefundInput{Lines: []order.RefundLine{{ShippingLineID: order.ShippingLineID(p.orderID, 1)}}})

	pay := p.payment(t)
	var lines []string
	for _, r := range pay.Refunds {
		for _, l := range r.Lines {
			require.NotNil(t, l.Money)
			lines = append(lines, l.Amount.Text()+" net "+l.Money.Net().Text()+" off "+l.Money.Discount().Text()+" tax "+l.Money.Tax().Text())
		}
	}
	require.Equal(t, []string{
		"10.70 net 8.99 off 1.00 tax 1.71", "10.69 net 8.99 off 1.00 tax 1.70",
		"3.43 net 2.88 off 0.32 tax 0.55", "1.57 net 1.57 off 0.00 tax 0.25", "3.33 net 3.33 off 0.00 tax 0.53",
	}, lines)
	refund("rest", workflows.RefundInput{Lines: []order.RefundLine{{LineID: line, Amount: decimal.RequireFromString("7.27")}}})
	require.Equal(t, "36.99", p.payment(t).Refunded.Text(), "a full refund is what was captured")
	over := setupLike(p)
	over.env.ExecuteWorkflow(workflows.RefundSaga, workflows.RefundInput{
		OrderID: p.orderID, RefundID: p.orderID, Amount: money.Must("0.01", "EUR"), Reason: "goodwill",
	})
	require.Equal(t, "refund_exceeds_capture", code(errors.Unwrap(over.env.GetWorkflowError())))
}
