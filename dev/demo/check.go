package demo

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"slices"
	"strings"

	"github.com/orderloom/orderloom/client"
)

// result is how a sample ended.
type result struct {
	sample      sample
	order       client.Order
	timeline    []client.TimelineEntry
	levels      []string // what is in stock, for people
	money       *client.OrderMoney
	invoices    []client.Invoice
	differences []string
}

func (r *result) differ(format string, args ...any) {
	r.differences = append(r.differences, fmt.Sprintf(format, args...))
}

// check compares everything that can be asked about the order with what is wanted. Views follow the
// order within moments, so it waits until all is as wanted; what still differs at the end is reported.
func (p sample) check(ctx context.Context, c *client.Client, placed client.PlacedOrder) result {
	var last result
	err := poll(ctx, func(ctx context.Context) (bool, error) {
		now := result{sample: p}
		err := now.look(ctx, c, placed)
		if err != nil {
			return false, err
		}
		last = now
		return len(now.differences) == 0, nil
	})
	if err != nil && len(last.differences) == 0 {
		last.sample = p
		last.order = client.Order{OrderID: placed.OrderID, OrderNumber: placed.OrderNumber, CustomerID: placed.CustomerID, Total: placed.Total}
		last.differ("%v", err)
	}
	return last
}

// look asks the API and notes what differs.
func (r *result) look(ctx context.Context, c *client.Client, placed client.PlacedOrder) error {
	var err error
	if r.order, err = c.GetOrder(ctx, placed.OrderID); err != nil {
		return err
	}
	want := r.sample.want
	r.same("order status", r.order.Status, want.status)
	r.same("payment status", r.order.PaymentStatus, want.payment)
	r.same("fulfilment status", r.order.FulfillmentStatus, want.fulfillment)
	r.same("reason told to the customer", r.order.CancelReason, want.reason)
	r.same("money taken", r.order.Captured.Amount, want.captured)
	if want.refunded != "" {
		r.same("money given back", r.order.Refunded.Amount, want.refunded)
	}
	r.same("order number", r.order.OrderNumber, placed.OrderNumber)
	r.same("shipments delivered", deliveredShipments(r.order), want.shipments)
	if err := r.lookAtTimeline(ctx, c); err != nil {
		return err
	}
	if err := r.lookAtStock(ctx, c); err != nil {
		return err
	}
	if want.refunded != "" {
		money, err := c.GetOrderMoney(ctx, placed.OrderID)
		if err != nil {
			return err
		}
		r.money = &money
		r.same("money that the shop keeps", money.Totals.Left.Amount, want.kept)
		if r.invoices, err = c.GetInvoices(ctx, placed.OrderID); err != nil {
			return err
		}
		r.lookAtInvoices(want.captured, want.refunded)
	}
	return r.lookAtCustomer(ctx, c)
}

// lookAtInvoices checks that there are invoices and credit notes, of as much as was captured and refunded.
func (r *result) lookAtInvoices(captured, refunded string) {
	sums := map[client.InvoiceKind]*big.Rat{client.KindInvoice: {}, client.KindCreditNote: {}}
	for _, one := range r.invoices {
		if amount, ok := new(big.Rat).SetString(one.Totals.Total.Amount); ok {
			sums[one.Kind].Add(sums[one.Kind], amount)
		}
	}
	r.same("money of the invoices", sums[client.KindInvoice].FloatString(2), captured)
	r.same("money of the credit notes", sums[client.KindCreditNote].FloatString(2), refunded)
}

// lookAtTimeline checks that exactly the wanted events happened, those of one aggregate type in the
// wanted order.
func (r *result) lookAtTimeline(ctx context.Context, c *client.Client) error {
	timeline, err := c.GetTimeline(ctx, r.order.OrderID)
	if err != nil {
		return err
	}
	r.timeline = timeline.Events
	happened := make([]string, 0, len(r.timeline))
	for _, entry := range r.timeline {
		happened = append(happened, entry.EventType)
	}
	r.same("events", kinds(happened), kinds(r.sample.want.events))
	return nil
}

// kinds writes event types with those of order, payment and stock apart, since they may interleave.
func kinds(events []string) string {
	var orders, payments, stock []string
	for _, event := range events {
		switch {
		case strings.HasPrefix(event, "Payment"), strings.HasPrefix(event, "Refund"):
			payments = append(payments, event)
		case strings.HasPrefix(event, "Stock"):
			stock = append(stock, event)
		default:
			orders = append(orders, event)
		}
	}
	slices.Sort(stock) // of different items, which have no order among them
	return strings.Join(slices.Concat(orders, payments, stock), " ")
}

func (r *result) lookAtStock(ctx context.Context, c *client.Client) error {
	for _, want := range r.sample.want.levels {
		stock, err := c.GetStock(ctx, want.sku)
		if err != nil {
			return err
		}
		var found client.StockLevel
		for _, l := range stock.Levels {
			if l.Location == want.location {
				found = l
			}
		}
		what := fmt.Sprintf("%s at %s", want.sku, want.location)
		r.same("on hand of "+what, found.OnHand, want.onHand)
		r.same("reserved of "+what, found.Reserved, want.reserved)
		r.same("available of "+what, found.Available, want.onHand-want.reserved)
		r.levels = append(r.levels, fmt.Sprintf("%s: %d on hand, %d reserved", what, found.OnHand, found.Reserved))
	}
	return nil
}

// lookAtCustomer checks the customer's summary: one order, which is delivered or cancelled.
func (r *result) lookAtCustomer(ctx context.Context, c *client.Client) error {
	summary, err := c.GetCustomer(ctx, r.order.CustomerID)
	var refused *client.Problem
	if errors.As(err, &refused) && refused.Status == http.StatusNotFound { // not counted yet
		r.differ("the customer %s has no summary", r.order.CustomerID)
		return nil
	}
	if err != nil {
		return err
	}
	r.same("the customer's orders", summary.Orders, 1)
	r.same("the customer's delivered orders", summary.Delivered, countIf(r.sample.want.status == client.OrderDelivered))
	r.same("the customer's cancelled orders", summary.Cancelled, countIf(r.sample.want.status == client.OrderCancelled))
	return nil
}

func deliveredShipments(o client.Order) int {
	count := 0
	for _, shipment := range o.Shipments {
		if shipment.Status == client.ShipmentDelivered {
			count++
		}
	}
	return count
}

func countIf(is bool) int {
	if is {
		return 1
	}
	return 0
}

func (r *result) same(what string, got, want any) {
	if got != want {
		r.differ("%s: %v instead of %v", what, got, want)
	}
}
