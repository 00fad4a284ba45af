package api

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/address"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/pricing"
	"github.com/orderloom/orderloom/internal/failure"
	"github.com/shopspring/decimal"
)

// newTax is a tax on a line or shipping line of a new order.
type newTax struct {
	Name string          `json:"name"`
	Rate decimal.Decimal `json:"rate,omitzero"`
	// Included is nil where the order's prices say it.
	Included *bool            `json:"included,omitempty"`
	Amount   *decimal.Decimal `json:"amount,omitempty"`
}

// newShippingLine is a shipping line of a new order. Taxes are nil where the platform is to find them.
type newShippingLine struct {
	Method   string          `json:"method"`
	Name     string          `json:"name,omitempty"`
	Amount   decimal.Decimal `json:"amount"`
	TaxClass string          `json:"tax_class,omitempty"`
	Taxes    []newTax        `json:"taxes,omitzero"`
}

// newDiscount is a discount of a new order.
type newDiscount struct {
	Target     pricing.Target  `json:"target"`
	Items      []int           `json:"items,omitempty"`
	Percentage decimal.Decimal `json:"percentage,omitzero"`
	Amount     decimal.Decimal `json:"amount,omitzero"`
	Code       string          `json:"code,omitempty"`
	Reason     string          `json:"reason,omitempty"`
}

// checkMoney names what is wrong with taxes, shipping lines, discounts and rounding. What they come to is told by
// [API.priced].
func (r *newOrder) checkMoney() domain.Invalids {
	if r.isPlain() { // as most are
		return nil
	}
	bad := invalids(pricing.CheckTerms(r.money()))
	c := r.content(uuid.Nil)
	return append(bad, invalids(order.CheckShipping(c.ShippingLines, c.Discounts))...)
}

// isPlain reports whether the request has nothing but prices.
func (r *newOrder) isPlain() bool {
	return len(r.ShippingLines) == 0 && len(r.Discounts) == 0 && r.Rounding.IsZero() &&
		!slices.ContainsFunc(r.Items, func(i newItem) bool { return len(i.Taxes) > 0 })
}

// money is the order's money as it is computed. A line whose taxes are to be found has none as yet.
func (r *newOrder) money() pricing.Order {
	p := pricing.Order{Currency: r.Currency, Rounding: r.Rounding}
	for _, i := range r.Items {
		p.Lines = append(p.Lines, pricing.Line{
			UnitPrice: money.Money{Amount: i.UnitPrice, Currency: i.Currency}, Quantity: i.Quantity, Taxes: r.taxes(i.Taxes),
		})
	}
	for _, l := range r.ShippingLines {
		p.Shipping = append(p.Shipping, pricing.ShippingLine{
			Amount: money.Money{Amount: l.Amount, Currency: r.Currency}, Taxes: r.taxes(l.Taxes),
		})
	}
	for _, d := range r.Discounts {
		p.Discounts = append(p.Discounts, pricing.Discount{Target: d.Target, Lines: d.Items, Percentage: d.Percentage, Amount: d.Amount})
	}
	return p
}

func (r *newOrder) taxes(given []newTax) (rules []pricing.TaxRule) {
	for _, t := range given {
		rule := pricing.TaxRule{Name: strings.TrimSpace(t.Name), Rate: t.Rate, Included: r.PricesIncludeTax, Amount: t.Amount}
		if t.Included != nil {
			rule.Included = *t.Included
		}
		rules = append(rules, rule)
	}
	return rules
}

// content is what is ordered, in the domain's form and without what it comes to.
func (r *newOrder) content(id uuid.UUID) order.Content {
	c := order.Content{Items: r.lines(), Rounding: r.Rounding}
	for _, l := range r.ShippingLines {
		c.ShippingLines = append(c.ShippingLines, order.ShippingLine{
			Method: l.Method, Name: l.Name, Amount: money.Money{Amount: l.Amount, Currency: r.Currency}, TaxClass: l.TaxClass,
		})
	}
	for _, d := range r.Discounts {
		discount := order.Discount{Target: d.Target, Percentage: d.Percentage, Code: d.Code, Reason: d.Reason}
		if !d.Amount.IsZero() {
			discount.Amount = money.Money{Amount: d.Amount, Currency: r.Currency}
		}
		for _, i := range d.Items {
			discount.LineIDs = append(discount.LineIDs, order.LineID(id, i+1))
		}
		c.Discounts = append(c.Discounts, discount)
	}
	return c
}

// TaxProvider finds the taxes of lines that come without any, such as a table or a tax service.
type TaxProvider interface {
	// Taxes returns the taxes of each tax class of the question, in its order: their rates, from which the platform
	// computes. It may be repeated. An error means that they can't be told for the moment. The order is not accepted
	// then.
	Taxes(ctx context.Context, q TaxQuestion) ([][]pricing.TaxRule, error)
}

// TaxQuestion asks for the taxes of an order's lines.
type TaxQuestion struct {
	Currency string
	// Country and Subdivision are where the order goes. The subdivision is as addresses of the country write it, such
	// as QC, however the customer has named it.
	Country, Subdivision string
	// PricesIncludeTax says whether the prices contain the taxes.
	PricesIncludeTax bool
	// Classes are the tax classes of the lines and shipping lines; empty for the standard one.
	Classes []string
}

// TaxTable is a [TaxProvider] that reads a table.
type TaxTable struct{ Table pricing.TaxTable }

// Taxes implements [TaxProvider]. It has no error.
func (t TaxTable) Taxes(_ context.Context, q TaxQuestion) ([][]pricing.TaxRule, error) {
	out := make([][]pricing.TaxRule, len(q.Classes))
	for i, class := range q.Classes {
		out[i] = t.Table.Taxes(pricing.TaxQuestion{Country: q.Country, Subdivision: q.Subdivision, TaxClass: class}, q.PricesIncludeTax)
	}
	return out, nil
}

// findsTaxes reports whether the platform has to find taxes of the order.
func (a *API) findsTaxes(r *newOrder) bool {
	return a.taxes != nil && (slices.ContainsFunc(r.Items, func(i newItem) bool { return i.Taxes == nil }) ||
		slices.ContainsFunc(r.ShippingLines, func(l newShippingLine) bool { return l.Taxes == nil }))
}

// priced returns what is ordered, with what each part of it costs. Errors: [domain.Invalids]; unavailable when the
// taxes can't be found.
func (a *API) priced(ctx context.Context, id uuid.UUID, r *newOrder) (order.Content, error) {
	finds := a.findsTaxes(r)
	if r.isPlain() && !finds {
		return order.Content{Items: r.lines()}, nil
	}
	p := r.money()
	if finds {
		if err := a.findTaxes(ctx, r, &p); err != nil {
			return order.Content{}, failure.Passing(fmt.Errorf("find the taxes: %w", err)) // whatever a provider of the shop's own has met
		}
	}
	c := r.content(id)
	if p.IsPlain() {
		return c, nil
	}
	priced, err := pricing.Price(p)
	if err != nil {
		return c, err
	}
	return c.Priced(priced), nil
}

// findTaxes asks for the taxes of the lines that come without any.
func (a *API) findTaxes(ctx context.Context, r *newOrder, p *pricing.Order) error {
	q := TaxQuestion{
		Currency: r.Currency, Country: r.ShippingAddress.Country, PricesIncludeTax: r.PricesIncludeTax,
		Subdivision: address.SubdivisionKey(r.ShippingAddress.Country, r.ShippingAddress.State),
	}
	var into []*[]pricing.TaxRule
	for i, item := range r.Items {
		if item.Taxes == nil {
			q.Classes, into = append(q.Classes, item.TaxClass), append(into, &p.Lines[i].Taxes)
		}
	}
	for i, l := range r.ShippingLines {
		if l.Taxes == nil {
			q.Classes, into = append(q.Classes, l.TaxClass), append(into, &p.Shipping[i].Taxes)
		}
	}
	found, err := a.taxes.Taxes(ctx, q)
	if err != nil {
		return err
	}
	if len(found) != len(into) {
		return fmt.Errorf("the tax provider has answered %d of %d questions", len(found), len(into))
	}
	for i, rules := range found {
		*into[i] = rules
	}
	return nil
}
