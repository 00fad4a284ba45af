package access

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/stretchr/testify/require"
)

// fuzzed is a platform whose clock stands, with a static key, and a key that signs tokens of customers.
type fuzzed struct {
	*Authenticator
	private ed25519.PrivateKey
	keyID   uuid.UUID
	now     time.Time
}

func newFuzzed() *fuzzed {
	b := &fuzzed{
		private: ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)), keyID: uuid.MustParse("3f0f2c5e-5d0a-5b8e-9d53-6f2f9a0f7c11"),
		now: time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC),
	}
	keys := NewKeys(KeysOptions{Mode: Test, Static: []StaticKey{{Name: "shop", SHA256: sha256.Sum256([]byte("s3cret")), Role: Storefront}}})
	keys.now = func() time.Time { return b.now }
	keys.seenAt.Store(b.now.UnixNano())
	e := entry{caller: &Caller{Account: "shop", ID: b.keyID.String(), Role: Customer, Scopes: Customer.Scopes()}, use: &use{}}
	keys.known.Store(&snapshot{
		keys: map[hash]*entry{}, ids: map[uuid.UUID]*use{},
		signers: map[uuid.UUID]*signer{b.keyID: {entry: e, key: publicKey(b.private.Public().(ed25519.PublicKey))}},
	})
	b.Authenticator = &Authenticator{Keys: keys}
	return b
}

// header is that of a good token.
func (b *fuzzed) header() string { return fmt.Sprintf(`{"alg":"EdDSA","kid":%q}`, b.keyID) }

// claims are those of a good token.
func (b *fuzzed) claims() string {
	return fmt.Sprintf(`{"aud":"orderloom","sub":"cust-1","iat":%d,"exp":%d}`, b.now.Unix(), b.now.Add(time.Hour).Unix())
}

// FuzzCredential brings anything along as a credential. Nobody gets in whom the platform has not given a key, and who
// does not is told so in words that repeat nothing of it.
func FuzzCredential(f *testing.F) {
	b := newFuzzed()
	good := signed(b.private, b.header(), b.claims())
	_, rest, _ := strings.Cut(good, ".")
	for _, credential := range []string{
		"s3cret", "", " ", "ol_test_", newSecret(Test), newSecret(Live), good, good + ".", "ey..", "eyJ.e30.", strings.Repeat("ey", 5000) + "..",
		unsigned(b.keyID, "none"), unsigned(b.keyID, "HS256"), "e30." + rest, good[:len(good)-2], good + "=", strings.Replace(good, ".", ".\n", 1),
	} {
		f.Add(credential)
	}
	f.Fuzz(func(t *testing.T, credential string) {
		c, err := newFuzzed().Authenticate(t.Context(), credential)
		if err == nil {
			require.Contains(t, []string{"s3cret", good}, credential)
			require.False(t, c.SeesAll())
			return
		}
		require.Equal(t, CodeUnauthenticated, domain.Code(err))
		require.True(t, len(credential) < 20 || !strings.Contains(err.Error(), credential))
	})
}

// unsigned is a token of a customer without a signature, and with an algorithm that needs none of the shop's.
func unsigned(keyID uuid.UUID, alg string) string {
	token := signed(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)), fmt.Sprintf(`{"alg":%q,"kid":%q}`, alg, keyID), `{"aud":"orderloom","sub":"cust-1","iat":1,"exp":9999999999}`)
	return token[:strings.LastIndex(token, ".")+1]
}

// FuzzSignedToken lets the shop itself sign anything. Whoever gets in is one customer, for an hour at most.
func FuzzSignedToken(f *testing.F) {
	b := newFuzzed()
	f.Add(b.header(), b.claims())
	for _, claims := range []string{
		"", "null", "[]", "{}", strings.Replace(b.claims(), `"orderloom"`, `["orderloom","x"]`, 1), strings.Replace(b.claims(), "orderloom", "other", 1),
		strings.Replace(b.claims(), "cust-1", "", 1), strings.Replace(b.claims(), "cust-1", `a\u0000b`, 1), strings.Replace(b.claims(), `"exp":`, `"exp":9`, 1),
		strings.Replace(b.claims(), `"iat":`, `"iat":-`, 1), strings.Replace(b.claims(), `"exp":`, `"exp":1e99,"x":`, 1),
		strings.Replace(b.claims(), `}`, `,"sub":"cust-2"}`, 1), strings.Replace(b.claims(), `}`, `,"role":"admin","scopes":["orders:all"],"nbf":99999999999}`, 1),
	} {
		f.Add(b.header(), claims)
	}
	for _, header := range []string{
		"", "null", "{}", `{"alg":"none"}`, strings.Replace(b.header(), "EdDSA", "HS256", 1), strings.Replace(b.header(), "}", `,"crit":["exp"]}`, 1),
		strings.Replace(b.header(), "}", `,"jwk":{"kty":"OKP"}}`, 1), `{"alg":"EdDSA","kid":"../../etc/passwd"}`, `{"alg":"EdDSA","kid":7}`,
		strings.Replace(b.header(), `"kid"`, `"KID"`, 1),
	} {
		f.Add(header, b.claims())
	}
	f.Fuzz(func(t *testing.T, header, claims string) {
		b := newFuzzed()
		c, err := b.Authenticate(t.Context(), signed(b.private, header, claims))
		if err != nil {
			require.Equal(t, CodeUnauthenticated, domain.Code(err))
			return
		}
		var said struct {
			Expires json.Number `json:"exp"`
		}
		require.NoError(t, json.Unmarshal([]byte(claims), &said))
		expires, err := said.Expires.Float64()
		require.NoError(t, err)
		require.Greater(t, expires, float64(b.now.Unix()))
		require.LessOrEqual(t, expires, float64(b.now.Add(TokenLifetimeMax+clockSkew).Unix()))
		require.NotEmpty(t, c.CustomerID)
		require.Equal(t, &Caller{Account: "shop", ID: c.CustomerID, Role: Customer, Scopes: Customer.Scopes(), CustomerID: c.CustomerID}, c)
	})
}

// FuzzRoleClaims reads roles out of any claims. Nobody gets a scope that no role of theirs has.
func FuzzRoleClaims(f *testing.F) {
	for _, claims := range []string{
		`{"realm":{"roles":["support"]}}`, `{"realm":{"roles":"warehouse finance"}}`, `{"realm":[]}`, `{"realm":{"roles":[["admin"]]}}`, `{}`,
		`{"realm":{"roles":["customer","king",7,null]}}`, `{"realm.roles":["admin"]}`, `{"realm":{"roles":{"admin":true}}}`,
	} {
		f.Add([]byte(claims))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var claims map[string]any
		if json.Unmarshal(text, &claims) != nil {
			return
		}
		i := &Issuer{o: IssuerOptions{RoleClaim: "realm.roles"}}
		role, scopes := i.roles(claims)
		require.NotEqual(t, Customer, role)
		if role == NoRole {
			require.Zero(t, scopes)
			return
		}
		require.True(t, role.Known() && scopes.Has(role.Scopes()))
		require.Contains(t, string(text), string(role))
	})
}

// FuzzPublicKey reads anything as a public key.
func FuzzPublicKey(f *testing.F) {
	f.Add("-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAO2onvM62pC1io6jQKm8Nc2UyFXcd4kOmOsBIoYtZ2ik=\n-----END PUBLIC KEY-----\n")
	f.Add("-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAAA\n-----END PRIVATE KEY-----\n")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		key, err := parsePublicKey(text)
		if err != nil {
			require.Equal(t, domain.CodeInvalid, domain.Code(err))
			return
		}
		require.Len(t, key, ed25519.PublicKeySize)
		require.Len(t, key.hint(), 4)
	})
}

// FuzzAuditCursor reads anything as a cursor of the audit.
func FuzzAuditCursor(f *testing.F) {
	at, id := time.Date(2026, 11, 27, 12, 0, 0, 1000, time.UTC), uuid.MustParse("3f0f2c5e-5d0a-5b8e-9d53-6f2f9a0f7c11")
	f.Add(writeCursor(at, id))
	for _, stamp := range []string{"0000-01-01T00:00:00Z", "2026-01-01T00:00:00+23:59", "infinity", "2026-01-01T00:00:00.000Z", ""} {
		f.Add(base64.RawURLEncoding.EncodeToString([]byte(stamp + " " + id.String())))
	}
	f.Add("")
	f.Fuzz(func(t *testing.T, cursor string) {
		at, id, err := readCursor(cursor)
		if err != nil {
			require.Equal(t, domain.CodeInvalid, domain.Code(err))
			return
		}
		require.True(t, cursor == "" || writeCursor(at, id) == cursor)
	})
}
