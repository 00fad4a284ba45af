package privacy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Copy is a customer's key as it is copied to outside of the database, wrapped, or that it was destroyed.
type Copy struct {
	Subject    string `json:"subject"`
	Generation int    `json:"generation"`
	MasterKey  string `json:"master_key"`
	// Wrapped is nil once the key is destroyed, and ErasedAt is when that was.
	Wrapped  []byte     `json:"wrapped,omitempty"`
	ErasedAt *time.Time `json:"erased_at,omitempty"`
}

// Name is the name of the key, which each of its copies has.
func (c Copy) Name() string { return storedKey{Subject: c.Subject, Generation: c.Generation}.name() }

// CopyOut gives keys that have changed since they were last copied to send, at most limit, and returns how many. An
// erasure waits while send is under way, so that the newest copy of a key is always the true one. It may be repeated.
//
// Keys that another call is sending are left to that one. With wait, it is waited for: nothing is under way afterwards.
func (v *Vault) CopyOut(ctx context.Context, limit int, wait bool, send func(context.Context, []Copy) error) (n int, err error) {
	var waiting bool // also while another call sends them
	if err := v.pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM orderloom.customer_keys WHERE NOT published)`).Scan(&waiting); err != nil {
		return 0, fmt.Errorf("look for customers' keys to copy: %w", err)
	}
	if !waiting { // nearly always: a look costs no transaction
		return 0, nil
	}
	err = pgx.BeginFunc(ctx, v.pool, func(tx pgx.Tx) error {
		sql := `SELECT subject, generation, master_key, wrapped, erased_at FROM orderloom.customer_keys WHERE NOT published
			ORDER BY subject, generation LIMIT $1 FOR UPDATE`
		if !wait {
			sql += ` SKIP LOCKED`
		}
		rows, err := tx.Query(ctx, sql, limit)
		if err != nil {
			return err
		}
		copies, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Copy])
		if err != nil || len(copies) == 0 {
			return err
		}
		if err := send(ctx, copies); err != nil {
			return err
		}
		subjects, generations := columns(copies)
		_, err = tx.Exec(ctx, `UPDATE orderloom.customer_keys k SET published = true
			FROM unnest($1::text[], $2::integer[]) AS c(subject, generation) WHERE k.subject = c.subject AND k.generation = c.generation`,
			subjects, generations)
		n = len(copies)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("copy customers' keys: %w", err)
	}
	return n, nil
}

// copyAgainAtOnce bounds the keys of one statement of [CopyAgain].
const copyAgainAtOnce = 10_000

// CopyAgain lets [Vault.CopyOut] copy all keys once more, such as after the copies were lost. It may be repeated.
func CopyAgain(ctx context.Context, pool *pgxpool.Pool) error {
	// In the order of their names, since others copy meanwhile.
	const sql = `WITH page AS (SELECT subject, generation FROM orderloom.customer_keys WHERE (subject, generation) > ($1, $2)
				ORDER BY subject, generation LIMIT $3),
			again AS (UPDATE orderloom.customer_keys k SET published = false FROM page p
				WHERE k.subject = p.subject AND k.generation = p.generation AND k.published)
		SELECT subject, generation FROM page ORDER BY subject DESC, generation DESC LIMIT 1`
	var subject string
	var generation int
	for {
		err := pool.QueryRow(ctx, sql, subject, generation, copyAgainAtOnce).Scan(&subject, &generation)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("copy customers' keys again: %w", err)
		}
	}
}

// errDry rolls back what was only to be counted.
var errDry = errors.New("dry")

func columns(copies []Copy) (subjects []string, generations []int) {
	for _, c := range copies {
		subjects, generations = append(subjects, c.Subject), append(generations, c.Generation)
	}
	return subjects, generations
}

// storedKeys returns the keys that copies are of.
func storedKeys(copies []Copy) []storedKey {
	keys := make([]storedKey, len(copies))
	for i, c := range copies {
		keys[i] = storedKey{Subject: c.Subject, Generation: c.Generation}
	}
	return keys
}

// TakeBack compares the keys with the newest copy of each. It destroys again those that were destroyed, and stores
// those that are missing. It returns how many there were. With dry it only counts. It may be repeated.
func (v *Vault) TakeBack(ctx context.Context, copies []Copy, dry bool) (erased, taken int, err error) {
	if v.forget == nil {
		return 0, 0, errForgetless
	}
	var destroyed, living []Copy
	for _, c := range copies {
		if c.Wrapped == nil {
			destroyed = append(destroyed, c)
		} else {
			living = append(living, c)
		}
	}
	err = pgx.BeginFunc(ctx, v.pool, func(tx pgx.Tx) error {
		subjects, generations := columns(destroyed)
		// First, since a customer has one living key.
		tag, err := tx.Exec(ctx, `UPDATE orderloom.customer_keys k SET wrapped = NULL, erased_at = now()
			FROM unnest($1::text[], $2::integer[]) AS c(subject, generation)
			WHERE k.subject = c.subject AND k.generation = c.generation AND k.wrapped IS NOT NULL`, subjects, generations)
		if err != nil {
			return err
		}
		erased = int(tag.RowsAffected())
		if err := v.forgetKeys(ctx, tx, storedKeys(destroyed)); err != nil { // a backup brings back what was dropped, too
			return err
		}
		for _, c := range append(destroyed, living...) {
			tag, err := tx.Exec(ctx, `INSERT INTO orderloom.customer_keys (subject, generation, master_key, wrapped, erased_at, published)
				SELECT $1, $2, $3, $4, $5, true WHERE NOT EXISTS (SELECT FROM orderloom.customer_keys WHERE subject = $1 AND generation = $2)`,
				c.Subject, c.Generation, c.MasterKey, c.Wrapped, c.ErasedAt)
			if err != nil {
				return err
			}
			taken += int(tag.RowsAffected())
		}
		if dry {
			return errDry
		}
		return nil
	})
	if err != nil && !errors.Is(err, errDry) {
		return 0, 0, fmt.Errorf("take customers' keys back: %w", err)
	}
	if !dry {
		for _, c := range copies {
			v.cache.forget(c.Subject)
		}
	}
	return erased, taken, nil
}
