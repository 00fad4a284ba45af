package activities

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
)

// AddNote is the input of [Activities.AddNote].
type AddNote struct {
	OrderID     uuid.UUID `json:"order_id"`
	NoteID      uuid.UUID `json:"note_id"`
	RequestHash string    `json:"request_hash"`
	CustomerID  string    `json:"customer_id"`
	// Text seals the text of the note, a JSON string.
	Text   domain.Sealed `json:"text"`
	Author string        `json:"author"`
	At     time.Time     `json:"at"`
}

// AddNote notes something about an order. Refusals: not_found; invalid; too_many_notes; idempotency_key_reused.
func (a *Activities) AddNote(ctx context.Context, in AddNote) (Changed, error) {
	// A vault that can't reach its keys seals without the customer's.
	text, err := a.vault.Reseal(ctx, in.CustomerID, in.Text)
	if err != nil {
		return Changed{}, fmt.Errorf("seal a note about order %s: %w", in.OrderID, err)
	}
	return a.changeOrder(ctx, in.OrderID, asked(ctx, "note/"+in.NoteID.String(), in.OrderID, in.At), func(o order.Order) ([]domain.Event, error) {
		return order.Noted(o, order.AddNote{NoteID: in.NoteID, RequestHash: in.RequestHash, Text: text, Author: in.Author, At: in.At})
	})
}

// ChangeDetails is the input of [Activities.ChangeDetails].
type ChangeDetails struct {
	OrderID   uuid.UUID           `json:"order_id"`
	RequestID uuid.UUID           `json:"request_id"`
	Change    order.DetailsChange `json:"change"`
	By        string              `json:"by"`
	At        time.Time           `json:"at"`
}

// ChangeDetails changes metadata and tags of an order. Refusals: not_found; invalid; idempotency_key_reused.
func (a *Activities) ChangeDetails(ctx context.Context, in ChangeDetails) (Changed, error) {
	return a.changeOrder(ctx, in.OrderID, asked(ctx, "details/"+in.RequestID.String(), in.OrderID, in.At), func(o order.Order) ([]domain.Event, error) {
		return order.Change(o, order.ChangeDetails{RequestID: in.RequestID, Change: in.Change, By: in.By, At: in.At})
	})
}
