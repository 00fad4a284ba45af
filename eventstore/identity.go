package eventstore

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/domain"
)

// Identity tells which store this is.
type Identity struct {
	// ID is made with the store and goes with its data.
	ID uuid.UUID
	// Epoch counts from 1. It rises when the store finds itself restored from a dump or a backup, or failed over to
	// another server. It may then lack events that consumers have seen.
	Epoch int64
	// Confirmed says that the store is known to have all that was ever published of it. Until then it takes no append.
	Confirmed bool
	// Reason says why the epoch began or is doubted, for people; empty for the first one.
	Reason string
}

// Cursor is how far a consumer has read, and of which store. A consumer keeps it with what it writes.
type Cursor struct {
	Store    uuid.UUID // zero for a consumer that has read nothing yet
	Epoch    int64
	Position int64
}

// Codes of [StoreChangedError].
const (
	CodeStoreReplaced domain.ErrorCode = "store_replaced"
	CodeStoreBehind   domain.ErrorCode = "store_behind"
)

// StoreChangedError tells a consumer that it must not go on: what it has written does not follow from
// the events that the store has. It unwraps to a [domain.Error] with the same code.
type StoreChangedError struct {
	Code   domain.ErrorCode
	Cursor Cursor
	Store  Identity
	// Last is the last sequence that the consumer's store and this one have in common, at the most.
	Last int64
}

// Error says what happened and what to do.
func (e *StoreChangedError) Error() string {
	if e.Code == CodeStoreReplaced {
		return fmt.Sprintf("%s: the consumer has read store %s up to %d, and this is store %s: "+
			"connect it to the store it belongs to, or discard what it has written and let it read this one from the beginning",
			e.Code, e.Cursor.Store, e.Cursor.Position, e.Store.ID)
	}
	return fmt.Sprintf("%s: the consumer has read up to %d in epoch %d, and the store, in epoch %d, was restored with events up to %d only: "+
		"restore the missing events, or rebuild what the consumer has written from the store and set its cursor to the store's",
		e.Code, e.Cursor.Position, e.Cursor.Epoch, e.Store.Epoch, e.Last)
}

// Unwrap returns the same as a refusal of the domain.
func (e *StoreChangedError) Unwrap() error {
	return &domain.Error{Code: e.Code, Message: "the event store is not the one that the consumer has read"}
}

// Identity returns which store this is. This process appends, or does not, by the newest identity that it has got.
func (s *Store) Identity(ctx context.Context) (Identity, error) {
	i, err := identify(ctx, s.pool)
	if err == nil {
		s.engine.unconfirmed.Store(!i.Confirmed)
	}
	return i, err
}

// identify asks the store who it is. A store that finds itself at another place begins a new epoch.
func identify(ctx context.Context, db executor) (i Identity, err error) {
	const sql = "SELECT id, epoch, confirmed, reason FROM orderloom.identify()"
	if err := db.QueryRow(ctx, sql).Scan(&i.ID, &i.Epoch, &i.Confirmed, &i.Reason); err != nil {
		return i, fmt.Errorf("identify the event store: %w", err)
	}
	return i, nil
}

// Check reports whether a consumer may go on from its cursor. Call it before the first read on every connection that
// was lost. Keep the identity it returns with the cursor from then on. Errors: [StoreChangedError] when the store is
// another one, or was restored to before the cursor.
func (s *Store) Check(ctx context.Context, c Cursor) (Identity, error) {
	identity, err := s.Identity(ctx)
	if err != nil || c.Store == uuid.Nil && c.Position == 0 {
		return identity, err
	}
	refusal := &StoreChangedError{Cursor: c, Store: identity}
	if c.Store != identity.ID {
		refusal.Code = CodeStoreReplaced
		return identity, refusal
	}
	// What all epochs since the consumer's have kept, and what there is now (a copied disk tells nobody).
	const sql = `SELECT least((SELECT min(sequence) FROM orderloom.store_epochs WHERE epoch > $1),
		(SELECT last_value FROM orderloom.event_sequence))`
	if err := s.pool.QueryRow(ctx, sql, c.Epoch).Scan(&refusal.Last); err != nil {
		return identity, fmt.Errorf("check the cursor: %w", err)
	}
	if c.Position > refusal.Last || c.Epoch > identity.Epoch {
		refusal.Code = CodeStoreBehind
		return identity, refusal
	}
	return identity, nil
}

// Versions returns how far the streams of a type have come, in the order of their ids after a given one, at most
// limit. It is for consumers that compare what they have with what there is. The next page starts after the last id
// of this one.
func (s *Store) Versions(ctx context.Context, aggregateType string, after uuid.UUID, limit int) ([]StreamVersion, error) {
	const sql = `SELECT aggregate_id, version FROM orderloom.streams WHERE aggregate_type = $1 AND aggregate_id > $2 ORDER BY aggregate_id LIMIT $3`
	rows, err := s.pool.Query(ctx, sql, aggregateType, after, limit)
	if err != nil {
		return nil, fmt.Errorf("list streams: %w", err)
	}
	versions, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (StreamVersion, error) {
		v := StreamVersion{Stream: StreamID{Type: aggregateType}}
		return v, row.Scan(&v.Stream.ID, &v.Version)
	})
	if err != nil {
		return nil, fmt.Errorf("list streams: %w", err)
	}
	return versions, nil
}

// Partition is a part of the events table.
type Partition struct {
	Name string `json:"name"`
	// From and To bound the sequences in it, To excluded.
	From int64 `json:"from"`
	To   int64 `json:"below"`
	// IndexedAt is when the indexes for lookups were made, zero if they were not.
	IndexedAt time.Time `json:"indexed_at,omitzero"`
	// ArchivedAt is when it was detached, zero if it is part of the table.
	ArchivedAt time.Time `json:"archived_at,omitzero"`
}
