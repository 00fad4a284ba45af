package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/access"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/require"
)

const (
	goodKey = `{"account": "shop", "name": "the web shop", "role": "storefront", "channels": ["web"]}`
	keyPath = "/api/v1/keys"
)

// fakeKeys keeps keys in memory.
type fakeKeys struct {
	mu        sync.Mutex
	keys      map[uuid.UUID]access.Key
	hashes    map[uuid.UUID]string
	rotations map[uuid.UUID]bool
	overlap   time.Duration
	err       error
}

func newFakeKeys() *fakeKeys {
	return &fakeKeys{keys: map[uuid.UUID]access.Key{}, hashes: map[uuid.UUID]string{}, rotations: map[uuid.UUID]bool{}}
}

func (f *fakeKeys) Create(_ context.Context, k access.NewKey) (access.Key, string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return access.Key{}, "", f.err
	}
	if err := k.Check(); err != nil {
		return access.Key{}, "", err
	}
	if before, ok := f.keys[k.KeyID]; ok {
		if f.hashes[k.KeyID] != k.RequestHash {
			return access.Key{}, "", domain.Refuse(domain.CodeIdempotencyKeyReused, "another")
		}
		return before, "", nil
	}
	made := access.Key{
		KeyID: k.KeyID, Account: k.Account, Name: k.Name, Role: k.Role, Scopes: k.Role.Scopes().List(), Channels: k.Channels, Hint: "abcd",
		CreatedAt: acceptedAt, CreatedBy: string(k.By.Actor()), APIVersion: k.APIVersion,
	}
	f.keys[k.KeyID], f.hashes[k.KeyID] = made, k.RequestHash
	return made, "ol_test_secret", nil
}

func (f *fakeKeys) Get(_ context.Context, id uuid.UUID) (access.Key, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	k, ok := f.keys[id]
	if !ok && f.err == nil {
		return k, domain.Refuse(domain.CodeNotFound, "there is no key %s", id)
	}
	return k, f.err
}

func (f *fakeKeys) List(context.Context) ([]access.Key, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var list []access.Key
	for _, k := range f.keys {
		list = append(list, k)
	}
	return list, f.err
}

func (f *fakeKeys) Rotate(ctx context.Context, r access.Rotation) (access.Key, string, error) {
	k, err := f.Get(ctx, r.KeyID)
	if err != nil {
		return k, "", err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.overlap = r.Overlap
	if f.rotations[r.RequestID] {
		return k, "", nil
	}
	f.rotations[r.RequestID] = true
	return k, "ol_test_other", nil
}

func (f *fakeKeys) Revoke(ctx context.Context, id uuid.UUID, _ *access.Caller) (access.Key, bool, error) {
	k, err := f.Get(ctx, id)
	if err != nil {
		return k, false, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	again := k.RevokedAt != nil
	k.RevokedAt = new(acceptedAt)
	f.keys[id] = k
	return k, again, nil
}

func (f *fakeKeys) Pin(ctx context.Context, id uuid.UUID, version string, _ *access.Caller) (access.Key, bool, error) {
	k, err := f.Get(ctx, id)
	if err != nil {
		return k, false, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	again := k.APIVersion == version
	k.APIVersion = version
	f.keys[id] = k
	return k, again, nil
}

func TestAKeyIsMadeRotatedAndRevoked(t *testing.T) {
	t.Parallel()
	keys := newFakeKeys()
	b := setup(t, func(o *Options) { o.Keys, o.KeyOverlap = keys, time.Hour })
	made := b.post(t, keyPath, goodKey, "Idempotency-Key", "k1")
	require.Equal(t, http.StatusCreated, made.status, made.body)
	require.Equal(t, "no-store", made.header.Get("Cache-Control"))
	var k struct {
		KeyID     uuid.UUID `json:"key_id"`
		Secret    string    `json:"secret"`
		CreatedBy string    `json:"created_by"`
	}
	require.NoError(t, json.Unmarshal([]byte(made.body), &k))
	require.Equal(t, "ol_test_secret", k.Secret)
	require.Equal(t, "admin/open", k.CreatedBy)
	path := made.header.Get("Location")
	require.Equal(t, keyPath+"/"+k.KeyID.String(), path)

	again := b.post(t, keyPath, goodKey, "Idempotency-Key", "k1")
	require.Equal(t, http.StatusCreated, again.status)
	require.Equal(t, "true", again.header.Get("Idempotent-Replayed"))
	require.NotContains(t, again.body, "secret")
	b.post(t, keyPath, strings.Replace(goodKey, "web shop", "app", 1), "Idempotency-Key", "k1").problem(t, http.StatusUnprocessableEntity, codeKeyReused)

	shown := b.get(t, path)
	require.Equal(t, http.StatusOK, shown.status)
	require.NotContains(t, shown.body, "secret")
	require.Contains(t, b.get(t, keyPath).body, k.KeyID.String())

	rotated := b.post(t, path+"/rotate", `{}`, "Idempotency-Key", "r1")
	require.Contains(t, rotated.body, "ol_test_other")
	require.Equal(t, time.Hour, keys.overlap)
	require.NotContains(t, b.post(t, path+"/rotate", `{"overlap_seconds": 0}`, "Idempotency-Key", "r1").body, "secret")
	require.Zero(t, keys.overlap)

	require.Contains(t, b.post(t, path+"/revoke", `{}`).body, "revoked_at")
	require.Equal(t, "true", b.post(t, path+"/revoke", `{}`).header.Get("Idempotent-Replayed"))
	require.NotContains(t, b.log.String(), "ol_test_")
}

// Fails where keys of other accounts are shown to callers who see the orders of their own account alone.
func TestKeysOfOtherAccountsAreShownToThoseWhoSeeAllOrders(t *testing.T) {
	t.Parallel()
	who := byRole()
	who["owner"] = &access.Caller{Account: "shop", ID: "owner", Role: access.Storefront, Scopes: access.Storefront.Scopes() | access.ScopesOf(access.KeysAdmin)}
	b := setup(t, func(o *Options) { o.Keys, o.Authenticator = newFakeKeys(), who })
	admin, owner := []string{"Authorization", "Bearer admin"}, []string{"Authorization", "Bearer owner"}
	own := b.post(t, keyPath, goodKey, admin...).header.Get("Location")
	other := b.post(t, keyPath, strings.Replace(goodKey, `"shop"`, `"market"`, 1), admin...).header.Get("Location")
	require.Equal(t, http.StatusOK, b.get(t, own, owner...).status)
	b.get(t, other, owner...).problem(t, http.StatusNotFound, codeNotFound)
	require.Equal(t, http.StatusOK, b.get(t, other, admin...).status)
	require.Equal(t, 1, strings.Count(b.get(t, keyPath, owner...).body, "key_id"))
	require.Equal(t, 2, strings.Count(b.get(t, keyPath, admin...).body, "key_id"))
}

func TestKeysCanBeRevokedWhileNothingElseIsTaken(t *testing.T) {
	t.Parallel()
	keys := newFakeKeys()
	b := setup(t, func(o *Options) {
		o.Keys, o.Unconfirmed = keys, func() error { return domain.Refuse("store_unconfirmed", "restored") }
	})
	b.post(t, ordersPath, goodOrder).problem(t, http.StatusServiceUnavailable, kindStoreUnconfirmed.Code)
	path := b.post(t, keyPath, goodKey).header.Get("Location")
	require.Equal(t, http.StatusOK, b.post(t, path+"/revoke", `{}`).status)
}

func TestWhatKeysRefuseIsToldAsItIs(t *testing.T) {
	t.Parallel()
	keys := newFakeKeys()
	b := setup(t, func(o *Options) { o.Keys = keys })
	b.get(t, keyPath+"/"+uuid.NewString()).problem(t, http.StatusNotFound, codeNotFound)
	b.post(t, keyPath, strings.Replace(goodKey, "storefront", "support", 1)).problem(t, http.StatusUnprocessableEntity, codeInvalid)
	keys.err = domain.Refuse(access.CodeForbidden, "nobody gives scopes that they don't have: stock:write")
	b.post(t, keyPath, goodKey).problem(t, http.StatusForbidden, access.CodeForbidden)
	keys.err = domain.Refuse(access.CodeTooManyKeys, "there are 10000 keys")
	b.post(t, keyPath, goodKey).problem(t, http.StatusConflict, access.CodeTooManyKeys)
	keys.err = context.DeadlineExceeded
	require.Equal(t, http.StatusServiceUnavailable, b.get(t, keyPath).status)
}

// The whole way of a customer's token, with the keys of a platform behind it.
func TestACustomerSeesAndCancelsTheirOwnOrders(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *Options) { o.Authenticator = byRole() })
	customer := []string{"Authorization", "Bearer customer"}
	b.ownedOrder(t, "shop", "web", "cust-1")
	path := orderPath("")
	require.Equal(t, http.StatusOK, b.get(t, path, customer...).status)
	b.cancelState = workflows.OrderState{OrderID: someOrder, OrderNumber: order.Number(someOrder), Status: order.StatusCancelled}
	require.Equal(t, http.StatusOK, b.post(t, path+"/cancel", goodCancel, customer...).status)
	for _, forbidden := range []string{"/notes", "/details", "/amend", "/payment", "/edit", "/refunds", "/approve"} {
		a := b.post(t, path+forbidden, operations["POST /api/v1/orders/{order_id}"+forbidden], customer...)
		a.problem(t, http.StatusForbidden, access.CodeForbidden)
	}
	b.post(t, ordersPath, goodOrder, customer...).problem(t, http.StatusForbidden, access.CodeForbidden)
	b.ownedOrder(t, "shop", "web", "cust-2")
	b.get(t, path, customer...).problem(t, http.StatusNotFound, codeNotFound)
	b.post(t, path+"/cancel", goodCancel, customer...).problem(t, http.StatusNotFound, codeNotFound)
}
