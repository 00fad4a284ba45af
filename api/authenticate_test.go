package api

import (
	"context"
	"crypto/sha256"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/access"
	"github.com/orderloom/orderloom/domain"
	"github.com/stretchr/testify/require"
)

// staticKeys makes an authenticator of pairs of an account and a key, each with the role admin.
func staticKeys(pairs ...string) *access.Keys {
	o := access.KeysOptions{Mode: access.Test}
	for i := 0; i < len(pairs); i += 2 {
		o.Static = append(o.Static, access.StaticKey{Name: pairs[i], SHA256: sha256.Sum256([]byte(pairs[i+1]))})
	}
	return access.NewKeys(o)
}

// callers authenticates by what stands behind Bearer.
type callers map[string]*access.Caller

func (c callers) Authenticate(_ context.Context, credential string) (*access.Caller, error) {
	if caller, ok := c[credential]; ok {
		return caller, nil
	}
	if credential == "lost" {
		return nil, access.ErrUnavailable
	}
	return nil, domain.Refuse(access.CodeUnauthenticated, "the API key is unknown")
}

// byRole are callers with the scopes of their role, one of each, of the account "shop".
func byRole() callers {
	all := callers{}
	for _, role := range access.Roles {
		all[string(role)] = &access.Caller{Account: "shop", ID: string(role) + "-1", Role: role, Scopes: role.Scopes()}
	}
	all[string(access.Customer)].CustomerID = "cust-1"
	return all
}

func TestAuthentication(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *Options) {
		o.Authenticator = staticKeys("shop", "s3cret", "shop", "s3cret-new", "office", "0ther")
	})
	for _, good := range []string{"Bearer s3cret", "bearer s3cret-new", "Bearer  0ther"} {
		t.Run(good, func(t *testing.T) {
			require.Equal(t, http.StatusOK, b.get(t, ordersPath, "Authorization", good).status)
		})
	}
	for _, bad := range []string{"Bearer", "Bearer ", "Bearer wrong", "Basic s3cret", "s3cret", "Bearer s3cret x"} {
		t.Run(bad, func(t *testing.T) {
			a := b.get(t, ordersPath, "Authorization", bad)
			a.problem(t, http.StatusUnauthorized, codeUnauthenticated)
			require.Contains(t, a.header.Get("WWW-Authenticate"), "Bearer")
		})
	}
	b.post(t, ordersPath, goodOrder).problem(t, http.StatusUnauthorized, codeUnauthenticated)
	require.True(t, b.untouched())
	for _, open := range []string{"/health", "/ready", "/docs", "/openapi.yaml", "/problems/invalid"} {
		t.Run(open, func(t *testing.T) { require.Equal(t, http.StatusOK, b.get(t, open).status) })
	}
	require.NotContains(t, b.log.String(), "s3cret")
	require.Contains(t, b.log.String(), `"account":"shop","caller":"admin/static-shop"`)
	require.NotContains(t, b.log.String(), "the API is open")
}

func TestOpenAPIIsLoggedAsSuch(t *testing.T) {
	t.Parallel()
	require.Contains(t, setup(t).log.String(), "the API is open")
}

// Whether a key is good can't be told: that passes, and is nothing that the caller did.
func TestKeysThatCannotBeCheckedAre503(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *Options) { o.Authenticator = callers{} })
	a := b.get(t, ordersPath, "Authorization", "Bearer lost")
	a.problem(t, http.StatusServiceUnavailable, codeUnavailable)
	require.NotEmpty(t, a.header.Get("Retry-After"))
}

// pathOf fills the parameters of a path.
func pathOf(template string) string {
	path := strings.NewReplacer("{order_id}", someOrder.String(), "{shipment_id}", someShipment.String(), "{sku}", "SKU-1", "{location_id}", "berlin",
		"{customer_id}", "cust-1").Replace(template)
	return regexp.MustCompile(`\{\w+_id\}`).ReplaceAllLiteralString(path, uuid.NewString())
}

// ask makes a request of which it matters only whether it gets past the question who may make it. What would have no
// end comes from a client that has hung up.
func (b *testBundle) ask(t *testing.T, method, template, body string, headers ...string) answer {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if strings.HasSuffix(template, "/stream") {
		cancel()
	}
	r := httptest.NewRequestWithContext(ctx, method, pathOf(template), strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	b.api.ServeHTTP(w, r)
	a := answer{status: w.Code, header: w.Result().Header, body: w.Body.String()}
	if a.status == http.StatusUnauthorized || a.status == http.StatusForbidden {
		checkExchange(t, r, "", a)
	}
	return a
}

// Every operation is asked by every role and by nobody. Who lacks a scope is told which; all others get past that.
func TestEveryOperationIsForTheRolesThatHaveItsScopes(t *testing.T) {
	t.Parallel()
	for _, name := range contract().Operations() {
		method, template, _ := strings.Cut(name, " ")
		body, programs := operations[name]
		if !programs && template != "/metrics" {
			require.Zero(t, contract().Scopes(name), "%s is for everybody, and needs scopes", name)
			continue
		}
		needed := contract().Scopes(name)
		require.NotZero(t, needed, "%s names no scopes: add security to it in openapi.yaml", name)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, func(o *Options) {
				o.Authenticator, o.Keys = byRole(), newFakeKeys()
				o.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Type", "text/plain") })
			})
			b.ask(t, method, template, body).problem(t, http.StatusUnauthorized, codeUnauthenticated)
			for _, role := range access.Roles {
				a := b.ask(t, method, template, body, "Authorization", "Bearer "+string(role))
				missing := needed.Without(role.Scopes())
				if missing == 0 {
					require.NotContains(t, []int{http.StatusUnauthorized, http.StatusForbidden}, a.status, "%s: %s", role, a.body)
					continue
				}
				p := a.problem(t, http.StatusForbidden, access.CodeForbidden)
				require.Equal(t, missing.List(), p.MissingScopes, role)
				require.Contains(t, p.Detail, missing.String())
			}
		})
	}
	for _, scope := range access.AllScopes {
		used := slices.ContainsFunc(contract().Operations(), func(name string) bool { return contract().Scopes(name).Has(access.ScopesOf(scope)) })
		require.True(t, used || scope == access.PersonalRead, "no operation needs %s", scope) // that is for expand[]=personal
	}
}

// The document names the roles and scopes that there are.
func TestTheDocumentKnowsEveryScopeAndRole(t *testing.T) {
	t.Parallel()
	var scopes, roles []any
	for _, s := range access.AllScopes {
		scopes = append(scopes, string(s))
	}
	for _, r := range access.Roles {
		roles = append(roles, string(r))
	}
	require.Equal(t, scopes, contract().At("components", "schemas", "Scope", "enum"))
	require.Equal(t, roles, contract().At("components", "schemas", "Role", "enum"))
}
