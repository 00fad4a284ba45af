package order_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var (
	orderID = uuid.MustParse("6b3f1f04-52a9-5c7e-9d0a-3f2f0a1b2c3d")
	at      = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	sealed  = domain.Sealed{Key: "c-1:1", Data: []byte{1, 2, 3}}
)

func item(sku string, quantity int, price string) order.Item {
	return order.Item{ProductID: "p-" + sku, SKU: sku, Quantity: quantity, UnitPrice: money.Must(price, "EUR")}
}

func placeOrder(items ...order.Item) order.PlaceOrder {
	return order.PlaceOrder{
		OrderID: orderID, CustomerID: "c-1", Items: items, ShipToCountry: "DE", Personal: sealed, RequestHash: "h1", At: at,
	}
}

func apply(o order.Order, events []domain.Event) order.Order {
	for _, e := range events {
		o = order.Evolve(o, e)
	}
	return o
}

// must applies a decision that has to be allowed, and demands that deciding it again does nothing.
func must(t require.TestingT, o order.Order, decide func(order.Order) ([]domain.Event, error)) order.Order {
	events, err := decide(o)
	require.NoError(t, err)
	o = apply(o.Clone(), events)
	again, err := decide(o)
	require.NoError(t, err)
	require.Empty(t, again)
	return o
}

func place(items ...order.Item) func(order.Order) ([]domain.Event, error) {
	return func(o order.Order) ([]domain.Event, error) { return order.Place(o, placeOrder(items...)) }
}

func confirm(allocations ...inventory.Allocation) func(order.Order) ([]domain.Event, error) {
	return func(o order.Order) ([]domain.Event, error) {
		return order.Confirm(o, order.ConfirmOrder{Shipments: order.PlanShipments(o, allocations), At: at})
	}
}

func cancel(o order.Order) ([]domain.Event, error) {
	return order.Cancel(o, order.CancelOrder{Reason: "changed_mind", By: "customer", At: at})
}

func dispatch(shipment uuid.UUID) func(order.Order) ([]domain.Event, error) {
	return func(o order.Order) ([]domain.Event, error) {
		return order.Dispatch(o, order.DispatchShipment{ShipmentID: shipment, Carrier: "DHL", TrackingNumber: "JD1", At: at})
	}
}

func deliver(shipment uuid.UUID) func(order.Order) ([]domain.Event, error) {
	return func(o order.Order) ([]domain.Event, error) {
		return order.Deliver(o, order.DeliverShipment{ShipmentID: shipment, At: at})
	}
}

func lose(shipment uuid.UUID) func(order.Order) ([]domain.Event, error) {
	return func(o order.Order) ([]domain.Event, error) {
		return order.Lose(o, order.LoseShipment{ShipmentID: shipment, At: at})
	}
}

func comeBack(shipment uuid.UUID) func(order.Order) ([]domain.Event, error) {
	return func(o order.Order) ([]domain.Event, error) {
		return order.Refuse(o, order.RefuseShipment{ShipmentID: shipment, At: at})
	}
}

func cancelLines(id uuid.UUID, lines ...order.LineQuantity) func(order.Order) ([]domain.Event, error) {
	return func(o order.Order) ([]domain.Event, error) {
		return order.CancelPart(o, order.CancelLines{RequestID: id, Lines: lines, Reason: "changed_mind", By: "customer", At: at})
	}
}

func bringBack(id uuid.UUID, lines ...order.ReturnLine) func(order.Order) ([]domain.Event, error) {
	return func(o order.Order) ([]domain.Event, error) {
		return order.Return(o, order.ReturnOrder{ReturnID: id, Lines: lines, Reason: "too small", At: at.Add(24 * time.Hour)})
	}
}

// twoShipments is a confirmed order of two lines at 10.00 and 2.50 from two locations.
func twoShipments(t require.TestingT) (o order.Order, berlin, reno uuid.UUID) {
	o = must(t, order.Order{}, place(item("A", 2, "10.00"), item("B", 3, "2.50")))
	o = must(t, o, confirm(
		inventory.Allocation{SKU: "A", Location: "berlin", Quantity: 2}, inventory.Allocation{SKU: "B", Location: "reno", Quantity: 3}))
	return o, o.Shipments[0].ShipmentID, o.Shipments[1].ShipmentID
}

// moves are the status changes that there are; all others are a mistake.
var moves = map[order.Status][]order.Status{
	"":                    {order.StatusCreated},
	order.StatusCreated:   {order.StatusConfirmed, order.StatusCancelled},
	order.StatusConfirmed: {order.StatusShipped, order.StatusCancelled},
	order.StatusShipped:   {order.StatusDelivered, order.StatusCancelled}, // cancelled when no shipment arrived
	order.StatusDelivered: {},
	order.StatusCancelled: {},
}

// Whatever is asked of an order in whatever order: it moves as documented, its shipments carry its
// total, and asking twice does nothing more.
func TestOrderLife(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		skus := []string{"A", "B"}
		items := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) order.Item {
			return item(rapid.SampledFrom(skus).Draw(t, "sku"), rapid.IntRange(1, 4).Draw(t, "quantity"),
				rapid.SampledFrom([]string{"10.00", "2.50", "0.01"}).Draw(t, "price"))
		}), 1, 4).Draw(t, "items")
		var allocations []inventory.Allocation
		left := map[string]int{}
		for _, i := range items {
			left[i.SKU] += i.Quantity
		}
		for _, sku := range skus {
			for _, location := range []string{"berlin", "reno", "leipzig"} {
				n := left[sku]
				if location != "leipzig" {
					n = rapid.IntRange(0, left[sku]).Draw(t, sku+" from "+location)
				}
				if left[sku] -= n; n > 0 {
					allocations = append(allocations, inventory.Allocation{SKU: sku, Location: location, Quantity: n})
				}
			}
		}
		var o order.Order
		placed := order.Total(items, nil)
		taken := money.Zero("EUR") // what partial cancellations took off
		var requests []uuid.UUID
		for i := range 5 {
			requests = append(requests, domain.DerivedID(orderID, fmt.Sprint(i)))
		}
		request := rapid.SampledFrom(requests)
		act := func(t *rapid.T, decide func(order.Order) ([]domain.Event, error)) []domain.Event {
			before, err := json.Marshal(o)
			require.NoError(t, err)
			events, err := decide(o)
			after, jsonErr := json.Marshal(o)
			require.NoError(t, jsonErr)
			require.JSONEq(t, string(before), string(after), "deciding changes nothing")
			if err != nil {
				require.NotEmpty(t, domain.Code(err))
				require.Empty(t, events)
				return nil
			}
			was := o.Status
			o = apply(o, events)
			if o.Status != was {
				require.Contains(t, moves[was], o.Status)
			}
			again, err := decide(o)
			require.NoError(t, err)
			require.Empty(t, again, "a retried command does nothing")
			return events
		}
		shipment := func(t *rapid.T) uuid.UUID {
			if len(o.Shipments) == 0 {
				return uuid.New()
			}
			return rapid.SampledFrom(o.Shipments).Draw(t, "shipment").ShipmentID
		}
		t.Repeat(map[string]func(*rapid.T){
			"place":   func(t *rapid.T) { act(t, place(items...)) },
			"confirm": func(t *rapid.T) { act(t, confirm(allocations...)) },
			"cancel": func(t *rapid.T) {
				if rapid.IntRange(0, 4).Draw(t, "dice") == 0 { // not too often, or nothing else happens
					act(t, cancel)
				}
			},
			"hold": func(t *rapid.T) {
				act(t, func(o order.Order) ([]domain.Event, error) { return order.Hold(o, "amount", at) })
			},
			"approve": func(t *rapid.T) { act(t, review("ann", true)) },
			"reject":  func(t *rapid.T) { act(t, review("ann", false)) },
			"correct": func(t *rapid.T) {
				number := strconv.Itoa(rapid.IntRange(1, 3).Draw(t, "number"))
				act(t, correct(request.Draw(t, "request"), shipment(t), number))
			},
			"dispatch":  func(t *rapid.T) { act(t, dispatch(shipment(t))) },
			"deliver":   func(t *rapid.T) { act(t, deliver(shipment(t))) },
			"lose":      func(t *rapid.T) { act(t, lose(shipment(t))) },
			"come back": func(t *rapid.T) { act(t, comeBack(shipment(t))) },
			"overdue": func(t *rapid.T) {
				act(t, func(o order.Order) ([]domain.Event, error) { return order.Overdue(o, at), nil })
			},
			"cancel lines": func(t *rapid.T) {
				line := order.LineQuantity{SKU: rapid.SampledFrom(skus).Draw(t, "sku"), Quantity: rapid.IntRange(0, 4).Draw(t, "quantity")}
				for _, e := range act(t, cancelLines(request.Draw(t, "request"), line)) {
					if c, ok := e.(order.OrderLinesCancelled); ok {
						taken = taken.Add(c.Amount)
					}
				}
			},
			"return": func(t *rapid.T) {
				line := order.ReturnLine{SKU: rapid.SampledFrom(skus).Draw(t, "sku"), Quantity: rapid.IntRange(0, 4).Draw(t, "quantity")}
				act(t, bringBack(request.Draw(t, "request"), line))
			},
			"": func(t *rapid.T) {
				if o.Status == "" {
					return
				}
				require.Zero(t, placed.Sub(taken).Cmp(o.Total))
				require.Zero(t, order.Total(o.Items, nil).Cmp(o.Total), "the lines add up")
				if len(o.Shipments) > 0 {
					sum := money.Zero("EUR")
					for _, s := range o.Shipments {
						shipment := money.Zero("EUR")
						for _, l := range s.Lines {
							require.Positive(t, l.Quantity)
							require.LessOrEqual(t, l.Returned, l.Quantity)
							shipment = shipment.Add(l.UnitPrice.Times(l.Quantity))
						}
						require.Zero(t, shipment.Cmp(s.Amount), "a shipment costs what lies in it")
						if len(s.Lines) == 0 {
							require.Equal(t, order.ShipmentStatusCancelled, s.Status)
						}
						sum = sum.Add(s.Amount)
					}
					require.Zero(t, sum.Cmp(o.Total), "the shipments add up")
				}
				checkEnd(t, o)
			},
		})
	})
}

// checkEnd demands that an order under way ends with its last shipment, and not before.
func checkEnd(t *rapid.T, o order.Order) {
	ended, arrived, left := true, false, false
	for _, s := range o.Shipments {
		ended = ended && s.Status.Ended()
		arrived = arrived || s.Status == order.ShipmentStatusDelivered
		left = left || (s.Status != order.ShipmentStatusPlanned && s.Status != order.ShipmentStatusCancelled)
	}
	if o.Status != order.StatusCreated {
		require.Empty(t, o.Held, "nobody has to review it any more")
	}
	if o.Status != order.StatusConfirmed {
		require.False(t, o.Overdue, "its first shipment has left, or never will")
	}
	switch o.Status {
	case order.StatusConfirmed:
		require.False(t, left)
		require.False(t, ended)
	case order.StatusShipped:
		require.True(t, left)
		require.False(t, ended, "an order whose shipments have all ended is over")
	case order.StatusDelivered:
		require.True(t, ended)
		require.True(t, arrived)
		require.Contains(t, []string{"delivered", "partially_delivered"}, o.FulfillmentStatus())
	case order.StatusCancelled:
		require.True(t, ended, "nothing is planned or under way any more")
		if left {
			require.False(t, arrived)
			require.Equal(t, "undeliverable", o.FulfillmentStatus())
		}
	}
}

func review(by string, approve bool) func(order.Order) ([]domain.Event, error) {
	return func(o order.Order) ([]domain.Event, error) {
		return order.Review(o, order.ReviewOrder{By: by, Approve: approve, At: at})
	}
}

func TestSnapshotReadsBack(t *testing.T) {
	t.Parallel()
	o, berlin, _ := twoShipments(t)
	o = must(t, o, dispatch(berlin))
	b, err := json.Marshal(o)
	require.NoError(t, err)
	var read order.Order
	require.NoError(t, json.Unmarshal(b, &read))
	again, err := json.Marshal(read)
	require.NoError(t, err)
	require.JSONEq(t, string(b), string(again))
	require.Equal(t, order.StatusShipped, read.Status)
}

func TestCloneSharesNothing(t *testing.T) {
	t.Parallel()
	o, berlin, _ := twoShipments(t)
	before, err := json.Marshal(o)
	require.NoError(t, err)
	apply(o.Clone(), []domain.Event{order.ShipmentDispatched{ShipmentID: berlin, Carrier: "x"}, order.ShipmentDelivered{ShipmentID: berlin}})
	after, err := json.Marshal(o)
	require.NoError(t, err)
	require.JSONEq(t, string(before), string(after))
}

func TestFulfillmentStatus(t *testing.T) {
	t.Parallel()
	o, berlin, reno := twoShipments(t)
	for _, step := range []struct {
		decide func(order.Order) ([]domain.Event, error)
		want   string
	}{
		{func(order.Order) ([]domain.Event, error) { return nil, nil }, "unfulfilled"},
		{dispatch(berlin), "partially_shipped"},
		{deliver(berlin), "partially_delivered"},
		{dispatch(reno), "partially_delivered"},
		{deliver(reno), "delivered"},
	} {
		o = must(t, o, step.decide)
		require.Equal(t, step.want, o.FulfillmentStatus())
	}
	o, berlin, reno = twoShipments(t)
	o = must(t, must(t, o, dispatch(berlin)), dispatch(reno))
	require.Equal(t, "shipped", o.FulfillmentStatus())
	o = must(t, must(t, o, lose(berlin)), comeBack(reno))
	require.Equal(t, "undeliverable", o.FulfillmentStatus())
	require.Equal(t, order.ReasonUndeliverable, o.CancelReason)
}

func TestNoOrderNoDecision(t *testing.T) {
	t.Parallel()
	for _, decide := range []func(order.Order) ([]domain.Event, error){
		confirm(), cancel, dispatch(orderID), deliver(orderID), lose(orderID), comeBack(orderID),
		cancelLines(orderID, order.LineQuantity{SKU: "A", Quantity: 1}), bringBack(orderID, order.ReturnLine{SKU: "A", Quantity: 1}),
		func(o order.Order) ([]domain.Event, error) { return order.Hold(o, "amount", at) },
		review("ann", true), review("ann", false), correct(orderID, orderID, "1"),
		func(o order.Order) ([]domain.Event, error) { return order.Amend(o, order.AmendAddress{Country: "DE"}) },
	} {
		_, err := decide(order.Order{})
		require.EqualValues(t, "not_found", domain.Code(err))
	}
	require.Empty(t, order.Overdue(order.Order{}, at))
}

func Example() {
	events, err := order.Place(order.Order{}, order.PlaceOrder{
		OrderID:       uuid.MustParse("6b3f1f04-52a9-5c7e-9d0a-3f2f0a1b2c3d"),
		CustomerID:    "c-1",
		Items:         []order.Item{{ProductID: "mug", SKU: "MUG-1", Quantity: 3, UnitPrice: money.Must("19.90", "EUR")}},
		ShipToCountry: "DE",
	})
	var o order.Order
	for _, e := range events {
		o = order.Evolve(o, e)
	}
	fmt.Println(o.Number, o.Status, o.Total, err)
	_, err = order.Place(order.Order{}, order.PlaceOrder{CustomerID: "c-1", ShipToCountry: "Germany"})
	fmt.Println(err)
	// Output:
	// ORD-878B-MNH4-2WW3 created 59.70 EUR <nil>
	// invalid: items: an order has at least one item; invalid: shipping_address.country: "Germany" is not an ISO 3166-1 alpha-2 country code in upper case
}
