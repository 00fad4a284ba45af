package e2e_test

import (
	"github.com/orderloom/orderloom/client"
	"github.com/stretchr/testify/require"
)

// state is one in which an order waits for somebody, and how it comes to its end from there.
type state struct {
	stock    int
	price    string
	quantity int
	reno     bool // a second line of one piece lies in another location
	bank     bool // the customer's bank wants a confirmation
	// leave leaves something under way of an order whose own saga has ended. There is no execution of it to take away,
	// and somebody looks after it soon, so it is done at the last moment.
	leave func(*drilled)
	// reach brings an order that was placed into the state.
	reach func(*drilled)
	// goOn does what the order waits for, and end is how it ends then.
	goOn func(*drilled)
	end  end
	// cancelled is how it ends instead when its execution is cancelled: it is undone, unless a shipment has left.
	cancelled end
}

var states = map[string]state{
	"confirmed": {
		stock: 5, price: "10.00", quantity: 2,
		reach:     func(o *drilled) { o.awaitStatus(client.OrderConfirmed) },
		goOn:      func(o *drilled) { o.ship("berlin") },
		end:       end{status: client.OrderDelivered, captured: "20.00", refunded: "0.00", berlin: 3},
		cancelled: undone(5),
	},
	"confirmed, then cancelled": {
		stock: 5, price: "10.00", quantity: 2,
		reach: func(o *drilled) { o.awaitStatus(client.OrderConfirmed) },
		goOn: func(o *drilled) {
			o.await("a cancellation", func() bool {
				_, err := o.CancelOrder(o.t.Context(), o.id, client.CancelOrder{Reason: "changed_my_mind"})
				return err == nil
			})
		},
		end:       undone(5),
		cancelled: undone(5),
	},
	"partly shipped": {
		stock: 5, price: "10.00", quantity: 2, reno: true,
		reach: func(o *drilled) {
			o.dispatch(o.shipmentFrom("berlin").ShipmentID)
			o.awaitStatus(client.OrderShipped)
		},
		goOn:      goOnShipped,
		end:       partlyShippedEnd,
		cancelled: partlyShippedEnd,
	},
	"partly shipped, and lost": {
		stock: 5, price: "10.00", quantity: 2, reno: true,
		reach: func(o *drilled) {
			first := o.shipmentFrom("berlin").ShipmentID
			o.dispatch(first)
			o.await("the loss of a shipment", func() bool {
				_, err := o.LoseShipment(o.t.Context(), o.id, first)
				return err == nil
			})
			o.await("its refund", func() bool { return o.shown().Refunded.Amount == "20.00" })
		},
		goOn:      func(o *drilled) { o.ship("reno") },
		end:       end{status: client.OrderDelivered, captured: "30.00", refunded: "20.00", berlin: 3},
		cancelled: end{status: client.OrderDelivered, captured: "30.00", refunded: "20.00", berlin: 3},
	},
	"lines cancelled": {
		stock: 5, price: "10.00", quantity: 2,
		reach: func(o *drilled) {
			o.awaitStatus(client.OrderConfirmed)
			o.await("a cancellation of a piece", func() bool {
				_, err := o.CancelLines(o.t.Context(), o.id, client.CancelLines{
					Lines: []client.LineQuantity{{SKU: o.sku, Quantity: 1}}, Reason: "too_many",
				}, client.IdempotencyKey("lines-"+o.sku))
				return err == nil
			})
		},
		goOn:      func(o *drilled) { o.ship("berlin") },
		end:       end{status: client.OrderDelivered, captured: "10.00", refunded: "0.00", berlin: 4},
		cancelled: undone(5),
	},
	"held": {
		stock: 5, price: "900.00", quantity: 1,
		reach: func(o *drilled) { o.await("a hold", func() bool { return o.shown().Held != "" }) },
		goOn: func(o *drilled) {
			o.await("a review", func() bool {
				_, err := o.ApproveOrder(o.t.Context(), o.id, client.Review{By: "alice"})
				return err == nil
			})
			o.ship("berlin")
		},
		end:       end{status: client.OrderDelivered, captured: "900.00", refunded: "0.00", berlin: 4},
		cancelled: undone(5),
	},
	"backordered": {
		stock: 1, price: "10.00", quantity: 3,
		reach: func(o *drilled) { o.await("a backorder", func() bool { return o.stock(o.sku).Backordered > 0 }) },
		goOn: func(o *drilled) {
			o.receive("berlin", o.sku, 5)
			o.ship("berlin")
		},
		end:       end{status: client.OrderDelivered, captured: "30.00", refunded: "0.00", berlin: 3},
		cancelled: undone(1),
	},
	"partly shipped, a refund requested": {
		stock: 5, price: "10.00", quantity: 2, reno: true,
		reach: func(o *drilled) {
			o.dispatch(o.shipmentFrom("berlin").ShipmentID)
			o.awaitStatus(client.OrderShipped)
			o.request("5.00")
		},
		goOn:      func(o *drilled) { o.ship("berlin", "reno") },
		end:       end{status: client.OrderDelivered, captured: "30.00", refunded: "5.00", berlin: 3},
		cancelled: end{status: client.OrderDelivered, captured: "30.00", refunded: "5.00", berlin: 3},
	},
	"partly shipped, a refund owed": {
		stock: 5, price: "10.00", quantity: 2, reno: true,
		reach: func(o *drilled) {
			o.dispatch(o.shipmentFrom("berlin").ShipmentID)
			o.awaitStatus(client.OrderShipped)
			o.lose("berlin")
		},
		goOn: func(o *drilled) {
			first := o.shipmentFrom("berlin").ShipmentID
			o.await("the loss of a shipment", func() bool {
				_, err := o.LoseShipment(o.t.Context(), o.id, first)
				return err == nil
			})
			o.ship("reno")
		},
		end:       end{status: client.OrderDelivered, captured: "30.00", refunded: "20.00", berlin: 3},
		cancelled: end{status: client.OrderDelivered, captured: "30.00", refunded: "20.00", berlin: 3},
	},
	"delivered, a return's refund owed": {
		stock: 5, price: "10.00", quantity: 2, reach: delivered,
		leave: func(o *drilled) { o.takeBack(1) },
		goOn:  func(*drilled) {},
		end:   end{status: client.OrderDelivered, captured: "20.00", refunded: "10.00", berlin: 4},
	},
	"delivered, a return approved": {
		stock: 5, price: "10.00", quantity: 2, reach: delivered,
		leave: (*drilled).approveReturn,
		goOn:  (*drilled).receiveReturn,
		end:   end{status: client.OrderDelivered, captured: "20.00", refunded: "10.00", berlin: 4},
	},
	"delivered, an exchange open": {
		stock: 5, price: "10.00", quantity: 2, reach: delivered,
		leave: (*drilled).exchange,
		goOn:  (*drilled).receiveExchanged,
		end:   end{status: client.OrderDelivered, captured: "20.00", refunded: "10.00", berlin: 3},
	},
	"delivered, a refund requested": {
		stock: 5, price: "10.00", quantity: 2, reach: delivered,
		leave: func(o *drilled) { o.request("5.00") },
		goOn:  func(*drilled) {},
		end:   end{status: client.OrderDelivered, captured: "20.00", refunded: "5.00", berlin: 3},
	},
	"delivered, a refund pending": {
		stock: 5, price: "10.00", quantity: 2, reach: delivered,
		leave: func(o *drilled) { o.pend("5.00") },
		goOn:  (*drilled).reportPayment,
		end:   end{status: client.OrderDelivered, captured: "20.00", refunded: "5.00", berlin: 3},
	},
	"waiting for the bank": {
		stock: 5, price: "10.00", quantity: 2, bank: true,
		reach: func(o *drilled) {
			o.await("a question of the bank", func() bool { return o.shown().PaymentStatus == client.PaymentActionRequired })
		},
		goOn: func(o *drilled) {
			o.confirmAtBank()
			o.ship("berlin")
		},
		end:       end{status: client.OrderDelivered, captured: "20.00", refunded: "0.00", berlin: 3},
		cancelled: undone(5),
	},
}

var partlyShippedEnd = end{status: client.OrderDelivered, captured: "30.00", refunded: "0.00", berlin: 3}

// undone is the end of an order that is cancelled: nothing was taken, and its goods are free.
func undone(stock int) end {
	return end{status: client.OrderCancelled, captured: "0.00", refunded: "0.00", berlin: stock}
}

func delivered(o *drilled) {
	o.ship("berlin")
	o.awaitStatus(client.OrderDelivered)
}

func goOnShipped(o *drilled) {
	told, err := o.CancelOrder(o.t.Context(), o.id, client.CancelOrder{Reason: "too_late"})
	require.Error(o.t, err, "a shipment has left: %+v", told)
	o.ship("berlin", "reno")
}
