package api

import (
	"net/http"
	"testing"

	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/readmodel"
	"github.com/stretchr/testify/require"
)

func TestGetCustomer(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.get(t, "/api/v1/customers/cust-1/summary").problem(t, http.StatusNotFound, codeNotFound)
	b.customers["cust-1"] = readmodel.CustomerSummary{
		CustomerID: "cust-1", Orders: 2, Cancelled: 1, Totals: []money.Money{money.Must("39.80", "EUR")}, FirstOrderAt: acceptedAt, LastOrderAt: acceptedAt,
		Owed: []money.Money{money.Must("5.00", "EUR")}, DisputesLost: []money.Money{money.Must("7.00", "EUR")},
	}
	a := b.get(t, "/api/v1/customers/cust-1/summary")
	require.Equal(t, http.StatusOK, a.status)
	require.EqualValues(t, 2, a.object(t)["orders"])
	require.Equal(t, []any{map[string]any{"amount": "5.00", "currency": "EUR"}}, a.object(t)["owed"])
	require.Equal(t, []any{map[string]any{"amount": "7.00", "currency": "EUR"}}, a.object(t)["disputes_lost"])
	for _, none := range []string{"refunded", "disputed"} {
		require.Equal(t, []any{}, a.object(t)[none], none)
	}
	b.get(t, "/api/v1/customers/%00/summary?x=1").problem(t, http.StatusUnprocessableEntity, codeInvalid)
	b.customerErr = errAway
	b.get(t, "/api/v1/customers/cust-1/summary").problem(t, http.StatusServiceUnavailable, codeUnavailable)
	require.NotContains(t, b.log.String(), "cust-1", "a customer's id is no path of the log")
}
