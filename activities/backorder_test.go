package activities_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/location"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/internal/testing/pgtest"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var network = eventstore.Aggregate[location.Network]{Type: domain.AggregateNetwork, Evolve: location.Evolve, Clone: location.Network.Clone}

// warehouse is one SKU at some locations, and the processes that work on it. Each process has states of its own.
type warehouse struct {
	t         *testing.T
	processes []*testOrder
	sku       string
}

var places = []inventory.Location{{ID: "berlin", Country: "DE"}, {ID: "leipzig", Country: "DE"}, {ID: "reno", Country: "US"}}

func openWarehouse(t *testing.T, processes int, open func() eventstore.Backend) *warehouse {
	t.Helper()
	w := &warehouse{t: t, sku: "MUG"}
	for range processes {
		b := &testBundle{events: eventstore.NewRepository(open(), eventstore.RepositoryOptions{})}
		p := &testOrder{testBundle: b, t: t, Activities: activities.New(activities.Options{Events: b.events, Vault: &vault{}, Locations: places})}
		require.NoError(t, p.SeedLocations(t.Context(), at))
		w.processes = append(w.processes, p)
	}
	return w
}

func onPostgres(t *testing.T) func() eventstore.Backend {
	pool := pgtest.Pool(t)
	return func() eventstore.Backend {
		store, err := eventstore.Open(t.Context(), pool, eventstore.Options{})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, store.Close(context.WithoutCancel(t.Context()))) })
		return store
	}
}

func inMemory() func() eventstore.Backend {
	memory := eventstore.NewMemory()
	return func() eventstore.Backend { return memory }
}

func (w *warehouse) process(i int, saga string) *testOrder { return w.processes[i].as(saga) }

// place takes a new order as its saga does, and answers where its goods are.
func (w *warehouse) place(i int, id uuid.UUID, quantity int) activities.Reserved {
	p := w.process(i, "order-"+id.String())
	items := []order.Item{{ProductID: "p", SKU: w.sku, Quantity: quantity, UnitPrice: eur("10.00")}}
	placed, err := run(p, p.PlaceOrder, activities.PlaceOrder{
		OrderID: id, CustomerID: "cus_1", Items: items, ShipToCountry: "DE", Personal: domain.Sealed{Key: "inline", Data: []byte{1}},
		RequestHash: "hash", AllowBackorder: true, At: at,
	})
	require.NoError(w.t, err)
	if len(placed.Reserved.Allocations) > 0 {
		return placed.Reserved
	}
	return w.reserve(i, id, quantity)
}

func (w *warehouse) reserve(i int, id uuid.UUID, quantity int) activities.Reserved {
	p := w.process(i, "order-"+id.String())
	reserved, err := run(p, p.ReserveStock, activities.ReserveStock{
		OrderID: id, Lines: []inventory.Line{{SKU: w.sku, Quantity: quantity}}, ShipToCountry: "DE", Backorder: true, At: at,
	})
	require.NoError(w.t, err)
	return reserved
}

func (w *warehouse) release(i int, id uuid.UUID) activities.Served {
	p := w.process(i, "order-"+id.String())
	served, err := run(p, p.ReleaseStock, activities.ReleaseStock{OrderID: id, Lines: []inventory.Line{{SKU: w.sku, Quantity: 1}}, Reason: "x", At: at})
	require.NoError(w.t, err)
	return served
}

func (w *warehouse) receive(i int, place string, quantity int) activities.Served {
	p := w.process(i, "stock-receipt-"+uuid.NewString())
	served, err := run(p, p.ReceiveStock, activities.ReceiveStock{ReceiptID: uuid.New(), SKU: w.sku, Location: place, Quantity: quantity, At: at})
	require.NoError(w.t, err)
	return served.Served
}

// adjust may be refused, when what is reserved would not be there any more.
func (w *warehouse) adjust(i int, place string, delta int) {
	p := w.process(i, "stock-adjustment-"+uuid.NewString())
	_, err := run(p, p.AdjustStock, activities.AdjustStock{AdjustmentID: uuid.New(), SKU: w.sku, Location: place, Delta: delta, Reason: "count", At: at})
	if err != nil {
		requireRefused(w.t, inventory.CodeInsufficientStock, err)
	}
}

func (w *warehouse) activate(i int, place string, active bool) activities.Served {
	p := w.process(i, "location-"+uuid.NewString())
	changed, err := run(p, p.ChangeLocation, activities.ChangeLocation{
		RequestID: uuid.New(), ID: place, Change: location.Change{Active: &active}, At: at,
	})
	require.NoError(w.t, err)
	require.Equal(w.t, active, changed.Location.Active)
	return changed.Served
}

// state is what the store holds, by the view of one process.
type state struct {
	network location.Network
	items   map[string]inventory.Stock
	queue   []uuid.UUID
	head    int // how many pieces the oldest waits for
	free    int // pieces that those who wait may have
}

func (w *warehouse) state() state {
	s := state{items: map[string]inventory.Stock{}}
	p := w.processes[0]
	var err error
	s.network, _, err = eventstore.Fold(w.t.Context(), p.events, network, location.NetworkID)
	require.NoError(w.t, err)
	for _, l := range places {
		s.items[l.ID] = p.stock(w.sku, l.ID)
		if here, _ := s.network.Location(l.ID); here.Active {
			s.free += s.items[l.ID].Available()
		}
	}
	for i, b := range p.stock(w.sku, "").Backorders {
		s.queue = append(s.queue, b.OrderID)
		if i == 0 {
			s.head = b.Quantity
		}
	}
	return s
}

func (s state) require(t require.TestingT) {
	for id, item := range s.items {
		require.GreaterOrEqual(t, item.OnHand, item.Reserved, "never more reserved than on hand at %s", id)
	}
	if len(s.queue) > 0 {
		require.Less(t, s.free, s.head, "nobody waits beside goods that would do")
	}
	require.Equal(t, len(s.queue) > 0, s.network.Backordered["MUG"], "the network knows whether anybody waits")
}

// Whatever happens, in whichever of two processes: nobody is overtaken, and nobody waits beside goods. A location that
// is not active gets no new reservation.
func TestBackordersUnderRandomEvents(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		w := openWarehouse(t, 2, inMemory())
		wanted := map[uuid.UUID]int{}
		var orders []uuid.UUID
		process, place := rapid.IntRange(0, 1), rapid.SampledFrom([]string{"berlin", "leipzig", "reno"})
		before := w.state()
		// step carries out one thing that may change the stock, and holds it against what was before. Gone may leave
		// the queue out of turn.
		step := func(rt *rapid.T, gone uuid.UUID, act func()) {
			act()
			after := w.state()
			after.require(rt)
			for id, item := range after.items {
				if here, _ := after.network.Location(id); !here.Active {
					require.LessOrEqual(rt, item.Reserved, before.items[id].Reserved, "%s is not active", id)
				}
			}
			queue := slices.DeleteFunc(slices.Clone(before.queue), func(id uuid.UUID) bool { return id == gone })
			served := 0
			for served < len(queue) && !slices.Contains(after.queue, queue[served]) {
				served++
			}
			require.True(rt, slices.Equal(queue[served:], after.queue[:min(len(queue)-served, len(after.queue))]), "the oldest are served first, and nobody is overtaken")
			before = after
		}
		rt.Repeat(map[string]func(*rapid.T){
			"place": func(rt *rapid.T) {
				id, n := uuid.New(), rapid.IntRange(1, 5).Draw(rt, "quantity")
				waited := len(before.queue) > 0
				wanted[id] = n
				orders = append(orders, id)
				step(rt, uuid.Nil, func() {
					reserved := w.place(process.Draw(rt, "process"), id, n)
					require.True(rt, !waited || reserved.Waiting, "goods that somebody waits for go to no other order")
				})
			},
			"look": func(rt *rapid.T) {
				if len(orders) == 0 {
					rt.Skip()
				}
				id := rapid.SampledFrom(orders).Draw(rt, "order")
				step(rt, uuid.Nil, func() {
					reserved := w.reserve(process.Draw(rt, "process"), id, wanted[id])
					require.Equal(rt, slices.Contains(before.queue, id), reserved.Waiting)
					sum := 0
					for _, a := range reserved.Allocations {
						sum += a.Quantity
					}
					require.Equal(rt, wanted[id], sum)
				})
			},
			"release": func(rt *rapid.T) {
				if len(orders) == 0 {
					rt.Skip()
				}
				i := rapid.IntRange(0, len(orders)-1).Draw(rt, "order")
				id := orders[i]
				orders = slices.Delete(orders, i, i+1)
				step(rt, id, func() { w.release(process.Draw(rt, "process"), id) })
			},
			"receive": func(rt *rapid.T) {
				step(rt, uuid.Nil, func() {
					w.receive(process.Draw(rt, "process"), place.Draw(rt, "location"), rapid.IntRange(1, 6).Draw(rt, "quantity"))
				})
			},
			"adjust": func(rt *rapid.T) {
				delta := rapid.IntRange(1, 4).Draw(rt, "delta") * rapid.SampledFrom([]int{1, -1}).Draw(rt, "sign")
				step(rt, uuid.Nil, func() { w.adjust(process.Draw(rt, "process"), place.Draw(rt, "location"), delta) })
			},
			"activate": func(rt *rapid.T) {
				step(rt, uuid.Nil, func() {
					w.activate(process.Draw(rt, "process"), place.Draw(rt, "location"), rapid.Bool().Draw(rt, "active"))
				})
			},
		})
	})
}

// The same with two processes that work on one database at the same time.
func TestBackordersOfTwoProcesses(t *testing.T) {
	t.Parallel()
	w := openWarehouse(t, 2, onPostgres(t))
	const workers, steps = 6, 12
	var group sync.WaitGroup
	for worker := range workers {
		group.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(worker)))
			var orders []uuid.UUID
			for range steps {
				i, place := worker%2, places[random.IntN(len(places))].ID
				switch random.IntN(6) {
				case 0, 1:
					id := uuid.New()
					w.place(i, id, 1+random.IntN(4))
					orders = append(orders, id)
				case 2, 3:
					w.receive(i, place, 1+random.IntN(3))
				case 4:
					if len(orders) > 0 {
						w.release(i, orders[0])
						orders = orders[1:]
					}
				case 5:
					w.activate(i, place, random.IntN(3) > 0)
				}
			}
		})
	}
	group.Wait()
	w.state().require(t)
}

// A receipt at one location and one at another, in two processes: neither alone would do, both do.
func TestTwoReceiptsAtOnceServeWhoWaitsForBoth(t *testing.T) {
	t.Parallel()
	w := openWarehouse(t, 2, onPostgres(t))
	for round := range 15 {
		id := uuid.New()
		require.True(t, w.place(round%2, id, 4).Waiting)
		var group sync.WaitGroup
		for i, place := range []string{"berlin", "reno"} {
			group.Go(func() { w.receive(i, place, 2) })
		}
		group.Wait()
		require.False(t, w.reserve(0, id, 4).Waiting)
	}
}

func TestGoodsOfAnyLocationServeWhoWaits(t *testing.T) {
	t.Parallel()
	b := setup(t)
	t.Run("a receipt elsewhere, and the later order waits", func(t *testing.T) {
		t.Parallel()
		w := openWarehouse(t, 2, onPostgres(t))
		first, second := uuid.New(), uuid.New()
		require.True(t, w.place(0, first, 3).Waiting)
		require.True(t, w.place(1, second, 1).Waiting)
		require.Empty(t, w.receive(1, "reno", 2).Orders, "the large one at the head is not overtaken")
		require.True(t, w.place(0, uuid.New(), 1).Waiting, "nor by a new one")
		require.Equal(t, []uuid.UUID{first}, w.receive(0, "berlin", 1).Orders)
		require.Equal(t, activities.Reserved{Allocations: []inventory.Allocation{
			{SKU: "MUG", Location: "berlin", Quantity: 1}, {SKU: "MUG", Location: "reno", Quantity: 2},
		}}, w.reserve(1, first, 3), "by pieces of two locations")
		known, _, err := eventstore.Fold(t.Context(), w.processes[0].events,
			eventstore.Aggregate[order.Order]{Type: domain.AggregateOrder, Evolve: order.Evolve}, first)
		require.NoError(t, err)
		require.Equal(t, []string{"berlin", "reno"}, known.StockLocations(), "the order knows where its goods lie")
		require.Equal(t, []uuid.UUID{second}, w.receive(0, "leipzig", 1).Orders)
	})
	t.Run("the head leaves the queue", func(t *testing.T) {
		t.Parallel()
		w := openWarehouse(t, 2, onPostgres(t))
		first, second := uuid.New(), uuid.New()
		w.receive(0, "berlin", 2)
		require.True(t, w.place(0, first, 3).Waiting)
		require.True(t, w.place(1, second, 2).Waiting)
		require.Equal(t, activities.Served{Orders: []uuid.UUID{second}}, w.release(1, first))
		require.Empty(t, w.state().queue)
		require.False(t, w.state().network.Backordered["MUG"])
	})
	t.Run("an order that was reserved is released", func(t *testing.T) {
		t.Parallel()
		w := openWarehouse(t, 2, onPostgres(t))
		first, second := uuid.New(), uuid.New()
		w.receive(0, "reno", 2)
		require.False(t, w.place(0, first, 2).Waiting)
		require.True(t, w.place(1, second, 2).Waiting)
		require.Equal(t, activities.Served{Orders: []uuid.UUID{second}}, w.release(0, first))
	})
	t.Run("more than one step can serve", func(t *testing.T) {
		t.Parallel()
		w := openWarehouse(t, 1, inMemory())
		orders := make([]uuid.UUID, inventory.ServedMax+5)
		for i := range orders {
			orders[i] = uuid.New()
			require.True(t, w.place(0, orders[i], 1).Waiting)
		}
		require.Equal(t, orders, w.receive(0, "berlin", len(orders)).Orders)
	})
	t.Run("an order waits for one of two SKUs", func(t *testing.T) {
		t.Parallel()
		o := b.order(t)
		in := reserveInput(o, 2)
		in.Lines, in.Backorder = append(in.Lines, inventory.Line{SKU: o.b, Quantity: 6}), true
		reserved, err := run(o, o.ReserveStock, in)
		require.NoError(t, err)
		require.True(t, reserved.Waiting)
		require.Equal(t, []inventory.Allocation{{SKU: o.a, Location: "berlin", Quantity: 2}, {SKU: o.b, Quantity: 6, Backordered: true}}, reserved.Allocations)
		o.receive(o.b, "berlin", 1)
		reserved, err = run(o, o.ReserveStock, in)
		require.NoError(t, err)
		require.Equal(t, activities.Reserved{Allocations: []inventory.Allocation{
			{SKU: o.a, Location: "berlin", Quantity: 2}, {SKU: o.b, Location: "berlin", Quantity: 1}, {SKU: o.b, Location: "reno", Quantity: 5},
		}}, reserved)
	})
}

// A step that was carried out before the process ended serves what it had no time to serve.
func TestARepeatedReceiptGoesOnServing(t *testing.T) {
	t.Parallel()
	w := openWarehouse(t, 1, inMemory())
	orders := make([]uuid.UUID, inventory.ServedMax+5)
	for i := range orders {
		orders[i] = uuid.New()
		w.place(0, orders[i], 1)
	}
	in := activities.ReceiveStock{ReceiptID: uuid.New(), SKU: w.sku, Location: "berlin", Quantity: len(orders), At: at}
	p := w.process(0, fmt.Sprint("stock-receipt-", in.ReceiptID))
	events, err := inventory.Receive(inventory.Stock{}, inventory.ReceiveStock{SKU: in.SKU, Location: in.Location, ReceiptID: in.ReceiptID, Quantity: in.Quantity, At: at})
	require.NoError(t, err)
	require.NoError(t, p.events.Decide(t.Context(), eventstore.Stamp{Source: p.saga + "/receive-stock", At: at},
		[]eventstore.StreamID{streamOf(domain.AggregateInventory, inventory.ID(w.sku, "berlin"))}, func(tx *eventstore.Tx) error {
			eventstore.Record(tx, eventstore.Aggregate[inventory.Stock]{Type: domain.AggregateInventory, Evolve: inventory.Evolve},
				inventory.ID(w.sku, "berlin"), events...)
			return nil
		}))
	served, err := run(p, p.ReceiveStock, in)
	require.NoError(t, err)
	require.Equal(t, orders, served.Orders)
}
