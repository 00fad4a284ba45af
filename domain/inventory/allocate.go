package inventory

import (
	"slices"
	"sort"

	"github.com/orderloom/orderloom/domain"
)

// CodeOutOfStock refuses an order that wants more than there is, and may not wait.
const CodeOutOfStock domain.ErrorCode = "out_of_stock"

// Line is how many of a SKU an order wants.
type Line struct {
	SKU      string `json:"sku"`
	Quantity int    `json:"quantity"`
}

// Location is a place goods leave from. Country is an ISO 3166-1 alpha-2 code.
type Location struct {
	ID      string `json:"id"`
	Country string `json:"country"`
	// Priority ranks locations of which the destination's country says nothing: the lowest number comes first.
	Priority int `json:"priority"`
}

// SKUs returns the SKUs of the lines, each once, in their order.
func SKUs(lines []Line) []string {
	var skus []string
	for _, l := range lines {
		if !slices.Contains(skus, l.SKU) {
			skus = append(skus, l.SKU)
		}
	}
	return skus
}

// Allocation is how many of a SKU are taken from one location.
type Allocation struct {
	SKU string `json:"sku"`
	// Location is empty for goods that the order waits for: they come from any.
	Location string `json:"location"`
	Quantity int    `json:"quantity"`
	// Backordered says that the goods are not there: the order waits for them.
	Backordered bool `json:"backordered,omitempty"`
}

// Allocator chooses where the lines of an order come from. It only computes: available says how many pieces of a SKU
// may be reserved at a location.
//
// It takes all lines or none. Where backorder allows it, a SKU that is short waits as a whole: its one allocation is
// Backordered and has no location. Error: out_of_stock.
type Allocator interface {
	Allocate(
		lines []Line, locations []Location, available func(sku, location string) int, country string, backorder bool,
	) ([]Allocation, error)
}

// NearestFirst is the [Allocator] of [Allocate].
type NearestFirst struct{}

// Allocate implements [Allocator].
func (NearestFirst) Allocate(
	lines []Line, locations []Location, available func(sku, location string) int, country string, backorder bool,
) ([]Allocation, error) {
	return Allocate(lines, locations, available, country, backorder)
}

// Allocate chooses where each line comes from, all or nothing. Lines of one SKU are summed first.
//
// Locations in the destination's country come first, then those of the lowest Priority, then those with most available
// pieces of the SKU, then by id. A line is taken from the first location that has all of it, so that few shipments
// leave. It is spread only where no location has all.
//
// With backorders allowed, a SKU that is short waits as a whole. What there is of it may be served with the rest from
// one location.
//
// Error: out_of_stock without backorders, naming the SKU that is short.
func Allocate(
	lines []Line, locations []Location, available func(sku, location string) int, country string, backorder bool,
) ([]Allocation, error) {
	var allocations []Allocation
	for _, line := range sumBySKU(lines) {
		ranked := rank(locations, func(l Location) int { return available(line.SKU, l.ID) }, country)
		taken, short := take(line, ranked)
		switch {
		case short > 0 && !backorder:
			return nil, domain.Refuse(CodeOutOfStock, "%s is short by %d of %d", line.SKU, short, line.Quantity)
		case short > 0:
			taken = []Allocation{{SKU: line.SKU, Quantity: line.Quantity, Backordered: true}}
		}
		allocations = append(allocations, taken...)
	}
	return allocations, nil
}

type rankedLocation struct {
	id        string
	near      bool
	priority  int
	available int
}

func rank(locations []Location, available func(Location) int, country string) []rankedLocation {
	ranked := make([]rankedLocation, 0, len(locations))
	for _, l := range locations {
		ranked = append(ranked, rankedLocation{id: l.ID, near: l.Country == country, priority: l.Priority, available: max(0, available(l))})
	}
	sort.Slice(ranked, func(i, j int) bool {
		a, b := ranked[i], ranked[j]
		switch {
		case (a.available > 0) != (b.available > 0):
			return a.available > 0
		case a.near != b.near:
			return a.near
		case a.priority != b.priority:
			return a.priority < b.priority
		case a.available != b.available:
			return a.available > b.available
		default:
			return a.id < b.id
		}
	})
	return ranked
}

func take(line Line, ranked []rankedLocation) (taken []Allocation, short int) {
	for _, l := range ranked {
		if l.available >= line.Quantity {
			return []Allocation{{SKU: line.SKU, Location: l.id, Quantity: line.Quantity}}, 0
		}
	}
	short = line.Quantity
	for _, l := range ranked {
		if short == 0 {
			break
		}
		n := min(short, l.available)
		if n == 0 {
			continue
		}
		taken = append(taken, Allocation{SKU: line.SKU, Location: l.id, Quantity: n})
		short -= n
	}
	return taken, short
}

func sumBySKU(lines []Line) []Line {
	var sums []Line
	index := map[string]int{}
	for _, l := range lines {
		i, ok := index[l.SKU]
		if !ok {
			index[l.SKU] = len(sums)
			sums = append(sums, l)
			continue
		}
		sums[i].Quantity += l.Quantity
	}
	return sums
}
