package api

import (
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/payments"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
)

// operationOf returns the template of the path that serves a request, "" when none does.
func operationOf(method, path string) string {
	template := ""
	for _, name := range contract().Operations() {
		m, p, _ := strings.Cut(name, " ")
		if m == method && pathMatches(p, path) && (template == "" || p == path) {
			template = p // a fixed path goes before one with a parameter
		}
	}
	return template
}

func pathMatches(template, path string) bool {
	t, p := strings.Split(template, "/"), strings.Split(path, "/")
	if len(t) != len(p) {
		return false
	}
	for i := range t {
		if t[i] != p[i] && !strings.HasPrefix(t[i], "{") {
			return false
		}
	}
	return true
}

// checkExchange requires that an answer is as the contract says, and, of a request that was taken,
// that the contract allows it.
func checkExchange(t *testing.T, r *http.Request, body string, a answer) {
	t.Helper()
	template := operationOf(r.Method, r.URL.EscapedPath())
	if template == "" {
		require.Contains(t, []int{http.StatusNotFound, http.StatusMethodNotAllowed}, a.status, "%s %s is not in the contract", r.Method, r.URL.Path)
		checkBody(t, a.body, "components", "schemas", "Problem")
		return
	}
	operation := []string{"paths", template, strings.ToLower(r.Method)}
	response := below(operation, "responses", fmt.Sprint(a.status))
	require.NotNil(t, contract().At(response...), "the contract has no %d of %s %s:\n%s", a.status, r.Method, template, a.body)
	headers, _ := contract().At(below(response, "headers")...).(map[string]any)
	for name := range headers {
		if contract().At(below(response, "headers", name, "required")...) == true {
			require.NotEmpty(t, a.header.Get(name), "%s %s lacks the header %s", r.Method, template, name)
		}
	}
	content := contract().At(below(response, "content")...)
	if content == nil {
		require.Empty(t, a.body)
	} else {
		media, _, err := mime.ParseMediaType(a.header.Get("Content-Type"))
		require.NoError(t, err)
		require.Contains(t, content, media, "%s %s → %d", r.Method, template, a.status)
		if media == "application/json" || media == "application/problem+json" {
			checkBody(t, a.body, below(response, "content", media, "schema")...)
		}
	}
	if a.status < http.StatusBadRequest && body != "" {
		checkBody(t, body, below(operation, "requestBody", "content", "application/json", "schema")...)
	}
}

// below is a place below another one.
func below(place []string, names ...string) []string { return append(slices.Clone(place), names...) }

func checkBody(t *testing.T, body string, schema ...string) {
	t.Helper()
	s, err := contract().Schema(schema...)
	require.NoError(t, err)
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(body))
	require.NoError(t, err, body)
	require.NoError(t, s.Validate(v), body)
}

func TestContractAndRoutesAgree(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *Options) {
		o.Webhooks, o.Payments = map[string]payments.Webhook{"sandbox": nil}, &paymentNews{}
		o.Metrics = http.NotFoundHandler()
	})
	require.ElementsMatch(t, contract().Operations(), b.api.router.Operations())
}

// Whoever asks too much, or too many at once, is told so by any operation. The probes alone answer everybody.
func TestTheDocumentSaysWhereCallersAreLimited(t *testing.T) {
	t.Parallel()
	for _, name := range contract().Operations() {
		method, path, _ := strings.Cut(name, " ")
		if path == "/health" || path == "/ready" {
			continue
		}
		for _, status := range []string{"429", "503"} {
			require.NotNil(t, contract().At("paths", path, strings.ToLower(method), "responses", status), "%s does not name %s", name, status)
		}
	}
}

func TestContractExamplesAreValid(t *testing.T) {
	t.Parallel()
	var found int
	var walk func(node any, at []string)
	walk = func(node any, at []string) {
		switch n := node.(type) {
		case map[string]any:
			if examples, ok := n["examples"].(map[string]any); ok && n["schema"] != nil {
				s, err := contract().Schema(below(at, "schema")...)
				require.NoError(t, err)
				for name, e := range examples {
					found++
					require.NoError(t, s.Validate(e.(map[string]any)["value"]), "%v %s", at, name)
				}
			}
			for k, v := range n {
				walk(v, below(at, k))
			}
		case []any: // no examples in lists
		}
	}
	walk(contract().At(), nil)
	require.Greater(t, found, 15)
}

func TestContractExamplesAreTaken(t *testing.T) {
	t.Parallel()
	b := setup(t)
	examples := contract().At("paths", "/api/v1/orders", "post", "requestBody", "content", "application/json", "examples")
	for name, e := range examples.(map[string]any) {
		body, err := json.Marshal(e.(map[string]any)["value"])
		require.NoError(t, err)
		require.Equal(t, http.StatusCreated, b.post(t, "/api/v1/orders", string(body)).status, name)
	}
}

// Each example is taken as it stands, by a platform that asks for keys: those of bodies, and those of parameters.
func TestExamplesAreNotRefusedForWhatTheySay(t *testing.T) {
	t.Parallel()
	found := 0
	for _, name := range contract().Operations() {
		method, path, _ := strings.Cut(name, " ")
		place := []string{"paths", path, strings.ToLower(method)}
		sent := map[string]string{} // bodies by queries and names
		bodies, _ := contract().At(below(place, "requestBody", "content", "application/json", "examples")...).(map[string]any)
		for _, e := range bodies {
			text, err := json.Marshal(e.(map[string]any)["value"])
			require.NoError(t, err)
			sent[string(text)] = ""
		}
		if method == http.MethodGet {
			for _, query := range exampleQueries(place) {
				sent[query] = query
			}
		}
		for body, query := range sent {
			if query != "" {
				body = ""
			}
			found++
			t.Run(name+" "+query+body, func(t *testing.T) {
				t.Parallel()
				b := setup(t, func(o *Options) { o.Authenticator, o.Keys, o.Audit = byRole(), newFakeKeys(), &fakeAudit{} })
				b.givenOrder(t, order.StatusConfirmed, order.ShipmentStatusPlanned)
				a := b.ask(t, method, path+query, body, "Authorization", "Bearer admin", "Idempotency-Key", "k")
				require.NotContains(t, []int{http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusInternalServerError}, a.status, a.body)
			})
		}
	}
	require.Greater(t, found, 60)
}

// exampleQueries asks with the example of each parameter of an operation. What is an amount is asked in a currency.
func exampleQueries(place []string) (queries []string) {
	list, _ := contract().At(below(place, "parameters")...).([]any)
	for i := range list {
		parameter, _ := contract().At(below(place, "parameters", fmt.Sprint(i))...).(map[string]any)
		example, ok := parameter["example"]
		if !ok || parameter["in"] != "query" {
			continue
		}
		values, ok := example.([]any)
		if !ok {
			values = []any{example}
		}
		q := url.Values{}
		for _, v := range values {
			q.Add(parameter["name"].(string), fmt.Sprint(v))
		}
		if strings.HasPrefix(parameter["name"].(string), "total_") {
			q.Set("currency", "EUR")
		}
		queries = append(queries, "?"+q.Encode())
	}
	return queries
}

func TestContractNamesEveryProblem(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, k := range problemKinds {
		a := b.get(t, "/problems/"+string(k.Code))
		require.Equal(t, http.StatusOK, a.status, k.Code)
		require.Contains(t, a.body, string(k.Code))
	}
	b.get(t, "/problems/none-such").problem(t, http.StatusNotFound, codeNotFound)
}

// Every limit is given by whoever makes an API: none has a default here.
func TestAnAPIWithoutALimitIsAMistake(t *testing.T) {
	t.Parallel()
	full := testLimits()
	limits := reflect.TypeFor[Limits]()
	for _, f := range reflect.VisibleFields(limits) {
		if f.Anonymous {
			continue
		}
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			less := full
			reflect.ValueOf(&less).Elem().FieldByIndex(f.Index).SetZero()
			require.Panics(t, func() { setup(t, func(o *Options) { o.Limits = less }) })
		})
	}
}

// The document is read by people too: at most 25 words a sentence and 120 columns a line.
func TestTheDocumentIsPlain(t *testing.T) {
	t.Parallel()
	for i, line := range strings.Split(string(spec), "\n") {
		require.LessOrEqual(t, utf8.RuneCountInString(line), 120, "line %d", i+1)
	}
	code, end := regexp.MustCompile("`[^`]*`"), regexp.MustCompile(`[.!?](\s|$)|\n\n`)
	var walk func(node any)
	walk = func(node any) {
		switch n := node.(type) {
		case map[string]any:
			for name, v := range n {
				if text, ok := v.(string); ok && (name == "description" || name == "summary") {
					for _, sentence := range end.Split(code.ReplaceAllString(text, "x"), -1) {
						require.LessOrEqual(t, len(strings.Fields(sentence)), 25, sentence)
					}
				}
				walk(v)
			}
		case []any:
			for _, v := range n {
				walk(v)
			}
		}
	}
	walk(contract().At())
}
