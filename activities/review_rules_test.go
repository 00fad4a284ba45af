package activities_test

import (
	"testing"

	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/stretchr/testify/require"
)

func TestReviewRules(t *testing.T) {
	t.Parallel()
	rules := activities.ReviewRules{Above: []money.Money{eur("100.00")}, Customers: []string{"cus_17"}}
	for name, c := range map[string]struct {
		rules    activities.ReviewRules
		customer string
		total    money.Money
		rule     string
	}{
		"no rules":                      {activities.ReviewRules{}, "cus_17", eur("1000.00"), ""},
		"a customer":                    {rules, "cus_17", eur("1.00"), "customer"},
		"an amount":                     {rules, "cus_1", eur("100.01"), "amount"},
		"the limit itself":              {rules, "cus_1", eur("100.00"), ""},
		"a currency that has no limit":  {rules, "cus_1", money.Must("1000.00", "USD"), ""},
		"a customer before the amount":  {rules, "cus_17", eur("1000.00"), "customer"},
		"another customer of this name": {rules, "cus_170", eur("1.00"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.rule, c.rules.Rule(c.customer, c.total))
		})
	}
}
