package api

import (
	"context"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/orderloom/orderloom/access"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/stretchr/testify/require"
)

// fuzzedOperations are those that programs call, in an order of their own. A stream has no end.
var fuzzedOperations = slices.DeleteFunc(slices.Sorted(maps.Keys(operations)), func(name string) bool {
	return strings.HasSuffix(name, "/stream")
})

// askFuzzed makes a request and requires that its answer is one that the document has, and no fault of ours. What
// net/http would not hand on is not asked.
func askFuzzed(t *testing.T, b *testBundle, method, target, body string, headers map[string]string) answer {
	t.Helper()
	u, err := url.ParseRequestURI(target)
	if err != nil || u.Host != "" || !strings.HasPrefix(target, "/") {
		return answer{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var content io.Reader = http.NoBody
	if method == http.MethodPost {
		content = strings.NewReader(body)
	}
	r, err := http.NewRequestWithContext(ctx, method, target, content)
	if err != nil {
		return answer{}
	}
	r.RequestURI, r.RemoteAddr = target, "192.0.2.1:1234"
	r.Header.Set("Content-Type", "application/json")
	for name, value := range headers {
		if strings.ContainsAny(value, "\r\n\x00") {
			return answer{}
		}
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	b.api.ServeHTTP(w, r)
	a := answer{status: w.Code, header: w.Result().Header, body: w.Body.String()}
	require.Less(t, a.status, http.StatusInternalServerError, "%s %s: %s", method, target, a.body)
	require.True(t, utf8.ValidString(a.body))
	refused := a.status >= http.StatusBadRequest                                                                 // what the fakes answer otherwise is made up
	if refused && operationOf(method, u.EscapedPath()) != "" && !strings.Contains(a.body, `"route_not_found"`) { // such as with nothing for an id
		checkExchange(t, r, "", a)
	}
	return a
}

// setupFuzzed is an API that asks for keys and has an order that is confirmed.
func setupFuzzed(t *testing.T) *testBundle {
	t.Helper()
	b := setup(t, func(o *Options) { o.Authenticator = byRole() })
	b.givenOrder(t, order.StatusConfirmed, order.ShipmentStatusPlanned)
	return b
}

// FuzzRequest sends anything as the path, the query and the headers of a request, to each operation.
func FuzzRequest(f *testing.F) {
	cursors := []string{"bnVsbA", "e30", "AT8PLF5dClu4nVNvL5oPfBEBAQ", "now", "%00", "%ff", "a%0Ab"}
	for i, name := range fuzzedOperations {
		_, template, _ := strings.Cut(name, " ")
		f.Add(i, pathOf(template), "", "", "", "")
		f.Add(i, pathOf(template), "cursor="+cursors[i%len(cursors)]+"&limit=1&limit=2", "wait=5, wait=x;q", `"key"`, `W/"o1.p1", *`)
		f.Add(i, strings.ReplaceAll(pathOf(template), "-", "%2D")+"/", "min_version=9223372036854775808&expand[]=labels&expand%5B%5D=timeline", "wait=99999999999999999999", "\xff", "1-2")
	}
	for _, path := range []string{
		"//api/v1/orders", "/api/v1/../v1/keys", "/api/v1/orders/%2e%2e/keys", "/api/v1/orders;x=1", "/api/v1/stock/%ff", "/api/v1/stock/a%2Fb", "/api/v1/orders/%zz",
		"/API/v1/keys", "/api/v1/keys/", "/api/v1/./keys", "/api/v1/orders/stream", "/webhooks/sandbox", "/metrics", "/problems/%00", "/api/v1/invoices/A%2F1",
	} {
		f.Add(0, path, "created_from=2026-02-30T00:00:00Z&created_to=0000-01-01T00:00:00z", "", "", "")
		f.Add(1, path, "sort=total&currency=eur&total_min=1e9&unknown=1&%zz", "", "", "")
	}
	f.Fuzz(func(t *testing.T, i int, path, query, prefer, key, tag string) {
		name := fuzzedOperations[(i%len(fuzzedOperations)+len(fuzzedOperations))%len(fuzzedOperations)]
		method, template, _ := strings.Cut(name, " ")
		b := setupFuzzed(t)
		for _, target := range []string{path, pathOf(template)} {
			if query != "" {
				target += "?" + query
			}
			headers := map[string]string{"Authorization": "Bearer admin", "Prefer": prefer, "Idempotency-Key": key, "If-None-Match": tag, "Last-Event-ID": tag}
			askFuzzed(t, b, method, target, operations[name], headers)
			delete(headers, "Authorization")
			a := askFuzzed(t, b, method, target, operations[name], headers)
			if strings.HasPrefix(target, "/api/") && a.status != 0 {
				require.Contains(t, []int{http.StatusUnauthorized, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusTooManyRequests}, a.status, target)
			}
		}
	})
}

// FuzzBody sends anything as the body of each operation that takes one. What is refused has changed nothing.
func FuzzBody(f *testing.F) {
	with := slices.DeleteFunc(slices.Clone(fuzzedOperations), func(name string) bool { return operations[name] == "" })
	for i, name := range with {
		body := operations[name]
		f.Add(i, body)
		f.Add(i, strings.ReplaceAll(body, `"`, `\u0022`))
		f.Add(i, strings.NewReplacer("1", "1e99", "2", "-0.0", "true", "null").Replace(body))
		f.Add(i, strings.Replace(body, `": "`, `": "\u0000`, 1))
		f.Add(i, strings.Replace(body, "}", `, "x": [[[{}]]]}`, 1))
	}
	for _, body := range []string{"", "null", "[]", "{}", "{", "\xff", strings.Repeat("[", 40), `{"a":1,"a":2}`, "\ufeff{}"} {
		f.Add(len(body), body)
	}
	f.Fuzz(func(t *testing.T, i int, body string) {
		name := with[(i%len(with)+len(with))%len(with)]
		method, template, _ := strings.Cut(name, " ")
		b := setupFuzzed(t)
		a := askFuzzed(t, b, method, pathOf(template), body, map[string]string{"Authorization": "Bearer " + string(access.Admin)})
		if a.status == http.StatusBadRequest || a.status == http.StatusUnprocessableEntity {
			require.True(t, b.untouched())
		}
	})
}
