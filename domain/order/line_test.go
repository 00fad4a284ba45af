package order_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// The lines of the orders below: the first two have one SKU.
var (
	line1 = order.LineID(orderID, 1)
	line2 = order.LineID(orderID, 2)
	line3 = order.LineID(orderID, 3)
)

// twins is a confirmed order of two lines of A, of two pieces each, and one piece of B. Three pieces of A leave from
// berlin: the first line and one piece of the second.
func twins(t require.TestingT, first, second string) (o order.Order, berlin, reno uuid.UUID) {
	o = must(t, order.Order{}, place(item("A", 2, first), item("A", 2, second), item("B", 1, "5.00")))
	o = must(t, o, confirm(
		inventory.Allocation{SKU: "A", Location: "berlin", Quantity: 3}, inventory.Allocation{SKU: "A", Location: "reno", Quantity: 1},
		inventory.Allocation{SKU: "B", Location: "reno", Quantity: 1}))
	return o, o.Shipments[0].ShipmentID, o.Shipments[1].ShipmentID
}

func delivered(t require.TestingT, o order.Order, shipments ...uuid.UUID) order.Order {
	for _, s := range shipments {
		o = must(t, must(t, o, dispatch(s)), deliver(s))
	}
	return o
}

// held returns how many pieces of each line the order has, and how many of them lie in shipments.
func held(o order.Order) (lines, shipped map[uuid.UUID]int) {
	lines, shipped = map[uuid.UUID]int{}, map[uuid.UUID]int{}
	for _, i := range o.Items {
		lines[i.LineID] += i.Quantity
	}
	for _, s := range o.Shipments {
		for _, l := range s.Lines {
			shipped[l.LineID] += l.Quantity
		}
	}
	return lines, shipped
}

func TestALineKeepsTheIDThatItWasPlacedWith(t *testing.T) {
	t.Parallel()
	require.Equal(t, "ff1d98e9-5456-5563-a3e2-a10c70731f66", line1.String(), "it follows from order and position")
	given := item("A", 2, "10.00")
	given.LineID = uuid.New()
	o := must(t, order.Order{}, place(given, item("A", 2, "12.00")))
	require.Equal(t, []uuid.UUID{line1, line2}, []uuid.UUID{o.Items[0].LineID, o.Items[1].LineID}, "whatever the request says")
	o = must(t, o, confirm(inventory.Allocation{SKU: "A", Location: "berlin", Quantity: 4}))
	o = must(t, o, cancelLines(uuid.New(), order.LineQuantity{LineID: line1, Quantity: 2}))
	require.Len(t, o.Items, 1)
	require.Equal(t, line2, o.Items[0].LineID)
}

func TestPiecesBelongToTheirLine(t *testing.T) {
	t.Parallel()
	for name, prices := range map[string][2]string{"at two prices": {"10.00", "12.00"}, "at one price": {"10.00", "10.00"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first, second := money.Must(prices[0], "EUR"), money.Must(prices[1], "EUR")
			t.Run("returning the second refunds its price", func(t *testing.T) {
				t.Parallel()
				o, berlin, reno := twins(t, prices[0], prices[1])
				o = delivered(t, o, berlin, reno)
				events, err := bringBack(uuid.New(), order.ReturnLine{LineID: line2, Quantity: 1})(o)
				require.NoError(t, err)
				returned := events[0].(order.OrderReturned)
				require.Equal(t, second, returned.Amount)
				require.Equal(t, line2, returned.Lines[0].LineID)
				require.Equal(t, berlin, returned.Lines[0].ShipmentID)
				s, _ := apply(o.Clone(), events).Shipment(berlin)
				require.Equal(t, []int{0, 1}, []int{s.Lines[0].Returned, s.Lines[1].Returned})
			})
			t.Run("returning all of the second takes from both shipments", func(t *testing.T) {
				t.Parallel()
				o, berlin, reno := twins(t, prices[0], prices[1])
				o = delivered(t, o, berlin, reno)
				events, err := bringBack(uuid.New(), order.ReturnLine{LineID: line2, Quantity: 2, Restock: true})(o)
				require.NoError(t, err)
				returned := events[0].(order.OrderReturned)
				require.Equal(t, second.Times(2), returned.Amount)
				require.Equal(t, []uuid.UUID{berlin, reno}, []uuid.UUID{returned.Lines[0].ShipmentID, returned.Lines[1].ShipmentID})
				o = apply(o.Clone(), events)
				_, err = bringBack(uuid.New(), order.ReturnLine{LineID: line2, Quantity: 1})(o)
				require.Equal(t, []string{"lines[0]"}, fields(t, err), "all of it came back")
				o = must(t, o, bringBack(uuid.New(), order.ReturnLine{LineID: line1, Quantity: 2}))
				require.Equal(t, first.Times(2), o.Returns[1].Amount)
			})
			t.Run("cancelling the first takes its price", func(t *testing.T) {
				t.Parallel()
				o, berlin, _ := twins(t, prices[0], prices[1])
				total := o.Total
				o = must(t, o, cancelLines(uuid.New(), order.LineQuantity{LineID: line1, Quantity: 1}))
				require.Equal(t, total.Sub(first), o.Total)
				lines, shipped := held(o)
				require.Equal(t, map[uuid.UUID]int{line1: 1, line2: 2, line3: 1}, lines)
				require.Equal(t, lines, shipped)
				s, _ := o.Shipment(berlin)
				require.Equal(t, first.Add(second), s.Amount)
			})
			t.Run("cancelling the second takes from both shipments, the last one first", func(t *testing.T) {
				t.Parallel()
				o, berlin, reno := twins(t, prices[0], prices[1])
				events, err := cancelLines(uuid.New(), order.LineQuantity{LineID: line2, Quantity: 2})(o)
				require.NoError(t, err)
				cancelled := events[0].(order.OrderLinesCancelled)
				require.Equal(t, second.Times(2), cancelled.Amount)
				require.Equal(t, []uuid.UUID{reno, berlin}, []uuid.UUID{cancelled.Lines[0].ShipmentID, cancelled.Lines[1].ShipmentID})
				lines, shipped := held(apply(o.Clone(), events))
				require.Equal(t, map[uuid.UUID]int{line1: 2, line3: 1}, lines)
				require.Equal(t, lines, shipped)
			})
			t.Run("pieces that have left are not cancelled", func(t *testing.T) {
				t.Parallel()
				o, berlin, _ := twins(t, prices[0], prices[1])
				o = must(t, o, dispatch(berlin))
				_, err := cancelLines(uuid.New(), order.LineQuantity{LineID: line1, Quantity: 1})(o)
				require.Equal(t, []string{"lines[0]"}, fields(t, err))
				_, err = cancelLines(uuid.New(), order.LineQuantity{LineID: line2, Quantity: 2})(o)
				require.ErrorContains(t, err, "of this line of A only 1 have not left yet")
				must(t, o, cancelLines(uuid.New(), order.LineQuantity{LineID: line2, Quantity: 1}))
			})
		})
	}
}

func TestALineIsNamedOnce(t *testing.T) {
	t.Parallel()
	o, berlin, reno := twins(t, "10.00", "12.00")
	partly := must(t, o, cancelLines(uuid.New(), order.LineQuantity{LineID: line1, Quantity: 1}))
	both := line1.String() + ", " + line2.String()
	for name, c := range map[string]struct {
		o       order.Order
		asks    order.LineQuantity
		field   string
		message string
	}{
		"a SKU of several lines":                     {o, order.LineQuantity{SKU: "A", Quantity: 1}, "lines[0].sku", both},
		"a SKU of a line that was cancelled in part": {partly, order.LineQuantity{SKU: "A", Quantity: 1}, "lines[0].sku", both},
		"a SKU of no line":                           {o, order.LineQuantity{SKU: "C", Quantity: 1}, "lines[0].sku", "no line of C"},
		"an unknown id":                              {o, order.LineQuantity{LineID: berlin, Quantity: 1}, "lines[0].line_id", "no line " + berlin.String()},
		"an id with another SKU":                     {o, order.LineQuantity{LineID: line1, SKU: "B", Quantity: 1}, "lines[0].sku", "another SKU"},
		"neither":                                    {o, order.LineQuantity{Quantity: 1}, "lines[0]", "line_id or sku"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := cancelLines(uuid.New(), c.asks)(c.o)
			require.Equal(t, []string{c.field}, fields(t, err))
			require.ErrorContains(t, err, c.message)
			back := order.ReturnLine{LineID: c.asks.LineID, SKU: c.asks.SKU, Quantity: 1}
			_, err = bringBack(uuid.New(), back)(delivered(t, c.o, berlin, reno))
			require.Equal(t, []string{c.field}, fields(t, err))
			require.ErrorContains(t, err, c.message)
		})
	}
	must(t, o, cancelLines(uuid.New(), order.LineQuantity{LineID: line1, SKU: "A", Quantity: 1}))
	must(t, o, cancelLines(uuid.New(), order.LineQuantity{SKU: "B", Quantity: 1}))
}

func TestAMessageNamesAFewLines(t *testing.T) {
	t.Parallel()
	var items []order.Item
	for range order.ItemsMax {
		items = append(items, item("A", 1, "1.00"))
	}
	o := must(t, order.Order{}, place(items...))
	o = must(t, o, confirm(inventory.Allocation{SKU: "A", Location: "berlin", Quantity: order.ItemsMax}))
	_, err := cancelLines(uuid.New(), order.LineQuantity{SKU: "A", Quantity: 1})(o)
	require.ErrorContains(t, err, order.LineID(orderID, 10).String()+" and 90 more")
	require.NotContains(t, err.Error(), order.LineID(orderID, 11).String())
}

// What was cancelled never left. So a piece of the SKU that is cancelled or comes back can only be of the other line.
func TestALineThatWasCancelledWholeIsNoLineAnyMore(t *testing.T) {
	t.Parallel()
	o, berlin, reno := twins(t, "10.00", "12.00")
	whole := order.LineQuantity{LineID: line1, Quantity: 2}
	first := uuid.New()
	o = must(t, o, cancelLines(first, whole))
	_, err := cancelLines(uuid.New(), order.LineQuantity{LineID: line1, Quantity: 1})(o)
	require.Equal(t, []string{"lines[0].line_id"}, fields(t, err))

	bySKU := uuid.New()
	o = must(t, o, cancelLines(bySKU, order.LineQuantity{SKU: "A", Quantity: 1}))
	lines, _ := held(o)
	require.Equal(t, map[uuid.UUID]int{line2: 1, line3: 1}, lines)
	back := must(t, delivered(t, o, berlin, reno), bringBack(uuid.New(), order.ReturnLine{SKU: "A", Quantity: 1}))
	require.Equal(t, "12.00 EUR", back.Returns[0].Amount.String())

	// Requests that were carried out are known when they come again, whatever their SKU means by then.
	o = must(t, o, cancelLines(uuid.New(), order.LineQuantity{LineID: line2, Quantity: 1}))
	for id, asks := range map[uuid.UUID]order.LineQuantity{first: whole, bySKU: {SKU: "A", Quantity: 1}} {
		events, err := cancelLines(id, asks)(o)
		require.NoError(t, err)
		require.Empty(t, events)
		asks.Quantity++
		_, err = cancelLines(id, asks)(o)
		require.Equal(t, domain.CodeIdempotencyKeyReused, domain.Code(err))
	}
	_, err = cancelLines(first, order.LineQuantity{LineID: line2, Quantity: 2})(o)
	require.Equal(t, domain.CodeIdempotencyKeyReused, domain.Code(err), "another line of the same SKU")
}

func TestShipmentsCarryTheOrdersLines(t *testing.T) {
	t.Parallel()
	placed := must(t, order.Order{}, place(item("A", 2, "10.00"), item("A", 2, "12.00")))
	plan := func(change func([]order.Shipment)) error {
		shipments := order.PlanShipments(placed, []inventory.Allocation{
			{SKU: "A", Location: "berlin", Quantity: 1}, {SKU: "A", Location: "berlin", Quantity: 2}, {SKU: "A", Location: "reno", Quantity: 1},
		})
		change(shipments)
		_, err := order.Confirm(placed, order.ConfirmOrder{Shipments: shipments, At: at})
		return err
	}
	require.NoError(t, plan(func(s []order.Shipment) {
		require.Len(t, s[0].Lines, 2, "two allocations from one location are one line of its shipment")
		require.Equal(t, 2, s[0].Lines[0].Quantity)
	}))
	for name, change := range map[string]func([]order.Shipment){
		"pieces of the other line": func(s []order.Shipment) { s[1].Lines[0].LineID = line1 },
		"the other line's price": func(s []order.Shipment) {
			s[0].Lines[1].UnitPrice, s[1].Lines[0].UnitPrice = money.Must("11.00", "EUR"), money.Must("13.00", "EUR")
			s[0].Amount, s[1].Amount = money.Must("31.00", "EUR"), money.Must("13.00", "EUR")
		},
		"an amount from one shipment to the other": func(s []order.Shipment) {
			s[0].Amount, s[1].Amount = s[0].Amount.Add(money.Must("1.00", "EUR")), s[1].Amount.Sub(money.Must("1.00", "EUR"))
		},
		"a line twice": func(s []order.Shipment) {
			half := s[0].Lines[0]
			half.Quantity, s[0].Lines[0].Quantity = 1, 1
			s[0].Lines = append(s[0].Lines, half)
		},
		"an unknown line": func(s []order.Shipment) { s[1].Lines[0].LineID = orderID },
		"another SKU":     func(s []order.Shipment) { s[1].Lines[0].SKU = "B" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, order.CodeNotConfirmable, domain.Code(plan(change)))
		})
	}
}

// Whatever is cancelled and comes back: no line gives back more pieces, or more money, than it had.
func TestALineGivesBackNoMoreThanItHad(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		prices := rapid.SampledFrom([]string{"10.00", "12.00", "0.01"})
		quantity := rapid.IntRange(1, 4)
		o := must(t, order.Order{}, place(
			item("A", quantity.Draw(t, "first"), prices.Draw(t, "price")), item("A", quantity.Draw(t, "second"), prices.Draw(t, "price")),
			item("B", quantity.Draw(t, "third"), prices.Draw(t, "price"))))
		placed := o.Clone()
		ofA := o.Items[0].Quantity + o.Items[1].Quantity
		inBerlin := rapid.IntRange(1, ofA-1).Draw(t, "in berlin")
		o = must(t, o, confirm(
			inventory.Allocation{SKU: "A", Location: "berlin", Quantity: inBerlin}, inventory.Allocation{SKU: "A", Location: "reno", Quantity: ofA - inBerlin},
			inventory.Allocation{SKU: "B", Location: "reno", Quantity: o.Items[2].Quantity}))
		pieces, amounts := map[uuid.UUID]int{}, map[uuid.UUID]money.Money{}
		give := func(line uuid.UUID, n int, amount money.Money) {
			pieces[line] += n
			amounts[line] = amounts[line].Add(amount)
		}
		asks := func() order.LineQuantity {
			return order.LineQuantity{LineID: rapid.SampledFrom([]uuid.UUID{line1, line2, line3}).Draw(t, "line"), Quantity: quantity.Draw(t, "pieces")}
		}
		cancelSome := func() {
			events, err := cancelLines(uuid.New(), asks(), asks())(o)
			if err != nil {
				return
			}
			for _, l := range events[0].(order.OrderLinesCancelled).Lines {
				give(l.LineID, l.Quantity, l.Amount)
			}
			o = apply(o.Clone(), events)
		}
		for range rapid.IntRange(0, 3).Draw(t, "cancellations") {
			cancelSome()
		}
		for _, s := range o.Shipments {
			if now, _ := o.Shipment(s.ShipmentID); now.Status == order.ShipmentStatusPlanned {
				o = must(t, o, dispatch(s.ShipmentID))
				cancelSome()
				o = must(t, o, deliver(s.ShipmentID))
			}
		}
		require.Equal(t, order.StatusDelivered, o.Status)
		for range rapid.IntRange(0, 6).Draw(t, "returns") {
			l := asks()
			events, err := bringBack(uuid.New(), order.ReturnLine{LineID: l.LineID, Quantity: l.Quantity})(o)
			if err != nil {
				continue
			}
			for _, l := range events[0].(order.OrderReturned).Lines {
				give(l.LineID, l.Quantity, l.Amount)
			}
			o = apply(o.Clone(), events)
		}
		for _, i := range placed.Items {
			require.LessOrEqual(t, pieces[i.LineID], i.Quantity)
			require.Zero(t, amounts[i.LineID].Cmp(money.Zero("EUR").Add(i.UnitPrice.Times(pieces[i.LineID]))), "each piece at its line's price")
		}
		lines, shipped := held(o)
		require.Equal(t, lines, shipped)
	})
}
