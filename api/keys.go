package api

import (
	"cmp"
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/access"
	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/api/version"
	"github.com/orderloom/orderloom/domain"
)

var _ Keys = (*access.Table)(nil)

// Keys makes and ends keys. All calls may be repeated. Errors: not_found; forbidden for what goes beyond who asks.
type Keys interface {
	// Create returns the secret once: not when the key was made before. Errors: too_many_keys; idempotency_key_reused.
	Create(ctx context.Context, k access.NewKey) (made access.Key, secret string, err error)
	Get(ctx context.Context, id uuid.UUID) (access.Key, error)
	List(ctx context.Context) ([]access.Key, error)
	// Rotate returns the new secret once. Errors: key_revoked.
	Rotate(ctx context.Context, r access.Rotation) (rotated access.Key, secret string, err error)
	// Revoke tells whether it was revoked before.
	Revoke(ctx context.Context, id uuid.UUID, by *access.Caller) (revoked access.Key, again bool, err error)
	// Pin gives the key another version of the API, and tells whether it had it before. Errors: key_revoked.
	Pin(ctx context.Context, id uuid.UUID, version string, by *access.Caller) (pinned access.Key, again bool, err error)
}

func (a *API) keyRoutes() []httpx.Route {
	return []httpx.Route{
		{Method: "POST", Path: "/api/v1/keys", Handle: httpx.Body(a.createKey)},
		{Method: "GET", Path: "/api/v1/keys", Handle: a.listKeys},
		{Method: "GET", Path: "/api/v1/keys/{key_id}", Handle: a.getKey},
		{Method: "POST", Path: "/api/v1/keys/{key_id}/rotate", Handle: httpx.Body(a.rotateKey)},
		{Method: "POST", Path: "/api/v1/keys/{key_id}/revoke", Handle: httpx.Body(a.revokeKey)},
		{Method: "POST", Path: "/api/v1/keys/{key_id}/version", Handle: httpx.Body(a.pinKey)},
	}
}

// newKey is the body of POST /api/v1/keys.
type newKey struct {
	Account   string         `json:"account"`
	Name      string         `json:"name"`
	Role      access.Role    `json:"role"`
	Scopes    []access.Scope `json:"scopes,omitempty"`
	Channels  []string       `json:"channels,omitempty"`
	ExpiresAt time.Time      `json:"expires_at,omitzero"`
	PublicKey string         `json:"public_key,omitempty"`
	// APIVersion is the newest where it is left out.
	APIVersion version.Version `json:"api_version,omitempty"`
}

// Check names what is wrong whatever the time.
func (r *newKey) Check() error {
	k := r.key()
	k.At = k.ExpiresAt.Add(-1)
	return k.Check()
}

func (r *newKey) key() access.NewKey {
	return access.NewKey{
		Account: r.Account, Name: r.Name, Role: r.Role, Scopes: r.Scopes, Channels: r.Channels, ExpiresAt: r.ExpiresAt, PublicKey: r.PublicKey,
	}
}

// shownKey is a key, with its secret in the one answer that shows it.
type shownKey struct {
	access.Key
	Secret string `json:"secret,omitempty"`
}

// createKey makes a key: POST /api/v1/keys. With an Idempotency-Key it may be repeated, and the secret is shown in the
// first answer alone.
func (a *API) createKey(ctx context.Context, x *httpx.Exchange, r *newKey) error {
	k := r.key()
	k.KeyID, k.By, k.At = x.KeyedID(keyNamespace), x.Caller, a.now()
	k.APIVersion = string(cmp.Or(r.APIVersion, a.versions.Newest()))
	err := a.checkVersion(version.Version(k.APIVersion))
	if err != nil {
		return err
	}
	if k.RequestHash, err = x.Fingerprint(r); err != nil {
		return err
	}
	made, secret, err := a.keys.Create(ctx, k)
	if err != nil {
		return keyProblem(err)
	}
	replay(x, secret == "" && k.PublicKey == "")
	x.Writer.Header().Set("Location", "/api/v1/keys/"+made.KeyID.String())
	return showKey(x, http.StatusCreated, made, secret)
}

// keyProblem is what the keys refuse; anything else passes.
func keyProblem(err error) error {
	if domain.Code(err) == domain.CodeInvalid {
		return httpx.InvalidBody(err)
	}
	return err
}

// showKey answers with a key. No cache keeps a secret.
func showKey(x *httpx.Exchange, status int, k access.Key, secret string) error {
	x.Writer.Header().Set("Cache-Control", "no-store")
	return x.JSON(status, shownKey{Key: k, Secret: secret})
}

// listKeys shows the keys that the caller may know of, the newest first: GET /api/v1/keys. There are so few that they
// need no pages.
func (a *API) listKeys(ctx context.Context, x *httpx.Exchange) error {
	list, err := a.keys.List(ctx)
	if err != nil {
		return err
	}
	x.Writer.Header().Set("Cache-Control", "no-store")
	return x.JSON(http.StatusOK, map[string]any{"keys": knownOf(list, func(k *access.Key) bool { return k.SeenBy(x.Caller) })})
}

// getKey shows a key: GET /api/v1/keys/{key_id}.
func (a *API) getKey(ctx context.Context, x *httpx.Exchange) error {
	id := x.UUID("key_id")
	k, err := a.keys.Get(ctx, id)
	switch {
	case err != nil:
		return keyProblem(err)
	case !k.SeenBy(x.Caller):
		return newProblem(domain.CodeNotFound, "there is no key %s", id)
	}
	return showKey(x, http.StatusOK, k, "")
}

// rotation is the body of POST /api/v1/keys/{key_id}/rotate, and of the same for an endpoint of webhooks.
type rotation struct {
	// OverlapSeconds is how long the secret of now still holds; nil is as long as the settings say.
	OverlapSeconds *int `json:"overlap_seconds"`
}

// overlap is how long the secret of now still holds.
func (r *rotation) overlap(usual time.Duration) time.Duration {
	if r.OverlapSeconds == nil {
		return usual
	}
	return time.Duration(*r.OverlapSeconds) * time.Second
}

// rotateKey gives a key another secret: POST /api/v1/keys/{key_id}/rotate. With an Idempotency-Key it may be repeated,
// and the secret is shown in the first answer alone.
func (a *API) rotateKey(ctx context.Context, x *httpx.Exchange, r *rotation) error {
	k, secret, err := a.keys.Rotate(ctx, access.Rotation{
		KeyID: x.UUID("key_id"), RequestID: x.KeyedID(rotationNamespace), Overlap: r.overlap(a.keyOverlap), By: x.Caller,
	})
	if err != nil {
		return keyProblem(err)
	}
	replay(x, secret == "")
	return showKey(x, http.StatusOK, k, secret)
}

// revocation is the body of POST /api/v1/keys/{key_id}/revoke, which is empty.
type revocation struct{}

// revokeKey ends a key for good: POST /api/v1/keys/{key_id}/revoke. It may be repeated.
func (a *API) revokeKey(ctx context.Context, x *httpx.Exchange, _ *revocation) error {
	k, again, err := a.keys.Revoke(ctx, x.UUID("key_id"), x.Caller)
	if err != nil {
		return keyProblem(err)
	}
	replay(x, again)
	return showKey(x, http.StatusOK, k, "")
}

// pin is the body of POST /api/v1/keys/{key_id}/version.
type pin struct {
	APIVersion version.Version `json:"api_version"`
}

// pinKey gives a key another version of the API: POST /api/v1/keys/{key_id}/version. It may be repeated.
func (a *API) pinKey(ctx context.Context, x *httpx.Exchange, r *pin) error {
	if err := a.checkVersion(r.APIVersion); err != nil {
		return err
	}
	k, again, err := a.keys.Pin(ctx, x.UUID("key_id"), string(r.APIVersion), x.Caller)
	if err != nil {
		return keyProblem(err)
	}
	replay(x, again)
	return showKey(x, http.StatusOK, k, "")
}

// checkVersion refuses a version for a key that the API does not have. Error: [domain.Invalids].
func (a *API) checkVersion(v version.Version) error {
	if a.versions.Knows(v) {
		return nil
	}
	known := make([]string, 0, len(a.versions.Known()))
	for _, k := range a.versions.Known() {
		known = append(known, string(k))
	}
	return domain.Invalids{domain.Invalid("api_version", "must be %s", strings.Join(known, " or "))}
}
