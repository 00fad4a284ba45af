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

// Contacts opens personal sections and computes by what their contacts are found.
type Contacts interface {
	// Entries returns an entry for each section, in their order. It is empty where the section is erased, and without a
	// key where it can't be opened. Erasures wait until the end of tx. Errors: those of the database.
	Entries(ctx context.Context, tx pgx.Tx, sealed []domain.Sealed) ([]contact.Entry, error)
}

// tableContacts is the index of contacts. Its rows follow from the events and from which keys of customers live. So a
// rebuild does not bring back what was erased.
const tableContacts = "order_contacts"

// contactRow is what the index says of an order whose personal section is new.
type contactRow struct {
	orderID uuid.UUID
	sealed  domain.Sealed
	exists  bool // a row may be there
	entry   contact.Entry
}

// Prepare implements [projector.PreparedBatch]: it opens the personal sections that are new. Without what opens them
// the rows say that the orders are not indexed.
func (b *orderBatch) Prepare(ctx context.Context, tx pgx.Tx) error {
	b.gather()
	if len(b.contacts) == 0 || b.opener == nil {
		return nil
	}
	sealed := make([]domain.Sealed, len(b.contacts))
	for i, c := range b.contacts {
		sealed[i] = c.sealed
	}
	entries, err := b.opener.Entries(ctx, tx, sealed)
	if err != nil {
		return fmt.Errorf("index the contacts of orders: %w", err)
	}
	for i := range b.contacts {
		b.contacts[i].entry = entries[i]
	}
	return nil
}

// gather finds the rows to write, and those of them whose personal section is new.
func (b *orderBatch) gather() {
	b.contacts, b.sorted = nil, b.changedRows()
	for _, r := range b.sorted {
		if was, is := r.before.Personal, r.view.Personal; !is.IsZero() && (was.Key != is.Key || !bytes.Equal(was.Data, is.Data)) {
			b.contacts = append(b.contacts, contactRow{orderID: r.view.OrderID, sealed: is, exists: !was.IsZero()})
		}
	}
}

// flushContacts queues the statements that write the index.
func (b *orderBatch) flushContacts(q *pgx.Batch) {
	var gone, ids []uuid.UUID
	var personalKeys []string
	var indexKeys []*string
	var emails, phones [][]byte
	for _, c := range b.contacts {
		switch {
		case !c.entry.IsEmpty():
			ids, personalKeys = append(ids, c.orderID), append(personalKeys, c.sealed.Key)
			indexKeys = append(indexKeys, text(c.entry.IndexKey != "", func() string { return c.entry.IndexKey }))
			emails, phones = append(emails, c.entry.Email), append(phones, c.entry.Phone)
		case c.exists:
			gone = append(gone, c.orderID)
		}
	}
	if len(gone) > 0 {
		projector.Queue(q, b.in.SQL("DELETE FROM {order_contacts} WHERE order_id = ANY($1)"), gone)
	}
	if len(ids) > 0 {
		projector.Queue(q, b.in.SQL(`INSERT INTO {order_contacts} AS t (order_id, personal_key, index_key, email, phone)
			SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bytea[], $5::bytea[])
			ON CONFLICT (order_id) DO UPDATE SET personal_key = excluded.personal_key, index_key = excluded.index_key,
				email = excluded.email, phone = excluded.phone`), ids, personalKeys, indexKeys, emails, phones)
	}
}

// Forget drops, in tx, what the index has of sections under these keys. It looks in the live table, and in those of a
// rebuild that are there. Whoever destroys the keys calls it. It may be repeated.
func Forget(ctx context.Context, tx pgx.Tx, keys []string) error {
	for _, in := range []projector.Place{projector.Live, projector.Shadow, projector.Old} {
		var there bool
		if err := tx.QueryRow(ctx, "SELECT to_regclass($1) IS NOT NULL", in.Table(tableContacts)).Scan(&there); err != nil {
			return fmt.Errorf("look for %s: %w", in.Table(tableContacts), err)
		}
		if !there {
			continue
		}
		if _, err := tx.Exec(ctx, in.SQL("DELETE FROM {order_contacts} WHERE personal_key = ANY($1)"), keys); err != nil {
			return fmt.Errorf("forget contacts: %w", err)
		}
	}
	return nil
}
