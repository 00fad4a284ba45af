package inventory_test

import (
	"fmt"
	"testing"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var locations = []inventory.Location{{ID: "berlin", Country: "DE"}, {ID: "reno", Country: "US"}, {ID: "leipzig", Country: "DE"}}

type shelf struct{ sku, location string }

func availableIn(stock map[shelf]int) func(string, string) int {
	return func(sku, location string) int { return stock[shelf{sku, location}] }
}

func TestAllocateChoosesLocations(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		stock   map[shelf]int
		lines   []inventory.Line
		country string
		want    []inventory.Allocation
	}{
		{
			"near before plenty",
			map[shelf]int{{"A", "reno"}: 9, {"A", "leipzig"}: 2},
			[]inventory.Line{{"A", 2}},
			"DE",
			[]inventory.Allocation{{SKU: "A", Location: "leipzig", Quantity: 2}},
		},
		{
			"whole before near",
			map[shelf]int{{"A", "reno"}: 9, {"A", "leipzig"}: 2},
			[]inventory.Line{{"A", 3}},
			"DE",
			[]inventory.Allocation{{SKU: "A", Location: "reno", Quantity: 3}},
		},
		{
			"spread where no location has all",
			map[shelf]int{{"A", "reno"}: 4, {"A", "leipzig"}: 2, {"A", "berlin"}: 3},
			[]inventory.Line{{"A", 8}},
			"DE",
			[]inventory.Allocation{
				{SKU: "A", Location: "berlin", Quantity: 3}, {SKU: "A", Location: "leipzig", Quantity: 2}, {SKU: "A", Location: "reno", Quantity: 3},
			},
		},
		{
			"equals by id",
			map[shelf]int{{"A", "leipzig"}: 1, {"A", "berlin"}: 1},
			[]inventory.Line{{"A", 1}},
			"FR",
			[]inventory.Allocation{{SKU: "A", Location: "berlin", Quantity: 1}},
		},
		{
			"lines of one SKU are one",
			map[shelf]int{{"A", "leipzig"}: 3, {"A", "berlin"}: 2, {"B", "reno"}: 1},
			[]inventory.Line{{"A", 1}, {"B", 1}, {"A", 2}},
			"DE",
			[]inventory.Allocation{{SKU: "A", Location: "leipzig", Quantity: 3}, {SKU: "B", Location: "reno", Quantity: 1}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := inventory.Allocate(c.lines, locations, availableIn(c.stock), c.country, false)
			require.NoError(t, err, c.name)
			require.Equal(t, c.want, got, c.name)
		})
	}
}

func TestPriorityRanksLocations(t *testing.T) {
	t.Parallel()
	ranked := []inventory.Location{
		{ID: "berlin", Country: "DE", Priority: 9}, {ID: "leipzig", Country: "DE", Priority: 2}, {ID: "reno", Country: "US", Priority: 1},
	}
	stock := map[shelf]int{{"A", "berlin"}: 9, {"A", "leipzig"}: 3, {"A", "reno"}: 9}
	for country, want := range map[string]string{"DE": "leipzig", "US": "reno", "FR": "reno"} {
		got, err := inventory.Allocate([]inventory.Line{{"A", 3}}, ranked, availableIn(stock), country, false)
		require.NoError(t, err)
		require.Equal(t, []inventory.Allocation{{SKU: "A", Location: want, Quantity: 3}}, got, "the country first, then the lowest number")
	}
	got, err := inventory.Allocate([]inventory.Line{{"A", 5}}, ranked, availableIn(stock), "DE", false)
	require.NoError(t, err)
	require.Equal(t, "berlin", got[0].Location, "all from one location before the ranking")
}

func TestAllocateBackorders(t *testing.T) {
	t.Parallel()
	stock := map[shelf]int{{"A", "leipzig"}: 2}
	got, err := inventory.Allocate([]inventory.Line{{"A", 5}, {"B", 1}}, locations, availableIn(stock), "DE", true)
	require.NoError(t, err)
	require.Equal(t, []inventory.Allocation{
		{SKU: "A", Quantity: 5, Backordered: true}, {SKU: "B", Quantity: 1, Backordered: true},
	}, got, "each waits as a whole, for goods of any location")
}

func TestAllocateAllOrNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		skus := []string{"A", "B", "C"}
		stock, wanted, total := map[shelf]int{}, map[string]int{}, map[string]int{}
		for _, s := range skus {
			for _, l := range locations {
				n := rapid.IntRange(0, 5).Draw(t, fmt.Sprintf("%s in %s", s, l.ID))
				stock[shelf{s, l.ID}] = n
				total[s] += n
			}
		}
		lines := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) inventory.Line {
			return inventory.Line{SKU: rapid.SampledFrom(skus).Draw(t, "sku"), Quantity: rapid.IntRange(1, 6).Draw(t, "quantity")}
		}), 1, 5).Draw(t, "lines")
		for _, l := range lines {
			wanted[l.SKU] += l.Quantity
		}
		enough := true
		for s, n := range wanted {
			enough = enough && n <= total[s]
		}
		country := rapid.SampledFrom([]string{"DE", "US", "FR"}).Draw(t, "country")
		got, err := inventory.Allocate(lines, locations, availableIn(stock), country, false)
		if !enough {
			require.EqualValues(t, "out_of_stock", domain.Code(err))
			require.Empty(t, got)
			return
		}
		require.NoError(t, err)
		seen := map[shelf]bool{}
		for _, a := range got {
			key := shelf{a.SKU, a.Location}
			require.False(t, seen[key], "one reservation for each stock item")
			seen[key] = true
			require.Positive(t, a.Quantity)
			require.LessOrEqual(t, a.Quantity, stock[key])
			wanted[a.SKU] -= a.Quantity
		}
		for s, n := range wanted {
			require.Zero(t, n, s)
		}
		again, err := inventory.Allocate(lines, locations, availableIn(stock), country, false)
		require.NoError(t, err)
		require.Equal(t, got, again, "the same answer each time")
	})
}
