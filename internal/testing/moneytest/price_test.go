package moneytest_test

import (
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/pricing"
	"github.com/shopspring/decimal"
)

// price adds taxes, discounts, shipping, a gift and a download to what is ordered, as they are drawn. Such an order may
// cost nothing.
func (l *life) price() {
	s := &l.setting
	tax := func() (rules []pricing.TaxRule) {
		if l.chance(0.7) {
			rules = append(rules, pricing.TaxRule{Name: "VAT", Rate: decimal.New(int64(pick(l, 5, 7, 19, 25)), -2), Included: l.chance(0.5)})
		}
		return rules
	}
	if l.chance(0.3) {
		s.items[l.rand.IntN(len(s.items))].UnitPrice = money.Zero(s.currency)
	}
	for i := range s.items {
		if l.chance(0.2) {
			s.items[i].RequiresShipping = new(bool)
		}
	}
	p := pricing.Order{Currency: s.currency}
	for _, i := range s.items {
		p.Lines = append(p.Lines, pricing.Line{UnitPrice: i.UnitPrice, Quantity: i.Quantity, Taxes: tax()})
	}
	if l.chance(0.7) {
		amount := money.FromMinorUnits(int64(l.rand.IntN(900)), s.currency)
		s.shipping = append(s.shipping, order.ShippingLine{Method: "standard", Amount: amount})
		p.Shipping = append(p.Shipping, pricing.ShippingLine{Amount: amount, Taxes: tax()})
	}
	for _, target := range []pricing.Target{pricing.TargetOrder, pricing.TargetShipping} {
		if target == pricing.TargetShipping && len(s.shipping) == 0 || !l.chance(0.5) {
			continue
		}
		percentage := decimal.NewFromInt(int64(pick(l, 1+l.rand.IntN(60), 1+l.rand.IntN(60), 1+l.rand.IntN(60), 100)))
		s.discounts = append(s.discounts, order.Discount{Target: target, Percentage: percentage})
		p.Discounts = append(p.Discounts, pricing.Discount{Target: target, Percentage: percentage})
	}
	priced, err := pricing.Price(p)
	if err != nil {
		panic(err)
	}
	c := s.content().Priced(priced)
	s.items, s.shipping, s.discounts = c.Items, c.ShippingLines, c.Discounts
}
