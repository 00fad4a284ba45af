package api

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/access"
	"github.com/orderloom/orderloom/api/version"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/readmodel"
	"github.com/stretchr/testify/require"
)

const (
	firstVersion  = "2026-11-27"
	secondVersion = "2027-01-01"
)

// twoVersions is a history in which the document is the second version. In the first one an order called its customer
// "buyer", an event its type "kind", and a problem its code "error".
func twoVersions() *version.History {
	rename := func(from, to string) func(map[string]any) {
		return func(o map[string]any) { version.Rename(o, from, to) }
	}
	buyer := rename("customer_id", "buyer")
	return version.New(firstVersion, version.Change{
		To: secondVersion, About: "An order calls its customer customer_id.",
		Queries: map[string]func(url.Values){"GET /api/v1/orders": func(q url.Values) {
			if b, ok := q["buyer"]; ok {
				q["customer_id"] = b
				delete(q, "buyer")
			}
		}, "GET /api/v1/orders/{order_id}": func(q url.Values) {
			if f, ok := q["fields"]; ok {
				q["fields"] = []string{strings.ReplaceAll(f[0], "buyer", "customer_id")}
			}
		}},
		Bodies: map[string]func(map[string]any){"POST /api/v1/orders": rename("buyer", "customer_id")},
		Answers: map[string]func(map[string]any){
			"Order": buyer, "OrderAccepted": buyer, "OrderChange": buyer, "Event": rename("type", "kind"), "Problem": rename("code", "error"),
		},
	})
}

// versioned is an API of two versions, with a key of each and one that only a newer program knows.
func versioned(t *testing.T) *testBundle {
	t.Helper()
	keys := callers{}
	for name, v := range map[string]string{"old": firstVersion, "new": secondVersion, "newer": "2027-06-01", "none": ""} {
		keys[name] = &access.Caller{Account: "shop", ID: name, Role: access.Admin, Scopes: access.Admin.Scopes(), Version: v}
	}
	return setup(t, func(o *Options) { o.Versions, o.Authenticator = twoVersions(), keys })
}

// raw sends a request, and holds nothing against the document, which is that of the newest version.
func (b *testBundle) raw(t *testing.T, method, target, body string, headers ...string) answer {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	b.api.ServeHTTP(w, r)
	return answer{status: w.Code, header: w.Result().Header, body: w.Body.String()}
}

func TestAnAnswerHasTheVersionOfTheHeaderOrTheKeyOrTheNewest(t *testing.T) {
	t.Parallel()
	b := versioned(t)
	b.givenOrder(t, order.StatusConfirmed, order.ShipmentStatusPlanned)
	for _, c := range []struct{ key, asked, want string }{
		{"old", "", firstVersion},
		{"new", "", secondVersion},
		{"none", "", secondVersion},
		{"old", secondVersion, secondVersion},
		{"new", firstVersion, firstVersion},
		{"newer", firstVersion, firstVersion},
	} {
		headers := []string{"Authorization", "Bearer " + c.key}
		if c.asked != "" {
			headers = append(headers, version.Header, c.asked)
		}
		a := b.raw(t, "GET", orderPath(""), "", headers...)
		require.Equal(t, http.StatusOK, a.status, a.body)
		require.Equal(t, c.want, a.header.Get(version.Header), c)
		require.Contains(t, a.header.Get("Vary"), version.Header)
		require.Contains(t, a.header.Get("ETag"), "."+c.want+`"`, "another version may show something else")
		require.Equal(t, c.want == firstVersion, a.object(t)["buyer"] == "cust-1", a.body)
		require.Equal(t, c.want == secondVersion, a.object(t)["customer_id"] == "cust-1", a.body)
		require.Contains(t, a.body, `"39.80"`, "all else stays")
	}
}

func TestAnUnknownVersionIsRefusedWithThoseThatThereAre(t *testing.T) {
	t.Parallel()
	b := versioned(t)
	for _, unknown := range []string{"2026-11-28", "2020-01-01", "1", "", "2026-11-27, 2027-01-01", strings.Repeat("x", 300)} {
		a := b.raw(t, "POST", ordersPath, goodOrder, "Authorization", "Bearer old", version.Header, unknown)
		a.problem(t, http.StatusBadRequest, "unknown_version")
		require.Equal(t, []any{secondVersion, firstVersion}, a.object(t)["known_versions"])
		require.Equal(t, secondVersion, a.header.Get(version.Header))
	}
	b.raw(t, "POST", ordersPath, goodOrder, "Authorization", "Bearer wrong", version.Header, "1").problem(t, http.StatusUnauthorized, codeUnauthenticated)
	// A key that a newer program has given its version is not answered in another one.
	a := b.raw(t, "POST", ordersPath, goodOrder, "Authorization", "Bearer newer")
	a.problem(t, http.StatusServiceUnavailable, "unavailable")
	require.NotEmpty(t, a.header.Get("Retry-After"))
	require.True(t, b.untouched())
	require.Equal(t, http.StatusOK, b.raw(t, "GET", "/health", "", version.Header, "1").status, "what is open has no versions")
}

func TestARequestOfAnOlderVersionIsTheSameRequest(t *testing.T) {
	t.Parallel()
	b := versioned(t)
	older := strings.Replace(goodOrder, `"customer_id"`, `"buyer"`, 1)
	send := func(key, body string) answer {
		return b.raw(t, "POST", ordersPath, body, "Authorization", "Bearer "+key, "Idempotency-Key", "k1")
	}
	first := send("old", older)
	require.Equal(t, http.StatusCreated, first.status, first.body)
	require.Equal(t, "cust-1", first.object(t)["buyer"])
	again := send("new", goodOrder)
	require.Equal(t, http.StatusCreated, again.status, again.body)
	require.Equal(t, "true", again.header.Get("Idempotent-Replayed"), "an integration that moves on keeps its Idempotency-Keys")
	require.Equal(t, "cust-1", again.object(t)["customer_id"])
	require.Len(t, b.started, 1)
	b.raw(t, "POST", ordersPath, older, "Authorization", "Bearer new").problem(t, http.StatusUnprocessableEntity, codeInvalid)
	for _, broken := range []string{`[]`, `null`, `7`, `{"buyer": "a", "buyer": "b"}`, `{`} {
		a := b.raw(t, "POST", ordersPath, broken, "Authorization", "Bearer old")
		require.Contains(t, []int{http.StatusBadRequest, http.StatusUnprocessableEntity}, a.status, broken)
		require.NotEmpty(t, a.object(t)["error"], "problems have their version too")
		require.Nil(t, a.object(t)["code"])
	}
}

func TestParametersAndListsHaveTheirVersion(t *testing.T) {
	t.Parallel()
	b := versioned(t)
	b.page = readmodel.OrderPage{Orders: []readmodel.Shown{b.givenOrder(t, order.StatusConfirmed, "").Shown()}, NextCursor: "bmV4dA"}
	a := b.raw(t, "GET", ordersPath+"?buyer=cust-1", "", "Authorization", "Bearer old")
	require.Equal(t, http.StatusOK, a.status, a.body)
	require.Equal(t, "cust-1", b.query.CustomerID)
	one := a.object(t)["orders"].([]any)[0].(map[string]any)
	require.Equal(t, "cust-1", one["buyer"])
	require.Nil(t, one["customer_id"])
	require.Equal(t, "bmV4dA", a.object(t)["next_cursor"])
	a = b.raw(t, "GET", ordersPath+"?buyer=cust-1", "", "Authorization", "Bearer new")
	require.Equal(t, http.StatusUnprocessableEntity, a.status, a.body)
}

// eventsOf reads the data of a stream's first events.
func eventsOf(t *testing.T, base, path, key string, n int) (data []map[string]any) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+path, nil)
	require.NoError(t, err)
	r.Header.Set("Accept", "text/event-stream")
	r.Header.Set("Authorization", "Bearer "+key)
	r.Header.Set("Last-Event-ID", "0")
	response, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer response.Body.Close() //nolint:errcheck // of a test
	require.Equal(t, http.StatusOK, response.StatusCode)
	lines := bufio.NewScanner(response.Body)
	for len(data) < n && lines.Scan() {
		if text, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			var one map[string]any
			require.NoError(t, json.Unmarshal([]byte(text), &one))
			data = append(data, one)
		}
	}
	require.Len(t, data, n)
	return data
}

func TestStreamsAndTheFeedHaveTheirVersion(t *testing.T) {
	t.Parallel()
	b := versioned(t)
	base := "http://" + b.serve(t)
	id := uuid.New()
	b.change(readmodel.Change{Position: "1-1", OrderID: id, CustomerID: "cust-1", Status: string(order.StatusCreated)})
	b.happened.happen("OrderPlaced")
	for key, names := range map[string][2]string{"old": {"buyer", "kind"}, "new": {"customer_id", "type"}} {
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, "cust-1", eventsOf(t, base, ordersPath+"/stream", key, 1)[0][names[0]])
			feed := b.raw(t, "GET", "/api/v1/events", "", "Authorization", "Bearer "+key)
			require.Equal(t, http.StatusOK, feed.status, feed.body)
			require.NotEmpty(t, feed.object(t)["events"].([]any)[0].(map[string]any)[names[1]], feed.body)
			require.NotEmpty(t, eventsOf(t, base, "/api/v1/events", key, 1)[0][names[1]])
		})
	}
}

// Fails where a key is given no version, or another than the newest of its day.
func TestAKeyHasTheVersionOfItsDay(t *testing.T) {
	t.Parallel()
	b := setup(t)
	made := b.post(t, keyPath, goodKey)
	require.Equal(t, firstVersion, made.object(t)["api_version"], made.body)
	path := fmt.Sprint(keyPath, "/", made.object(t)["key_id"], "/version")
	require.Equal(t, "true", b.post(t, path, `{"api_version": "2026-11-27"}`).header.Get("Idempotent-Replayed"))
	for _, unknown := range []string{`{"api_version": "2027-01-01"}`, `{"api_version": "newest"}`, `{}`} {
		require.Equal(t, []string{"body:api_version"}, b.post(t, path, unknown).problem(t, http.StatusUnprocessableEntity, codeInvalid).fields())
	}
	b.post(t, keyPath, strings.Replace(goodKey, "{", `{"api_version": "2020-01-01", `, 1)).problem(t, http.StatusUnprocessableEntity, codeInvalid)
	b.post(t, keyPath+"/"+uuid.NewString()+"/version", `{"api_version": "2026-11-27"}`).problem(t, http.StatusNotFound, codeNotFound)

	two := setup(t, func(o *Options) { o.Versions = twoVersions() })
	made = two.post(t, keyPath, goodKey)
	require.Equal(t, secondVersion, made.object(t)["api_version"])
	pinned := two.post(t, fmt.Sprint(keyPath, "/", made.object(t)["key_id"], "/version"), `{"api_version": "2026-11-27"}`)
	require.Equal(t, firstVersion, pinned.object(t)["api_version"])
	require.Empty(t, pinned.header.Get("Idempotent-Replayed"))
}

// What the API serves takes a version, and says so: an operation that forgets it fails here.
func TestEveryOperationTakesAVersion(t *testing.T) {
	t.Parallel()
	for _, name := range contract().Operations() {
		method, path, _ := strings.Cut(name, " ")
		if !strings.HasPrefix(path, "/api/") {
			continue
		}
		named := false
		list, _ := contract().At("paths", path, strings.ToLower(method), "parameters").([]any)
		for i := range list {
			p, _ := contract().At("paths", path, strings.ToLower(method), "parameters", fmt.Sprint(i)).(map[string]any)
			named = named || p["name"] == version.Header
		}
		require.True(t, named, `add to %s: - $ref: "#/components/parameters/Version"`, name)
		require.NotNil(t, contract().At("paths", path, strings.ToLower(method), "responses", "400"),
			`add to the responses of %s: "400": {$ref: "#/components/responses/BadRequest"}`, name)
	}
}
