package api

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orderloom/orderloom/access"
	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/require"
)

const importPath = "/api/v1/orders/import"

// orderLine is a line of an import that orders something for a customer.
func orderLine(key, customer string) string {
	return fmt.Sprintf(`{"key": %q, "order": %s}`, key, strings.ReplaceAll(strings.Replace(goodOrder, "cust-1", customer, 1), "\n", " "))
}

// results are the lines of an answer to an import.
func results(t *testing.T, body string) (list []importResult, end importEnd) {
	t.Helper()
	for _, line := range strings.Split(strings.TrimSuffix(body, "\n"), "\n") {
		if strings.HasPrefix(line, `{"done"`) {
			require.NoError(t, json.Unmarshal([]byte(line), &end))
			continue
		}
		require.False(t, end.Done, "nothing comes after the end")
		checkBody(t, line, "components", "schemas", "ImportResult")
		var r importResult
		require.NoError(t, json.Unmarshal([]byte(line), &r))
		list = append(list, r)
	}
	return list, end
}

func (b *testBundle) imports(t *testing.T, path, body, key string, headers ...string) answer {
	t.Helper()
	return b.raw(t, "POST", path, body, append([]string{"Content-Type", "application/x-ndjson", "Idempotency-Key", key}, headers...)...)
}

func TestEachLineOfAnImportIsAnOrderOfItsOwn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	body := strings.Join([]string{
		orderLine("a", "cust-1"), `{"key": "b", "order": {"customer_id": "cust-2"}}`, ``, `nonsense`, orderLine("", "cust-3"),
		`{"key": "c", "receipt": {}}`, `{"key": "d", "order": {}, "more": 1}`, orderLine("e", "cust-5"), orderLine("a", "cust-1"), orderLine("a", "cust-9"),
		`{"key": "` + strings.Repeat("x", 300<<10) + `"}`, orderLine("f", "cust-6"),
	}, "\n")
	a := b.imports(t, importPath, body, "import-1")
	require.Equal(t, http.StatusOK, a.status, a.body)
	require.Equal(t, "application/x-ndjson", a.header.Get("Content-Type"))
	list, end := results(t, a.body)
	want := []struct{ line, status int }{{1, 201}, {2, 422}, {4, 400}, {5, 422}, {6, 422}, {7, 422}, {8, 201}, {9, 201}, {10, 422}, {11, 413}, {12, 201}}
	require.Len(t, list, len(want), a.body)
	for i, w := range want {
		require.Equal(t, []int{w.line, w.status}, []int{list[i].Line, list[i].Status}, string(list[i].Result))
		schema := "Problem"
		if w.status < 400 {
			schema = "OrderAccepted"
		}
		checkBody(t, string(list[i].Result), "components", "schemas", schema)
	}
	require.Contains(t, string(list[1].Result), `"field":"currency"`, "a bad line names all that is wrong with it")
	require.True(t, list[7].Replayed || list[0].Replayed, "the same line is one order")
	require.Contains(t, string(list[8].Result), "idempotency_key_reused")
	require.Equal(t, importEnd{Done: true, Lines: 11, Failed: 7}, end)
	require.Len(t, b.started, 3)
}

func TestAnImportThatWasCutOffGoesOn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var lines []string
	for i := range 50 {
		lines = append(lines, orderLine(fmt.Sprint("row-", i), fmt.Sprint("cust-", i)))
	}
	b.imports(t, importPath, strings.Join(lines[:20], "\n"), "k")
	require.Len(t, b.started, 20)
	list, end := results(t, b.imports(t, importPath, strings.Join(lines, "\n")+"\n", "k").body)
	require.Equal(t, importEnd{Done: true, Lines: 50}, end)
	for i, r := range list {
		require.Equal(t, i < 20, r.Replayed, i)
		require.Equal(t, fmt.Sprint("row-", i), r.Key, "results are in the order of the lines")
	}
	require.Len(t, b.started, 50)
	b.imports(t, importPath, lines[0], "another")
	require.Len(t, b.started, 51, "another import is another one")
}

func TestStockIsImported(t *testing.T) {
	t.Parallel()
	b := setup(t)
	body := `{"key": "1", "receipt": {"sku": "A", "location": "berlin", "quantity": 5}}` + "\n" +
		`{"key": "2", "adjustment": {"sku": "A", "location": "berlin", "delta": -1, "reason": "count"}}` + "\n" + `{"key": "3", "order": {}}`
	list, end := results(t, b.imports(t, "/api/v1/stock/import", body, "k").body)
	require.Equal(t, importEnd{Done: true, Lines: 3, Failed: 1}, end)
	require.Equal(t, []int{201, 201, 422}, []int{list[0].Status, list[1].Status, list[2].Status}, string(list[1].Result))
	require.Len(t, b.received, 1)
	require.Len(t, b.adjusted, 1)
}

// A line that can't be read says from where on, and stops no other.
func TestALineThatIsNoJSONSaysWhere(t *testing.T) {
	t.Parallel()
	b := setup(t)
	good := `{"key": "good", "receipt": {"sku": "A", "location": "berlin", "quantity": 5}}`
	for line, says := range map[string]string{
		"\ufeff" + good:          "from byte 1 on",
		`{"key": "a` + "\xff\"}": "from byte 11 on: invalid UTF-8",
		good + "\x00":            "from byte 78 on",
	} {
		list, end := results(t, b.imports(t, "/api/v1/stock/import", line+"\r\n"+good+"\n", "k").body)
		require.Equal(t, importEnd{Done: true, Lines: 2, Failed: 1}, end)
		require.Equal(t, []int{http.StatusBadRequest, http.StatusCreated}, []int{list[0].Status, list[1].Status})
		require.Contains(t, string(list[0].Result), says)
	}
}

// A line that is taken is carried out whole, so it asks for one thing.
func TestALineAsksForOneThing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const receipt, adjustment = `{"sku": "A", "location": "berlin", "quantity": 5}`, `{"sku": "A", "location": "berlin", "delta": -1, "reason": "count"}`
	order := strings.TrimSuffix(orderLine("1", "cust-1"), "}")
	for line, field := range map[string]string{
		order + `, "receipt": ` + receipt + `}`: "body:",
		order + `, "adjustment": null}`:         "body:",
		order + `, "more": 1}`:                  "body:more",
		`{"key": "1", "key": "2", "order": {}}`: "body:key",
		`{"key": 1, "order": {}}`:               "body:key",
		`{"key": "1"}`:                          "body:",
		`{"key": "1", "receipt": ` + receipt + `, "adjustment": ` + adjustment + `}`: "body:",
	} {
		for _, path := range []string{importPath, "/api/v1/stock/import"} {
			list, _ := results(t, b.imports(t, path, line, "k").body)
			require.Len(t, list, 1)
			require.Equal(t, http.StatusUnprocessableEntity, list[0].Status, line)
			var p problem
			require.NoError(t, json.Unmarshal(list[0].Result, &p))
			require.Equal(t, []string{field}, p.fields(), "%s: %s", line, list[0].Result)
		}
	}
	require.True(t, b.untouched())
}

// A line is no way around what its caller may not do.
func TestLinesHaveTheScopesAndTheVersionOfTheirCaller(t *testing.T) {
	t.Parallel()
	b := versioned(t)
	older := strings.Replace(orderLine("a", "cust-1"), `"customer_id"`, `"buyer"`, 1)
	list, _ := results(t, b.imports(t, importPath, older, "k", "Authorization", "Bearer old").body)
	require.Equal(t, 201, list[0].Status, string(list[0].Result))
	require.Contains(t, string(list[0].Result), `"buyer":"cust-1"`)

	keys := byRole()
	keys["web"] = &access.Caller{Account: "shop", ID: "web", Role: access.Storefront, Scopes: access.Storefront.Scopes(), Channels: []string{"web"}}
	b = setup(t, func(o *Options) { o.Authenticator = keys })
	b.imports(t, importPath, orderLine("a", "cust-1"), "k").problem(t, http.StatusUnauthorized, codeUnauthenticated)
	b.imports(t, importPath, orderLine("a", "cust-1"), "k", "Authorization", "Bearer warehouse").problem(t, http.StatusForbidden, access.CodeForbidden)
	list, _ = results(t, b.imports(t, importPath, orderLine("a", "cust-1"), "k", "Authorization", "Bearer web").body)
	require.Equal(t, 422, list[0].Status, "its key places orders in the channel web alone")
	require.True(t, b.untouched())
}

func TestAnImportSaysWhatItIs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.raw(t, "POST", importPath, orderLine("a", "c"), "Idempotency-Key", "k").problem(t, http.StatusUnsupportedMediaType, "unsupported_media_type")
	latin := "application/x-ndjson; charset=iso-8859-1"
	b.raw(t, "POST", importPath, orderLine("a", "c"), "Idempotency-Key", "k", "Content-Type", latin).
		problem(t, http.StatusUnsupportedMediaType, "unsupported_media_type")
	p := b.raw(t, "POST", importPath, orderLine("a", "c"), "Content-Type", "application/x-ndjson").problem(t, http.StatusUnprocessableEntity, codeInvalid)
	require.Equal(t, []string{"header:Idempotency-Key"}, p.fields())
	list, end := results(t, b.imports(t, importPath, "", "k").body)
	require.Empty(t, list)
	require.True(t, end.Done)
}

// Results come while lines are sent, and a line that breaks off does nothing.
func TestResultsOfAnImportComeWhileItIsSent(t *testing.T) {
	t.Parallel()
	b := setup(t)
	base := "http://" + b.serve(t)
	in, send := io.Pipe()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+importPath, in)
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/x-ndjson")
	r.Header.Set("Idempotency-Key", "k")
	written := make(chan error, 1)
	go func() {
		_, err := io.WriteString(send, orderLine("1", "cust-1")+"\n")
		written <- err
	}()
	response, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	require.NoError(t, <-written)
	lines := bufio.NewReader(response.Body)
	first, err := lines.ReadString('\n')
	require.NoError(t, err, "the result of a line comes before the next one is sent")
	require.Contains(t, first, `"status":201`)
	go func() { _, _ = io.WriteString(send, orderLine("2", "cust-2")+"\n"+`{"key": "3", "ord`) }()
	second, err := lines.ReadString('\n')
	require.NoError(t, err)
	require.Contains(t, second, `"line":2`)
	require.NoError(t, response.Body.Close())
	_ = send.CloseWithError(io.ErrUnexpectedEOF)
	require.Eventually(t, func() bool { return b.api.imports.Held() == 0 }, 5*time.Second, 5*time.Millisecond)
	b.mu.Lock()
	defer b.mu.Unlock()
	require.Len(t, b.started, 2, "a line that did not arrive is not carried out")
}

// busySagas place an order once they are let go, and know how many wait for that at once.
type busySagas struct {
	*fakePlatform
	let  chan struct{}
	now  atomic.Int32
	most atomic.Int32
}

func (s *busySagas) PlaceOrder(ctx context.Context, in workflows.OrderInput) (workflows.OrderMemo, bool, error) {
	n := s.now.Add(1)
	defer s.now.Add(-1)
	for {
		most := s.most.Load()
		if most >= n || s.most.CompareAndSwap(most, n) {
			break
		}
	}
	select {
	case <-s.let:
	case <-ctx.Done():
		return workflows.OrderMemo{}, false, ctx.Err()
	}
	return s.fakePlatform.PlaceOrder(ctx, in)
}

// Fails where an import takes more than its part, or stops in the middle of a line when its client has gone.
func TestAnImportWorksOnFewLinesAtOnceAndEndsThoseThatItHasBegun(t *testing.T) {
	t.Parallel()
	sagas := &busySagas{let: make(chan struct{})}
	b := setup(t, func(o *Options) {
		sagas.fakePlatform = o.Sagas.(*fakePlatform)
		o.Sagas = sagas
	})
	base := "http://" + b.serve(t)
	var lines []string
	for i := range 100 {
		lines = append(lines, orderLine(fmt.Sprint(i), fmt.Sprint("cust-", i)))
	}
	ctx, hangUp := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, base+importPath, strings.NewReader(strings.Join(lines, "\n")))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/x-ndjson")
	r.Header.Set("Idempotency-Key", "k")
	gone := make(chan error, 1)
	go func() {
		response, err := http.DefaultClient.Do(r)
		if err == nil {
			err = response.Body.Close()
		}
		gone <- err
	}()
	require.Eventually(t, func() bool { return sagas.now.Load() == importAtOnce }, 5*time.Second, time.Millisecond)
	hangUp()
	require.Error(t, <-gone)
	close(sagas.let)
	require.Eventually(t, func() bool { return b.api.imports.Held() == 0 }, 5*time.Second, time.Millisecond)
	require.EqualValues(t, importAtOnce, sagas.most.Load())
	b.mu.Lock()
	defer b.mu.Unlock()
	require.GreaterOrEqual(t, len(b.started), importAtOnce, "what was begun is carried to its end")
	require.Less(t, len(b.started), 2*importAtOnce+2, "nothing more is begun for a client that has gone")
}

// A caller who makes too many requests waits for its turn, and loses no line.
func TestAnImportKeepsToTheRateOfItsCaller(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *Options) { o.Rate = httpx.Rate{PerSecond: 20, Burst: 20} })
	var lines []string
	for i := range 30 {
		lines = append(lines, orderLine(fmt.Sprint(i), fmt.Sprint("cust-", i)))
	}
	_, end := results(t, b.imports(t, importPath, strings.Join(lines, "\n"), "k").body)
	require.Equal(t, importEnd{Done: true, Lines: 30}, end)
}
