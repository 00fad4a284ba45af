package pricing_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/pricing"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
)

// handWorked is one case of testdata/cases.json: what was worked out by hand, from the rule that its source states.
type handWorked struct {
	Name   string `json:"name"`
	Source string `json:"source"`
	Order  struct {
		Currency string           `json:"currency"`
		Rounding pricing.Rounding `json:"rounding"`
		Lines    []struct {
			UnitPrice string    `json:"unit_price"`
			Quantity  int       `json:"quantity"`
			Taxes     []taxCase `json:"taxes"`
		} `json:"lines"`
		Shipping []struct {
			Amount string    `json:"amount"`
			Taxes  []taxCase `json:"taxes"`
		} `json:"shipping"`
		Discounts []struct {
			Target     pricing.Target  `json:"target"`
			Items      []int           `json:"items"`
			Percentage decimal.Decimal `json:"percentage"`
			Amount     decimal.Decimal `json:"amount"`
		} `json:"discounts"`
	} `json:"order"`
	Lines    []breakdownCase   `json:"lines"`
	Shipping []breakdownCase   `json:"shipping"`
	Totals   map[string]string `json:"totals"`
}

type taxCase struct {
	Name     string           `json:"name"`
	Rate     decimal.Decimal  `json:"rate"`
	Included bool             `json:"included"`
	Amount   *decimal.Decimal `json:"amount"`
}

// breakdownCase is a breakdown as the table tells it. Discounts and taxes are their amounts.
type breakdownCase struct {
	Gross     string   `json:"gross"`
	Discounts []string `json:"discounts"`
	Taxes     []string `json:"taxes"`
	Payable   string   `json:"payable"`
}

func TestHandWorkedCases(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("testdata/cases.json")
	require.NoError(t, err)
	var cases []handWorked
	require.NoError(t, json.Unmarshal(b, &cases))
	require.Greater(t, len(cases), 15)
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			require.NotEmpty(t, c.Source)
			priced, err := pricing.Price(c.order())
			require.NoError(t, err)
			require.Equal(t, c.Lines, told(priced.Lines))
			require.Equal(t, c.Shipping, told(priced.Shipping))
			require.Equal(t, c.Totals, toldTotals(t, priced.Totals))
		})
	}
}

func (c handWorked) order() pricing.Order {
	o := pricing.Order{Currency: c.Order.Currency, Rounding: c.Order.Rounding}
	for _, l := range c.Order.Lines {
		o.Lines = append(o.Lines, pricing.Line{UnitPrice: money.Must(l.UnitPrice, o.Currency), Quantity: l.Quantity, Taxes: rules(l.Taxes)})
	}
	for _, s := range c.Order.Shipping {
		o.Shipping = append(o.Shipping, pricing.ShippingLine{Amount: money.Must(s.Amount, o.Currency), Taxes: rules(s.Taxes)})
	}
	for _, d := range c.Order.Discounts {
		o.Discounts = append(o.Discounts, pricing.Discount{Target: d.Target, Lines: d.Items, Percentage: d.Percentage, Amount: d.Amount})
	}
	return o
}

func rules(taxes []taxCase) (out []pricing.TaxRule) {
	for _, t := range taxes {
		out = append(out, pricing.TaxRule{Name: t.Name, Rate: t.Rate, Included: t.Included, Amount: t.Amount})
	}
	return out
}

func told(breakdowns []pricing.Breakdown) (out []breakdownCase) {
	for _, b := range breakdowns {
		c := breakdownCase{Gross: b.Gross.Text(), Payable: b.Payable.Text()}
		for _, d := range b.Discounts {
			c.Discounts = append(c.Discounts, d.Amount.Text())
		}
		for _, tax := range b.Taxes {
			c.Taxes = append(c.Taxes, tax.Amount.Text())
		}
		out = append(out, c)
	}
	return out
}

func toldTotals(t *testing.T, totals pricing.Totals) map[string]string {
	t.Helper()
	b, err := json.Marshal(totals)
	require.NoError(t, err)
	var members map[string]money.Money
	require.NoError(t, json.Unmarshal(b, &members))
	out := map[string]string{}
	for name, m := range members {
		out[name] = m.Text()
	}
	return out
}
