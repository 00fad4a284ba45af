package api

import (
	"context"
	"fmt"
	"net/http"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/readmodel"
)

// getCustomer shows what a customer has ordered so far: GET /api/v1/customers/{customer_id}/summary.
func (a *API) getCustomer(ctx context.Context, x *exchange) error {
	id := x.Param("customer_id")
	if p := idProblem(id, order.IDLengthMax); p != "" {
		x.blame(inPath, "customer_id", "%s", p)
	}
	x.query()
	if err := x.invalid(); err != nil {
		return err
	}
	c, err := a.views.Customer(ctx, id)
	switch {
	case domain.Code(err) == codeNotFound:
		return newProblem(codeNotFound, "no order of this customer is known")
	case err != nil:
		return unavailable(fmt.Errorf("read the summary of a customer: %w", err))
	}
	x.Writer.Header().Set("Cache-Control", "private, no-cache")
	return x.json(http.StatusOK, withTotals(c))
}

func withTotals(c readmodel.CustomerSummary) *readmodel.CustomerSummary {
	if c.Totals == nil {
		c.Totals = []money.Money{}
	}
	return &c
}
