package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/client"
	"github.com/orderloom/orderloom/internal/app"
	"github.com/spf13/cobra"
)

// ordersDefault is how many orders are listed.
const ordersDefault = 20

func (p *program) ordersCommand() *cobra.Command {
	return group("orders", "Place, show, list, cancel, watch and resume orders",
		p.ordersPlaceCommand(), p.ordersGetCommand(), p.ordersListCommand(), p.ordersCancelCommand(), p.ordersWatchCommand(), p.ordersResumeCommand())
}

// placeWaits is how long placing waits until the order is decided.
const placeWaits = 10 * time.Second

func (p *program) ordersPlaceCommand() *cobra.Command {
	var key string
	var output *format
	c := &cobra.Command{
		Use:   "place <file>",
		Short: "Place an order that a file describes, and wait until it is decided",
		Long: `Place an order. The file holds the body of POST /api/v1/orders, as JSON; "-" reads standard input. It waits for up to 10 s
until the order is confirmed, cancelled, held, or waits for the customer's bank.

Repeat it with the same --key after a failure: the same order is placed once. Without --key, each call is an order of its
own.`,
		Args: arguments("file"),
	}
	c.RunE = p.calls(func(ctx context.Context, api *client.Client, args []string) error {
		order, err := p.readOrder(args[0])
		if err != nil {
			return err
		}
		options := []client.CallOption{client.Wait(placeWaits)}
		if key != "" {
			options = append(options, client.IdempotencyKey(key))
		}
		p.does("placing the order")
		placed, err := api.PlaceOrder(ctx, order, options...)
		if err != nil {
			return err
		}
		if placed.Order == nil { // it is accepted, and not decided yet
			return p.show(*output, placed.OrderAccepted, func(out io.Writer) error {
				_, err := fmt.Fprintf(out, "Order %s is accepted. \"orderloom orders get %[1]s\" shows what becomes of it.\n", placed.OrderID)
				return err
			})
		}
		return p.show(*output, placed.Order, func(out io.Writer) error { return printOrder(out, *placed.Order) })
	})
	c.Flags().StringVar(&key, "key", "", "the idempotency key: the same order under the same key is placed once")
	output = outputFlag(c)
	return c
}

// orderBytesMax bounds the file of an order.
const orderBytesMax = 16 << 20

// readOrder reads an order from a file, or from standard input.
func (p *program) readOrder(name string) (order client.NewOrder, err error) {
	in := p.stdin
	if name != "-" {
		file, err := os.Open(name) //nolint:gosec // the person who runs it names it
		if err != nil {
			return order, usageError{err}
		}
		defer func() { _ = file.Close() }()
		in = file
	}
	text, err := io.ReadAll(io.LimitReader(in, orderBytesMax))
	if err != nil {
		return order, fmt.Errorf("read the order: %w", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&order); err != nil {
		return order, wrongUsage("%s is no order: %w", name, err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return order, wrongUsage("%s holds more than one order", name)
	}
	return order, nil
}

func (p *program) ordersGetCommand() *cobra.Command {
	var output *format
	c := &cobra.Command{
		Use:   "get <order-id>",
		Short: "Show an order",
		Args:  idArgument("order-id"),
	}
	c.RunE = p.calls(func(ctx context.Context, api *client.Client, args []string) error {
		order, err := api.GetOrder(ctx, uuid.MustParse(args[0]))
		if err != nil {
			return err
		}
		return p.show(*output, order, func(out io.Writer) error { return printOrder(out, order) })
	})
	output = outputFlag(c)
	return c
}

func (p *program) ordersListCommand() *cobra.Command {
	var q client.OrderQuery
	var limit int
	var output *format
	c := &cobra.Command{
		Use:   "list",
		Short: "List orders, the newest first",
		Args:  listArguments(&limit),
	}
	c.RunE = p.calls(func(ctx context.Context, api *client.Client, _ []string) error {
		q.Limit = min(limit, ordersPageMax)
		orders, more := []client.Order{}, false
		for order, err := range api.Orders(ctx, q) {
			if err != nil {
				return err
			}
			if more = len(orders) == limit; more {
				break
			}
			orders = append(orders, order)
		}
		return p.show(*output, map[string]any{"orders": orders, "more": more}, func(out io.Writer) error { return printOrders(out, orders, more) })
	})
	c.Flags().IntVar(&limit, "limit", ordersDefault, "the most that are listed")
	c.Flags().StringVar((*string)(&q.Status), "status", "", "list orders with this status")
	c.Flags().StringVar((*string)(&q.PaymentStatus), "payment-status", "", "list orders whose payment has this status")
	c.Flags().StringVar(&q.CustomerID, "customer", "", "list the orders of this customer")
	c.Flags().StringVar(&q.Channel, "channel", "", "list orders from this channel")
	c.Flags().StringVar(&q.OrderNumber, "number", "", "list orders whose number begins so")
	c.Flags().StringVar((*string)(&q.Attention), "attention", "", "list orders that wait for a person because of this cause, or of any")
	output = outputFlag(c)
	return c
}

// ordersPageMax is how many orders a page of the API has at most.
const ordersPageMax = 100

func (p *program) ordersCancelCommand() *cobra.Command {
	var cancel client.CancelOrder
	var output *format
	c := &cobra.Command{
		Use:   "cancel <order-id> --reason <why>",
		Short: "Cancel an order of which nothing has left",
		Long: `Cancel an order of which nothing has left. What is authorised is voided, what is captured is refunded, and what is
reserved is released. It may be repeated.`,
		Args: idArgument("order-id"),
	}
	c.RunE = p.calls(func(ctx context.Context, api *client.Client, args []string) error {
		p.does("cancelling the order")
		outcome, err := api.CancelOrder(ctx, uuid.MustParse(args[0]), cancel)
		if err != nil {
			return err
		}
		return p.show(*output, outcome.OrderState, func(out io.Writer) error {
			what := "is " + string(outcome.Status)
			if outcome.Pending {
				what = "is being cancelled"
			}
			_, err := fmt.Fprintf(out, "Order %s %s.\n", outcome.OrderID, what)
			return err
		})
	})
	c.Flags().StringVar(&cancel.Reason, "reason", "", "why, which is recorded: it should hold nothing personal")
	_ = c.MarkFlagRequired("reason") // it is there
	output = outputFlag(c)
	return c
}

func (p *program) ordersWatchCommand() *cobra.Command {
	var q client.StreamQuery
	var output *format
	c := &cobra.Command{
		Use:   "watch [order-id]",
		Short: "Print each change of all orders, or of one, until Ctrl-C",
		Args:  optionalOrder,
	}
	c.RunE = p.calls(func(ctx context.Context, api *client.Client, args []string) error {
		if len(args) == 1 {
			q.OrderID = uuid.MustParse(args[0])
		}
		return follow(ctx, api.StreamOrders(ctx, q), func(change client.OrderChange) error {
			return p.each(*output, change, "%s  %s  %s  %s, payment %s, fulfilment %s", change.ChangedAt.Format(time.RFC3339), change.OrderNumber,
				change.OrderID, change.Status, orNone(string(change.PaymentStatus)), orNone(string(change.FulfillmentStatus)))
		})
	})
	c.Flags().StringVar(&q.CustomerID, "customer", "", "the changes of this customer's orders")
	output = outputFlag(c)
	return c
}

// ordersResumeCommand is "orderloom orphans resume" for one order.
func (p *program) ordersResumeCommand() *cobra.Command {
	var output *format
	c := &cobra.Command{
		Use:   "resume <order-id>",
		Short: "Start another saga for an order whose saga is gone",
		Long: `Start another saga for an order whose saga is gone, in whatever state the order is. It does nothing while one is open.
"orderloom orphans list" finds all such orders.`,
		Args: idArgument("order-id"),
		RunE: p.withOrphans(func(ctx context.Context, o *app.Orphans, args []string) error {
			return p.resumeOne(ctx, o, uuid.MustParse(args[0]), *output)
		}),
	}
	output = outputFlag(c)
	return c
}

// printOrders writes a table of orders.
func printOrders(out io.Writer, orders []client.Order, more bool) error {
	if len(orders) == 0 {
		_, err := fmt.Fprintln(out, "There is no such order.")
		return err
	}
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "NUMBER\tORDER\tSTATUS\tPAYMENT\tFULFILMENT\tTOTAL\tPLACED\tATTENTION")
	for _, o := range orders {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", o.OrderNumber, o.OrderID, o.Status, orNone(string(o.PaymentStatus)),
			orNone(string(o.FulfillmentStatus)), o.Total.String(), o.CreatedAt.Format(time.RFC3339), orNone(causes(o.Attention)))
	}
	if err := w.Flush(); err != nil || !more {
		return err
	}
	_, err := fmt.Fprintf(out, "Only the first %d are listed: there are more. See --limit and the other flags.\n", len(orders))
	return err
}

// printOrder writes what people look at first of an order.
func printOrder(out io.Writer, o client.Order) error {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	line := func(name, value string) {
		if value != "" {
			_, _ = fmt.Fprintf(w, "%s\t%s\n", name, value)
		}
	}
	line("order", strings.TrimSpace(o.OrderNumber+" "+o.OrderID.String()))
	line("status", string(o.Status))
	line("payment", string(o.PaymentStatus))
	line("fulfilment", string(o.FulfillmentStatus))
	line("cancelled", strings.TrimSpace(o.CancelReason+" "+o.CancelledBy))
	line("held", o.Held)
	line("confirm at", o.PaymentActionURL)
	line("customer", o.CustomerID)
	line("channel", o.Channel)
	line("total", o.Total.String())
	line("captured", o.Captured.String())
	line("refunded", o.Refunded.String())
	line("attention", causes(o.Attention))
	line("parked", strings.Join(o.Parked, ", "))
	for _, i := range o.Items {
		line("line", fmt.Sprintf("%d × %s at %s", i.Quantity, i.SKU, i.UnitPrice.String()))
	}
	for _, s := range o.Shipments {
		line("shipment", strings.Join(strings.Fields(fmt.Sprintf("%s %s from %s %s %s", s.ShipmentID, s.Status, s.Location, s.Carrier, s.TrackingNumber)), " "))
	}
	return w.Flush()
}

func causes(all []client.Attention) string {
	var names []string
	for _, a := range all {
		names = append(names, string(a.Cause))
	}
	return strings.Join(names, ", ")
}

// orNone is a text for a table, and "-" for none.
func orNone(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
