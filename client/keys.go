package client

import (
	"context"
	"net/http"
	"time"

	"github.com/google/uuid"
)

// Role is what a caller is to the shop. It gives scopes.
type Role string

// The roles of keys.
const (
	RoleStorefront Role = "storefront"
	// RoleCustomer is of keys whose private half signs the tokens of a shop's customers: see [SignCustomerToken].
	RoleCustomer  Role = "customer"
	RoleSupport   Role = "support"
	RoleWarehouse Role = "warehouse"
	RoleFinance   Role = "finance"
	RoleAdmin     Role = "admin"
	RoleMetrics   Role = "metrics"
)

// Key is what is known of an API key.
type Key struct {
	KeyID uuid.UUID `json:"key_id"`
	// Account owns the orders, Idempotency-Keys and external references of its keys.
	Account string `json:"account"`
	Name    string `json:"name"`
	Role    Role   `json:"role"`
	// Scopes are what the key may do.
	Scopes []string `json:"scopes"`
	// Channels are those whose orders it places and sees; empty for all.
	Channels []string `json:"channels,omitempty"`
	// APIVersion is the version of the API that the key gets where a request names none.
	APIVersion string `json:"api_version"`
	// Hint is the end of the secret.
	Hint      string    `json:"hint"`
	CreatedAt time.Time `json:"created_at"`
	CreatedBy string    `json:"created_by"`
	// The times are nil for what has not happened. The key ends at ExpiresAt, and its former secret at PreviousUntil.
	ExpiresAt     *time.Time `json:"expires_at,omitempty"`
	RotatedAt     *time.Time `json:"rotated_at,omitempty"`
	PreviousUntil *time.Time `json:"previous_until,omitempty"`
	RevokedAt     *time.Time `json:"revoked_at,omitempty"`
	// LastUsedAt is some minutes late at most.
	LastUsedAt *time.Time `json:"last_used_at,omitempty"`
	// Secret is what [WithAPIKey] takes. It is in the one answer that has made it, and empty in all others.
	Secret string `json:"secret,omitempty"`
}

// NewKey is a key to be made.
type NewKey struct {
	// Account has at most 64 of a-z, 0-9, - and _.
	Account string `json:"account"`
	// Name says what the key is for.
	Name string `json:"name"`
	Role Role   `json:"role"`
	// Scopes replace those of the role; empty for those.
	Scopes []string `json:"scopes,omitempty"`
	// Channels are those whose orders it places and sees; empty for all.
	Channels  []string   `json:"channels,omitempty"`
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
	// PublicKey is for [RoleCustomer] alone: an Ed25519 public key in PEM.
	PublicKey string `json:"public_key,omitempty"`
	// APIVersion is the newest where it is empty.
	APIVersion string `json:"api_version,omitempty"`
}

// KeyVersion is the version of the API that a key is to have.
type KeyVersion struct {
	APIVersion string `json:"api_version"`
}

// Keys is all keys, the newest first.
type Keys struct {
	Keys []Key `json:"keys"`
}

// Rotation says how to give a key another secret.
type Rotation struct {
	// OverlapSeconds is how long the former secret still holds; nil is as long as the platform is set to.
	OverlapSeconds *int `json:"overlap_seconds,omitempty"`
}

// CreateKey makes a key. The answer has its secret, unless the same request has made it before. Errors: forbidden for
// scopes that the caller does not have; too_many_keys.
func (c *Client) CreateKey(ctx context.Context, key NewKey, options ...CallOption) (Key, error) {
	var made Key
	_, err := c.sendRequest(ctx, newRequest(http.MethodPost, "/api/v1/keys", key, options), into(&made))
	return made, err
}

// ListKeys shows all keys, also those that were revoked.
func (c *Client) ListKeys(ctx context.Context, options ...CallOption) (Keys, error) {
	var all Keys
	_, err := c.sendRequest(ctx, newRequest(http.MethodGet, "/api/v1/keys", nil, options), into(&all))
	return all, err
}

// GetKey shows a key. Errors: not_found.
func (c *Client) GetKey(ctx context.Context, id uuid.UUID, options ...CallOption) (Key, error) {
	var k Key
	_, err := c.sendRequest(ctx, newRequest(http.MethodGet, "/api/v1/keys/"+id.String(), nil, options), into(&k))
	return k, err
}

// RotateKey gives a key another secret, which is in the answer unless the same request has made it before. Errors:
// not_found; key_revoked; forbidden.
func (c *Client) RotateKey(ctx context.Context, id uuid.UUID, rotation Rotation, options ...CallOption) (Key, error) {
	var k Key
	_, err := c.sendRequest(ctx, newRequest(http.MethodPost, "/api/v1/keys/"+id.String()+"/rotate", rotation, options), into(&k))
	return k, err
}

// RevokeKey ends a key for good, everywhere within a second. It may be repeated. Errors: not_found; forbidden.
func (c *Client) RevokeKey(ctx context.Context, id uuid.UUID, options ...CallOption) (Key, error) {
	var k Key
	_, err := c.sendRequest(ctx, newRequest(http.MethodPost, "/api/v1/keys/"+id.String()+"/revoke", struct{}{}, options), into(&k))
	return k, err
}

// PinKey gives a key another version of the API. It may be repeated. Errors: not_found; key_revoked; forbidden.
func (c *Client) PinKey(ctx context.Context, id uuid.UUID, version KeyVersion, options ...CallOption) (Key, error) {
	var k Key
	_, err := c.sendRequest(ctx, newRequest(http.MethodPost, "/api/v1/keys/"+id.String()+"/version", version, options), into(&k))
	return k, err
}
