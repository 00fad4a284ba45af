package access

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/orderloom/orderloom/domain"
)

// Limits of asking an issuer.
const (
	issuerTimeout = 5 * time.Second
	// issuerPause is how soon an issuer is asked again that did not answer, or whose keys did not have a token's.
	issuerPause = 5 * time.Second
	// issuerBytesMax bounds an answer of an issuer.
	issuerBytesMax = 1 << 20
)

// IssuerOptions say whose tokens people and programs bring along, and what they may do. All but Roles and Client are
// required.
type IssuerOptions struct {
	// URL is the issuer, whose configuration is found below it (OpenID Connect Discovery 1.0).
	URL string
	// Audience is what tokens must be made for.
	Audience string
	// RoleClaim is where a token names roles: a text or a list, below objects with dots, such as realm_access.roles.
	RoleClaim string
	// Roles are our roles by the issuer's names; nil takes the names as they are.
	Roles map[string]Role
	// Account is whom the callers belong to.
	Account string
	// Pepper keeps subjects from being guessed from what is stored: see [Subject].
	Pepper []byte
	// Client asks the issuer; nil is a plain one.
	Client *http.Client
}

// Issuer knows callers by the tokens of an OpenID Connect issuer. Its keys are asked for when a token first needs them,
// and kept: while the issuer is away, tokens signed by known keys hold. It is safe for concurrent use.
type Issuer struct {
	o   IssuerOptions
	ctx context.Context // of what is asked in the name of all

	mu       sync.Mutex
	verifier *oidc.IDTokenVerifier // nil before the issuer has answered
	failed   time.Time
	now      func() time.Time
}

// NewIssuer returns an issuer that has not been asked yet. Ctx ends with the process.
func NewIssuer(ctx context.Context, o IssuerOptions) *Issuer {
	if o.Client == nil {
		o.Client = &http.Client{Timeout: issuerTimeout}
	}
	o.Client = bounded(o.Client)
	return &Issuer{o: o, ctx: oidc.ClientContext(ctx, o.Client), now: time.Now}
}

// Authenticate returns whose token this is. Errors: unauthenticated; [ErrUnavailable] while the issuer has to be asked
// and does not answer.
func (i *Issuer) Authenticate(ctx context.Context, token string) (*Caller, error) {
	verifier, err := i.discover()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	var fetch error
	t, err := verifier.Verify(context.WithValue(ctx, fetchKey{}, &fetch), token)
	switch {
	case err != nil && fetch != nil:
		return nil, fmt.Errorf("%w: %s", ErrUnavailable, briefly(fetch))
	case err != nil:
		return nil, refuseToken(err)
	}
	claims := map[string]any{}
	if err := t.Claims(&claims); err != nil {
		return nil, domain.Refuse(CodeUnauthenticated, "the token can't be read")
	}
	role, scopes := i.roles(claims)
	return &Caller{Account: i.o.Account, ID: Subject(i.o.Pepper, t.Issuer, t.Subject), Role: role, Scopes: scopes}, nil
}

// discover asks the issuer once for where its keys are. While it does not answer, it is asked again after a pause.
func (i *Issuer) discover() (*oidc.IDTokenVerifier, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.verifier != nil {
		return i.verifier, nil
	}
	if i.now().Sub(i.failed) < issuerPause {
		return nil, errors.New("the issuer did not answer a moment ago")
	}
	provider, err := oidc.NewProvider(i.ctx, i.o.URL)
	var endpoints struct {
		Keys string `json:"jwks_uri"`
	}
	if err == nil {
		err = provider.Claims(&endpoints)
	}
	if err != nil {
		i.failed = i.now()
		return nil, fmt.Errorf("ask %s for its configuration: %s", i.o.URL, briefly(err))
	}
	keys := newIssuerKeys(i.ctx, i.o.Client, endpoints.Keys, i.now)
	i.verifier = oidc.NewVerifier(i.o.URL, keys, &oidc.Config{ClientID: i.o.Audience, Now: i.now, SupportedSigningAlgs: signingAlgs})
	return i.verifier, nil
}

// signingAlgs are those of public keys. With a shared secret, whoever can check could also sign.
var signingAlgs = []string{oidc.RS256, oidc.RS384, oidc.RS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.EdDSA}

// roles are what a token names as roles. Several give the scopes of each; the first in [rank] is the one that is named.
func (i *Issuer) roles(claims map[string]any) (first Role, scopes Scopes) {
	var value any = claims
	for _, name := range strings.Split(i.o.RoleClaim, ".") {
		object, _ := value.(map[string]any)
		value = object[name]
	}
	var names []string
	switch v := value.(type) {
	case string:
		names = strings.Fields(v)
	case []any:
		for _, name := range v {
			text, _ := name.(string)
			names = append(names, text)
		}
	}
	var has []Role
	for _, name := range names {
		role := Role(name)
		if i.o.Roles != nil {
			role = i.o.Roles[name]
		}
		if role.Known() && role != Customer { // customers get tokens of their shop, which name one
			has, scopes = append(has, role), scopes|role.Scopes()
		}
	}
	for _, role := range rank {
		if slices.Contains(has, role) {
			return role, scopes
		}
	}
	return NoRole, 0
}

// rank orders roles by which of several a caller is named by.
var rank = []Role{Admin, Finance, Support, Warehouse, Storefront, Metrics}

// NoRole is what a caller is of whose roles none is ours. It may do nothing.
const NoRole Role = "none"

// Subject stands for a person of an issuer in events and the audit. A subject may be an email address, so it is a MAC
// under a key that is not in the database. Whoever has that key finds out whether it was a certain person, and nobody
// finds out who it was.
func Subject(pepper []byte, issuer, subject string) string {
	mac := hmac.New(sha256.New, pepper)
	for _, part := range []string{"orderloom actor", issuer, subject} {
		_, _ = fmt.Fprintf(mac, "%d:%s", len(part), part) // a hash never fails
	}
	return "sub-" + hex.EncodeToString(mac.Sum(nil)[:subjectBytes])
}

// subjectBytes keeps two subjects apart with a chance of one in 2^48 among a thousand million.
const subjectBytes = 12

// Authenticator knows callers by their keys, and by tokens of customers and of an issuer.
type Authenticator struct {
	Keys *Keys
	// Issuer is nil where none is trusted.
	Issuer *Issuer
}

// Known returns whose key this is where that is known without a look: see [Keys.Known].
func (a *Authenticator) Known(credential string) (*Caller, bool) { return a.Keys.Known(credential) }

// Authenticate returns whose credential this is. Errors: unauthenticated; [ErrUnavailable].
func (a *Authenticator) Authenticate(ctx context.Context, credential string) (*Caller, error) {
	if !looksLikeToken(credential) {
		return a.Keys.Authenticate(ctx, credential)
	}
	u, err := readUnverified(credential)
	if err != nil {
		return nil, err
	}
	if a.Issuer != nil && u.Issuer == a.Issuer.o.URL {
		return a.Issuer.Authenticate(ctx, credential)
	}
	return a.Keys.customer(ctx, credential, u)
}
