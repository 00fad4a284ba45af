package soak

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/client"
	"github.com/shopspring/decimal"
)

// books is what the soak itself knows to have happened.
type books struct {
	mu     sync.Mutex
	orders []*lived
	stock  map[place]int
}

type place struct{ sku, location string }

// lived is one order.
type lived struct {
	id                 uuid.UUID
	key, story         string
	end                client.OrderStatus
	lines              []line
	captured, refunded decimal.Decimal
}

func (o *lived) total() decimal.Decimal {
	sum := decimal.Zero
	for _, l := range o.lines {
		sum = sum.Add(decimal.RequireFromString(l.UnitPrice).Mul(decimal.NewFromInt(int64(l.Quantity))))
	}
	return sum
}

func newBooks() *books { return &books{stock: map[place]int{}} }

func (b *books) placed(o *lived) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.orders = append(b.orders, o)
}

func (b *books) moved(sku, location string, quantity int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stock[place{sku, location}] += quantity
}

func (b *books) paid(o *lived, captured, refunded decimal.Decimal) {
	b.mu.Lock()
	defer b.mu.Unlock()
	o.captured, o.refunded = o.captured.Add(captured), o.refunded.Add(refunded)
}

func (b *books) counts() (orders int, lives map[string]int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	lives = map[string]int{}
	for _, o := range b.orders {
		lives[o.story]++
	}
	return len(b.orders), lives
}

// shelves returns what has to be in stock, sorted.
func (b *books) shelves() []place {
	return slices.SortedFunc(maps.Keys(b.stock), func(x, y place) int { return strings.Compare(x.sku+x.location, y.sku+y.location) })
}
