package privacy

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/contact"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/internal/advisory"
)

// IndexKey is a key of the index of contacts. Key is 32 random bytes or more.
type IndexKey struct {
	ID  string
	Key []byte
}

// Index computes by what email addresses and phone numbers are found: their MACs (HMAC-SHA256, RFC 2104) under a key
// that the database does not have. Whoever reads the database alone can neither read them nor try them out. It is a
// blind index: equal values have equal MACs, so it tells which orders have one contact.
type Index struct{ keys []IndexKey }

// macBytes is how much of a MAC is kept. So many random bits never meet by chance.
const macBytes = 16

// NewIndex returns an index whose new entries are under the first of the keys. It finds entries under any.
func NewIndex(keys ...IndexKey) (*Index, error) {
	if len(keys) == 0 {
		return nil, errors.New("an index needs a key")
	}
	known := map[string]bool{}
	for _, k := range keys {
		switch {
		case k.ID == "" || known[k.ID]:
			return nil, fmt.Errorf("the id %q of an index key is empty or stands twice", k.ID)
		case len(k.Key) < keyBytes:
			return nil, fmt.Errorf("the index key %q has %d bytes, at least %d are needed", k.ID, len(k.Key), keyBytes)
		}
		known[k.ID] = true
	}
	return &Index{keys: keys}, nil
}

// Emails returns what entries with an email address may have, one for each key. Ok is false for a text that is none.
func (x *Index) Emails(text string) (macs [][]byte, ok bool) {
	findable, ok := contact.FindableEmail(text)
	return x.macs(kindEmail, findable), ok
}

// Phones is [Index.Emails] for a phone number with its country's code.
func (x *Index) Phones(text string) (macs [][]byte, ok bool) {
	findable, ok := contact.FindablePhone(text)
	return x.macs(kindPhone, findable), ok
}

// What is indexed. The kind is part of what is hashed.
const (
	kindEmail = "email"
	kindPhone = "phone"
)

func (x *Index) macs(kind, findable string) [][]byte {
	macs := make([][]byte, len(x.keys))
	for i, k := range x.keys {
		macs[i] = k.mac(kind, findable)
	}
	return macs
}

func (k IndexKey) mac(kind, findable string) []byte {
	h := hmac.New(sha256.New, k.Key)
	h.Write([]byte("orderloom contact index 1\x00" + kind + "\x00" + findable))
	return h.Sum(nil)[:macBytes]
}

// entry is by what a contact is found. What is not in its findable form, because the rules were others when it was
// placed, is not found.
func (x *Index) entry(c order.Contact) contact.Entry {
	k := x.keys[0]
	e := contact.Entry{IndexKey: k.ID}
	if findable, ok := contact.FindableEmail(c.Email); ok {
		e.Email = k.mac(kindEmail, findable)
	}
	if findable, ok := contact.FindablePhone(c.Phone); ok {
		e.Phone = k.mac(kindPhone, findable)
	}
	return e
}

// Contacts reads sealed personal sections and computes by what their contacts are found.
type Contacts struct {
	vault *Vault
	index *Index
}

// NewContacts returns what fills an index.
func NewContacts(v *Vault, x *Index) *Contacts { return &Contacts{vault: v, index: x} }

// Entries returns an entry for each section, in their order. That of an erased one is empty, and that of one which
// can't be opened has no key.
//
// It locks in tx until its end. An erasure that comes first has erased the sections here. One that comes later waits
// until what is made of them is there to be dropped. Errors: those of the database.
func (c *Contacts) Entries(ctx context.Context, tx pgx.Tx, sealed []domain.Sealed) ([]contact.Entry, error) {
	opened, err := c.vault.openAll(ctx, tx, sealed)
	if err != nil {
		return nil, err
	}
	entries := make([]contact.Entry, len(sealed))
	for i, o := range opened {
		var r struct {
			Contact order.Contact `json:"recipient"`
		}
		switch {
		case errors.Is(o.err, ErrErased):
			entries[i] = contact.Entry{IndexKey: c.index.keys[0].ID}
		case o.err == nil && json.Unmarshal(o.plain, &r) == nil:
			entries[i] = c.index.entry(r.Contact)
		}
	}
	return entries, nil
}

// opened is a section that was opened, or why not.
type opened struct {
	plain []byte
	err   error
}

// lockIndex is shared by all who fill an index, and taken alone by whoever destroys keys.
const lockIndex = "SELECT pg_advisory_xact_lock"

// openAll opens many sections with one question for their keys. It does not believe the cache that a key lives.
func (v *Vault) openAll(ctx context.Context, tx pgx.Tx, sealed []domain.Sealed) ([]opened, error) {
	var subjects []string
	var generations []int
	asked := map[string]bool{}
	for _, s := range sealed {
		if subject, generation, ok := parseName(s.Key); ok && !asked[s.Key] {
			asked[s.Key] = true
			subjects, generations = append(subjects, subject), append(generations, generation)
		}
	}
	living := make(map[string]storedKey, len(subjects))
	q := &pgx.Batch{}
	q.Queue(lockIndex+"_shared($1)", advisory.ContactIndex)
	// A statement of its own, which sees what was committed while the lock was waited for.
	q.Queue(`SELECT k.subject, k.generation, k.master_key, k.wrapped FROM unnest($1::text[], $2::integer[]) AS n(subject, generation)
		JOIN orderloom.customer_keys k USING (subject, generation) WHERE k.wrapped IS NOT NULL`, subjects, generations).Query(func(rows pgx.Rows) error {
		all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[storedKey])
		for _, k := range all {
			living[k.name()] = k
		}
		return err
	})
	if err := tx.SendBatch(ctx, q).Close(); err != nil {
		return nil, fmt.Errorf("read the keys of customers: %w", err)
	}
	out := make([]opened, len(sealed))
	for i, s := range sealed {
		out[i].plain, out[i].err = v.openWith(ctx, s, living)
	}
	return out, nil
}

// openWith opens a section with a key among those that live.
func (v *Vault) openWith(ctx context.Context, s domain.Sealed, living map[string]storedKey) ([]byte, error) {
	stored, ok := living[s.Key]
	switch {
	case s.Key == inline:
		return v.openInline(ctx, s.Data)
	case !ok:
		return nil, ErrErased
	}
	key, ok := v.cache.get(s.Key)
	if !ok || key.erased {
		var err error
		if key, err = v.ready(ctx, stored); err != nil {
			return nil, err
		}
		v.cache.put(s.Key, key)
	}
	return open(key.cipher, key.name, s.Data)
}
