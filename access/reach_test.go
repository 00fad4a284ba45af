package access

import (
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/stretchr/testify/require"
)

const somePublicKey = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAO2onvM62pC1io6jQKm8Nc2UyFXcd4kOmOsBIoYtZ2ik=\n-----END PUBLIC KEY-----\n"

// Fails where who gives keys of one account gives, takes or ends those of another, or of other channels.
func TestNobodyGivesOrTakesKeysThatReachFurther(t *testing.T) {
	t.Parallel()
	b := setup(t)
	owner := &Caller{ID: "owner", Account: "shop", Role: Storefront, Scopes: Storefront.Scopes() | ScopesOf(KeysAdmin)}
	web := &Caller{ID: "web", Account: "shop", Role: Storefront, Scopes: owner.Scopes, Channels: []string{"web", "app"}}
	office := &Caller{ID: "office", Account: "office", Role: Admin, Scopes: all}
	for name, c := range map[string]struct {
		by      *Caller
		change  func(k *NewKey)
		refused bool
	}{
		"its own account":           {owner, func(*NewKey) {}, false},
		"a channel of it":           {owner, func(k *NewKey) { k.Channels = []string{"pos"} }, false},
		"another account":           {owner, func(k *NewKey) { k.Account = "market" }, true},
		"a role with wider scopes":  {owner, func(k *NewKey) { k.Role, k.Scopes = Support, []Scope{OrdersRead} }, true},
		"some of its channels":      {web, func(k *NewKey) { k.Channels = []string{"app"} }, false},
		"all channels":              {web, func(*NewKey) {}, true},
		"another channel besides":   {web, func(k *NewKey) { k.Channels = []string{"web", "pos"} }, true},
		"any account, sees all":     {office, func(k *NewKey) { k.Account = "market" }, false},
		"customers of another shop": {owner, func(k *NewKey) { k.Account, k.Role, k.PublicKey = "market", Customer, somePublicKey }, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := b.newKey()
			k.By = c.by
			c.change(&k)
			_, _, err := b.table.Create(t.Context(), k)
			if c.refused {
				require.Equal(t, CodeForbidden, domain.Code(err))
			} else {
				require.NoError(t, err)
			}
			k.By, k.KeyID = office, uuid.New() // the same key, made by somebody who may
			made, _, err := b.table.Create(t.Context(), k)
			require.NoError(t, err)
			want := CodeForbidden
			switch {
			case !c.refused:
				want = ""
			case k.Account != c.by.Account:
				want = domain.CodeNotFound
			}
			require.Equal(t, want != domain.CodeNotFound, made.SeenBy(c.by))
			if k.Role != Customer {
				_, _, err = b.table.Rotate(t.Context(), Rotation{KeyID: made.KeyID, RequestID: uuid.New(), By: c.by})
				require.Equal(t, want, domain.Code(err))
			}
			_, _, err = b.table.Pin(t.Context(), made.KeyID, "2026-11-27", c.by)
			require.Equal(t, want, domain.Code(err))
			_, _, err = b.table.Revoke(t.Context(), made.KeyID, c.by)
			require.Equal(t, want, domain.Code(err))
		})
	}
}
