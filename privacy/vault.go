package privacy

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/internal/advisory"
	"github.com/orderloom/orderloom/internal/failure"
)

// inline is the name of the key of data that carry their own, wrapped.
const inline = "inline"

const (
	subjectBytesMax = 200
	// sealPatience bounds the wait for the database when sealing, since sealing can do without.
	sealPatience = 2 * time.Second
)

// Options of [NewVault]. The zero value is ready to use by who destroys no keys.
type Options struct {
	// Now is the clock of the cache; nil means [time.Now].
	Now func() time.Time
	// Forget drops what else is kept of sections under these keys, in the transaction that destroys the keys. Nobody
	// fills an index meanwhile. A vault without it destroys no keys.
	Forget func(ctx context.Context, tx pgx.Tx, keys []string) error
}

// ForgetNothing is [Options.Forget] of a database in which nothing else is kept.
func ForgetNothing(context.Context, pgx.Tx, []string) error { return nil }

// errForgetless refuses to destroy keys and to leave behind what is found by them.
var errForgetless = errors.New("a vault that destroys keys needs Options.Forget")

// Vault seals, opens and erases personal data. Its methods may be called concurrently.
type Vault struct {
	pool   *pgxpool.Pool
	keys   KeyWrapper
	cache  *cache
	forget func(ctx context.Context, tx pgx.Tx, keys []string) error
}

// NewVault returns a vault whose data keys lie in the pool's database, wrapped by keys.
func NewVault(pool *pgxpool.Pool, keys KeyWrapper, o Options) *Vault {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Vault{pool: pool, keys: keys, cache: newCache(o.Now), forget: o.Forget}
}

// Seal encrypts the JSON of v under the subject's key, which is made when there is none. While the
// database can't be reached it seals inline: under a new key that travels along, wrapped. Such data can't
// be erased until they are resealed.
//
// Errors: invalid for a subject that is no text of 1 to 200 bytes.
func (v *Vault) Seal(ctx context.Context, subject string, value any) (domain.Sealed, error) {
	plain, err := json.Marshal(value)
	if err != nil {
		return domain.Sealed{}, fmt.Errorf("seal: %w", err)
	}
	if err := checkSubject(subject); err != nil {
		return domain.Sealed{}, err
	}
	patient, cancel := context.WithTimeout(ctx, sealPatience)
	defer cancel()
	key, err := v.living(patient, subject)
	if err == nil {
		return domain.Sealed{Key: key.name, Data: seal(key.cipher, key.name, plain)}, nil
	}
	if ctx.Err() != nil || !unreachable(err) {
		return domain.Sealed{}, err
	}
	return v.sealInline(ctx, plain)
}

func checkSubject(subject string) error {
	if subject == "" || len(subject) > subjectBytesMax || !utf8.ValidString(subject) || strings.ContainsRune(subject, 0) {
		return domain.Invalid("subject", "must be a text of 1 to %d bytes", subjectBytesMax)
	}
	return nil
}

// unreachable reports whether the database did not answer, or is starting, stopping or full.
func unreachable(err error) bool {
	if errors.Is(err, ErrMasterKeyUnknown) {
		return false
	}
	var answer *pgconn.PgError
	if errors.As(err, &answer) {
		return failure.Of(err) == failure.Passes
	}
	return true
}

// Open decrypts what was sealed into value, and leaves value alone when nothing was. A *[json.RawMessage] gets the
// text as it was sealed, without decoding. Errors: [ErrErased]; [ErrMasterKeyUnknown];
// [domain.ErrUnreadable] when the data were not sealed here or were tampered with; another error when the database
// can't be reached.
func (v *Vault) Open(ctx context.Context, s domain.Sealed, value any) error {
	if s.IsZero() {
		return nil
	}
	plain, err := v.open(ctx, s)
	if err != nil {
		return err
	}
	if text, ok := value.(*json.RawMessage); ok {
		*text = plain
		return nil
	}
	if err := json.Unmarshal(plain, value); err != nil {
		return fmt.Errorf("open: %w", err)
	}
	return nil
}

func (v *Vault) open(ctx context.Context, s domain.Sealed) ([]byte, error) {
	if s.Key == inline {
		return v.openInline(ctx, s.Data)
	}
	key, err := v.named(ctx, s.Key)
	if err != nil {
		return nil, err
	}
	if key.erased {
		return nil, ErrErased
	}
	return open(key.cipher, key.name, s.Data)
}

// Reseal puts inline data under the subject's key; other data come back as they are. It may be repeated.
// It needs the database.
func (v *Vault) Reseal(ctx context.Context, subject string, s domain.Sealed) (domain.Sealed, error) {
	if s.Key != inline {
		return s, nil
	}
	if err := checkSubject(subject); err != nil {
		return s, err
	}
	plain, err := v.openInline(ctx, s.Data)
	if err != nil {
		return s, err
	}
	key, err := v.living(ctx, subject)
	if err != nil {
		return s, err
	}
	return domain.Sealed{Key: key.name, Data: seal(key.cipher, key.name, plain)}, nil
}

// Erasure says what [Vault.Erase] has done.
type Erasure struct {
	// Destroyed counts the keys that this call has destroyed, 0 when none was left.
	Destroyed int
	// At is when the last key was destroyed, by this call or before.
	At time.Time
}

// Erase destroys the subject's key: nothing that was sealed for the subject can be opened again, here at once, in other
// processes within [CacheTTL]. In the same transaction it drops by what the subject's contacts are found. It may be
// repeated, and says then that nothing was left. Errors: not_found for a subject who never had a key.
func (v *Vault) Erase(ctx context.Context, subject string) (done Erasure, err error) {
	if v.forget == nil {
		return done, errForgetless
	}
	var at *time.Time
	err = pgx.BeginFunc(ctx, v.pool, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `UPDATE orderloom.customer_keys SET wrapped = NULL, erased_at = now(), published = false
			WHERE subject = $1 AND wrapped IS NOT NULL RETURNING subject, generation, master_key, wrapped`, subject)
		if err != nil {
			return err
		}
		destroyed, err := pgx.CollectRows(rows, pgx.RowToStructByPos[storedKey])
		if err != nil {
			return err
		}
		if done.Destroyed = len(destroyed); done.Destroyed > 0 {
			if err := v.forgetKeys(ctx, tx, destroyed); err != nil {
				return err
			}
		}
		return tx.QueryRow(ctx, `SELECT max(erased_at) FROM orderloom.customer_keys WHERE subject = $1`, subject).Scan(&at)
	})
	if err != nil {
		return Erasure{}, fmt.Errorf("erase: %w", err)
	}
	v.cache.forget(subject)
	if at == nil {
		return Erasure{}, domain.Refuse(domain.CodeNotFound, "no personal data were ever sealed for customer %q: nothing was erased", subject)
	}
	done.At = at.UTC()
	return done, nil
}

// forgetKeys drops what else is kept of sections under keys that tx destroys. First it waits for those who have begun
// to fill an index. Who begins after that finds the keys destroyed.
func (v *Vault) forgetKeys(ctx context.Context, tx pgx.Tx, destroyed []storedKey) error {
	if _, err := tx.Exec(ctx, lockIndex+"($1)", advisory.ContactIndex); err != nil {
		return err
	}
	names := make([]string, len(destroyed))
	for i, k := range destroyed {
		names[i] = k.name()
	}
	return v.forget(ctx, tx, names)
}

// Rewrap wraps up to limit data keys anew that are under another master key than the current one, and returns how
// many it did. 0 means that the old master keys are not needed any more.
func (v *Vault) Rewrap(ctx context.Context, limit int) (int, error) {
	tx, err := v.pool.Begin(ctx)
	if err != nil {
		return 0, fmt.Errorf("rewrap: %w", err)
	}
	defer func() { _ = tx.Rollback(ctx) }() // does nothing after a commit
	const pick = `SELECT subject, generation, master_key, wrapped FROM orderloom.customer_keys
		WHERE wrapped IS NOT NULL AND master_key <> $1 LIMIT $2 FOR UPDATE SKIP LOCKED`
	rows, err := tx.Query(ctx, pick, v.keys.Current(), limit)
	if err != nil {
		return 0, fmt.Errorf("rewrap: %w", err)
	}
	stored, err := pgx.CollectRows(rows, pgx.RowToStructByPos[storedKey])
	if err != nil {
		return 0, fmt.Errorf("rewrap: %w", err)
	}
	for _, k := range stored {
		key, err := v.keys.Unwrap(ctx, k.MasterKey, k.name(), k.Wrapped)
		if err != nil {
			return 0, fmt.Errorf("rewrap %s: %w", k.name(), err)
		}
		master, wrapped, err := v.keys.Wrap(ctx, k.name(), key)
		if err != nil {
			return 0, fmt.Errorf("rewrap %s: %w", k.name(), err)
		}
		const store = `UPDATE orderloom.customer_keys SET master_key = $3, wrapped = $4, published = false WHERE subject = $1 AND generation = $2`
		if _, err := tx.Exec(ctx, store, k.Subject, k.Generation, master, wrapped); err != nil {
			return 0, fmt.Errorf("rewrap: %w", err)
		}
	}
	if err := tx.Commit(ctx); err != nil {
		return 0, fmt.Errorf("rewrap: %w", err)
	}
	return len(stored), nil
}

// Wraps reports whether a master key wraps the key of any customer.
func Wraps(ctx context.Context, pool *pgxpool.Pool, masterKey string) (wraps bool, err error) {
	const sql = `SELECT EXISTS (SELECT FROM orderloom.customer_keys WHERE master_key = $1 AND wrapped IS NOT NULL)`
	if err := pool.QueryRow(ctx, sql, masterKey).Scan(&wraps); err != nil {
		return false, fmt.Errorf("look for what a master key wraps: %w", err)
	}
	return wraps, nil
}

// storedKey is a row of customer_keys. Wrapped is nil once destroyed.
type storedKey struct {
	Subject    string
	Generation int
	MasterKey  string
	Wrapped    []byte
}

func (k storedKey) name() string { return k.Subject + ":" + strconv.Itoa(k.Generation) }

// parseName takes a key's name apart.
func parseName(name string) (subject string, generation int, ok bool) {
	i := strings.LastIndexByte(name, ':')
	if i < 1 {
		return "", 0, false
	}
	generation, err := strconv.Atoi(name[i+1:])
	return name[:i], generation, err == nil
}

// living returns the key that a subject's data are sealed with now, made when there is none.
func (v *Vault) living(ctx context.Context, subject string) (dataKey, error) {
	if k, ok := v.cache.get(livingID(subject)); ok {
		return k, nil
	}
	stored, err := v.findOrMake(ctx, subject)
	if err != nil {
		return dataKey{}, fmt.Errorf("find the key of a customer: %w", err)
	}
	k, err := v.ready(ctx, stored)
	if err == nil {
		v.cache.put(livingID(subject), k)
	}
	return k, err
}

// makeAttemptsMax bounds the race with others who make the same subject's key.
const makeAttemptsMax = 5

func (v *Vault) findOrMake(ctx context.Context, subject string) (storedKey, error) {
	const find = `SELECT subject, generation, master_key, wrapped FROM orderloom.customer_keys WHERE subject = $1
		ORDER BY generation DESC LIMIT 1`
	for range makeAttemptsMax {
		newest, err := one(v.pool.Query(ctx, find, subject))
		switch {
		case err != nil && !errors.Is(err, pgx.ErrNoRows):
			return storedKey{}, err
		case err == nil && newest.Wrapped != nil:
			return newest, nil
		}
		made := storedKey{Subject: subject, Generation: newest.Generation + 1}
		if made.MasterKey, made.Wrapped, err = v.wrapNew(ctx, made.name()); err != nil {
			return storedKey{}, err
		}
		const insert = `INSERT INTO orderloom.customer_keys (subject, generation, master_key, wrapped) VALUES ($1, $2, $3, $4)
			ON CONFLICT DO NOTHING RETURNING subject, generation, master_key, wrapped`
		stored, err := one(v.pool.Query(ctx, insert, made.Subject, made.Generation, made.MasterKey, made.Wrapped))
		if !errors.Is(err, pgx.ErrNoRows) {
			return stored, err
		}
	}
	return storedKey{}, failure.Passing(errors.New("others keep making and erasing the same key"))
}

func one(rows pgx.Rows, err error) (storedKey, error) {
	if err != nil {
		return storedKey{}, err
	}
	return pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[storedKey])
}

func (v *Vault) wrapNew(ctx context.Context, label string) (masterKey string, wrapped []byte, err error) {
	key := make([]byte, keyBytes)
	_, _ = rand.Read(key) // never fails: crypto/rand ends the process instead
	return v.keys.Wrap(ctx, label, key)
}

// named returns the key with a name.
func (v *Vault) named(ctx context.Context, name string) (dataKey, error) {
	if k, ok := v.cache.get(name); ok {
		return k, nil
	}
	subject, generation, ok := parseName(name)
	if !ok {
		return dataKey{}, fmt.Errorf("%w: %q is not the name of a key", domain.ErrUnreadable, name)
	}
	const find = `SELECT subject, generation, master_key, wrapped FROM orderloom.customer_keys WHERE subject = $1 AND generation = $2`
	stored, err := one(v.pool.Query(ctx, find, subject, generation))
	if errors.Is(err, pgx.ErrNoRows) { // rows stay when keys are destroyed, but whoever removed one meant it
		return dataKey{name: name, erased: true}, nil
	}
	if err != nil {
		return dataKey{}, fmt.Errorf("find key: %w", err)
	}
	k, err := v.ready(ctx, stored)
	if err == nil {
		v.cache.put(name, k)
	}
	return k, err
}

func (v *Vault) ready(ctx context.Context, s storedKey) (dataKey, error) {
	if s.Wrapped == nil {
		return dataKey{name: s.name(), erased: true}, nil
	}
	key, err := v.keys.Unwrap(ctx, s.MasterKey, s.name(), s.Wrapped)
	if err != nil {
		return dataKey{}, fmt.Errorf("unwrap a customer's key: %w", err)
	}
	c, err := newCipher(key)
	if err != nil {
		return dataKey{}, fmt.Errorf("use a customer's key: %w", err)
	}
	return dataKey{name: s.name(), cipher: c}, nil
}

// sealInline writes the id of the master key and the wrapped key, each with its length before it, and then
// nonce and ciphertext.
func (v *Vault) sealInline(ctx context.Context, plain []byte) (domain.Sealed, error) {
	key := make([]byte, keyBytes)
	_, _ = rand.Read(key) // never fails: crypto/rand ends the process instead
	c, err := newCipher(key)
	if err != nil {
		return domain.Sealed{}, fmt.Errorf("seal inline: %w", err)
	}
	master, wrapped, err := v.keys.Wrap(ctx, inline, key)
	if err != nil {
		return domain.Sealed{}, fmt.Errorf("seal inline: %w", err)
	}
	var data []byte
	for _, part := range [][]byte{[]byte(master), wrapped} {
		data = append(binary.BigEndian.AppendUint16(data, uint16(len(part))), part...)
	}
	return domain.Sealed{Key: inline, Data: append(data, seal(c, inline, plain)...)}, nil
}

func (v *Vault) openInline(ctx context.Context, data []byte) ([]byte, error) {
	var parts [2][]byte
	for i := range parts {
		if len(data) < 2 || len(data) < 2+int(binary.BigEndian.Uint16(data)) {
			return nil, fmt.Errorf("%w: they are too short", domain.ErrUnreadable)
		}
		n := 2 + int(binary.BigEndian.Uint16(data))
		parts[i], data = data[2:n], data[n:]
	}
	key, err := v.keys.Unwrap(ctx, string(parts[0]), inline, parts[1])
	if err != nil {
		return nil, fmt.Errorf("unwrap an inline key: %w", err)
	}
	c, err := newCipher(key)
	if err != nil {
		return nil, fmt.Errorf("use an inline key: %w", err)
	}
	return open(c, inline, data)
}
