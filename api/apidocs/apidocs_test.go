package apidocs_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"html"
	"html/template"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/orderloom/orderloom/api/apidocs"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
)

// Limits of the page.
const (
	pageBytesMax   = 900_000
	zippedBytesMax = 90_000
)

var problems = []apidocs.Problem{
	{Code: "invalid", Status: 422, Title: "The request holds something wrong", About: "Correct the request."},
	{Code: "internal", Status: 500, Title: "Something went wrong <here>", About: "That is our fault."},
}

func openapi(t *testing.T) []byte {
	t.Helper()
	text, err := os.ReadFile("../openapi.yaml")
	require.NoError(t, err)
	return text
}

func site(t *testing.T) *apidocs.Site {
	t.Helper()
	s, err := apidocs.New(apidocs.Options{Document: openapi(t), Problems: problems})
	require.NoError(t, err)
	return s
}

func ask(serve http.HandlerFunc, change ...func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "http://shop.example.com/docs", http.NoBody)
	for _, c := range change {
		c(r)
	}
	w := httptest.NewRecorder()
	serve(w, r)
	return w
}

func with(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

// specified is an operation of the document.
type specified struct {
	id, method, path string
	node             map[string]any
}

func document(t *testing.T) (root map[string]any, operations []specified) {
	t.Helper()
	asJSON, err := yaml.YAMLToJSON(openapi(t))
	require.NoError(t, err)
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
	require.NoError(t, err)
	root = v.(map[string]any)
	for path, item := range root["paths"].(map[string]any) {
		for method, node := range item.(map[string]any) {
			n := node.(map[string]any)
			operations = append(operations, specified{n["operationId"].(string), strings.ToUpper(method), path, n})
		}
	}
	return root, operations
}

func TestThePageShowsTheWholeDocument(t *testing.T) {
	t.Parallel()
	page := ask(site(t).ServePage).Body.String()
	root, operations := document(t)
	for _, o := range operations {
		require.Equal(t, 1, strings.Count(page, ` id="`+o.id+`"`), "%s is shown once", o.id)
		has(t, page, `<code class="path">`+o.path+`</code>`)
		has(t, page, template.HTMLEscapeString(o.node["summary"].(string)))
	}
	for name := range root["components"].(map[string]any)["schemas"].(map[string]any) {
		has(t, page, `id="schema-`+name+`"`)
	}
	for _, p := range problems {
		has(t, page, `href="/problems/`+p.Code+`"`)
		has(t, page, template.HTMLEscapeString(p.Title))
	}
	has(t, page, "Authorization: Bearer $API_KEY")
}

func TestAnchorsAreUniqueAndLinksLeadToThem(t *testing.T) {
	t.Parallel()
	page := ask(site(t).ServePage).Body.String()
	anchors := map[string]int{}
	for _, m := range regexp.MustCompile(`\sid="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		anchors[m[1]]++
	}
	for name, times := range anchors {
		require.Equal(t, 1, times, name)
	}
	for _, m := range regexp.MustCompile(`href="#([^"]*)"`).FindAllStringSubmatch(page, -1) {
		require.Contains(t, anchors, m[1])
	}
}

// An answer that many operations give is described once, and each of them links to it.
func TestRepeatedRefusalsAreShownOnce(t *testing.T) {
	t.Parallel()
	page := ask(site(t).ServePage).Body.String()
	root, operations := document(t)
	shared := root["components"].(map[string]any)["responses"].(map[string]any)
	uses := map[string]int{}
	for _, o := range operations {
		for status, r := range o.node["responses"].(map[string]any) {
			if ref, ok := r.(map[string]any)["$ref"].(string); ok && status >= "4" {
				uses[strings.TrimPrefix(ref, "#/components/responses/")]++
			}
		}
	}
	require.NotEmpty(t, uses)
	for name, times := range uses {
		require.Equal(t, 1, strings.Count(page, `id="refusal-`+name+`"`), name)
		require.Equal(t, times, strings.Count(page, `href="#refusal-`+name+`"`), name)
		description := strings.Fields(shared[name].(map[string]any)["description"].(string))
		opening := template.HTMLEscapeString(strings.Join(description[:min(5, len(description))], " "))
		require.LessOrEqual(t, strings.Count(page, opening), 2, opening)
	}
}

// Each operation has a curl line that a shell reads as it is meant, and its body is one that the document allows.
func TestCurlLines(t *testing.T) {
	t.Parallel()
	page := ask(site(t).ServePage).Body.String()
	root, operations := document(t)
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	require.NoError(t, compiler.AddResource("openapi.json", root))
	for _, o := range operations {
		t.Run(o.id, func(t *testing.T) {
			arguments := curl(t, page, o.id)
			method, address, headers, body := http.MethodGet, "", http.Header{}, ""
			for i := 0; i < len(arguments); i++ {
				switch arguments[i] {
				case "-H":
					i++
					name, value, ok := strings.Cut(arguments[i], ": ")
					require.True(t, ok, arguments[i])
					headers.Set(name, value)
				case "-X":
					i++
					method = arguments[i]
				case "-d", "--data-binary":
					i++
					body = arguments[i]
					if method == http.MethodGet {
						method = http.MethodPost
					}
				case "-N":
				default:
					require.Empty(t, address)
					address = arguments[i]
				}
			}
			require.Equal(t, o.method, method, o.id)
			u, err := url.Parse(address)
			require.NoError(t, err)
			require.Equal(t, "http://shop.example.com", u.Scheme+"://"+u.Host)
			require.Regexp(t, "^"+regexp.MustCompile(`\\\{[^/]+\\\}`).ReplaceAllString(regexp.QuoteMeta(o.path), "[^/{}]+")+"$", u.Path)
			if security, ok := o.node["security"].([]any); ok && len(security) == 0 {
				require.Empty(t, headers.Get("Authorization"), o.id)
			} else {
				require.Equal(t, "Bearer key", headers.Get("Authorization"), o.id)
			}
			requestBody, _ := o.node["requestBody"].(map[string]any)
			if requestBody["required"] == true {
				require.NotEmpty(t, body, o.id)
			}
			if headers.Get("Content-Type") == "application/x-ndjson" {
				schema, err := compiler.Compile("openapi.json#/components/schemas/ImportLine")
				require.NoError(t, err)
				for line := range strings.Lines(body) {
					value, err := jsonschema.UnmarshalJSON(strings.NewReader(line))
					require.NoError(t, err, line)
					require.NoError(t, schema.Validate(value), o.id)
				}
			} else if body != "" {
				require.Equal(t, "application/json", headers.Get("Content-Type"))
				path := strings.NewReplacer("~", "~0", "/", "~1").Replace(o.path)
				schema, err := compiler.Compile(fmt.Sprintf("openapi.json#/paths/%s/%s/requestBody/content/%s/schema",
					url.PathEscape(path), strings.ToLower(o.method), "application~1json"))
				require.NoError(t, err)
				value, err := jsonschema.UnmarshalJSON(strings.NewReader(body))
				require.NoError(t, err, body)
				require.NoError(t, schema.Validate(value), o.id)
			}
		})
	}
}

// curl returns the arguments of the curl line of an operation, as a shell passes them on.
func curl(t *testing.T, page, id string) []string {
	t.Helper()
	_, rest, ok := strings.Cut(page, `<article class="item row" id="`+id+`"`)
	require.True(t, ok, id)
	_, rest, ok = strings.Cut(rest, `<div class="code">`)
	require.True(t, ok, id)
	_, rest, ok = strings.Cut(rest, `<pre tabindex="0">`)
	require.True(t, ok, id)
	text, _, _ := strings.Cut(rest, "</pre>")
	text = html.UnescapeString(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(text, ""))
	shell := exec.CommandContext(t.Context(), "sh", "-c", "curl() { printf '%s\\0' \"$@\"; }\n"+text)
	shell.Env = append(os.Environ(), "API_KEY=key")
	out, err := shell.CombinedOutput()
	require.NoError(t, err, "%s\n%s", text, out)
	return strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
}

func TestThePageNeedsNothingElse(t *testing.T) {
	t.Parallel()
	w := ask(site(t).ServePage)
	page, policy := w.Body.String(), w.Header().Get("Content-Security-Policy")
	for _, m := range regexp.MustCompile(`(?:src|href)="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		require.True(t, strings.HasPrefix(m[1], "#") || strings.HasPrefix(m[1], "/"), m[1])
	}
	require.Contains(t, policy, "default-src 'none'")
	require.NotContains(t, policy, "unsafe")
	for element, directive := range map[string]string{"script": "script-src", "style": "style-src"} {
		parts := regexp.MustCompile(`(?s)<`+element+`>(.*?)</`+element+`>`).FindAllStringSubmatch(page, -1)
		require.Len(t, parts, 1)
		require.Equal(t, 1, strings.Count(page, "<"+element), "none comes from elsewhere")
		sum := sha256.Sum256([]byte(parts[0][1]))
		require.Contains(t, policy, directive+" 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'")
	}
	require.NotRegexp(t, `\s(style|on[a-z]+)="`, page, "the policy would refuse it")
	require.Equal(t, "nosniff", w.Header().Get("X-Content-Type-Options"))
}

func TestThePageIsSmall(t *testing.T) {
	t.Parallel()
	s := site(t)
	plain := ask(s.ServePage)
	require.Less(t, plain.Body.Len(), pageBytesMax)
	require.Empty(t, plain.Header().Get("Content-Encoding"))
	zipped := ask(s.ServePage, with("Accept-Encoding", "deflate, gzip;q=0.8, br"))
	require.Equal(t, "gzip", zipped.Header().Get("Content-Encoding"))
	require.Less(t, zipped.Body.Len(), zippedBytesMax)
	reader, err := gzip.NewReader(zipped.Body)
	require.NoError(t, err)
	text, err := io.ReadAll(reader)
	require.NoError(t, err)
	require.Equal(t, plain.Body.String(), string(text))
	require.Equal(t, "Accept-Encoding", plain.Header().Get("Vary"))
	t.Logf("%d bytes, %s compressed", len(text), zipped.Header().Get("Content-Length"))
}

func TestWhoTakesGzip(t *testing.T) {
	t.Parallel()
	s := site(t)
	for accept, want := range map[string]string{
		"gzip": "gzip", "br, GZIP": "gzip", "*": "gzip", "gzip;q=1.0": "gzip",
		"": "", "br": "", "gzip;q=0": "", "gzip; q=0.000": "", "identity": "",
	} {
		t.Run(accept, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, want, ask(s.ServeDocument, with("Accept-Encoding", accept)).Header().Get("Content-Encoding"))
		})
	}
}

func TestACallerThatHasThePage(t *testing.T) {
	t.Parallel()
	s := site(t)
	for _, encoding := range []string{"identity", "gzip"} {
		t.Run(encoding, func(t *testing.T) {
			t.Parallel()
			tag := ask(s.ServePage, with("Accept-Encoding", encoding)).Header().Get("ETag")
			require.NotEmpty(t, tag)
			for _, given := range []string{tag, `"other", W/` + tag, "*"} {
				again := ask(s.ServePage, with("Accept-Encoding", encoding), with("If-None-Match", given))
				require.Equal(t, http.StatusNotModified, again.Code, given)
				require.Zero(t, again.Body.Len())
				require.Equal(t, tag, again.Header().Get("ETag"))
			}
			require.Equal(t, http.StatusOK, ask(s.ServePage, with("Accept-Encoding", encoding), with("If-None-Match", `"other"`)).Code)
		})
	}
}

func TestBaseURLs(t *testing.T) {
	t.Parallel()
	s := site(t)
	for name, c := range map[string]struct {
		change func(*http.Request)
		want   string
	}{
		"plain":             {func(*http.Request) {}, "http://shop.example.com"},
		"behind a proxy":    {with("X-Forwarded-Proto", "https"), "https://shop.example.com"},
		"over TLS":          {func(r *http.Request) { r.TLS = &tls.ConnectionState{} }, "https://shop.example.com"},
		"with a port":       {func(r *http.Request) { r.Host = "127.0.0.1:8080" }, "http://127.0.0.1:8080"},
		"IPv6":              {func(r *http.Request) { r.Host = "[::1]:8080" }, "http://[::1]:8080"},
		"a host that tries": {func(r *http.Request) { r.Host = `x"><script>alert(1)</script>` }, "http://localhost"},
		"another scheme":    {with("X-Forwarded-Proto", "javascript"), "http://shop.example.com"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			page := ask(s.ServePage, c.change).Body.String()
			has(t, page, "<pre>"+c.want+"</pre>")
			has(t, page, "curl "+c.want+"/api/v1/orders ")
			require.NotContains(t, page, "alert(1)")
			require.NotContains(t, page, ".invalid")
		})
	}
	for i := range 100 { // many hosts take no more memory than a few
		ask(s.ServePage, func(r *http.Request) { r.Host = fmt.Sprintf("h%d.example.com", i) })
	}
}

const small = `
openapi: 3.1.0
info: {title: Small, version: "1"}
servers: [{url: https://api.example.com/v2/}]
security: [{key: []}]
paths:
  /things/{id}:
    put:
      tags: [Things]
      operationId: putThing
      summary: Put a <thing>
      parameters:
        - {name: id, in: path, required: true, schema: {type: string}, example: it's/one}
        - {name: dry, in: query, required: true, schema: {type: string, enum: [a b, "no"]}}
      requestBody:
        required: true
        content:
          application/json:
            schema:
              type: object
              properties:
                name: {type: string, const: it's}
                parts: {type: array, items: {$ref: "#/components/schemas/Part"}}
      responses: {"200": {description: Done.}}
components:
  securitySchemes: {key: {type: apiKey, in: header, name: X-Key, description: A key.}}
  schemas:
    Part: {type: object, properties: {of: {$ref: "#/components/schemas/Part"}, since: {type: string, format: date-time}}}
`

func TestADocumentOfAnotherKind(t *testing.T) {
	t.Parallel()
	s, err := apidocs.New(apidocs.Options{Document: []byte(small)})
	require.NoError(t, err)
	page := ask(s.ServePage).Body.String()
	has(t, page, "<pre>https://api.example.com/v2</pre>")
	has(t, page, "Put a &lt;thing&gt;")
	arguments := curl(t, page, "putThing")
	require.Equal(t, []string{"-X", "PUT", "https://api.example.com/v2/things/it%27s%2Fone?dry=a+b"}, arguments[:3])
	require.Contains(t, arguments, "X-Key: key")
	require.Contains(t, arguments[len(arguments)-1], `"name": "it's"`)
}

func TestDocumentsThatAreRefused(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"no YAML":          "a: [",
		"a lost reference": strings.Replace(small, "schemas/Part", "schemas/Prt", 1),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := apidocs.New(apidocs.Options{Document: []byte(text)})
			require.Error(t, err)
		})
	}
}

func TestProblemPages(t *testing.T) {
	t.Parallel()
	s := site(t)
	var known bool
	w := ask(func(w http.ResponseWriter, r *http.Request) { known = s.ServeProblem(w, r, "internal") })
	require.True(t, known)
	has(t, w.Body.String(), "Something went wrong &lt;here&gt;")
	has(t, w.Body.String(), "That is our fault.")
	require.False(t, s.ServeProblem(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", http.NoBody), "none"))
}

// has is require.Contains without printing the whole page.
func has(t *testing.T, page, part string) {
	t.Helper()
	if !strings.Contains(page, part) {
		require.FailNow(t, "the page lacks "+part)
	}
}
