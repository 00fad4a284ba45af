package demo

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/client"
)

// sample is one order of the demo: what is in stock, what is ordered, what happens then, and how it
// should end.
type sample struct {
	name  string
	story string
	stock []delivery
	order client.NewOrder
	then  func(ctx context.Context, c *client.Client, o client.PlacedOrder) error
	want  outcome
}

// delivery is stock that is received beforehand.
type delivery struct {
	sku, location string
	quantity      int
}

// outcome is how an order should end.
type outcome struct {
	status      client.OrderStatus
	payment     client.PaymentStatus
	fulfillment client.FulfillmentStatus
	// reason is what the customer is told about a cancelled order.
	reason string
	// captured is the money taken. Where some of it went back, refunded is that, and kept the rest.
	captured, refunded, kept string
	// shipments is how many were delivered.
	shipments int
	// levels is what is then in stock.
	levels []shelf
	// events are those of the order, its payment and its stock, in this order where they are of one kind.
	events []string
}

// shelf is what lies of a SKU at a location.
type shelf struct {
	sku, location    string
	onHand, reserved int
}

// cast is who and what takes part in a run. Their names hold that of the run, so that runs don't disturb each other.
type cast struct {
	run       string
	here      string // the location that most goods leave from
	elsewhere string
}

func (c cast) sku(name string) string      { return name + "-" + c.run }
func (c cast) customer(name string) string { return name + "-" + c.run }

// name is the person behind a customer of the demo.
func (c cast) name(customer string) string {
	return strings.ToUpper(customer[:1]) + customer[1:] + " Lovelace"
}

func (c cast) order(customer, token string, items ...client.NewItem) client.NewOrder {
	return client.NewOrder{
		CustomerID: c.customer(customer), Currency: "EUR", Items: items, PaymentToken: token,
		Recipient:       &client.Recipient{Name: c.name(customer), Phone: "030 1234567", Email: c.customer(customer) + "@example.com"},
		ShippingAddress: client.Address{Line1: "Torstraße 1", City: "Berlin", Zip: "10119", Country: "DE"},
	}
}

func (c cast) item(name string, quantity int, price string) client.NewItem {
	return client.NewItem{ProductID: "p-" + name, SKU: c.sku(name), Quantity: quantity, UnitPrice: price}
}

func (c cast) samples() []sample {
	return []sample{c.delivered(), c.declined(), c.outOfStock(), c.cancelled(), c.twoShipments(), c.partlyReturned(), c.edited()}
}

func (c cast) delivered() sample {
	beans := c.sku("espresso")
	return sample{
		name:  "Delivered",
		story: "2 bags of espresso: reserved, paid, packed, on its way, there",
		stock: []delivery{{beans, c.here, 10}},
		order: c.order("anna", "tok_approve", c.item("espresso", 2, "19.90")),
		then:  shipAll,
		want: outcome{
			status: client.OrderDelivered, payment: client.PaymentCaptured, fulfillment: client.Delivered, captured: "39.80", shipments: 1,
			levels: []shelf{{beans, c.here, 8, 0}},
			events: []string{
				"OrderPlaced", "OrderConfirmed", "ShipmentDispatched", "OrderShipped", "ShipmentDelivered", "OrderDelivered",
				"PaymentAuthorized", "PaymentCaptured", "StockReserved", "StockCommitted",
			},
		},
	}
}

func (c cast) declined() sample {
	grinder := c.sku("grinder")
	return sample{
		name:  "Declined",
		story: "the card is declined, so the reserved stock is released again",
		stock: []delivery{{grinder, c.here, 3}},
		order: c.order("ben", "tok_decline", c.item("grinder", 1, "129.00")),
		want: outcome{
			status: client.OrderCancelled, payment: client.PaymentDeclined, fulfillment: client.Unfulfilled, reason: "payment_declined", captured: "0.00",
			levels: []shelf{{grinder, c.here, 3, 0}},
			events: []string{"OrderPlaced", "OrderCancelled", "PaymentDeclined", "StockReserved", "StockReleased"},
		},
	}
}

func (c cast) outOfStock() sample {
	machine := c.sku("machine")
	return sample{
		name:  "Out of stock",
		story: "3 machines are wanted and 1 is there, so nobody is charged",
		stock: []delivery{{machine, c.here, 1}},
		order: c.order("carla", "tok_approve", c.item("machine", 3, "899.00")),
		want: outcome{
			status: client.OrderCancelled, payment: client.PaymentPending, fulfillment: client.Unfulfilled, reason: "out_of_stock", captured: "0.00",
			levels: []shelf{{machine, c.here, 1, 0}},
			events: []string{"OrderPlaced", "OrderCancelled"},
		},
	}
}

const changedMind = "changed_my_mind"

func (c cast) cancelled() sample {
	cups := c.sku("cups")
	return sample{
		name:  "Cancelled by the customer",
		story: "confirmed, then called off: the payment is voided and the stock released",
		stock: []delivery{{cups, c.here, 12}},
		order: c.order("dora", "tok_approve", c.item("cups", 6, "8.50")),
		then: func(ctx context.Context, api *client.Client, o client.PlacedOrder) error {
			if _, err := await(ctx, api, o.OrderID, "confirmed", isConfirmed); err != nil {
				return err
			}
			_, err := api.CancelOrder(ctx, o.OrderID, client.CancelOrder{Reason: changedMind, By: client.ByCustomer})
			return err
		},
		want: outcome{
			status: client.OrderCancelled, payment: client.PaymentVoided, fulfillment: client.Unfulfilled, reason: changedMind, captured: "0.00",
			levels: []shelf{{cups, c.here, 12, 0}},
			events: []string{
				"OrderPlaced", "OrderConfirmed", "OrderCancelled", "PaymentAuthorized", "PaymentVoided", "StockReserved", "StockReleased",
			},
		},
	}
}

func (c cast) twoShipments() sample {
	kettle, filters := c.sku("kettle"), c.sku("filters")
	return sample{
		name:  "Two shipments",
		story: fmt.Sprintf("two lines, one from %s and one from %s, each in a shipment of its own", c.here, c.elsewhere),
		stock: []delivery{{kettle, c.here, 2}, {filters, c.elsewhere, 40}},
		order: c.order("emil", "tok_approve", c.item("kettle", 1, "75.00"), c.item("filters", 4, "3.25")),
		then:  shipAll,
		want: outcome{
			status: client.OrderDelivered, payment: client.PaymentCaptured, fulfillment: client.Delivered, captured: "88.00", shipments: 2,
			levels: []shelf{{kettle, c.here, 1, 0}, {filters, c.elsewhere, 36, 0}},
			events: []string{
				"OrderPlaced", "OrderConfirmed", "ShipmentDispatched", "OrderShipped", "ShipmentDelivered",
				"ShipmentDispatched", "ShipmentDelivered", "OrderDelivered",
				"PaymentAuthorized", "PaymentCaptured", "PaymentCaptured",
				"StockReserved", "StockReserved", "StockCommitted", "StockCommitted",
			},
		},
	}
}

func (c cast) partlyReturned() sample {
	mugs := c.sku("mugs")
	vat := []client.NewTax{{Name: "VAT", Rate: "0.19"}}
	mug := c.item("mugs", 3, "10.00")
	mug.Taxes = vat
	order := c.order("fred", "tok_approve", mug)
	order.ShippingLines = []client.NewShippingLine{{Method: "standard", Amount: "4.90", Taxes: vat}}
	order.Discounts = []client.NewDiscount{{Target: client.DiscountOrder, Percentage: "10", Code: "WELCOME"}}
	return sample{
		name:  "Partly returned",
		story: "three mugs with tax, a discount and shipping; one of them comes back",
		stock: []delivery{{mugs, c.here, 5}},
		order: order,
		then: func(ctx context.Context, api *client.Client, o client.PlacedOrder) error {
			if err := shipAll(ctx, api, o); err != nil {
				return err
			}
			goods := client.ReturnGoods{Lines: []client.ReturnLine{{SKU: mugs, Quantity: 1}}, Reason: "chipped"}
			_, err := api.ReturnGoods(ctx, o.OrderID, goods, client.IdempotencyKey("return-"+o.OrderNumber))
			return err
		},
		want: outcome{
			status: client.OrderDelivered, payment: client.PaymentCaptured, fulfillment: client.Delivered,
			captured: "37.96", refunded: "10.71", kept: "27.25", shipments: 1, levels: []shelf{{mugs, c.here, 3, 0}},
			events: []string{
				"OrderPlaced", "OrderConfirmed", "ShipmentDispatched", "OrderShipped", "ShipmentDelivered", "OrderDelivered",
				"OrderReturned", "PaymentAuthorized", "PaymentCaptured", "RefundOwed", "RefundRequested", "PaymentRefunded",
				"StockReserved", "StockCommitted", "StockReturned",
			},
		},
	}
}

func (c cast) edited() sample {
	tea, pot := c.sku("tea"), c.sku("pot")
	return sample{
		name:  "Edited",
		story: "before it leaves, two packets of tea become one, and a pot comes to it",
		stock: []delivery{{tea, c.here, 4}, {pot, c.here, 2}},
		order: c.order("gina", "tok_approve", c.item("tea", 2, "6.00")),
		then: func(ctx context.Context, api *client.Client, o client.PlacedOrder) error {
			if _, err := await(ctx, api, o.OrderID, "confirmed", isConfirmed); err != nil {
				return err
			}
			edit := client.EditOrder{
				Add: []client.NewItem{c.item("pot", 1, "5.00")}, Lines: []client.LineQuantity{{SKU: tea, Quantity: 1}}, Reason: changedMind,
			}
			if _, err := api.EditOrder(ctx, o.OrderID, edit, client.IdempotencyKey("edit-"+o.OrderNumber)); err != nil {
				return err
			}
			return shipAll(ctx, api, o)
		},
		want: outcome{
			status: client.OrderDelivered, payment: client.PaymentCaptured, fulfillment: client.Delivered, captured: "11.00", shipments: 1,
			levels: []shelf{{tea, c.here, 3, 0}, {pot, c.here, 1, 0}},
			events: []string{
				"OrderPlaced", "OrderConfirmed", "OrderEdited", "OrderLinesCancelled", "ShipmentDispatched", "OrderShipped",
				"ShipmentDelivered", "OrderDelivered", "PaymentAuthorized", "PaymentCaptured", "PaymentVoided",
				"StockReserved", "StockReserved", "StockReservationReduced", "StockCommitted", "StockCommitted",
			},
		},
	}
}

// shipAll is the warehouse and the carrier: each shipment leaves and arrives, one after the other.
func shipAll(ctx context.Context, c *client.Client, o client.PlacedOrder) error {
	confirmed, err := await(ctx, c, o.OrderID, "confirmed", isConfirmed)
	if err != nil {
		return err
	}
	for i, shipment := range confirmed.Shipments {
		id := shipment.ShipmentID
		tracking := fmt.Sprintf("JD%s%02d", confirmed.OrderNumber[len("ORD-"):], i+1)
		if _, err := c.DispatchShipment(ctx, o.OrderID, id, client.Dispatch{Carrier: "DHL", TrackingNumber: tracking}); err != nil {
			return err
		}
		if _, err := await(ctx, c, o.OrderID, "shipment dispatched", shipmentIs(id, client.ShipmentDispatched)); err != nil {
			return err
		}
		if _, err := c.DeliverShipment(ctx, o.OrderID, id); err != nil {
			return err
		}
		if _, err := await(ctx, c, o.OrderID, "shipment delivered", shipmentIs(id, client.ShipmentDelivered)); err != nil {
			return err
		}
	}
	return nil
}

func isConfirmed(o client.Order) bool { return o.Status == client.OrderConfirmed }

func shipmentIs(id uuid.UUID, status client.ShipmentStatus) func(client.Order) bool {
	return func(o client.Order) bool {
		for _, shipment := range o.Shipments {
			if shipment.ShipmentID == id {
				return shipment.Status == status
			}
		}
		return false
	}
}
