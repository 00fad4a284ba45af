package pricing_test

import (
	"fmt"
	"testing"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/pricing"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestEveryAmountIsExplained(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		o, priced := pricedOrder(t)
		total, discount := money.Zero(o.Currency), money.Zero(o.Currency)
		for i, b := range append(append([]pricing.Breakdown{}, priced.Lines...), priced.Shipping...) {
			require.True(t, b.Consistent(), "%d: %+v", i, b)
			total, discount = total.Add(b.Payable), discount.Add(b.Discount())
		}
		for i, b := range priced.Lines {
			require.Zero(t, b.Gross.Cmp(o.Lines[i].UnitPrice.Times(o.Lines[i].Quantity)))
			require.Len(t, b.Taxes, len(o.Lines[i].Taxes))
		}
		require.Zero(t, priced.Totals.Total.Cmp(total))
		for i, d := range priced.Discounts {
			discount = discount.Sub(d)
			if asked := o.Discounts[i].Amount; !asked.IsZero() {
				require.Zero(t, d.Amount.Cmp(asked), "an amount is taken off in full")
			}
		}
		require.True(t, discount.IsZero(), "the discounts come to what the lines tell")
		x := priced.Totals
		require.Zero(t, x.Total.Cmp(x.Subtotal.Sub(x.Discount).Add(x.Shipping).Add(x.Tax).Sub(x.TaxIncluded)))
	})
}

// What is computed piece by piece is what a loop over the pieces computes.
func TestTaxPerUnitIsTheSumOfThePieces(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		price, pieces := rapid.Int64Range(0, 2_000).Draw(t, "price"), rapid.IntRange(1, 30).Draw(t, "pieces")
		rate := decimal.New(rapid.Int64Range(0, 50_000).Draw(t, "rate"), -5)
		priced, err := pricing.Price(pricing.Order{
			Currency: "EUR", Rounding: pricing.Rounding{Per: pricing.PerUnit},
			Lines: []pricing.Line{{UnitPrice: money.FromMinorUnits(price, "EUR"), Quantity: pieces, Taxes: []pricing.TaxRule{{Name: "VAT", Rate: rate}}}},
		})
		require.NoError(t, err)
		var sum int64
		for range pieces {
			sum += decimal.NewFromInt(price).Mul(rate).Round(0).IntPart()
		}
		require.Equal(t, sum, priced.Lines[0].Tax().MinorUnits())
	})
}

func TestATaxIsWithinHalfAMinorUnitOfItsRate(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		minor := rapid.Int64Range(0, 100_000_000).Draw(t, "price")
		rate := decimal.New(rapid.Int64Range(0, 200_000).Draw(t, "rate"), -5)
		included := rapid.Bool().Draw(t, "included")
		priced, err := pricing.Price(pricing.Order{Currency: "EUR", Lines: []pricing.Line{{
			UnitPrice: money.FromMinorUnits(minor, "EUR"), Quantity: 1, Taxes: []pricing.TaxRule{{Name: "VAT", Rate: rate, Included: included}},
		}}})
		require.NoError(t, err)
		tax := decimal.NewFromInt(priced.Lines[0].Tax().MinorUnits())
		// tax = price × rate, or tax × (1 + rate) = price × rate for one inside the price.
		exact, scale := decimal.NewFromInt(minor).Mul(rate), decimal.NewFromInt(1)
		if included {
			scale = scale.Add(rate)
		}
		off := tax.Mul(scale).Sub(exact).Abs()
		require.LessOrEqual(t, off.Cmp(scale.Div(decimal.NewFromInt(2))), 0, "%s of %d at %s", tax, minor, rate)
	})
}

func TestEveryWrongFieldIsNamed(t *testing.T) {
	t.Parallel()
	eur := func(s string) money.Money { return money.Must(s, "EUR") }
	amount := func(s string) *decimal.Decimal { d := decimal.RequireFromString(s); return &d }
	good := func() pricing.Order {
		return pricing.Order{
			Currency: "EUR",
			Lines: []pricing.Line{
				{UnitPrice: eur("10.00"), Quantity: 2, Taxes: []pricing.TaxRule{{Name: "VAT", Rate: decimal.New(19, -2)}, {Name: "City", Rate: decimal.New(1, -2)}}},
				{UnitPrice: eur("0.00"), Quantity: 1},
			},
			Shipping: []pricing.ShippingLine{{Amount: eur("4.90"), Taxes: []pricing.TaxRule{{Name: "VAT", Rate: decimal.New(19, -2)}}}},
			Discounts: []pricing.Discount{
				{Target: pricing.TargetLine, Lines: []int{0}, Percentage: decimal.NewFromInt(10)},
				{Target: pricing.TargetShipping, Amount: decimal.NewFromInt(1)},
			},
		}
	}
	_, err := pricing.Price(good())
	require.NoError(t, err)
	for name, c := range map[string]struct {
		change func(*pricing.Order)
		fields []string
	}{
		"mode":                {func(o *pricing.Order) { o.Rounding.Mode = "down" }, []string{"rounding.mode"}},
		"per":                 {func(o *pricing.Order) { o.Rounding.Per = "invoice" }, []string{"rounding.per"}},
		"unknown currency":    {func(o *pricing.Order) { o.Lines[0].UnitPrice.Currency, o.Lines[1].UnitPrice.Currency = "EUX", "EUX" }, []string{"currency"}},
		"two currencies":      {func(o *pricing.Order) { o.Lines[1].UnitPrice.Currency = "USD" }, []string{"items[1].unit_price"}},
		"quantity":            {func(o *pricing.Order) { o.Lines[0].Quantity = 0 }, []string{"items[0].quantity"}},
		"price below zero":    {func(o *pricing.Order) { o.Lines[0].UnitPrice.Amount = decimal.New(-1, -2) }, []string{"items[0].unit_price"}},
		"price too precise":   {func(o *pricing.Order) { o.Lines[1].UnitPrice.Amount = decimal.New(1, -3) }, []string{"items[1].unit_price"}},
		"tax without a name":  {func(o *pricing.Order) { o.Lines[0].Taxes[1].Name = " " }, []string{"items[0].taxes[1].name"}},
		"rate below zero":     {func(o *pricing.Order) { o.Shipping[0].Taxes[0].Rate = decimal.New(-1, 0) }, []string{"shipping_lines[0].taxes[0].rate"}},
		"huge rate":           {func(o *pricing.Order) { o.Lines[0].Taxes[0].Rate = decimal.New(1, 1<<30) }, []string{"items[0].taxes[0].rate"}},
		"rate of many digits": {func(o *pricing.Order) { o.Lines[0].Taxes[0].Rate = decimal.New(1, -9) }, []string{"items[0].taxes[0].rate"}},
		"some amounts":        {func(o *pricing.Order) { o.Lines[0].Taxes[1].Amount = amount("0.20") }, []string{"items[0].taxes[1].amount"}},
		"tax below zero":      {func(o *pricing.Order) { o.Shipping[0].Taxes[0].Amount = amount("-0.20") }, []string{"shipping_lines[0].taxes[0].amount"}},
		"tax above the price": {func(o *pricing.Order) {
			o.Shipping[0].Taxes[0] = pricing.TaxRule{Name: "VAT", Included: true, Amount: amount("4.00")}
		}, []string{"shipping_lines[0].taxes"}},
		"many taxes":          {func(o *pricing.Order) { o.Lines[0].Taxes = make([]pricing.TaxRule, pricing.TaxesMax+1) }, []string{"items[0].taxes"}},
		"shipping currency":   {func(o *pricing.Order) { o.Shipping[0].Amount.Currency = "USD" }, []string{"shipping_lines[0].amount"}},
		"shipping below zero": {func(o *pricing.Order) { o.Shipping[0].Amount = eur("-1") }, []string{"shipping_lines[0].amount"}},
		"many shipping lines": {func(o *pricing.Order) { o.Shipping = make([]pricing.ShippingLine, pricing.ShippingLinesMax+1) }, []string{"shipping_lines"}},
		"target":              {func(o *pricing.Order) { o.Discounts[1].Target = "customer" }, []string{"discounts[1].target"}},
		"no shipping lines":   {func(o *pricing.Order) { o.Shipping = nil }, []string{"discounts[1].target"}},
		"line there is not":   {func(o *pricing.Order) { o.Discounts[0].Lines = []int{0, 2, 0} }, []string{"discounts[0].items[1]", "discounts[0].items[2]"}},
		"no lines":            {func(o *pricing.Order) { o.Discounts[0].Lines = nil }, []string{"discounts[0].items"}},
		"lines of the order":  {func(o *pricing.Order) { o.Discounts[0].Target = pricing.TargetOrder }, []string{"discounts[0].items"}},
		"both":                {func(o *pricing.Order) { o.Discounts[0].Amount = decimal.NewFromInt(1) }, []string{"discounts[0]"}},
		"neither":             {func(o *pricing.Order) { o.Discounts[0].Percentage = decimal.Zero }, []string{"discounts[0]"}},
		"above a hundred":     {func(o *pricing.Order) { o.Discounts[0].Percentage = decimal.NewFromInt(101) }, []string{"discounts[0].percentage"}},
		"below zero":          {func(o *pricing.Order) { o.Discounts[1].Amount = decimal.NewFromInt(-1) }, []string{"discounts[1].amount"}},
		"more than is left":   {func(o *pricing.Order) { o.Discounts[1].Amount = decimal.NewFromInt(5) }, []string{"discounts[1].amount"}},
		"many discounts":      {func(o *pricing.Order) { o.Discounts = make([]pricing.Discount, pricing.DiscountsMax+1) }, []string{"discounts"}},
		"total beyond":        {func(o *pricing.Order) { o.Lines[0].UnitPrice, o.Lines[0].Quantity = eur("99999999999999.99"), 2 }, []string{"items"}},
		"everything at once": {func(o *pricing.Order) {
			o.Lines[0].Quantity, o.Shipping[0].Amount = -1, eur("-1")
			o.Rounding.Per = "x"
		}, []string{"items[0].quantity", "rounding.per", "shipping_lines[0].amount"}},
		"taxes beyond a total": {func(o *pricing.Order) { o.Shipping[0].Amount = eur("99999999999999.99") }, []string{"shipping_lines[0].taxes"}},
		"taxes beyond a whole number of the machine": {func(o *pricing.Order) {
			o.Currency, o.Shipping, o.Discounts = "CLF", nil, nil
			o.Lines = []pricing.Line{{UnitPrice: money.Must("18446744073709.5517", "CLF"), Quantity: 1, Taxes: []pricing.TaxRule{{Name: "VAT", Rate: decimal.NewFromInt(100)}}}}
		}, []string{"items[0].taxes"}},
		"shipping beyond a total": {func(o *pricing.Order) {
			o.Shipping = []pricing.ShippingLine{{Amount: eur("50000000000000.00")}, {Amount: eur("50000000000000.00")}}
		}, []string{"shipping_lines"}},
		"shipping and lines beyond a total": {func(o *pricing.Order) {
			o.Lines[1].UnitPrice, o.Shipping = eur("60000000000000.00"), []pricing.ShippingLine{{Amount: eur("50000000000000.00")}}
		}, []string{"items"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := good()
			c.change(&o)
			_, err := pricing.Price(o)
			var bad domain.Invalids
			require.ErrorAs(t, err, &bad)
			var fields []string
			for _, e := range bad {
				fields = append(fields, e.Field)
			}
			require.Equal(t, c.fields, fields, "%s", err)
		})
	}
}

func ExamplePrice() {
	priced, err := pricing.Price(pricing.Order{
		Currency: "EUR",
		Lines: []pricing.Line{{
			UnitPrice: money.Must("19.90", "EUR"), Quantity: 3, Taxes: []pricing.TaxRule{{Name: "MwSt", Rate: decimal.RequireFromString("0.19"), Included: true}},
		}},
		Discounts: []pricing.Discount{{Target: pricing.TargetOrder, Amount: decimal.NewFromInt(5)}},
	})
	if err != nil {
		panic(err)
	}
	line := priced.Lines[0]
	fmt.Println("the line:", line.Gross, line.Discount(), line.Tax(), line.Payable)
	for k := range int64(3) {
		share := line.Share(3, k, k+1)
		fmt.Println("a piece: ", share.Gross, share.Discount(), share.Tax(), share.Payable)
	}
	// Output:
	// the line: 59.70 EUR 5.00 EUR 8.73 EUR 54.70 EUR
	// a piece:  19.90 EUR 1.67 EUR 2.91 EUR 18.23 EUR
	// a piece:  19.90 EUR 1.66 EUR 2.91 EUR 18.24 EUR
	// a piece:  19.90 EUR 1.67 EUR 2.91 EUR 18.23 EUR
}
