package access

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/domain"
)

// Limits of keys.
const (
	// KeysMax bounds how many keys there are that are not revoked: each process holds all of them.
	KeysMax = 10_000
	// NameLengthMax bounds the name of a key, in characters.
	NameLengthMax = 100
	// ChannelsMax bounds the channels of a key.
	ChannelsMax = 50
	// OverlapMax bounds how long a former secret may hold.
	OverlapMax = 30 * 24 * time.Hour
)

// Codes of refusals.
const (
	// CodeTooManyKeys refuses a key where there are as many as there may be.
	CodeTooManyKeys domain.ErrorCode = "too_many_keys"
	// CodeKeyRevoked refuses to rotate a key that was revoked or has expired.
	CodeKeyRevoked domain.ErrorCode = "key_revoked"
	// CodeKeyHasNoSecret refuses to rotate a key whose secret only the shop has.
	CodeKeyHasNoSecret domain.ErrorCode = "key_has_no_secret"
	// CodeTooManyFailures refuses to look at another credential of an address that has sent too many wrong ones.
	CodeTooManyFailures domain.ErrorCode = "too_many_failures"
	// CodeForbidden refuses what a caller may not do.
	CodeForbidden domain.ErrorCode = "forbidden"
)

// Key is what is known of a key. Its secret is not.
type Key struct {
	KeyID   uuid.UUID `json:"key_id"`
	Account string    `json:"account"`
	// Name says for people what the key is for.
	Name string `json:"name"`
	Role Role   `json:"role"`
	// Scopes are what the key may do, those of its role or others.
	Scopes []Scope `json:"scopes"`
	// Channels are those whose orders it may place and see; empty for all.
	Channels []string `json:"channels,omitempty"`
	// APIVersion is the version of the API that it gets where a request names none.
	APIVersion string `json:"api_version"`
	// Hint is the end of its secret.
	Hint      string    `json:"hint"`
	CreatedAt time.Time `json:"created_at"`
	// CreatedBy is who has made it, as events name it.
	CreatedBy string `json:"created_by"`
	// The times are nil for what has not happened. ExpiresAt and PreviousUntil may lie ahead: until then the secret
	// holds, and the one before the last rotation.
	ExpiresAt     *time.Time `json:"expires_at,omitempty"`
	RotatedAt     *time.Time `json:"rotated_at,omitempty"`
	PreviousUntil *time.Time `json:"previous_until,omitempty"`
	RevokedAt     *time.Time `json:"revoked_at,omitempty"`
	// LastUsedAt is at most some minutes late.
	LastUsedAt *time.Time `json:"last_used_at,omitempty"`
}

// NewKey says what key to make.
type NewKey struct {
	// KeyID and RequestHash make the request repeatable.
	KeyID       uuid.UUID
	RequestHash string
	Account     string
	Name        string
	Role        Role
	// Scopes replace those of the role; nil for those.
	Scopes    []Scope
	Channels  []string
	ExpiresAt time.Time
	// PublicKey is for the role customer alone: the Ed25519 key in PEM by which the shop's tokens are checked. A key
	// that has one has no secret.
	PublicKey string
	// APIVersion is one that the API knows, which is not checked here.
	APIVersion string
	// By is who makes it. It can give no key that reaches further than itself.
	By *Caller
	At time.Time
}

var accountForm = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}$`)

// ValidAccount reports whether a text can be the name of an account.
func ValidAccount(text string) bool { return accountForm.MatchString(text) }

// scopes are what the key may do.
func (k NewKey) scopes() Scopes {
	if k.Scopes == nil {
		return k.Role.Scopes()
	}
	return ScopesOf(k.Scopes...)
}

// Check names what is wrong, as [domain.Invalids].
func (k NewKey) Check() error {
	var bad domain.Invalids
	if !accountForm.MatchString(k.Account) {
		bad.Add("account", "must be a name of at most 64 of a-z, 0-9, - and _")
	}
	bad.Required("name", k.Name, NameLengthMax)
	switch {
	case !k.Role.Known():
		bad.Add("role", "is no role: %q", domain.Clip(string(k.Role)))
	case k.Role == Customer && k.PublicKey == "":
		bad.Add("public_key", "is required for the role customer, whose tokens the shop signs")
	case k.Role != Customer && k.PublicKey != "":
		bad.Add("public_key", "is for the role customer alone")
	case k.Role == Customer && k.Scopes != nil:
		bad.Add("scopes", "tokens of customers have those of their role")
	}
	if _, err := parsePublicKey(k.PublicKey); err != nil && k.PublicKey != "" {
		bad = append(bad, invalidsOf(err)...)
	}
	for i, s := range k.Scopes {
		if !slices.Contains(AllScopes, s) {
			bad.Add(fmt.Sprintf("scopes[%d]", i), "is no scope: %q", domain.Clip(string(s)))
		}
	}
	if k.Scopes != nil && len(k.Scopes) == 0 {
		bad.Add("scopes", "a key without scopes can do nothing; leave them out for those of the role")
	}
	if len(k.Channels) > ChannelsMax {
		bad.Add("channels", "has at most %d channels, got %d", ChannelsMax, len(k.Channels))
	}
	if k.Channels != nil && len(k.Channels) == 0 {
		bad.Add("channels", "a key of no channel can do nothing; leave them out for all")
	}
	for i, c := range k.Channels {
		bad.ID(fmt.Sprintf("channels[%d]", i), c)
	}
	if len(k.Channels) > 0 && k.scopes().Has(ScopesOf(OrdersAll)) {
		bad.Add("channels", "with the scope %s a key has no channels: it sees the orders of all", OrdersAll)
	}
	if !k.ExpiresAt.IsZero() && !k.ExpiresAt.After(k.At) {
		bad.Add("expires_at", "must lie ahead")
	}
	return bad.Err()
}

func invalidsOf(err error) (bad domain.Invalids) {
	errors.As(err, &bad)
	return bad
}

// DB is a pool.
type DB interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

var _ DB = (*pgxpool.Pool)(nil)

// Table keeps the keys. It is safe for concurrent use.
type Table struct {
	db   DB
	mode Mode
}

// NewTable returns the keys of a platform of this mode.
func NewTable(db DB, mode Mode) *Table { return &Table{db: db, mode: mode} }

const columns = `key_id, account, name, role, scopes, channels, hint, created_at, created_by, expires_at, rotated_at, previous_until,
	revoked_at, last_used_at, api_version`

func scanKey(row pgx.CollectableRow) (k Key, err error) {
	var scopes []Scope
	err = row.Scan(&k.KeyID, &k.Account, &k.Name, &k.Role, &scopes, &k.Channels, &k.Hint, &k.CreatedAt, &k.CreatedBy, &k.ExpiresAt,
		&k.RotatedAt, &k.PreviousUntil, &k.RevokedAt, &k.LastUsedAt, &k.APIVersion)
	k.Scopes = effective(k.Role, scopes).List()
	k.CreatedAt = k.CreatedAt.UTC()
	for _, t := range []*time.Time{k.ExpiresAt, k.RotatedAt, k.PreviousUntil, k.RevokedAt, k.LastUsedAt} {
		if t != nil {
			*t = t.UTC()
		}
	}
	return k, err
}

// effective is what a key may do by its row.
func effective(role Role, scopes []Scope) Scopes {
	if scopes == nil {
		return role.Scopes()
	}
	return ScopesOf(scopes...)
}

// Create makes a key. Its secret is returned this once. It may be repeated under the same id: an existing key is
// returned as it is, without a secret. Errors: as [NewKey.Check]; forbidden for a key that reaches further than who
// asks; too_many_keys; idempotency_key_reused when the id belongs to another request.
func (t *Table) Create(ctx context.Context, k NewKey) (made Key, secret string, err error) {
	if err := k.Check(); err != nil {
		return Key{}, "", err
	}
	if err := k.By.mayGive(k.reach()); err != nil {
		return Key{}, "", err
	}
	var sum, public []byte
	var end string
	if k.PublicKey != "" {
		key, err := parsePublicKey(k.PublicKey)
		if err != nil {
			return Key{}, "", err
		}
		public, end = key, key.hint()
	} else {
		secret = newSecret(t.mode)
		h := hashOf(secret)
		sum, end = h[:], hint(secret)
	}
	var expires *time.Time
	if !k.ExpiresAt.IsZero() {
		expires = &k.ExpiresAt
	}
	made, err = one(ctx, t.db, `INSERT INTO orderloom.api_keys (key_id, account, name, role, scopes, channels, hash, hint, created_by, expires_at,
			request_hash, public_key, api_version)
		SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $13, $14
		WHERE (SELECT count(*) FROM orderloom.api_keys WHERE revoked_at IS NULL) < $12
		ON CONFLICT (key_id) DO NOTHING RETURNING `+columns,
		k.KeyID, k.Account, k.Name, string(k.Role), texts(k.Scopes), texts(k.Channels), sum, end, string(k.By.Actor()), expires, k.RequestHash,
		KeysMax, public, k.APIVersion)
	if !errors.Is(err, pgx.ErrNoRows) {
		return made, secret, wrap("make a key", err)
	}
	return t.madeBefore(ctx, k)
}

// madeBefore returns the key that the same request has made before. Errors: too_many_keys where there is none;
// idempotency_key_reused.
func (t *Table) madeBefore(ctx context.Context, k NewKey) (made Key, secret string, err error) {
	var before string
	err = t.db.QueryRow(ctx, `SELECT request_hash FROM orderloom.api_keys WHERE key_id = $1`, k.KeyID).Scan(&before)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return Key{}, "", domain.Refuse(CodeTooManyKeys, "there are %d keys: revoke one first", KeysMax)
	case err != nil:
		return Key{}, "", wrap("make a key", err)
	case before != k.RequestHash:
		return Key{}, "", domain.Refuse(domain.CodeIdempotencyKeyReused, "another key was made under this Idempotency-Key")
	}
	made, err = t.Get(ctx, k.KeyID)
	return made, "", err
}

// texts is nil for none, and the words otherwise.
func texts[S ~string](list []S) []string {
	if len(list) == 0 {
		return nil
	}
	words := make([]string, len(list))
	for i, w := range list {
		words[i] = string(w)
	}
	return words
}

func one(ctx context.Context, db DB, sql string, args ...any) (Key, error) {
	rows, err := db.Query(ctx, sql, args...)
	if err != nil {
		return Key{}, err
	}
	return pgx.CollectExactlyOneRow(rows, scanKey)
}

func wrap(doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// Get returns a key. Error: not_found.
func (t *Table) Get(ctx context.Context, id uuid.UUID) (Key, error) {
	k, err := one(ctx, t.db, `SELECT `+columns+` FROM orderloom.api_keys WHERE key_id = $1`, id)
	if errors.Is(err, pgx.ErrNoRows) {
		return Key{}, noKey(id)
	}
	return k, wrap("read a key", err)
}

// takenBy returns a key that somebody wants to change. Errors: not_found, also for one that they may not know of;
// forbidden for one that reaches further than they do.
func (t *Table) takenBy(ctx context.Context, id uuid.UUID, by *Caller) (Key, error) {
	k, err := t.Get(ctx, id)
	switch {
	case err != nil:
		return Key{}, err
	case !k.SeenBy(by):
		return Key{}, noKey(id)
	}
	return k, by.mayGive(k.reach())
}

func noKey(id uuid.UUID) error { return domain.Refuse(domain.CodeNotFound, "there is no key %s", id) }

// listMax bounds a list: as many as there may be, and some that are revoked.
const listMax = 2 * KeysMax

// List returns all keys, the newest first.
func (t *Table) List(ctx context.Context) ([]Key, error) {
	rows, err := t.db.Query(ctx, `SELECT `+columns+` FROM orderloom.api_keys ORDER BY created_at DESC, key_id LIMIT $1`, listMax)
	if err != nil {
		return nil, wrap("list the keys", err)
	}
	list, err := pgx.CollectRows(rows, scanKey)
	return list, wrap("list the keys", err)
}

// Rotation asks for another secret of a key.
type Rotation struct {
	KeyID uuid.UUID
	// RequestID makes the request repeatable.
	RequestID uuid.UUID
	// Overlap is how long the secret of now still holds; 0 ends it at once. An older one ends at once.
	Overlap time.Duration
	// By is who asks. It can't take a key that reaches further than itself.
	By *Caller
}

// Rotate gives a key another secret, which is returned this once. All else of the key stays. It may be repeated under
// the same request id: the key is returned then, without a secret. Errors: not_found; key_revoked; forbidden; invalid.
func (t *Table) Rotate(ctx context.Context, r Rotation) (rotated Key, secret string, err error) {
	if r.Overlap < 0 || r.Overlap > OverlapMax {
		return Key{}, "", domain.Invalids{domain.Invalid("overlap_seconds", "must be from 0 to %d", int(OverlapMax.Seconds()))}
	}
	before, err := t.takenBy(ctx, r.KeyID, r.By)
	if err != nil {
		return Key{}, "", err
	}
	if before.Role == Customer {
		return Key{}, "", domain.Refuse(CodeKeyHasNoSecret, "the key has no secret here: make another one with the shop's new public key")
	}
	secret = newSecret(t.mode)
	sum := hashOf(secret)
	rotated, err = one(ctx, t.db, `UPDATE orderloom.api_keys SET previous_hash = hash, previous_until = now() + make_interval(secs => $3),
			hash = $4, hint = $5, rotated_at = now(), rotation_id = $2
		WHERE key_id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now()) AND rotation_id IS DISTINCT FROM $2
		RETURNING `+columns, r.KeyID, r.RequestID, r.Overlap.Seconds(), sum[:], hint(secret))
	if !errors.Is(err, pgx.ErrNoRows) {
		return rotated, secret, wrap("rotate a key", err)
	}
	var same bool
	err = t.db.QueryRow(ctx, `SELECT rotation_id IS NOT DISTINCT FROM $2 FROM orderloom.api_keys WHERE key_id = $1`, r.KeyID, r.RequestID).Scan(&same)
	switch {
	case err != nil:
		return Key{}, "", wrap("rotate a key", err)
	case !same:
		return Key{}, "", domain.Refuse(CodeKeyRevoked, "the key was revoked or has expired")
	}
	rotated, err = t.Get(ctx, r.KeyID)
	return rotated, "", err
}

// Revoke ends a key, with all its secrets, for good. It may be repeated: again tells that it was revoked before.
// Errors: not_found; forbidden.
func (t *Table) Revoke(ctx context.Context, id uuid.UUID, by *Caller) (revoked Key, again bool, err error) {
	before, err := t.takenBy(ctx, id, by)
	if err != nil {
		return Key{}, false, err
	}
	revoked, err = one(ctx, t.db, `UPDATE orderloom.api_keys SET revoked_at = coalesce(revoked_at, now()) WHERE key_id = $1 RETURNING `+columns, id)
	return revoked, before.RevokedAt != nil, wrap("revoke a key", err)
}

// Pin gives a key another version of the API, which the caller has checked. It may be repeated: again tells that the
// key had it before. Errors: not_found; key_revoked; forbidden.
func (t *Table) Pin(ctx context.Context, id uuid.UUID, version string, by *Caller) (pinned Key, again bool, err error) {
	before, err := t.takenBy(ctx, id, by)
	if err != nil {
		return Key{}, false, err
	}
	if before.APIVersion == version {
		return before, true, nil
	}
	pinned, err = one(ctx, t.db, `UPDATE orderloom.api_keys SET api_version = $2 WHERE key_id = $1 AND revoked_at IS NULL RETURNING `+columns, id, version)
	if errors.Is(err, pgx.ErrNoRows) {
		return Key{}, false, domain.Refuse(CodeKeyRevoked, "the key was revoked")
	}
	return pinned, false, wrap("give a key another version", err)
}
