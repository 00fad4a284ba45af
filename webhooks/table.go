package webhooks

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/access"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/internal/failure"
)

// DB is a pool.
type DB interface {
	Begin(ctx context.Context) (pgx.Tx, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

var _ DB = (*pgxpool.Pool)(nil)

// Table keeps the endpoints. It is safe for concurrent use.
//
// Account says in each call whose endpoints can be seen: to others they don't exist.
type Table struct {
	db    DB
	vault Vault
	rules Rules
}

// NewTable returns the endpoints in a database. The vault seals their secrets.
func NewTable(db DB, vault Vault, rules Rules) *Table {
	return &Table{db: db, vault: vault, rules: rules}
}

const columns = `endpoint_id, account, name, url, types, coalesce(channel, ''), payload, payload_version, personal, signature, scopes, channels, sealed_key,
	sealed_data, header_names, public_key, previous_until, rotated_at, created_at, created_by, disabled_at, coalesce(disabled_for, ''), revision, cursor, since,
	delivered, succeeded_at, failing_since, warned_at, coalesce(last_error, ''), rests, rests_until,
	(SELECT count(*) FROM orderloom.webhook_lanes l WHERE l.endpoint_id = e.endpoint_id AND l.kind IN ('order', 'aggregate') AND l.attempts > 0)`

func scanEndpoint(row pgx.CollectableRow) (e Endpoint, err error) {
	err = row.Scan(&e.EndpointID, &e.Account, &e.Name, &e.URL, &e.Types, &e.Channel, &e.Payload, &e.PayloadVersion, &e.Personal, &e.Signature, &e.scopes,
		&e.channels, &e.sealed.Key, &e.sealed.Data, &e.HeaderNames, &e.PublicKey, &e.PreviousUntil, &e.RotatedAt, &e.CreatedAt, &e.CreatedBy, &e.DisabledAt,
		&e.DisabledFor, &e.revision, &e.Cursor, &e.since, &e.Delivered, &e.SucceededAt, &e.FailingSince, &e.warnedAt, &e.LastError, &e.rests, &e.RestsUntil,
		&e.Held)
	if err != nil {
		return e, err
	}
	e.CreatedAt = e.CreatedAt.UTC()
	for _, t := range []*time.Time{e.PreviousUntil, e.RotatedAt, e.DisabledAt, e.SucceededAt, e.FailingSince, e.RestsUntil} {
		if t != nil {
			*t = t.UTC()
		}
	}
	if e.FailingSince != nil && e.DisabledAt == nil {
		at := e.FailingSince.Add(DisabledAfter)
		e.DisablesAt = &at
	}
	return e, nil
}

// querier is a pool or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

func one(ctx context.Context, db querier, sql string, args ...any) (Endpoint, error) {
	rows, err := db.Query(ctx, sql, args...)
	if err != nil {
		return Endpoint{}, err
	}
	return pgx.CollectExactlyOneRow(rows, scanEndpoint)
}

func wrap(doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, err)
}

func noEndpoint(id uuid.UUID) error {
	return domain.Refuse(domain.CodeNotFound, "there is no webhook endpoint %s", id)
}

// Create makes an endpoint. Its secret is returned this once: for V1a it is the private key, which receivers don't
// need. It may be repeated under the same id: the endpoint is returned as it is then, without a secret. Errors: as
// [Settings.Check]; forbidden for what the caller may not see; too_many_webhook_endpoints; idempotency_key_reused.
func (t *Table) Create(ctx context.Context, n NewEndpoint) (made Endpoint, secret string, err error) {
	if err := n.Check(t.rules); err != nil {
		return Endpoint{}, "", err
	}
	if n.Signature != V1 && n.Signature != V1a {
		return Endpoint{}, "", domain.Invalids{domain.Invalid("signature", "must be %s or %s", V1, V1a)}
	}
	if err := n.mayHave(n.Caller); err != nil {
		return Endpoint{}, "", err
	}
	key := NewKey(n.Signature)
	sealed, err := seal(ctx, t.vault, n.EndpointID, sealedPart{
		Keys: []sealedKey{{Key: key.Text()}}, Next: NewKey(n.Signature).Text(), Headers: n.Headers,
	})
	if err != nil {
		return Endpoint{}, "", wrap("seal the secret of an endpoint", err)
	}
	made, err = one(ctx, t.db, `INSERT INTO orderloom.webhook_endpoints AS e (endpoint_id, account, name, url, types, channel, payload, payload_version,
			personal, signature, scopes, channels, sealed_key, sealed_data, header_names, public_key, created_by, request_hash, cursor, since)
		SELECT $1, $2, $3, $4, $5, nullif($6, ''), $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $19
		WHERE (SELECT count(*) FROM orderloom.webhook_endpoints o WHERE o.account = $2) < $20
		ON CONFLICT (endpoint_id) DO NOTHING RETURNING `+columns,
		n.EndpointID, n.Caller.Account, n.Name, n.URL, list(n.Types), n.Channel, string(n.Payload), n.PayloadVersion, n.Personal, string(n.Signature),
		scopesOf(n.Caller), n.Caller.Channels, sealed.Key, sealed.Data, headerNames(n.Headers), key.Public(), string(n.Caller.Actor()), n.RequestHash,
		n.Cursor, EndpointsMax)
	if !errors.Is(err, pgx.ErrNoRows) {
		return made, key.Text(), wrap("make an endpoint", err)
	}
	return t.madeBefore(ctx, n)
}

func (t *Table) madeBefore(ctx context.Context, n NewEndpoint) (made Endpoint, secret string, err error) {
	var before string
	err = t.db.QueryRow(ctx, `SELECT request_hash FROM orderloom.webhook_endpoints WHERE endpoint_id = $1 AND account = $2`, n.EndpointID, n.Caller.Account).
		Scan(&before)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return Endpoint{}, "", domain.Refuse(CodeTooManyEndpoints, "the account has %d endpoints: delete one first", EndpointsMax)
	case err != nil:
		return Endpoint{}, "", wrap("make an endpoint", err)
	case before != n.RequestHash:
		return Endpoint{}, "", domain.Refuse(domain.CodeIdempotencyKeyReused, "another endpoint was made under this Idempotency-Key")
	}
	made, err = t.Get(ctx, n.Caller.Account, n.EndpointID)
	return made, "", err
}

func list(words []string) []string {
	if len(words) == 0 {
		return nil
	}
	return words
}

func scopesOf(c *access.Caller) []string {
	words := []string{}
	for _, s := range c.Scopes.List() {
		words = append(words, string(s))
	}
	return words
}

func headerNames(headers map[string]string) []string {
	names := []string{}
	for name := range headers {
		names = append(names, http.CanonicalHeaderKey(name))
	}
	slices.Sort(names)
	return names
}

// Get returns an endpoint. Error: not_found.
func (t *Table) Get(ctx context.Context, account string, id uuid.UUID) (Endpoint, error) {
	e, err := one(ctx, t.db, `SELECT `+columns+` FROM orderloom.webhook_endpoints e WHERE endpoint_id = $1 AND ($2 = '*' OR account = $2)`, id, account)
	if errors.Is(err, pgx.ErrNoRows) {
		return Endpoint{}, noEndpoint(id)
	}
	return e, wrap("read an endpoint", err)
}

// List returns the endpoints of an account, the newest first.
func (t *Table) List(ctx context.Context, account string) ([]Endpoint, error) {
	return t.list(ctx, `WHERE account = $1`, account)
}

// All returns the endpoints of all accounts, the newest first: for those who run the platform.
func (t *Table) All(ctx context.Context) ([]Endpoint, error) { return t.list(ctx, ``) }

func (t *Table) list(ctx context.Context, where string, args ...any) ([]Endpoint, error) {
	rows, err := t.db.Query(ctx, `SELECT `+columns+` FROM orderloom.webhook_endpoints e `+where+` ORDER BY created_at DESC, endpoint_id`, args...)
	if err != nil {
		return nil, wrap("list the endpoints", err)
	}
	all, err := pgx.CollectRows(rows, scanEndpoint)
	return all, wrap("list the endpoints", err)
}

// Change replaces the settings of an endpoint; without a version of payloads, that stays. It sends what whoever changes
// it may see, from its place on. It may be repeated. Errors: not_found; as [Settings.Check]; forbidden.
func (t *Table) Change(ctx context.Context, id uuid.UUID, s Settings, by *access.Caller) (changed Endpoint, err error) {
	before, err := t.Get(ctx, by.Account, id)
	if err != nil {
		return Endpoint{}, err
	}
	if s.PayloadVersion == "" {
		s.PayloadVersion = before.PayloadVersion
	}
	if err := s.Check(t.rules); err != nil {
		return Endpoint{}, err
	}
	if err := s.mayHave(by); err != nil {
		return Endpoint{}, err
	}
	if s.Headers == nil && len(before.HeaderNames) > 0 && originOf(s.URL) != originOf(before.URL) {
		return Endpoint{}, domain.Invalids{domain.Invalid("headers", "must be given for another host, or be {}: those of now are secrets of the former host")}
	}
	sealed, names := before.sealed, before.HeaderNames
	if s.Headers != nil {
		var part sealedPart
		if err := t.vault.Open(ctx, before.sealed, &part); err != nil {
			return Endpoint{}, wrap("open the secret of an endpoint", err)
		}
		part.Headers = maps.Clone(s.Headers)
		if sealed, err = seal(ctx, t.vault, id, part); err != nil {
			return Endpoint{}, wrap("seal the secret of an endpoint", err)
		}
		names = headerNames(s.Headers)
	}
	// Where other events are chosen, what came before is no previous event any more.
	changed, err = one(ctx, t.db, `UPDATE orderloom.webhook_endpoints e SET name = $3, url = $4, types = $5, channel = nullif($6, ''), payload = $7,
			payload_version = $8, personal = $9, scopes = $10, channels = $11, sealed_key = $12, sealed_data = $13, header_names = $14, revision = revision + 1,
			rests_until = NULL, since = CASE WHEN (types, channel, scopes, channels) IS DISTINCT FROM ($5::text[], nullif($6, ''), $10::text[], $11::text[])
				THEN cursor ELSE since END
		WHERE endpoint_id = $1 AND account = $2 AND (sealed_data = $13 OR sealed_data = $15) RETURNING `+columns,
		id, by.Account, s.Name, s.URL, list(s.Types), s.Channel, string(s.Payload), s.PayloadVersion, s.Personal, scopesOf(by), by.Channels, sealed.Key,
		sealed.Data, names, before.sealed.Data)
	if errors.Is(err, pgx.ErrNoRows) {
		return Endpoint{}, errMeanwhile
	}
	return changed, wrap("change an endpoint", err)
}

// originOf is the scheme, the host and the port of an address.
func originOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	return strings.ToLower(u.Scheme + "://" + u.Host)
}

// errMeanwhile ends a change when another one was made between its statements.
var errMeanwhile = failure.Passing(errors.New("the endpoint was changed meanwhile: try again"))

// Rotation asks for another secret of an endpoint.
type Rotation struct {
	EndpointID uuid.UUID
	// RequestID makes the request repeatable.
	RequestID uuid.UUID
	// Overlap is how long the secret of now signs as well; 0 ends it at once. An older one ends at once.
	Overlap time.Duration
	By      *access.Caller
}

// Rotate gives an endpoint another secret, which is returned this once. It may be repeated under the same request id:
// the endpoint is returned then, without a secret. Errors: not_found; invalid.
func (t *Table) Rotate(ctx context.Context, r Rotation) (rotated Endpoint, secret string, err error) {
	if r.Overlap < 0 || r.Overlap > OverlapMax {
		return Endpoint{}, "", domain.Invalids{domain.Invalid("overlap_seconds", "must be from 0 to %d", int(OverlapMax.Seconds()))}
	}
	before, err := t.Get(ctx, r.By.Account, r.EndpointID)
	if err != nil {
		return Endpoint{}, "", err
	}
	var part sealedPart
	if err := t.vault.Open(ctx, before.sealed, &part); err != nil {
		return Endpoint{}, "", wrap("open the secret of an endpoint", err)
	}
	key, err := part.next(before.Signature)
	if err != nil {
		return Endpoint{}, "", err
	}
	until := time.Now().Add(r.Overlap).UTC()
	former := part.Keys[0]
	former.Until = until
	part.Keys, part.Next = []sealedKey{{Key: key.Text()}, former}, NewKey(before.Signature).Text()
	sealed, err := seal(ctx, t.vault, r.EndpointID, part)
	if err != nil {
		return Endpoint{}, "", wrap("seal the secret of an endpoint", err)
	}
	rotated, err = one(ctx, t.db, `UPDATE orderloom.webhook_endpoints e SET sealed_key = $3, sealed_data = $4, public_key = $5, previous_until = $6,
			rotated_at = now(), rotation_id = $7, revision = revision + 1
		WHERE endpoint_id = $1 AND account = $2 AND sealed_data = $8 AND rotation_id IS DISTINCT FROM $7 RETURNING `+columns,
		r.EndpointID, r.By.Account, sealed.Key, sealed.Data, key.Public(), until, r.RequestID, before.sealed.Data)
	if !errors.Is(err, pgx.ErrNoRows) {
		return rotated, key.Text(), wrap("rotate the secret of an endpoint", err)
	}
	var same bool
	err = t.db.QueryRow(ctx, `SELECT rotation_id IS NOT DISTINCT FROM $2 FROM orderloom.webhook_endpoints WHERE endpoint_id = $1`, r.EndpointID, r.RequestID).
		Scan(&same)
	if err == nil && !same {
		err = errMeanwhile
	}
	if err != nil {
		return Endpoint{}, "", wrap("rotate the secret of an endpoint", err)
	}
	rotated, err = t.Get(ctx, r.By.Account, r.EndpointID)
	return rotated, "", err
}

// Disable stops all that is sent. What is due stays due, and can be listed. It may be repeated. Error: not_found.
func (t *Table) Disable(ctx context.Context, account string, id uuid.UUID) (Endpoint, error) {
	return t.update(ctx, "disable an endpoint", account, id, `disabled_at = coalesce(disabled_at, now()), disabled_for = coalesce(disabled_for, $3),
		revision = revision + 1`, ForRequest)
}

// Enable goes on with an endpoint from its place, or from a cursor: what lies before that is not sent then. It may be
// repeated. Error: not_found.
func (t *Table) Enable(ctx context.Context, account string, id uuid.UUID, cursor string) (enabled Endpoint, err error) {
	err = pgx.BeginFunc(ctx, t.db, func(tx pgx.Tx) error {
		enabled, err = update(ctx, tx, account, id, `disabled_at = NULL, disabled_for = NULL, failing_since = NULL, warned_at = NULL, rests = 0,
			rests_until = NULL, revision = revision + 1, cursor = coalesce(nullif($3, ''), cursor),
			since = coalesce(nullif($3, ''), since), worker_id = CASE WHEN $3 = '' THEN worker_id END`, cursor)
		if err != nil {
			return err
		}
		if cursor != "" {
			_, err = tx.Exec(ctx, `DELETE FROM orderloom.webhook_lanes WHERE endpoint_id = $1`, id)
			return err
		}
		_, err = tx.Exec(ctx, `UPDATE orderloom.webhook_lanes SET due_at = now(), failed_at = NULL WHERE endpoint_id = $1`, id)
		return err
	})
	return enabled, notFound("enable an endpoint", id, err)
}

func update(ctx context.Context, db querier, account string, id uuid.UUID, set string, args ...any) (Endpoint, error) {
	return one(ctx, db, `UPDATE orderloom.webhook_endpoints e SET `+set+` WHERE endpoint_id = $1 AND ($2 = '*' OR account = $2) RETURNING `+columns,
		append([]any{id, account}, args...)...)
}

func (t *Table) update(ctx context.Context, doing, account string, id uuid.UUID, set string, args ...any) (Endpoint, error) {
	e, err := update(ctx, t.db, account, id, set, args...)
	return e, notFound(doing, id, err)
}

func notFound(doing string, id uuid.UUID, err error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return noEndpoint(id)
	}
	return wrap(doing, err)
}

// AnyAccount stands for all accounts, for those who run the platform. No account has such a name.
const AnyAccount = "*"

// Delete ends an endpoint, with its secrets, its log and what is due. Error: not_found, also when it is repeated.
func (t *Table) Delete(ctx context.Context, account string, id uuid.UUID) error {
	tag, err := t.db.Exec(ctx, `DELETE FROM orderloom.webhook_endpoints WHERE endpoint_id = $1 AND account = $2`, id, account)
	if err == nil && tag.RowsAffected() == 0 {
		return noEndpoint(id)
	}
	return wrap("delete an endpoint", err)
}
