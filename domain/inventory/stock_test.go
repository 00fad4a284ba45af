package inventory_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

const (
	sku      = "MUG-1"
	location = "berlin"
)

var at = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

// apply folds what was decided.
func apply(s inventory.Stock, events []domain.Event) inventory.Stock {
	for _, e := range events {
		s = inventory.Evolve(s, e)
	}
	return s
}

// received is a stock item with n pieces.
func received(t require.TestingT, n int) inventory.Stock {
	events, err := inventory.Receive(inventory.Stock{}, inventory.ReceiveStock{
		SKU: sku, Location: location, ReceiptID: uuid.New(), Quantity: n, At: at,
	})
	require.NoError(t, err)
	return apply(inventory.Stock{}, events)
}

// stockModel is a stock item and the books that are kept of it by other means.
type stockModel struct {
	stock    inventory.Stock
	ids      []uuid.UUID // of orders, receipts, adjustments, returns and requests alike
	onHand   int
	reserved map[uuid.UUID]int
	closed   map[uuid.UUID]bool
}

// take applies what was decided and demands that deciding the same again does nothing.
func (m *stockModel) take(t *rapid.T, decide func(inventory.Stock) ([]domain.Event, error)) ([]domain.Event, error) {
	events, err := decide(m.stock)
	if err != nil {
		require.NotEmpty(t, domain.Code(err), "a refusal has a code")
		require.Empty(t, events)
		return nil, err
	}
	m.stock = apply(m.stock, events)
	again, err := decide(m.stock)
	require.NoError(t, err, "a retried command is harmless")
	require.Empty(t, again, "a retried command does nothing")
	return events, nil
}

func TestStockKeepsItsBooks(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := &stockModel{reserved: map[uuid.UUID]int{}, closed: map[uuid.UUID]bool{}}
		for i := range 6 {
			m.ids = append(m.ids, domain.DerivedID(uuid.Nil, fmt.Sprint(i)))
		}
		id := rapid.SampledFrom(m.ids)
		quantity := rapid.IntRange(-2, 12)
		done := map[string]int{} // commands that had their effect, and with what, and must not have it twice
		t.Repeat(map[string]func(*rapid.T){
			"receive": func(t *rapid.T) {
				receipt, n := id.Draw(t, "receipt"), quantity.Draw(t, "quantity")
				events, err := m.take(t, func(s inventory.Stock) ([]domain.Event, error) {
					return inventory.Receive(s, inventory.ReceiveStock{SKU: sku, Location: location, ReceiptID: receipt, Quantity: n, At: at})
				})
				before, known := done["receipt"+receipt.String()]
				switch {
				case !known:
					require.Equal(t, n < 1, err != nil)
					if err == nil {
						require.Len(t, events, 1)
						m.onHand, done["receipt"+receipt.String()] = m.onHand+n, n
					}
				case n != before:
					require.Equal(t, domain.CodeIdempotencyKeyReused, domain.Code(err))
				default:
					require.NoError(t, err)
					require.Empty(t, events)
				}
			},
			"adjust": func(t *rapid.T) {
				adjustment, delta := id.Draw(t, "adjustment"), rapid.IntRange(-8, 8).Draw(t, "delta")
				events, err := m.take(t, func(s inventory.Stock) ([]domain.Event, error) {
					return inventory.Adjust(s, inventory.AdjustStock{SKU: sku, Location: location, AdjustmentID: adjustment, Delta: delta, Reason: "count", At: at})
				})
				before, known := done["adjustment"+adjustment.String()]
				switch {
				case known && delta != before:
					require.Equal(t, domain.CodeIdempotencyKeyReused, domain.Code(err))
				case !known && err == nil:
					require.Len(t, events, 1)
					m.onHand, done["adjustment"+adjustment.String()] = m.onHand+delta, delta
				}
			},
			"reserve": func(t *rapid.T) {
				order, n := id.Draw(t, "order"), quantity.Draw(t, "quantity")
				available := m.stock.Available()
				events, err := m.take(t, func(s inventory.Stock) ([]domain.Event, error) {
					return inventory.Reserve(s, inventory.ReserveStock{SKU: sku, Location: location, OrderID: order, Quantity: n, At: at})
				})
				switch _, has := m.reserved[order]; {
				case has:
					require.NoError(t, err)
					require.Empty(t, events)
				case m.closed[order]:
					require.EqualValues(t, "reservation_closed", domain.Code(err))
				case n < 1:
					require.Equal(t, domain.CodeInvalid, domain.Code(err))
				case n > available:
					require.EqualValues(t, "insufficient_stock", domain.Code(err))
				default:
					require.NoError(t, err)
					m.reserved[order] = n
				}
			},
			"reduce": func(t *rapid.T) {
				order, request, n := id.Draw(t, "order"), id.Draw(t, "request"), quantity.Draw(t, "quantity")
				events, err := m.take(t, func(s inventory.Stock) ([]domain.Event, error) {
					return inventory.Reduce(s, inventory.ReduceReservation{SKU: sku, Location: location, OrderID: order, RequestID: request, Quantity: n, At: at})
				})
				if err == nil && len(events) > 0 {
					if m.reserved[order] -= n; m.reserved[order] == 0 {
						delete(m.reserved, order)
					}
				}
			},
			"release": func(t *rapid.T) {
				order, fence := id.Draw(t, "order"), rapid.Bool().Draw(t, "fence")
				events, err := m.take(t, func(s inventory.Stock) ([]domain.Event, error) {
					return inventory.Release(s, inventory.ReleaseStock{SKU: sku, Location: location, OrderID: order, Fence: fence, At: at}), nil
				})
				require.NoError(t, err)
				if len(events) > 0 {
					require.Equal(t, m.reserved[order], events[0].(inventory.StockReleased).Quantity)
					m.closed[order] = true
				} else if fence {
					require.True(t, m.closed[order])
				}
				if m.closed[order] {
					delete(m.reserved, order)
				}
			},
			"commit": func(t *rapid.T) {
				order := id.Draw(t, "order")
				events, err := m.take(t, func(s inventory.Stock) ([]domain.Event, error) {
					return inventory.Commit(s, inventory.CommitStock{SKU: sku, Location: location, OrderID: order, At: at})
				})
				switch n, has := m.reserved[order]; {
				case has:
					require.NoError(t, err)
					require.Len(t, events, 1)
					m.onHand -= n
					m.closed[order] = true
					delete(m.reserved, order)
				case m.closed[order]:
					require.NoError(t, err)
				default:
					require.EqualValues(t, "reservation_not_found", domain.Code(err))
				}
			},
			"return": func(t *rapid.T) {
				order, back, n := id.Draw(t, "order"), id.Draw(t, "return"), quantity.Draw(t, "quantity")
				events, err := m.take(t, func(s inventory.Stock) ([]domain.Event, error) {
					return inventory.Restock(s, inventory.ReturnStock{SKU: sku, Location: location, OrderID: order, ReturnID: back, Quantity: n, At: at})
				})
				if err == nil && len(events) > 0 {
					m.onHand += n
				}
			},
			"": func(t *rapid.T) {
				s := m.stock
				sum := 0
				for _, n := range s.Reservations {
					require.Positive(t, n)
					sum += n
				}
				require.Equal(t, m.onHand, s.OnHand, "what came in less what went out")
				require.True(t, maps.Equal(m.reserved, s.Reservations), "%v %v", m.reserved, s.Reservations)
				require.Equal(t, sum, s.Reserved)
				require.GreaterOrEqual(t, s.OnHand, s.Reserved, "never more reserved than is there")
				require.GreaterOrEqual(t, s.Available(), 0)
				require.LessOrEqual(t, s.Available(), s.OnHand-s.Reserved)
				for order := range m.closed {
					require.True(t, s.Closed.Has(order), "closed stays closed")
				}

				b, err := json.Marshal(s)
				require.NoError(t, err)
				var read inventory.Stock
				require.NoError(t, json.Unmarshal(b, &read))
				again, err := json.Marshal(read)
				require.NoError(t, err)
				require.JSONEq(t, string(b), string(again), "a snapshot reads back")
			},
		})
	})
}

// A receipt may bear the id of the order whose goods it takes back. The two have nothing to do with
// each other.
func TestIDsOfReceiptsAndOrdersAreApart(t *testing.T) {
	t.Parallel()
	s, id := received(t, 10), uuid.New()
	events, err := inventory.Receive(s, inventory.ReceiveStock{SKU: sku, Location: location, ReceiptID: id, Quantity: 1, At: at})
	require.NoError(t, err)
	s = apply(s, events)
	events, err = inventory.Reserve(s, inventory.ReserveStock{SKU: sku, Location: location, OrderID: id, Quantity: 1, At: at})
	require.NoError(t, err)
	require.Len(t, events, 1)
	s = apply(s, events)
	require.Len(t, inventory.Release(s, inventory.ReleaseStock{SKU: sku, Location: location, OrderID: id, At: at}), 1)
}

func TestIDsOfStockItems(t *testing.T) {
	t.Parallel()
	// Stored data depends on it: Python's uuid5(uuid5(NAMESPACE_DNS, "inventory.orderloom"), "berlin\0MUG-1").
	require.Equal(t, "93611366-f642-5b64-9856-011efcd0d87f", inventory.ID("MUG-1", "berlin").String())
	require.NotEqual(t, inventory.ID("ab", "c"), inventory.ID("b", "ca"))
}

func TestUnknownEventsChangeNothing(t *testing.T) {
	t.Parallel()
	s := received(t, 3)
	require.Equal(t, s, inventory.Evolve(s, foreign{}))
}

type foreign struct{}

func (foreign) EventType() string { return "Foreign" }
func (foreign) EventVersion() int { return 1 }
