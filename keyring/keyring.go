package keyring

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/orderloom/orderloom/domain"
)

// Purpose is what a set of keys is for.
type Purpose string

// The purposes of keys.
const (
	// Master keys wrap the keys of customers: ORDERLOOM_MASTER_KEYS.
	Master Purpose = "master"
	// Payload keys encrypt what the sagas leave at the Temporal server: ORDERLOOM_PAYLOAD_KEYS.
	Payload Purpose = "payload"
	// Index keys are those of the MACs by which contacts are found: ORDERLOOM_INDEX_KEYS.
	Index Purpose = "index"
)

// Purposes are all of them.
var Purposes = []Purpose{Master, Payload, Index}

// Key is one key of a process. Secret is at least 32 random bytes, of which nothing is stored.
type Key struct {
	ID     string
	Secret []byte
	// Encrypts is true for the key that new data are encrypted with.
	Encrypts bool
}

// Codes of refusals.
const (
	// CodeKeyWrong refuses a key that is another than the one that has been in use under its id.
	CodeKeyWrong domain.ErrorCode = "key_wrong"
	// CodeKeyMissing refuses a set of keys that lacks one which is in use.
	CodeKeyMissing domain.ErrorCode = "key_missing"
	// CodeKeyUnknown refuses to encrypt with a key that no process has used.
	CodeKeyUnknown domain.ErrorCode = "key_unknown"
	// CodeKeyInUse refuses to retire a key that something still needs.
	CodeKeyInUse domain.ErrorCode = "key_in_use"
)

// DB is a pool, a connection or a transaction.
type DB interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

// Entry is what is known of a key.
type Entry struct {
	Purpose Purpose `json:"purpose"`
	ID      string  `json:"id"`
	// SeenAt is when a process first had it. FirstUsedAt is when one first encrypted with it, and zero before.
	SeenAt      time.Time `json:"seen_at"`
	FirstUsedAt time.Time `json:"first_used_at,omitzero"`
	// RetiredAt is zero until a person retires it.
	RetiredAt time.Time `json:"retired_at,omitzero"`

	check []byte
}

// InUse reports whether data may be encrypted with it.
func (e Entry) InUse() bool { return !e.FirstUsedAt.IsZero() && e.RetiredAt.IsZero() }

// Check compares the keys of a process with those that are in use, and remembers those that are new. It may be
// repeated, and by several processes at once. A key that was retired and is used again is in use again.
// Errors: key_wrong and key_missing, which name every key that is.
func Check(ctx context.Context, db DB, purpose Purpose, keys []Key) error {
	known, err := compare(ctx, db, purpose, keys)
	if err != nil {
		return err // keys that are refused are not remembered
	}
	isNew := false
	for _, k := range keys {
		if e, ok := known[k.ID]; ok && (e.InUse() || !k.Encrypts) {
			continue
		}
		if err := remember(ctx, db, purpose, k); err != nil {
			return err
		}
		isNew = true
	}
	if isNew { // another process may have been first
		_, err = compare(ctx, db, purpose, keys)
	}
	return err
}

// Match compares the keys of a command with those that are in use, and remembers nothing. A command that would encrypt
// with a key which no process has would make what nobody can read. Errors: as [Check]; key_unknown.
func Match(ctx context.Context, db DB, purpose Purpose, keys []Key) error {
	known, err := compare(ctx, db, purpose, keys)
	if err != nil {
		return err
	}
	for _, k := range keys {
		if k.Encrypts && !known[k.ID].InUse() {
			return domain.Refuse(CodeKeyUnknown, "the %s key %q is in use by no process: start the processes with it first", purpose, k.ID)
		}
	}
	return nil
}

// Compare compares keys with those that are in use, and remembers nothing. Errors: as [Check].
func Compare(ctx context.Context, db DB, purpose Purpose, keys []Key) error {
	_, err := compare(ctx, db, purpose, keys)
	return err
}

// InUse reports whether a process has encrypted with a key, and nobody has retired it since.
func InUse(ctx context.Context, db DB, purpose Purpose, id string) (bool, error) {
	all, err := List(ctx, db)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(all, func(e Entry) bool { return e.Purpose == purpose && e.ID == id && e.InUse() }), nil
}

// compare returns the keys of a purpose that are known, by their ids. The error is what is wrong with a process's keys.
func compare(ctx context.Context, db DB, purpose Purpose, keys []Key) (map[string]Entry, error) {
	all, err := List(ctx, db)
	if err != nil {
		return nil, err
	}
	known := map[string]Entry{}
	var problems []error
	for _, e := range all {
		if e.Purpose == purpose {
			known[e.ID], problems = e, append(problems, e.compare(keys))
		}
	}
	return known, errors.Join(problems...)
}

// remember writes down a key that is new, and that one which was not used before is now.
func remember(ctx context.Context, db DB, purpose Purpose, k Key) error {
	const sql = `INSERT INTO orderloom.key_checks AS known (purpose, id, check_value, first_used_at)
		VALUES ($1, $2, $3, CASE WHEN $4 THEN now() END)
		ON CONFLICT (purpose, id) DO UPDATE SET first_used_at = coalesce(known.first_used_at, now()), retired_at = NULL
		WHERE $4 AND known.check_value = $3 AND (known.first_used_at IS NULL OR known.retired_at IS NOT NULL)`
	if _, err := db.Exec(ctx, sql, purpose, k.ID, checkValue(purpose, k), k.Encrypts); err != nil {
		return fmt.Errorf("remember the %s key %s: %w", purpose, k.ID, err)
	}
	return nil
}

// compare returns what is wrong with the keys of a process.
func (e Entry) compare(keys []Key) error {
	for _, k := range keys {
		if k.ID != e.ID {
			continue
		}
		if subtle.ConstantTimeCompare(checkValue(e.Purpose, k), e.check) == 1 {
			return nil
		}
		return domain.Refuse(CodeKeyWrong, "the %s key %q is another than the one that was first used under this id, at %s: "+
			"put the right one back, and never give an id to another key", e.Purpose, e.ID, e.SeenAt.UTC().Format(time.RFC3339))
	}
	if !e.InUse() {
		return nil
	}
	return domain.Refuse(CodeKeyMissing, "the %s key %q has been in use since %s and is not among the keys: put it back. "+
		"When nothing needs it any more: orderloom encryption-keys retire %s %s", e.Purpose, e.ID, e.FirstUsedAt.UTC().Format(time.RFC3339), e.Purpose, e.ID)
}

// checkValue tells a key from others. It is a MAC, so it tells nothing about a random key.
func checkValue(purpose Purpose, k Key) []byte {
	mac := hmac.New(sha256.New, k.Secret)
	mac.Write([]byte(strings.Join([]string{"orderloom key check 1", string(purpose), k.ID}, "\x00")))
	return mac.Sum(nil)[:16]
}

// List returns all keys that are known, those of a purpose together and the oldest first.
func List(ctx context.Context, db DB) ([]Entry, error) {
	const sql = `SELECT purpose, id, check_value, seen_at, first_used_at, retired_at FROM orderloom.key_checks ORDER BY purpose, seen_at, id`
	rows, err := db.Query(ctx, sql)
	if err != nil {
		return nil, fmt.Errorf("list the encryption keys: %w", err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (e Entry, err error) {
		var used, retired *time.Time
		if err = row.Scan(&e.Purpose, &e.ID, &e.check, &e.SeenAt, &used, &retired); err != nil {
			return e, err
		}
		if used != nil {
			e.FirstUsedAt = *used
		}
		if retired != nil {
			e.RetiredAt = *retired
		}
		return e, nil
	})
	if err != nil {
		return nil, fmt.Errorf("list the encryption keys: %w", err)
	}
	return all, nil
}

// Retire records that nothing needs a key any more, so that processes may do without it. The caller has made sure of
// that. It may be repeated. Errors: not_found.
func Retire(ctx context.Context, db DB, purpose Purpose, id string) error {
	const sql = `UPDATE orderloom.key_checks SET retired_at = coalesce(retired_at, now()) WHERE purpose = $1 AND id = $2`
	tag, err := db.Exec(ctx, sql, purpose, id)
	if err != nil {
		return fmt.Errorf("retire the %s key %s: %w", purpose, id, err)
	}
	if tag.RowsAffected() == 0 {
		return domain.Refuse(domain.CodeNotFound, "there is no %s key %q: see orderloom encryption-keys list", purpose, domain.Clip(id))
	}
	return nil
}
