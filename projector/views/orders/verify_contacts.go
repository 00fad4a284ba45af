package orders

import (
	"bytes"
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/contact"
	"github.com/orderloom/orderloom/projector"
)

// contactsPage is how many personal sections are opened at once.
const contactsPage = 500

// indexed is what the index has of an order, beside the section that it should be made from.
type indexed struct {
	sealed domain.Sealed
	there  bool
	entry  contact.Entry
}

// verifyContacts compares the index of contacts with the personal sections in the rows of the orders, which are
// compared with the events elsewhere. It compares those that can be opened. An erased one has to be gone.
//
// Whoever erases waits for a page at most: the lock that opening takes is given back with the savepoint.
func (v *verifier) verifyContacts(ctx context.Context, c projector.Comparison, tx pgx.Tx) error {
	if v.opener == nil {
		return nil
	}
	for after, more := (uuid.UUID{}), true; more; {
		page, err := tx.Begin(ctx)
		if err != nil {
			return fmt.Errorf("compare contacts: %w", err)
		}
		after, more, err = v.verifyContactsPage(ctx, c, page, after)
		if undone := page.Rollback(ctx); err == nil {
			err = undone
		}
		if err != nil {
			return fmt.Errorf("compare contacts: %w", err)
		}
	}
	return nil
}

// verifyContactsPage compares the orders after one, and returns the last of them.
func (v *verifier) verifyContactsPage(ctx context.Context, c projector.Comparison, tx pgx.Tx, after uuid.UUID) (last uuid.UUID, more bool, err error) {
	ids, sections, err := readSections(ctx, tx, "o.order_id > $1", after)
	if err != nil || len(ids) == 0 {
		return after, false, err
	}
	sealed := make([]domain.Sealed, len(ids))
	for i, id := range ids {
		sealed[i] = sections[id].sealed
	}
	entries, err := v.opener.Entries(ctx, tx, sealed)
	if err != nil {
		return after, false, err
	}
	// What the index has is read behind the lock: no erasure comes between.
	_, now, err := readSections(ctx, tx, "o.order_id = ANY($1)", ids)
	if err != nil {
		return after, false, err
	}
	for i, id := range ids {
		have, want := now[id], entries[i]
		if have.sealed.Key != sealed[i].Key || !bytes.Equal(have.sealed.Data, sealed[i].Data) || want.IndexKey == "" {
			continue // it was amended meanwhile, or can't be opened here
		}
		c.Sums(1)
		if !have.is(want) {
			c.Differ(tableContacts, id.String(), tell(!want.IsEmpty(), want), tell(have.there, have.entry))
		}
	}
	return ids[len(ids)-1], len(ids) == contactsPage, nil
}

// readSections reads a page of orders with personal sections, by their ids, and what the index has of them.
func readSections(ctx context.Context, tx pgx.Tx, where string, argument any) (ids []uuid.UUID, sections map[uuid.UUID]indexed, err error) {
	rows, err := tx.Query(ctx, `SELECT o.order_id, o.personal_key, o.personal_data, c.order_id IS NOT NULL, coalesce(c.index_key, ''), c.email, c.phone
		FROM orderloom.order_views o LEFT JOIN orderloom.order_contacts c USING (order_id)
		WHERE o.personal_key IS NOT NULL AND `+where+` ORDER BY o.order_id LIMIT $2`, argument, contactsPage)
	if err != nil {
		return nil, nil, err
	}
	sections = map[uuid.UUID]indexed{}
	var id uuid.UUID
	var s indexed
	_, err = pgx.ForEachRow(rows, []any{&id, &s.sealed.Key, &s.sealed.Data, &s.there, &s.entry.IndexKey, &s.entry.Email, &s.entry.Phone}, func() error {
		ids, sections[id] = append(ids, id), s
		s = indexed{} // the slices are the row's
		return nil
	})
	return ids, sections, err
}

// is reports whether the index has what it should. An entry under another key is one that a rotation has not reached.
func (i indexed) is(want contact.Entry) bool {
	switch {
	case want.IsEmpty() || !i.there:
		return i.there == !want.IsEmpty()
	case i.entry.IndexKey != "" && i.entry.IndexKey != want.IndexKey:
		return (i.entry.Email == nil) == (want.Email == nil) && (i.entry.Phone == nil) == (want.Phone == nil)
	}
	return i.entry.IndexKey == want.IndexKey && bytes.Equal(i.entry.Email, want.Email) && bytes.Equal(i.entry.Phone, want.Phone)
}

// tell names what an entry has, and not the MACs.
func tell(there bool, e contact.Entry) string {
	if !there {
		return ""
	}
	return fmt.Sprintf(`{"index_key": %q, "email": %t, "phone": %t}`, e.IndexKey, e.Email != nil, e.Phone != nil)
}
