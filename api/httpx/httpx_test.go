package httpx

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/orderloom/orderloom/domain"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
)

// libraryYAML is the document of a small API that has one of everything.
const libraryYAML = `
openapi: 3.1.0
info: {title: Library, version: "1"}
paths:
  /books:
    post:
      security: [{key: ["orders:write"]}]
      parameters:
        - $ref: "#/components/parameters/Key"
      requestBody:
        required: true
        content:
          application/json:
            schema: {$ref: "#/components/schemas/Book"}
      responses: {"201": {description: It is there.}}
  /books/{id}:
    get:
      security: [{key: ["orders:read"]}]
      parameters:
        - {name: id, in: path, required: true, schema: {type: string, format: uuid}}
        - {name: page, in: query, schema: {type: integer, minimum: 1, maximum: 9}}
        - {name: "show[]", in: query, schema: {type: array, items: {type: string, enum: [cover, text, index]}}}
        - {name: order, in: query, schema: {type: string, enum: [up, down]}}
        - {name: since, in: query, schema: {type: string, format: date-time}}
        - {name: X-Reader, in: header, required: true, schema: {type: string, maxLength: 5}}
      responses: {"200": {description: A book.}}
  /open:
    get:
      responses: {"200": {description: It is open.}}
components:
  parameters:
    Key: {name: Idempotency-Key, in: header, schema: {type: string, minLength: 1, maxLength: 9, pattern: '^[!-~]*$', x-message: is wrong}}
  schemas:
    Book:
      type: object
      additionalProperties: false
      required: [title, price]
      properties:
        title: {type: string, minLength: 1, maxLength: 9, pattern: '^\P{Cc}*$', x-message: holds a control character}
        pages: {type: integer, minimum: 1, maximum: 900}
        sold: {type: boolean}
        printed: {type: string, format: date-time}
        delta: {type: integer, minimum: -5, maximum: 5, not: {const: 0}, x-message: must not be 0}
        tags: {type: array, minItems: 1, maxItems: 2, items: {type: string, minLength: 2, maxLength: 9}}
        price:
          oneOf:
            - {type: string, pattern: '^[0-9]+(\.[0-9]{1,2})?$', x-message: must look like 1.50}
            - {type: number, exclusiveMinimum: 0, maximum: 99, multipleOf: 0.01}
          x-message: must be an amount
        parts: {type: array, maxItems: 5, items: {$ref: "#/components/schemas/Part"}}
    Part:
      type: object
      additionalProperties: false
      required: [name]
      properties:
        name: {type: string, minLength: 1, maxLength: 9}
        pages: {type: integer, minimum: 1, maximum: 900}
        kind: {type: string, enum: [a, b]}
`

type book struct {
	Title string          `json:"title"`
	Pages int             `json:"pages"`
	Sold  *bool           `json:"sold"`
	Delta int             `json:"delta"`
	Tags  []string        `json:"tags"`
	Price decimal.Decimal `json:"price"`
	Parts []part          `json:"parts"`

	Printed time.Time `json:"printed,omitzero"`
}

type part struct {
	Name  string `json:"name"`
	Pages int    `json:"pages"`
	Kind  string `json:"kind"`
}

// Check is a rule that no schema can express.
func (b *book) Check() error {
	var bad domain.Invalids
	if len(b.Title) > 0 && b.Title == strings.ToLower(b.Title) {
		bad.Add("title", "begins with a capital")
	}
	for i, p := range b.Parts {
		if p.Pages > b.Pages {
			bad.Add("parts["+string(rune('0'+i))+"].pages", "has more pages than the book")
		}
	}
	return bad.Err()
}

// library serves libraryYAML. It keeps the books that it takes.
type library struct {
	router *Router
	books  []book
	read   []string
}

func newLibrary(t *testing.T) *library {
	t.Helper()
	contract, err := NewContract([]byte(libraryYAML))
	require.NoError(t, err)
	l := &library{}
	l.router = NewRouter(Options{
		Contract: contract, Limits: Limits{BodyBytesMax: 1 << 16, RequestTimeout: time.Minute, RequestsMax: 4}, Logger: slog.New(slog.DiscardHandler),
	})
	l.router.Handle(Route{Method: "POST", Path: "/books", Handle: Body(func(_ context.Context, x *Exchange, b *book) error {
		l.books = append(l.books, *b)
		hash, err := x.Fingerprint(b)
		if err != nil {
			return err
		}
		return x.JSON(http.StatusCreated, map[string]any{"hash": hash, "id": x.KeyedID(x.Subject())})
	})})
	l.router.Handle(Route{Method: "GET", Path: "/books/{id}", Handle: func(_ context.Context, x *Exchange) error {
		l.read = append(l.read, x.UUID("id").String())
		return x.JSON(http.StatusOK, map[string]any{
			"page": x.QueryInt("page"), "show": x.QueryTexts("show[]"), "order": x.QueryText("order"), "since": x.QueryTime("since"), "has": x.HasQuery("page"),
		})
	}})
	l.router.Handle(Route{Method: "GET", Path: "/open", Open: true, Handle: func(_ context.Context, x *Exchange) error {
		x.AnswerNow(http.StatusOK, AppendText(nil, "open"))
		return nil
	}})
	return l
}

// send sends a request; headers are pairs.
func (l *library) send(method, target, body string, headers ...string) *httptest.ResponseRecorder {
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	r := httptest.NewRequest(method, target, reader)
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	l.router.ServeHTTP(w, r)
	return w
}

// faultsOf are the faults of a problem, as "in:field message".
func faultsOf(t *testing.T, w *httptest.ResponseRecorder) []string {
	t.Helper()
	var p Problem
	require.Equal(t, "application/problem+json", w.Header().Get("Content-Type"), w.Body.String())
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &p), w.Body.String())
	require.Equal(t, w.Code, p.Status)
	var faults []string
	for _, e := range p.Errors {
		faults = append(faults, e.In+":"+e.Field+" "+e.Message)
	}
	return faults
}

func TestABodyIsHeldToItsSchema(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body   string
		faults []string
	}{
		"no object":       {`[]`, []string{"body: must be an object, got an array"}},
		"null":            {`null`, []string{"body: must be an object, got null"}},
		"nothing in it":   {`{}`, []string{"body:price is required", "body:title is required"}},
		"unknown":         {`{"title": "A", "price": 1, "x": {}}`, []string{"body:x is not known here"}},
		"twice":           {`{"title": "A", "price": 1, "title": "B"}`, []string{"body:title stands twice"}},
		"twice below":     {`{"title": "A", "price": 1, "parts": [{"name": "p", "name": 1}]}`, []string{"body:parts[0].name stands twice"}},
		"empty text":      {`{"title": "", "price": 1}`, []string{"body:title is required"}},
		"long text":       {`{"title": "0123456789", "price": 1}`, []string{"body:title has at most 9 characters"}},
		"short text":      {`{"title": "A", "price": 1, "tags": ["x"]}`, []string{"body:tags[0] has at least 2 characters"}},
		"control":         {`{"title": "A\u0000", "price": 1}`, []string{"body:title holds a control character"}},
		"no text":         {`{"title": 1, "price": 1}`, []string{"body:title must be a string, got a number"}},
		"text for number": {`{"title": "A", "price": 1, "pages": "1"}`, []string{`body:pages must be a whole number from 1 to 900, got "1"`}},
		"fraction":        {`{"title": "A", "price": 1, "pages": 0.5}`, []string{"body:pages must be a whole number from 1 to 900, got 0.5"}},
		"too small":       {`{"title": "A", "price": 1, "pages": 0}`, []string{"body:pages must be from 1 to 900, got 0"}},
		"absurd":          {`{"title": "A", "price": 1, "pages": 1e999999999}`, []string{"body:pages is out of range"}},
		"absurdly small":  {`{"title": "A", "price": 1, "pages": 1e-999999999}`, []string{"body:pages is out of range"}},
		"absurdly long":   {`{"title": "A", "price": 1` + strings.Repeat("0", 40) + `}`, []string{"body:price is out of range"}},
		"no boolean":      {`{"title": "A", "price": 1, "sold": 1}`, []string{"body:sold must be a boolean, got a number"}},
		"not zero":        {`{"title": "A", "price": 1, "delta": 0}`, []string{"body:delta must not be 0"}},
		"no list":         {`{"title": "A", "price": 1, "tags": {}}`, []string{"body:tags must be an array, got an object"}},
		"empty list":      {`{"title": "A", "price": 1, "tags": []}`, []string{"body:tags there is at least 1"}},
		"long list":       {`{"title": "A", "price": 1, "tags": ["aa", "bb", "cc"]}`, []string{"body:tags[2] there are at most 2"}},
		"no amount":       {`{"title": "A", "price": true}`, []string{"body:price must be an amount"}},
		"amount in words": {`{"title": "A", "price": "a lot"}`, []string{"body:price must look like 1.50"}},
		"amount zero":     {`{"title": "A", "price": 0}`, []string{"body:price must be more than 0, got 0"}},
		"amount too much": {`{"title": "A", "price": 100}`, []string{"body:price must be at most 99, got 100"}},
		"amount precise":  {`{"title": "A", "price": 1.005}`, []string{"body:price has at most 2 digits after the point, got 1.005"}},
		"enum":            {`{"title": "A", "price": 1, "parts": [{"name": "p", "kind": "c"}]}`, []string{`body:parts[0].kind must be a or b, got "c"`}},
		"the domain":      {`{"title": "low", "price": 1}`, []string{"body:title begins with a capital"}},
		"the domain and the document": {`{"title": "low", "price": 0, "pages": 1, "parts": [{"name": "p", "pages": 2}, {"pages": 3}]}`, []string{
			"body:parts[0].pages has more pages than the book", "body:parts[1].name is required",
			"body:parts[1].pages has more pages than the book", "body:price must be more than 0, got 0", "body:title begins with a capital",
		}},
		"what is below a fault": {`{"title": "A", "price": 1, "pages": "many", "parts": [{"name": "p", "pages": 2}, 7]}`, []string{
			`body:pages must be a whole number from 1 to 900, got "many"`, "body:parts[0].pages has more pages than the book",
			"body:parts[1] must be an object, got a number",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLibrary(t)
			w := l.send("POST", "/books", c.body)
			require.Equal(t, http.StatusUnprocessableEntity, w.Code, w.Body.String())
			require.Equal(t, c.faults, faultsOf(t, w))
			require.Empty(t, l.books)
		})
	}
}

func TestABodyIsDecoded(t *testing.T) {
	t.Parallel()
	l := newLibrary(t)
	w := l.send("POST", "/books", ` {"title": "\u00c4sop", "pages": 12.0e1, "sold": false, "delta": -0.5e1, "tags": ["aa"], "price": "0.30",
		"parts": [{"name": "p", "pages": 3, "kind": "a"}]} `)
	require.Equal(t, http.StatusCreated, w.Code, w.Body.String())
	sold := false
	require.Equal(t, []book{{
		Title: "Äsop", Pages: 120, Sold: &sold, Delta: -5, Tags: []string{"aa"}, Price: decimal.RequireFromString("0.30"),
		Parts: []part{{Name: "p", Pages: 3, Kind: "a"}},
	}}, l.books)
}

func TestParametersAreHeldToTheirSchemas(t *testing.T) {
	t.Parallel()
	const id = "8a6e0804-2bd0-4672-b79d-d97027f9071a"
	for name, c := range map[string]struct {
		target string
		reader []string
		faults []string
	}{
		"no uuid":     {"/books/42", []string{"r"}, []string{`path:id must be a UUID such as ` + id + `, got "42"`}},
		"braces":      {"/books/%7B" + id + "%7D", []string{"r"}, []string{`path:id must be a UUID such as ` + id + `, got "{` + id + `}"`}},
		"unknown":     {"/books/" + id + "?z=1&a=1", []string{"r"}, []string{"query:a is not known here", "query:z is not known here"}},
		"twice":       {"/books/" + id + "?order=up&order=up", []string{"r"}, []string{"query:order stands twice"}},
		"no number":   {"/books/" + id + "?page=ten", []string{"r"}, []string{`query:page must be a whole number from 1 to 9, got "ten"`}},
		"empty":       {"/books/" + id + "?page=", []string{"r"}, []string{`query:page must be a whole number from 1 to 9, got ""`}},
		"beyond 64":   {"/books/" + id + "?page=99999999999999999999", []string{"r"}, []string{`query:page must be a whole number from 1 to 9, got "99999999999999999999"`}},
		"too much":    {"/books/" + id + "?page=10", []string{"r"}, []string{"query:page must be from 1 to 9, got 10"}},
		"no word":     {"/books/" + id + "?order=left", []string{"r"}, []string{`query:order must be up or down, got "left"`}},
		"one of many": {"/books/" + id + "?show[]=text&show[]=all", []string{"r"}, []string{`query:show[] must be one of cover, text, index, got "all"`}},
		"no time":     {"/books/" + id + "?since=now", []string{"r"}, []string{"query:since must be a time such as 2026-11-23T06:30:00Z (RFC 3339; in a query, a plus sign is written %2B), got \"now\""}},
		"not UTF-8":   {"/books/" + id + "?order=%ff", []string{"r"}, []string{"query:order is not UTF-8"}},
		"no header":   {"/books/" + id, nil, []string{"header:X-Reader is required"}},
		"header":      {"/books/" + id, []string{"longer"}, []string{"header:X-Reader has at most 5 characters"}},
		"two headers": {"/books/" + id, []string{"one", "two"}, []string{"header:X-Reader has at most 5 characters"}},
		"all at once": {"/books/1?page=0&x=1", nil, []string{
			`path:id must be a UUID such as ` + id + `, got "1"`, "query:x is not known here", "query:page must be from 1 to 9, got 0",
			"header:X-Reader is required",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLibrary(t)
			var headers []string
			for _, r := range c.reader {
				headers = append(headers, "X-Reader", r)
			}
			w := l.send("GET", c.target, "", headers...)
			require.Equal(t, http.StatusUnprocessableEntity, w.Code, w.Body.String())
			require.Equal(t, c.faults, faultsOf(t, w))
			require.Empty(t, l.read)
		})
	}
}

func TestParametersAreRead(t *testing.T) {
	t.Parallel()
	l := newLibrary(t)
	w := l.send("GET", "/books/8a6e0804-2bd0-4672-b79d-d97027f9071a?page=7&show[]=text&show[]=cover&order=up&since=2016-12-31t23:59:60z", "", "X-Reader", "r")
	require.Equal(t, http.StatusOK, w.Code, w.Body.String())
	require.Equal(t, []string{"8a6e0804-2bd0-4672-b79d-d97027f9071a"}, l.read)
	require.JSONEq(t, `{"page": 7, "show": ["text", "cover"], "order": "up", "since": "2017-01-01T00:00:00Z", "has": true}`, w.Body.String())
}

func TestOpenRoutesTakeAnyQuery(t *testing.T) {
	t.Parallel()
	l := newLibrary(t)
	w := l.send("GET", "/open?x=1&y=%zz", "")
	require.Equal(t, `"open"`, w.Body.String())
}

func TestARouteThatTheDocumentLacksIsAMistake(t *testing.T) {
	t.Parallel()
	l := newLibrary(t)
	require.Panics(t, func() { l.router.Handle(Route{Method: "PUT", Path: "/books"}) })
	require.ElementsMatch(t, []string{"POST /books", "GET /books/{id}", "GET /open"}, l.router.Operations())
	require.Panics(t, func() { NewRouter(Options{Contract: l.router.contract, Logger: slog.Default()}) }, "no limits")
	require.Panics(t, func() { NewServer(":0", nil, slog.Default(), ServerLimits{}) }, "no limits")
}

func TestDocumentsThatCanNotBeServed(t *testing.T) {
	t.Parallel()
	for name, change := range map[string][2]string{
		"no yaml":              {libraryYAML, "openapi: ["},
		"no object":            {libraryYAML, "[]"},
		"reference to nothing": {"schemas/Part", "schemas/Chapter"},
		"cookie":               {"in: path", "in: cookie"},
		"no pattern":           {`'^\P{Cc}*$'`, `'('`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := NewContract([]byte(strings.Replace(libraryYAML, change[0], change[1], 1)))
			require.Error(t, err)
		})
	}
}

func TestFingerprints(t *testing.T) {
	t.Parallel()
	l := newLibrary(t)
	answer := func(body string, headers ...string) string {
		w := l.send("POST", "/books", body, headers...)
		require.Equal(t, http.StatusCreated, w.Code, w.Body.String())
		return w.Body.String()
	}
	first := answer(`{"title": "A", "price": "1.50", "pages": 10}`, "Idempotency-Key", "k")
	for _, spelling := range []string{
		`{"pages":1e1,"price":1.5,"title":"\u0041"}`, `{"title": "A", "price": 1.500e0, "pages": 10.0}`, `{"title": "A", "price": "1.5", "pages": 10}`,
	} {
		require.Equal(t, first, answer(spelling, "Idempotency-Key", "k"), spelling)
	}
	require.NotEqual(t, first, answer(`{"title": "A", "price": "1.51", "pages": 10}`, "Idempotency-Key", "k"))
	require.NotEqual(t, first, answer(`{"title": "A", "price": "1.50", "pages": 10}`, "Idempotency-Key", "l"))
	keyless := answer(`{"title": "A", "price": "1"}`)
	require.NotEqual(t, keyless, answer(`{"title": "A", "price": "1"}`), "without a key each is another")
}

// What is hashed is written down here. A change of it needs another version, or retries across a release are refused.
func TestFingerprintIsForEver(t *testing.T) {
	t.Parallel()
	hash, err := Fingerprint("key", &book{Title: "A", Price: decimal.RequireFromString("1.50")})
	require.NoError(t, err)
	require.Equal(t, "request/2", fingerprintVersion)
	require.Equal(t, "a8980e7d77c62afb805d8810574db87f20e96ed4b27eb5367726a31f6211b383", hash)
}

// Whoever adds a route says who may use it: nobody can by accident, and a word that is no scope is a mistake.
func TestARouteWithoutScopesIsAMistake(t *testing.T) {
	t.Parallel()
	_, err := NewContract([]byte(strings.Replace(libraryYAML, "orders:write", "books:write", 1)))
	require.ErrorContains(t, err, `"books:write" is no scope`)
	contract, err := NewContract([]byte(strings.Replace(libraryYAML, `security: [{key: ["orders:read"]}]`, "security: []", 1)))
	require.NoError(t, err)
	router := NewRouter(Options{
		Contract: contract, Limits: Limits{BodyBytesMax: 1 << 16, RequestTimeout: time.Minute, RequestsMax: 4}, Logger: slog.New(slog.DiscardHandler),
	})
	require.PanicsWithValue(t, `httpx: the document names no scopes for GET /books/{id}: add to the operation `+
		`'security: [{apiKey: ["orders:read"]}]', see docs/access.md`, func() { router.Handle(Route{Method: "GET", Path: "/books/{id}"}) })
}
