package access

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/coreos/go-oidc/v3/oidc/oidctest"
	"github.com/orderloom/orderloom/domain"
	"github.com/stretchr/testify/require"
)

// idp is an issuer for tests.
type idp struct {
	url    string
	key    *ecdsa.PrivateKey
	server atomic.Pointer[oidctest.Server]
	away   atomic.Bool
	// endless lets its answers go on, and sent counts the bytes of these.
	endless atomic.Bool
	sent    atomic.Int64
	// asked counts requests.
	asked atomic.Int64
	later atomic.Int64
}

func startIssuer(t *testing.T) *idp {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	p := &idp{key: key}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.asked.Add(1); p.away.Load() {
			http.Error(w, "away", http.StatusBadGateway)
			return
		}
		for page := make([]byte, 64<<10); p.endless.Load(); {
			n, err := w.Write(page)
			if p.sent.Add(int64(n)); err != nil {
				return
			}
		}
		p.server.Load().ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	p.url = s.URL
	p.replace(key, "k1")
	return p
}

// replace gives the issuer another key.
func (p *idp) replace(key *ecdsa.PrivateKey, kid string) {
	server := &oidctest.Server{PublicKeys: []oidctest.PublicKey{{PublicKey: key.Public(), KeyID: kid, Algorithm: oidc.ES256}}}
	server.SetIssuer(p.url)
	p.server.Store(server)
}

func (p *idp) token(key crypto.PrivateKey, kid, claims string) string {
	return oidctest.SignIDToken(key, kid, oidc.ES256, claims)
}

func (p *idp) claims(roles string) string {
	return fmt.Sprintf(`{"iss":%q,"aud":"orderloom","sub":"ann@example.com","iat":%d,"exp":%d,"realm":{"roles":%s}}`,
		p.url, time.Now().Unix(), time.Now().Add(time.Hour).Unix(), roles)
}

func (p *idp) authenticator(roles map[string]Role) *Authenticator {
	i := NewIssuer(context.Background(), IssuerOptions{
		URL: p.url, Audience: "orderloom", RoleClaim: "realm.roles", Roles: roles, Account: "office", Pepper: []byte("pepper"),
	})
	i.now = func() time.Time { return time.Now().Add(time.Duration(p.later.Load())) }
	return &Authenticator{Keys: NewKeys(KeysOptions{Mode: Test}), Issuer: i}
}

func TestATokenOfAnIssuerHasTheRolesOfItsClaim(t *testing.T) {
	t.Parallel()
	p := startIssuer(t)
	for _, c := range []struct {
		claim  string
		mapped map[string]Role
		role   Role
		scopes Scopes
	}{
		{`["support"]`, nil, Support, Support.Scopes()},
		{`"warehouse offline_access"`, nil, Warehouse, Warehouse.Scopes()},
		{`["warehouse", "finance"]`, nil, Finance, Warehouse.Scopes() | Finance.Scopes()},
		{`["shop-admins"]`, map[string]Role{"shop-admins": Admin}, Admin, Admin.Scopes()},
		{`["admin"]`, map[string]Role{"shop-admins": Admin}, NoRole, 0},
		{`["customer", "king", 7]`, nil, NoRole, 0},
		{`{"admin": true}`, nil, NoRole, 0},
	} {
		t.Run(c.claim, func(t *testing.T) {
			t.Parallel()
			caller, err := p.authenticator(c.mapped).Authenticate(t.Context(), p.token(p.key, "k1", p.claims(c.claim)))
			require.NoError(t, err)
			require.Equal(t, &Caller{Account: "office", ID: Subject([]byte("pepper"), p.url, "ann@example.com"), Role: c.role, Scopes: c.scopes}, caller)
			require.NotContains(t, caller.ID, "ann")
		})
	}
	require.NotEqual(t, Subject([]byte("pepper"), "a", "b"), Subject([]byte("other"), "a", "b"))
	require.NotEqual(t, Subject([]byte("pepper"), "a", "bc"), Subject([]byte("pepper"), "ab", "c"))
}

func TestKnownKeysOfAnIssuerHoldWhileItIsAway(t *testing.T) {
	t.Parallel()
	p := startIssuer(t)
	good := p.token(p.key, "k1", p.claims(`["support"]`))
	p.away.Store(true)
	a := p.authenticator(nil)
	_, err := a.Authenticate(t.Context(), good)
	require.ErrorIs(t, err, ErrUnavailable, "nobody can tell yet")
	asked := p.asked.Load()
	_, err = a.Authenticate(t.Context(), good)
	require.ErrorIs(t, err, ErrUnavailable)
	require.Equal(t, asked, p.asked.Load(), "it is left alone for a moment")
	p.away.Store(false)
	p.later.Store(int64(issuerPause))
	_, err = a.Authenticate(t.Context(), good)
	require.NoError(t, err)
	p.away.Store(true)
	asked = p.asked.Load()
	for range 100 {
		_, err = a.Authenticate(t.Context(), good)
		require.NoError(t, err)
	}
	require.Equal(t, asked, p.asked.Load())
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	p.later.Add(int64(issuerPause))
	_, err = a.Authenticate(t.Context(), p.token(other, "k2", p.claims(`["support"]`)))
	require.ErrorIs(t, err, ErrUnavailable, "it may be a new key")
	p.away.Store(false)
	p.later.Add(int64(issuerPause))
	require.Eventually(t, func() bool { // once the question that has failed is over
		_, err = a.Authenticate(t.Context(), p.token(other, "k2", p.claims(`["support"]`)))
		return domain.Code(err) == CodeUnauthenticated
	}, 10*time.Second, time.Millisecond)
}

// Fails where each token of an unknown key has the issuer asked: anybody can send those.
func TestAnIssuerIsAskedForItsKeysOnceInAWhile(t *testing.T) {
	t.Parallel()
	p := startIssuer(t)
	a := p.authenticator(nil)
	claims := p.claims(`["support"]`)
	_, err := a.Authenticate(t.Context(), p.token(p.key, "k1", claims))
	require.NoError(t, err)
	asked := p.asked.Load()
	for i := range 100 {
		_, err = a.Authenticate(t.Context(), p.token(p.key, fmt.Sprint("forged-", i), claims))
		require.Equal(t, CodeUnauthenticated, domain.Code(err), "what it has answered a moment ago is known: %v", err)
	}
	require.Equal(t, asked, p.asked.Load())
	p.later.Add(int64(issuerPause))
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	p.replace(other, "k2")
	require.Eventually(t, func() bool { // once nobody else asks
		_, err = a.Authenticate(t.Context(), p.token(other, "k2", claims))
		return err == nil
	}, 10*time.Second, time.Millisecond, "a new key is found after the pause")
	require.LessOrEqual(t, p.asked.Load(), asked+2)
	p.away.Store(true)
	p.later.Add(int64(issuerPause))
	asked = p.asked.Load()
	for i := range 100 {
		_, err = a.Authenticate(t.Context(), p.token(p.key, fmt.Sprint("forged-", i), claims))
		require.ErrorIs(t, err, ErrUnavailable, "it may be a new key")
	}
	require.Equal(t, asked+1, p.asked.Load())
}

// Fails where an answer of an issuer is read as long as it goes on, or told to the log as a whole.
func TestAnAnswerOfAnIssuerWithoutAnEndIsGivenUp(t *testing.T) {
	t.Parallel()
	p := startIssuer(t)
	p.endless.Store(true)
	a := p.authenticator(nil)
	_, err := a.Authenticate(t.Context(), p.token(p.key, "k1", p.claims(`["support"]`)))
	require.ErrorIs(t, err, ErrUnavailable)
	require.Less(t, len(err.Error()), 1000)
	require.Less(t, p.sent.Load(), int64(16*issuerBytesMax))
}

func TestAWrongTokenOfAnIssuerIsRefused(t *testing.T) {
	t.Parallel()
	p := startIssuer(t)
	a := p.authenticator(nil)
	later := time.Now().Add(time.Hour).Unix()
	for name, claims := range map[string]string{
		"another audience": fmt.Sprintf(`{"iss":%q,"aud":"shop","sub":"a","exp":%d}`, p.url, later),
		"expired":          fmt.Sprintf(`{"iss":%q,"aud":"orderloom","sub":"a","exp":1}`, p.url),
		"another issuer":   fmt.Sprintf(`{"iss":"https://evil.example","aud":"orderloom","sub":"a","exp":%d}`, later),
		"no end":           fmt.Sprintf(`{"iss":%q,"aud":"orderloom","sub":"a"}`, p.url),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := a.Authenticate(t.Context(), p.token(p.key, "k1", claims))
			require.Equal(t, CodeUnauthenticated, domain.Code(err), "%v", err)
		})
	}
}

// Fails where a token says by what it is checked: by no signature, or by the public key as a shared secret.
func TestATokenOfAnIssuerDoesNotChooseHowItIsChecked(t *testing.T) {
	t.Parallel()
	p := startIssuer(t)
	a := p.authenticator(nil)
	claims := p.claims(`["admin"]`)
	_, err := a.Authenticate(t.Context(), p.token(p.key, "k1", claims))
	require.NoError(t, err)
	public, err := x509.MarshalPKIXPublicKey(p.key.Public())
	require.NoError(t, err)
	inPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	text := base64.RawURLEncoding.EncodeToString
	shared := func(head string, secret []byte) string {
		signed := text([]byte(head)) + "." + text([]byte(claims))
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(signed))
		return signed + "." + text(mac.Sum(nil))
	}
	for name, token := range map[string]string{
		"alg none":                       text([]byte(`{"alg":"none","kid":"k1"}`)) + "." + text([]byte(claims)) + ".",
		"alg None":                       text([]byte(`{"alg":"None","kid":"k1"}`)) + "." + text([]byte(claims)) + ".",
		"no alg":                         text([]byte(`{"kid":"k1"}`)) + "." + text([]byte(claims)) + ".",
		"HS256 with the public key":      shared(`{"alg":"HS256","kid":"k1"}`, inPEM),
		"HS256 with the bytes of it":     shared(`{"alg":"HS256","kid":"k1"}`, public),
		"ES256 with a shared secret":     shared(`{"alg":"ES256","kid":"k1"}`, public),
		"another key":                    p.token(other, "k1", claims),
		"a kid that is unknown":          p.token(other, "k2", claims),
		"a kid that is a path":           p.token(other, "../../../../dev/null", claims),
		"a kid that is a query":          p.token(other, "k1' OR '1'='1", claims),
		"a key that the token brings":    shared(`{"alg":"HS256","jwk":{"kty":"oct","k":"AAAA"}}`, []byte{0, 0, 0}),
		"a key set that the token names": shared(`{"alg":"HS256","kid":"k1","jku":"https://evil.example/keys"}`, []byte{0, 0, 0}),
		"roles that stand twice":         p.token(p.key, "k1", strings.TrimSuffix(claims, "}")+`,"roles":["admin"],"roles":["support"]}`),
		"a subject that stands twice":    p.token(p.key, "k1", strings.TrimSuffix(claims, "}")+`,"Sub":"somebody else"}`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := a.Authenticate(t.Context(), token)
			require.Equal(t, CodeUnauthenticated, domain.Code(err), "%v", err)
		})
	}
}
