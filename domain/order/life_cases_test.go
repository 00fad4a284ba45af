package order_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/account"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/domain/pricing"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
)

// lifeCase is one case of testdata/life_cases.json: an order and what becomes of it, worked out by hand from the rule
// that its source states.
type lifeCase struct {
	Name   string `json:"name"`
	Source string `json:"source"`
	Order  struct {
		Currency string           `json:"currency"`
		Rounding pricing.Rounding `json:"rounding"`
		Lines    []struct {
			UnitPrice string `json:"unit_price"`
			Quantity  int    `json:"quantity"`
			// From is how many pieces leave from each location.
			From  map[string]int `json:"from"`
			Taxes []lifeTax      `json:"taxes"`
		} `json:"lines"`
		Shipping []struct {
			Amount string    `json:"amount"`
			Taxes  []lifeTax `json:"taxes"`
		} `json:"shipping"`
		Discounts []struct {
			Target     pricing.Target  `json:"target"`
			Percentage decimal.Decimal `json:"percentage"`
			Amount     decimal.Decimal `json:"amount"`
		} `json:"discounts"`
	} `json:"order"`
	Steps []lifeStep `json:"steps"`
	// Captured and Refunded are what the gateway has moved in the end.
	Captured string `json:"captured"`
	Refunded string `json:"refunded"`
}

type lifeTax struct {
	Name     string          `json:"name"`
	Rate     decimal.Decimal `json:"rate"`
	Included bool            `json:"included"`
}

// lifeStep is something that happens, and what it comes to. Discount, tax and the order's total are compared where they
// are given.
type lifeStep struct {
	Do       string `json:"do"`
	Location string `json:"location"`
	Line     int    `json:"line"`
	Pieces   int    `json:"pieces"`
	Amount   string `json:"amount"`
	Discount string `json:"discount"`
	Tax      string `json:"tax"`
	Total    string `json:"total"`
}

func TestHandWorkedLives(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/life_cases.json")
	require.NoError(t, err)
	var cases []lifeCase
	require.NoError(t, json.Unmarshal(text, &cases))
	require.Greater(t, len(cases), 8)
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			require.NotEmpty(t, c.Source)
			l := c.begin(t)
			for i, s := range c.Steps {
				what := fmt.Sprintf("step %d, %s", i+1, s.Do)
				part := l.do(t, s, what)
				require.Equal(t, s.Amount, part.Payable.Text(), what)
				require.Contains(t, []string{"", part.Discount().Text()}, s.Discount, what)
				require.Contains(t, []string{"", part.Tax().Text()}, s.Tax, what)
				require.Contains(t, []string{"", l.o.Total.Text()}, s.Total, what)
			}
			require.Equal(t, []string{c.Captured, c.Refunded}, []string{l.p.Captured.Text(), l.p.Refunded.Add(l.p.Owed()).Text()})
		})
	}
}

// lived is an order of the table and its payment.
type lived struct {
	o order.Order
	p payment.Payment
	n int
}

func (c lifeCase) begin(t *testing.T) *lived {
	t.Helper()
	content := order.Content{Rounding: c.Order.Rounding}
	p := pricing.Order{Currency: c.Order.Currency, Rounding: c.Order.Rounding}
	var allocations []inventory.Allocation
	for i, line := range c.Order.Lines {
		item := order.Item{ProductID: "p", SKU: fmt.Sprint("sku-", i), Quantity: line.Quantity, UnitPrice: money.Must(line.UnitPrice, p.Currency)}
		content.Items = append(content.Items, item)
		p.Lines = append(p.Lines, pricing.Line{UnitPrice: item.UnitPrice, Quantity: item.Quantity, Taxes: lifeRules(line.Taxes)})
		for _, location := range slices.Sorted(maps.Keys(line.From)) {
			allocations = append(allocations, inventory.Allocation{SKU: item.SKU, Location: location, Quantity: line.From[location]})
		}
	}
	for _, s := range c.Order.Shipping {
		line := order.ShippingLine{Method: "standard", Amount: money.Must(s.Amount, p.Currency)}
		content.ShippingLines = append(content.ShippingLines, line)
		p.Shipping = append(p.Shipping, pricing.ShippingLine{Amount: line.Amount, Taxes: lifeRules(s.Taxes)})
	}
	for _, d := range c.Order.Discounts {
		content.Discounts = append(content.Discounts, order.Discount{Target: d.Target})
		p.Discounts = append(p.Discounts, pricing.Discount{Target: d.Target, Percentage: d.Percentage, Amount: d.Amount})
	}
	priced, err := pricing.Price(p)
	require.NoError(t, err)
	content = content.Priced(priced)
	command := placeOrder(content.Items...)
	command.ShippingLines, command.Discounts, command.Rounding = content.ShippingLines, content.Discounts, content.Rounding
	l := &lived{o: must(t, order.Order{}, func(o order.Order) ([]domain.Event, error) { return order.Place(o, command) })}
	l.o = must(t, l.o, confirm(allocations...))
	l.pay(t, func(p payment.Payment) ([]domain.Event, error) {
		return payment.Authorize(p, payment.RecordAuthorization{
			OrderID: orderID, Amount: l.o.Total, Status: payment.StatusAuthorized, GatewayRef: "g", ExpiresAt: at.AddDate(1, 0, 0), At: at,
		})
	})
	return l
}

func lifeRules(taxes []lifeTax) (rules []pricing.TaxRule) {
	for _, tax := range taxes {
		rules = append(rules, pricing.TaxRule{Name: tax.Name, Rate: tax.Rate, Included: tax.Included})
	}
	return rules
}

func (l *lived) pay(t *testing.T, decide func(payment.Payment) ([]domain.Event, error)) {
	t.Helper()
	events, err := decide(l.p)
	require.NoError(t, err)
	for _, e := range events {
		l.p = payment.Evolve(l.p, e)
	}
}

func (l *lived) request() uuid.UUID {
	l.n++
	return domain.DerivedID(orderID, fmt.Sprint("life/", l.n))
}

// do lets a step happen, and returns what it comes to.
func (l *lived) do(t *testing.T, s lifeStep, what string) pricing.Breakdown {
	t.Helper()
	switch s.Do {
	case "ship":
		return l.ship(t, s.Location)
	case "cancel":
		orders, payments, err := account.CancelPart(l.o, l.p, order.CancelLines{
			RequestID: l.request(), Lines: []order.LineQuantity{{LineID: order.LineID(orderID, s.Line+1), Quantity: s.Pieces}}, Reason: "r", By: "customer", At: at,
		}, money.Limits{})
		return l.carryOut(t, what, orders, payments, err)
	case "return":
		orders, payments, err := account.Return(l.o, l.p, order.ReturnOrder{
			ReturnID: l.request(), Lines: []order.ReturnLine{{LineID: order.LineID(orderID, s.Line+1), Quantity: s.Pieces}}, Reason: "r", At: at,
		}, false, money.Limits{})
		return l.carryOut(t, what, orders, payments, err)
	case "refund":
		return l.refund(t, what, order.RefundLine{LineID: order.LineID(orderID, s.Line+1), Quantity: s.Pieces})
	case "refund shipping":
		return l.refund(t, what, order.RefundLine{ShippingLineID: order.ShippingLineID(orderID, s.Line+1)})
	}
	require.Fail(t, "no such step", what)
	return pricing.Breakdown{}
}

// ship lets the shipment from a location leave and arrive, and captures it.
func (l *lived) ship(t *testing.T, location string) pricing.Breakdown {
	t.Helper()
	i := slices.IndexFunc(l.o.Shipments, func(s order.Shipment) bool { return s.Location == location })
	require.GreaterOrEqual(t, i, 0, location)
	id := l.o.Shipments[i].ShipmentID
	share := l.o.Share(id, l.p.Taken(), money.Limits{})
	l.pay(t, func(p payment.Payment) ([]domain.Event, error) {
		return payment.Capture(p, payment.CapturePayment{CaptureID: id, Amount: share, GatewayRef: "g", At: at})
	})
	l.o = must(t, must(t, l.o, dispatch(id)), deliver(id))
	return pricing.Plain(share)
}

func (l *lived) refund(t *testing.T, what string, line order.RefundLine) pricing.Breakdown {
	t.Helper()
	c, err := account.Refund(l.o, l.p, account.RefundRequest{
		Asked: []order.RefundLine{line}, RefundPayment: payment.RefundPayment{RefundID: l.request(), Reason: "r", At: at},
	})
	require.NoError(t, err, what)
	payments, err := payment.RequestRefund(l.p, c)
	part := l.carryOut(t, what, nil, payments, err)
	l.pay(t, func(p payment.Payment) ([]domain.Event, error) {
		return payment.AnswerRefund(p, payment.RefundAnswer{RefundID: c.RefundID, Attempt: 1, Status: payment.RefundStatusPaid, GatewayRef: "r", At: at})
	})
	return part
}

// carryOut records a decision, and returns what its preview tells.
func (l *lived) carryOut(t *testing.T, what string, orders, payments []domain.Event, err error) pricing.Breakdown {
	t.Helper()
	require.NoError(t, err, what)
	told := account.PreviewOf(l.o, l.p, orders, payments)
	l.o = apply(l.o.Clone(), orders)
	l.pay(t, func(payment.Payment) ([]domain.Event, error) { return payments, nil })
	part := pricing.Plain(told.Amount)
	for i, line := range told.Lines { // one for each shipment that the pieces are in
		switch {
		case line.Money == nil:
		case i == 0:
			part = *line.Money
		default:
			part = part.Add(*line.Money)
		}
	}
	return part
}
