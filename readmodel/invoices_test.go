package readmodel_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/internal/testing/pgtest"
	"github.com/orderloom/orderloom/readmodel"
	"github.com/stretchr/testify/require"
)

// Each list of invoices has what its filters say, the newest first, in pages that miss and repeat nothing.
func TestInvoicesAreFound(t *testing.T) {
	t.Parallel()
	pool := pgtest.Pool(t)
	order := uuid.New()
	for i := range 12 {
		kind, series, of, day := "invoice", "INV-web-", order, 1+i/2
		if i%3 == 0 {
			kind, series, of = "credit_note", "CN-web-", uuid.New()
		}
		_, err := pool.Exec(t.Context(), `INSERT INTO orderloom.invoices
			(number, series, ordinal, kind, issued_on, sequence, event_id, order_id, customer_id, channel, currency, total, content, personal)
			VALUES ($1, $2, $3, $4, $5::text::date, $6, gen_random_uuid(), $7, $8, $9, 'EUR', 1, '{}', '{"key": "c:1"}')`,
			fmt.Sprintf("%s%d", series, i+1), series, i+1, kind, fmt.Sprintf("2026-11-%02d", day), 100+i, of, fmt.Sprintf("c-%d", i%2), []string{"", "web-1", "default", "web-3"}[i%4])
		require.NoError(t, err)
	}
	reader := readmodel.NewReader(pool, readmodel.Options{})
	for name, c := range map[string]struct {
		q    readmodel.InvoiceQuery
		want []int
	}{
		"all":      {readmodel.InvoiceQuery{}, []int{12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1}},
		"kind":     {readmodel.InvoiceQuery{Kind: "credit_note"}, []int{10, 7, 4, 1}},
		"channel":  {readmodel.InvoiceQuery{Channel: "web-1"}, []int{10, 6, 2}},
		"default":  {readmodel.InvoiceQuery{Channel: "default"}, []int{11, 9, 7, 5, 3, 1}},
		"customer": {readmodel.InvoiceQuery{CustomerID: "c-1", Kind: "invoice"}, []int{12, 8, 6, 2}},
		"order":    {readmodel.InvoiceQuery{OrderID: order}, []int{12, 11, 9, 8, 6, 5, 3, 2}},
		"number":   {readmodel.InvoiceQuery{Number: "CN-web-1"}, []int{10, 1}},
		"dates":    {readmodel.InvoiceQuery{From: "2026-11-02", To: "2026-11-04"}, []int{6, 5, 4, 3}},
		"none":     {readmodel.InvoiceQuery{Number: "INV-%"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var have []int
			for q := c.q; ; {
				q.Limit = 3
				page, err := reader.Invoices(t.Context(), q)
				require.NoError(t, err)
				for _, i := range page.Invoices {
					var n int
					_, err := fmt.Sscanf(i.Number[slices.Index([]byte(i.Number), 'b')+2:], "%d", &n)
					require.NoError(t, err)
					have = append(have, n)
					require.Equal(t, "c:1", i.Personal.Key)
				}
				if q.Cursor = page.NextCursor; q.Cursor == "" {
					break
				}
			}
			require.Equal(t, c.want, have)
		})
	}
	all, err := reader.InvoicesOf(t.Context(), order)
	require.NoError(t, err)
	require.Len(t, all, 8)
	require.Equal(t, "INV-web-2", all[0].Number, "the oldest first")
	one, err := reader.Invoice(t.Context(), "CN-web-4")
	require.NoError(t, err)
	require.Equal(t, "{}", string(one.JSON))
	_, err = reader.Invoice(t.Context(), "CN-web-5")
	require.Equal(t, domain.CodeNotFound, domain.Code(err))

	page, err := reader.Invoices(t.Context(), readmodel.InvoiceQuery{Limit: 2})
	require.NoError(t, err)
	for _, q := range []readmodel.InvoiceQuery{
		{Cursor: page.NextCursor, Kind: "invoice"}, {Cursor: "x"}, {Cursor: "e30"}, {Limit: readmodel.PageSizeMax + 1},
	} {
		_, err := reader.Invoices(t.Context(), q)
		require.Equal(t, domain.CodeInvalid, domain.Code(err), "%+v", q)
	}
}
