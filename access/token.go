package access

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
)

// TokenAudience is the audience of customer tokens.
const TokenAudience = "orderloom"

// Limits of customer tokens.
const (
	// TokenLifetimeMax is how long a customer token may hold, from iat to exp.
	TokenLifetimeMax = time.Hour
	// clockSkew is how far the shop's clock may be ahead.
	clockSkew = time.Minute
	// tokenBytesMax bounds a token.
	tokenBytesMax = 8 << 10
)

// publicKey is an Ed25519 key by which the tokens of a shop's customers are checked. The shop alone can sign.
type publicKey []byte

// parsePublicKey reads a public key in PEM, as "openssl pkey -pubout" prints it. Error: [domain.Invalids].
func parsePublicKey(text string) (publicKey, error) {
	wrong := domain.Invalids{domain.Invalid("public_key", "must be an Ed25519 public key in PEM, as \"openssl pkey -pubout\" prints it")}
	block, _ := pem.Decode([]byte(text))
	if block == nil || block.Type != "PUBLIC KEY" {
		return nil, wrong
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	key, ok := parsed.(ed25519.PublicKey)
	if err != nil || !ok {
		return nil, wrong
	}
	return publicKey(key), nil
}

// hint is the end of the key, by which people recognise it.
func (k publicKey) hint() string {
	text := base64.RawStdEncoding.EncodeToString(k)
	return text[len(text)-4:]
}

// unverified is what a token says before anybody has checked it.
type unverified struct {
	KeyID  string `json:"kid"`
	Issuer string `json:"iss"`
}

// looksLikeToken reports whether a credential has the form of a JWT (RFC 7519): three parts, the first a JSON object.
func looksLikeToken(credential string) bool {
	return len(credential) <= tokenBytesMax && strings.HasPrefix(credential, "ey") && strings.Count(credential, ".") == 2
}

// readUnverified returns what a token says of who has signed it. A token is written in one way alone. With white space
// in it, or other bits at the end of a part, it is no token. Nor is one that two readers could take for two things: see
// [readClaims].
func readUnverified(token string) (u unverified, err error) {
	for i, part := range strings.Split(token, ".") {
		text, err := base64.RawURLEncoding.DecodeString(part)
		if err == nil && base64.RawURLEncoding.EncodeToString(text) != part {
			err = base64.CorruptInputError(len(part))
		}
		if err == nil && i < signaturePart {
			err = readClaims(text, &u)
		}
		if err != nil {
			return u, domain.Refuse(CodeUnauthenticated, "the token can't be read")
		}
	}
	return u, nil
}

// registered are the members of a header and the claims that say whose a token is, and whether it holds.
var registered = []string{"alg", "kid", "crit", "iss", "sub", "aud", "exp", "nbf", "iat"}

// readClaims reads a part of a token. No member may stand twice (RFC 7519, section 4). None may be one of [registered]
// but for its case: encoding/json, by which tokens are verified, takes "Sub" for "sub".
func readClaims(text []byte, u *unverified) error {
	var members map[string]jsontext.Value
	if err := json.Unmarshal(text, &members); err != nil {
		return err
	}
	for name := range members {
		for _, known := range registered {
			if name != known && strings.EqualFold(name, known) {
				return errors.New("a claim has the name of another but for its case")
			}
		}
	}
	return json.Unmarshal(text, u)
}

// signaturePart is the place of a token's signature among its parts.
const signaturePart = 2

// customer returns whose token this is. It is signed with EdDSA by a key of the role customer, whose id is its kid.
// Errors: as [Keys.Authenticate].
func (k *Keys) customer(ctx context.Context, token string, u unverified) (*Caller, error) {
	id, err := uuid.Parse(u.KeyID)
	if err != nil {
		return nil, domain.Refuse(CodeUnauthenticated, "the token names no key of this platform in kid")
	}
	e, ok := k.known.Load().signers[id]
	if !ok && k.connect != nil {
		if err := k.lookAgain(ctx); err != nil {
			return nil, notAsked(err)
		}
		e, ok = k.known.Load().signers[id]
	}
	if !ok {
		return nil, domain.Refuse(CodeUnauthenticated, "the key that has signed the token is unknown")
	}
	signer, err := k.admit(&e.entry)
	if err != nil {
		return nil, err
	}
	return e.verify(ctx, token, signer, k.now)
}

// signer is a key of the role customer.
type signer struct {
	entry

	key publicKey
}

// verify checks a token of one of the signer's customers. Error: unauthenticated.
func (s *signer) verify(ctx context.Context, token string, by *Caller, now func() time.Time) (*Caller, error) {
	set := &oidc.StaticKeySet{PublicKeys: []crypto.PublicKey{ed25519.PublicKey(s.key)}}
	verifier := oidc.NewVerifier("", set, &oidc.Config{
		ClientID: TokenAudience, SkipIssuerCheck: true, SupportedSigningAlgs: []string{oidc.EdDSA}, Now: now,
	})
	t, err := verifier.Verify(ctx, token)
	if err != nil {
		return nil, refuseToken(err)
	}
	var bad domain.Invalids
	bad.ID("sub", t.Subject)
	switch {
	case len(bad) > 0:
		return nil, domain.Refuse(CodeUnauthenticated, "the token has no customer's id in sub")
	case t.IssuedAt.IsZero() || t.Expiry.Sub(t.IssuedAt) > TokenLifetimeMax:
		return nil, domain.Refuse(CodeUnauthenticated, "a token of a customer holds for at most %s, from iat to exp", TokenLifetimeMax)
	case t.IssuedAt.After(now().Add(clockSkew)):
		return nil, domain.Refuse(CodeUnauthenticated, "the token was issued in the future")
	}
	return &Caller{
		Account: by.Account, ID: t.Subject, Role: Customer, Scopes: by.Scopes, Channels: by.Channels, CustomerID: t.Subject, Version: by.Version,
	}, nil
}

// refuseToken says what is wrong with a token, without repeating what is in it.
func refuseToken(err error) error {
	if expired := (*oidc.TokenExpiredError)(nil); errors.As(err, &expired) {
		return domain.Refuse(CodeUnauthenticated, "the token has expired")
	}
	return domain.Refuse(CodeUnauthenticated, "the token is not signed by a key that is known, or not for this platform")
}
