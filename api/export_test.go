package api

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/orderloom/orderloom/api/version"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/readmodel"
	"github.com/stretchr/testify/require"
)

// longList is a list of n orders, in pages.
type longList struct {
	*fakePlatform
	n     int
	one   readmodel.OrderView
	asked []readmodel.OrderQuery
	// failsAt is the order at which the list can't be read any more; 0 for never.
	failsAt int
	// drains ends the process while the second page is read; nil does not.
	drains func()
}

func (l *longList) Orders(_ context.Context, q readmodel.OrderQuery) (readmodel.OrderPage, error) {
	l.asked = append(l.asked, q)
	from, _ := strconv.Atoi(q.Cursor)
	if l.failsAt > 0 && from >= l.failsAt {
		return readmodel.OrderPage{}, domain.Invalids{domain.Invalid("cursor", "is none")}
	}
	if l.drains != nil && from > 0 {
		l.drains()
	}
	var page readmodel.OrderPage
	for i := from; i < min(from+q.Limit, l.n); i++ {
		v := l.one
		v.CustomerID = fmt.Sprint("cust-", i)
		page.Orders = append(page.Orders, v.Shown())
		page.NextCursor = strconv.Itoa(i + 1)
	}
	if from+q.Limit >= l.n {
		page.NextCursor = ""
	}
	return page, nil
}

// listing is an API with a long list of orders.
func listing(t *testing.T, n int) (*testBundle, *longList) {
	t.Helper()
	l := &longList{n: n}
	b := setup(t, func(o *Options) {
		l.fakePlatform = o.Orders.(*fakePlatform)
		o.Orders = l
	})
	l.one = b.givenOrder(t, order.StatusShipped, order.ShipmentStatusDispatched)
	return b, l
}

func TestAListIsExportedAsAWholeInLines(t *testing.T) {
	t.Parallel()
	b, l := listing(t, 250)
	a := b.get(t, ordersPath+"?status=shipped", "Accept", "application/x-ndjson")
	require.Equal(t, http.StatusOK, a.status)
	require.Equal(t, "application/x-ndjson", a.header.Get("Content-Type"))
	lines := strings.Split(strings.TrimSuffix(a.body, "\n"), "\n")
	require.Len(t, lines, 250)
	for i, line := range lines {
		checkBody(t, line, "components", "schemas", "Order")
		require.Contains(t, line, fmt.Sprintf(`"customer_id":"cust-%d"`, i))
		require.NotContains(t, line, "Geheime", "personal data are left out as in the list")
	}
	require.Len(t, l.asked, 3)
	for _, q := range l.asked {
		require.Equal(t, []any{"shipped", 100}, []any{q.Status, q.Limit})
	}
	personal := b.get(t, ordersPath+"?expand[]=shipping_address", "Accept", "application/x-ndjson")
	require.Contains(t, personal.body, "Geheime")
}

func TestAListIsExportedAsATable(t *testing.T) {
	t.Parallel()
	b, _ := listing(t, 120)
	a := b.get(t, ordersPath+"?fields=customer_id,total,items.sku,settled", "Accept", "text/csv")
	require.Equal(t, http.StatusOK, a.status, a.body)
	require.Equal(t, "text/csv; charset=utf-8; header=present", a.header.Get("Content-Type"))
	require.Equal(t, `attachment; filename="orders.csv"`, a.header.Get("Content-Disposition"))
	require.Contains(t, a.body, "\r\n")
	rows, err := csv.NewReader(strings.NewReader(a.body)).ReadAll()
	require.NoError(t, err)
	require.Equal(t, []string{"customer_id", "total.amount", "total.currency", "items.sku", "settled"}, rows[0])
	require.Len(t, rows, 121)
	require.Equal(t, []string{"cust-0", "39.80", "EUR", "", "false"}, rows[1])
	rows, err = csv.NewReader(strings.NewReader(b.get(t, ordersPath, "Accept", "text/csv").body)).ReadAll()
	require.NoError(t, err)
	require.Contains(t, rows[0], "order_number")
	require.Contains(t, rows[0], "captured.amount")
	require.Contains(t, rows[0], "items", "a list is one column of JSON")
	require.Contains(t, strings.Join(rows[1], "|"), `[{"line_id"`)
}

// A customer chooses what stands in an order, and somebody opens the table in a spreadsheet.
func TestNoCellIsAFormula(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`=HYPERLINK("http://x")`: `'=HYPERLINK("http://x")`, "+49 30 1": "'+49 30 1", "-1+1": "'-1+1", "@SUM(A1)": "'@SUM(A1)", "\t=1": "'\t=1",
		"＝1+1": "'＝1+1", "＠SUM(A1)": "'＠SUM(A1)",
		"-5.00": "-5.00", "-5": "-5", "5.00": "5.00", "plain": "plain", "a=1": "a=1", "": "",
	} {
		b, l := listing(t, 1)
		l.one.Tags = []string{"=1"}
		l.one.ExternalReference = text
		rows, err := csv.NewReader(strings.NewReader(b.raw(t, "GET", ordersPath+"?fields=external_reference,tags", "", "Accept", "text/csv").body)).ReadAll()
		require.NoError(t, err)
		require.Equal(t, want, rows[1][0], "%q", text)
		require.Equal(t, `["=1"]`, rows[1][1])
	}
}

func TestAnExportIsAllOfItOrBreaksOff(t *testing.T) {
	t.Parallel()
	b, l := listing(t, 500)
	p := b.get(t, ordersPath+"?limit=5&cursor=x", "Accept", "text/csv").problem(t, http.StatusUnprocessableEntity, codeInvalid)
	require.ElementsMatch(t, []string{"query:limit", "query:cursor"}, p.fields())
	b.get(t, ordersPath+"?status=none", "Accept", "text/csv").problem(t, http.StatusUnprocessableEntity, codeInvalid)
	require.Contains(t, b.get(t, ordersPath, "Accept", "text/csv, application/json").header.Get("Content-Type"), "application/json")
	l.failsAt = 200
	base := "http://" + b.serve(t)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+ordersPath, nil)
	require.NoError(t, err)
	r.Header.Set("Accept", "application/x-ndjson")
	response, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer response.Body.Close() //nolint:errcheck // of a test
	text, err := io.ReadAll(response.Body)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF, "nobody takes a part for the whole")
	require.Equal(t, 200, strings.Count(string(text), "\n"))
}

// Fails where an export holds up the end of its process until the time for that is over.
func TestAnExportEndsWithItsProcess(t *testing.T) {
	t.Parallel()
	b, l := listing(t, 5_000)
	l.drains = b.api.Drain
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+b.serve(t)+ordersPath, nil)
	require.NoError(t, err)
	r.Header.Set("Accept", "application/x-ndjson")
	response, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer response.Body.Close() //nolint:errcheck // of a test
	text, err := io.ReadAll(response.Body)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.Equal(t, 200, strings.Count(string(text), "\n"), "the page that was read is whole")
	a := b.get(t, ordersPath, "Accept", "text/csv")
	a.problem(t, http.StatusServiceUnavailable, codeUnavailable)
	require.NotEmpty(t, a.header.Get("Retry-After"), "another process takes it")
	require.Equal(t, http.StatusOK, b.get(t, ordersPath).status, "a page is read on")
}

// The columns of a table have the names that its caller knows.
func TestATableHasTheColumnsOfItsVersion(t *testing.T) {
	t.Parallel()
	l := &longList{n: 3}
	b := setup(t, func(o *Options) {
		l.fakePlatform = o.Orders.(*fakePlatform)
		o.Orders = l
		o.Versions = version.New(firstVersion, version.Change{
			To: secondVersion, About: "An order has no buyer and no old ones any more, and says whether it is settled.",
			Queries: map[string]func(url.Values){"GET /api/v1/orders": func(q url.Values) {
				if q.Has("fields") {
					q.Set("fields", strings.ReplaceAll(q.Get("fields"), "buyer.id", "customer_id"))
				}
			}},
			Answers: map[string]func(map[string]any){"Order": func(o map[string]any) {
				o["buyer"] = map[string]any{"id": o["customer_id"]}
				delete(o, "customer_id")
				delete(o, "settled")
				o["old"] = "yes"
			}},
		})
	})
	l.one = b.givenOrder(t, order.StatusShipped, order.ShipmentStatusDispatched)
	table := func(v, query string) [][]string {
		a := b.raw(t, "GET", ordersPath+query, "", "Accept", "text/csv", version.Header, v)
		require.Equal(t, http.StatusOK, a.status, a.body)
		require.Equal(t, v, a.header.Get(version.Header))
		rows, err := csv.NewReader(strings.NewReader(a.body)).ReadAll()
		require.NoError(t, err)
		require.Len(t, rows, 4)
		return rows
	}
	older, newest := table(firstVersion, ""), table(secondVersion, "")
	value := func(rows [][]string, column string) string {
		i := slices.Index(rows[0], column)
		require.GreaterOrEqual(t, i, 0, "%s is no column of %v", column, rows[0])
		return rows[2][i]
	}
	require.Equal(t, "cust-1", value(older, "buyer.id"))
	require.Equal(t, "cust-1", value(newest, "customer_id"))
	require.Equal(t, "39.80", value(older, "total.amount"))
	require.Equal(t, "yes", value(older, "old"))
	require.NotContains(t, older[0], "customer_id")
	require.NotContains(t, older[0], "settled")
	require.Contains(t, newest[0], "settled")
	require.Len(t, older[0], len(newest[0]), "all other columns are the same")
	require.Equal(t, []string{"status", "buyer.id", "old"}, table(firstVersion, "?fields=status,buyer.id")[0])
}

func TestEveryListButTheFeedIsExported(t *testing.T) {
	t.Parallel()
	b := setup(t)
	lists := 0
	for _, name := range contract().Operations() {
		method, path, _ := strings.Cut(name, " ")
		content, _ := contract().At("paths", path, strings.ToLower(method), "responses", "200", "content").(map[string]any)
		if method != http.MethodGet || content["text/csv"] == nil {
			continue
		}
		lists++
		for _, media := range []string{"text/csv", "application/x-ndjson"} {
			a := b.get(t, path, "Accept", media)
			require.Equal(t, http.StatusOK, a.status, "%s: %s", path, a.body)
			require.Contains(t, a.header.Get("Content-Type"), media, path)
		}
	}
	require.Equal(t, 9, lists)
}
