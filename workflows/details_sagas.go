package workflows

import (
	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"go.temporal.io/sdk/workflow"
)

// NoteInput asks to note something about an order.
type NoteInput struct {
	OrderID uuid.UUID `json:"order_id"`
	NoteID  uuid.UUID `json:"note_id"`
	// RequestHash stands for what is asked.
	RequestHash string `json:"request_hash"`
	// CustomerID is whose key seals Text, the text as a JSON string.
	CustomerID string        `json:"customer_id"`
	Text       domain.Sealed `json:"text"`
	Author     string        `json:"author"`
}

// KnownBy is what tells the request from another one: the text is sealed anew each time.
func (in NoteInput) KnownBy() any { return []any{in.OrderID, in.NoteID, in.RequestHash} }

// DetailsInput asks to change an order's metadata and tags.
type DetailsInput struct {
	OrderID   uuid.UUID           `json:"order_id"`
	RequestID uuid.UUID           `json:"request_id"`
	Change    order.DetailsChange `json:"change"`
	By        string              `json:"by"`
}

// NoteSaga notes something about an order, whatever state it is in. It may be started again with the same id. Refusals:
// not_found; invalid; too_many_notes; idempotency_key_reused.
func NoteSaga(ctx workflow.Context, in NoteInput) (Recorded, error) {
	ctx = forOrder(ctx, in.OrderID)
	var a *activities.Activities
	changed, err := runStep(ctx, "Note something about the order", a.AddNote, activities.AddNote{
		OrderID: in.OrderID, NoteID: in.NoteID, RequestHash: in.RequestHash, CustomerID: in.CustomerID, Text: in.Text, Author: in.Author,
		At: workflow.Now(ctx),
	})
	return Recorded(changed), err
}

// DetailsSaga changes an order's metadata and tags, whatever state it is in. It may be started again with the same id.
// Refusals: not_found; invalid; idempotency_key_reused.
func DetailsSaga(ctx workflow.Context, in DetailsInput) (Recorded, error) {
	ctx = forOrder(ctx, in.OrderID)
	var a *activities.Activities
	changed, err := runStep(ctx, "Change metadata and tags", a.ChangeDetails, activities.ChangeDetails{
		OrderID: in.OrderID, RequestID: in.RequestID, Change: in.Change, By: in.By, At: workflow.Now(ctx),
	})
	return Recorded(changed), err
}
