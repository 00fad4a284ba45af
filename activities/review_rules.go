package activities

import (
	"slices"

	"github.com/orderloom/orderloom/domain/money"
)

// Reviewer says which orders a person looks at before they go on. It only computes, and says the same of
// the same order.
type Reviewer interface {
	// Rule returns the code of the rule that asks for a review, or "".
	Rule(customerID string, total money.Money) string
}

// ReviewRules say which orders a person looks at before they go on. The zero value asks for none.
type ReviewRules struct {
	// Above holds orders whose total is above the limit in its currency.
	Above []money.Money
	// Customers holds the orders of these customers.
	Customers []string
}

// Rule returns the code of the first rule that asks for a review, or "".
func (r ReviewRules) Rule(customerID string, total money.Money) string {
	if slices.Contains(r.Customers, customerID) {
		return "customer"
	}
	for _, limit := range r.Above {
		if limit.SameCurrency(total) && total.Cmp(limit) > 0 {
			return "amount"
		}
	}
	return ""
}
