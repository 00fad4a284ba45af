package api

import (
	"context"
	"fmt"
	"net/http"

	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/readmodel"
)

// getCustomer shows what a customer has ordered so far: GET /api/v1/customers/{customer_id}/summary.
func (a *API) getCustomer(ctx context.Context, x *httpx.Exchange) error {
	id := x.Param("customer_id")
	c, err := a.views.Customer(ctx, id)
	switch {
	case domain.Code(err) == domain.CodeNotFound:
		return newProblem(domain.CodeNotFound, "no order of this customer is known")
	case err != nil:
		return fmt.Errorf("read the summary of a customer: %w", err)
	}
	x.Writer.Header().Set("Cache-Control", "private, no-cache")
	return x.JSON(http.StatusOK, withTotals(c))
}

func withTotals(c readmodel.CustomerSummary) *readmodel.CustomerSummary {
	for _, sums := range []*[]money.Money{&c.Totals, &c.Refunded, &c.Owed, &c.Disputed, &c.DisputesLost} {
		if *sums == nil {
			*sums = []money.Money{}
		}
	}
	return &c
}
