package access

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/client"
	"github.com/orderloom/orderloom/domain"
	"github.com/stretchr/testify/require"
)

// shopKey is a key pair of a shop.
func shopKey(t *testing.T) (private ed25519.PrivateKey, public string) {
	t.Helper()
	pub, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	der, err := x509.MarshalPKIXPublicKey(pub)
	require.NoError(t, err)
	return private, string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// signed is a token with this header and these claims.
func signed(private ed25519.PrivateKey, header, claims string) string {
	encode := base64.RawURLEncoding.EncodeToString
	text := encode([]byte(header)) + "." + encode([]byte(claims))
	return text + "." + encode(ed25519.Sign(private, []byte(text)))
}

func TestATokenOfACustomerIsForTheirOrdersAlone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.run(t)
	a := &Authenticator{Keys: b.keys}
	private, public := shopKey(t)
	k := b.newKey()
	k.Role, k.PublicKey, k.Channels = Customer, public, []string{"web"}
	made, secret, err := b.table.Create(t.Context(), k)
	require.NoError(t, err)
	require.Empty(t, secret)
	token, err := client.SignCustomerToken(made.KeyID, private, "cust-1", time.Now(), time.Hour)
	require.NoError(t, err)
	c, err := a.Authenticate(t.Context(), token)
	require.NoError(t, err)
	require.Equal(t, &Caller{
		Account: "shop", ID: "cust-1", Role: Customer, Scopes: Customer.Scopes(), Channels: []string{"web"}, CustomerID: "cust-1",
	}, c)
	require.EqualValues(t, "customer/cust-1", c.Actor())

	_, _, err = b.table.Rotate(t.Context(), Rotation{KeyID: made.KeyID, RequestID: uuid.New(), By: Anyone})
	require.Equal(t, CodeKeyHasNoSecret, domain.Code(err))
	b.cut(t)
	_, err = a.Authenticate(t.Context(), token)
	require.NoError(t, err, "a known key holds")
	b.later.Store(int64(HoldsFor + time.Minute))
	_, err = a.Authenticate(t.Context(), token)
	require.ErrorIs(t, err, ErrUnavailable)
	b.later.Store(0)
	b.away.Store(false)

	_, _, err = b.table.Revoke(t.Context(), made.KeyID, Anyone)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		_, err := a.Authenticate(t.Context(), token)
		return domain.Code(err) == CodeUnauthenticated
	}, 5*time.Second, 10*time.Millisecond)
}

func TestAForgedTokenIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.run(t)
	a := &Authenticator{Keys: b.keys}
	private, public := shopKey(t)
	k := b.newKey()
	k.Role, k.PublicKey = Customer, public
	made, _, err := b.table.Create(t.Context(), k)
	require.NoError(t, err)
	secretKey, secret := b.create(t)
	other, _ := shopKey(t)
	now := time.Now()
	head := fmt.Sprintf(`{"alg":"EdDSA","kid":%q}`, made.KeyID)
	claims := func(aud, sub string, iat, exp time.Time) string {
		return fmt.Sprintf(`{"aud":%q,"sub":%q,"iat":%d,"exp":%d}`, aud, sub, iat.Unix(), exp.Unix())
	}
	good := claims("orderloom", "c1", now, now.Add(time.Hour))
	_, err = a.Authenticate(t.Context(), signed(private, head, good))
	require.NoError(t, err)
	whole := signed(private, head, good)
	for name, token := range map[string]string{
		"another key":        signed(other, head, good),
		"no signature":       whole[:strings.LastIndex(whole, ".")+1],
		"alg none":           signed(private, fmt.Sprintf(`{"alg":"none","kid":%q}`, made.KeyID), good),
		"alg HS256":          signed(private, fmt.Sprintf(`{"alg":"HS256","kid":%q}`, made.KeyID), good),
		"unknown key":        signed(private, fmt.Sprintf(`{"alg":"EdDSA","kid":%q}`, uuid.New()), good),
		"a key with secret":  signed(private, fmt.Sprintf(`{"alg":"EdDSA","kid":%q}`, secretKey.KeyID), good),
		"no kid":             signed(private, `{"alg":"EdDSA"}`, good),
		"another audience":   signed(private, head, claims("shop", "c1", now, now.Add(time.Hour))),
		"holds too long":     signed(private, head, claims("orderloom", "c1", now, now.Add(2*time.Hour))),
		"expired":            signed(private, head, claims("orderloom", "c1", now.Add(-2*time.Hour), now.Add(-time.Hour))),
		"issued later":       signed(private, head, claims("orderloom", "c1", now.Add(5*time.Minute), now.Add(6*time.Minute))),
		"nobody's":           signed(private, head, claims("orderloom", "", now, now.Add(time.Hour))),
		"no times":           signed(private, head, `{"aud":"orderloom","sub":"c1"}`),
		"another's claims":   strings.Split(whole, ".")[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(good, "c1", "c2", 1))) + "." + strings.Split(whole, ".")[2],
		"two subjects":       signed(private, head, strings.Replace(good, `"sub"`, `"sub":"c2","sub"`, 1)),
		"two keys":           signed(private, strings.Replace(head, `"kid"`, `"kid":"k","kid"`, 1), good),
		"a subject in case":  signed(private, head, strings.Replace(good, `"sub"`, `"Sub"`, 1)),
		"subjects by case":   signed(private, head, strings.Replace(good, `"iat"`, `"SUB":"c2","iat"`, 1)),
		"a subject, folded":  signed(private, head, strings.Replace(good, `"sub"`, `"\u017fub"`, 1)),
		"ends by case":       signed(private, head, strings.Replace(good, `"iat"`, `"EXP":99999999999,"iat"`, 1)),
		"no object":          signed(private, head, `["sub"]`),
		"no JSON":            "ey.ey.ey",
		"the secret of keys": "ey" + secret + "..",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := a.Authenticate(t.Context(), token)
			require.Equal(t, CodeUnauthenticated, domain.Code(err), "%v", err)
		})
	}
}

func TestAPublicKeyIsCheckedWhenItIsRegistered(t *testing.T) {
	t.Parallel()
	private, public := shopKey(t)
	der, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	for name, change := range map[string]func(*NewKey){
		"missing":          func(k *NewKey) { k.PublicKey = "" },
		"no PEM":           func(k *NewKey) { k.PublicKey = "abc" },
		"a private key":    func(k *NewKey) { k.PublicKey = string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})) },
		"of another role":  func(k *NewKey) { k.Role = Storefront },
		"with scopes":      func(k *NewKey) { k.Scopes = []Scope{OrdersWrite} },
		"cut":              func(k *NewKey) { k.PublicKey = public[:60] },
		"of another kind":  func(k *NewKey) { k.PublicKey = "-----BEGIN PUBLIC KEY-----\nMA==\n-----END PUBLIC KEY-----\n" },
		"nothing is wrong": nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := (&testBundle{}).newKey()
			k.Role, k.PublicKey = Customer, public
			if change == nil {
				require.NoError(t, k.Check())
				return
			}
			change(&k)
			require.Equal(t, domain.CodeInvalid, domain.Code(k.Check()))
		})
	}
}
