package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/privacy"
	"github.com/orderloom/orderloom/workflows"
)

// changedDetails is the body of POST /api/v1/orders/{order_id}/details. What it does not name stays.
type changedDetails struct {
	Metadata       map[string]string `json:"metadata,omitempty"`
	RemoveMetadata []string          `json:"remove_metadata,omitempty"`
	AddTags        []string          `json:"add_tags,omitempty"`
	RemoveTags     []string          `json:"remove_tags,omitempty"`
	By             string            `json:"by"`
}

// Check brings the change into the form in which it is kept, and names what is wrong.
func (r *changedDetails) Check() error {
	kept, err := r.change().Checked()
	r.AddTags, r.RemoveTags = kept.AddTags, kept.RemoveTags
	return err
}

func (r *changedDetails) change() order.DetailsChange {
	return order.DetailsChange{Metadata: r.Metadata, RemoveMetadata: r.RemoveMetadata, AddTags: r.AddTags, RemoveTags: r.RemoveTags}
}

// changeDetails changes the metadata and the tags of an order: POST /api/v1/orders/{order_id}/details. With an
// Idempotency-Key it may be repeated, and brings nothing back that was changed meanwhile.
func (a *API) changeDetails(ctx context.Context, x *httpx.Exchange, r *changedDetails) error {
	id := x.UUID("order_id")
	x.About("order_id", id)
	if _, err := a.findView(ctx, id); err != nil {
		return err
	}
	by, err := decider(x, r.By)
	if err != nil {
		return err
	}
	changed, err := a.sagas.ChangeDetails(ctx, workflows.DetailsInput{
		OrderID: id, RequestID: x.KeyedID(domain.DerivedID(detailsNamespace, id.String())), Change: r.change(), By: by,
	})
	if err != nil {
		return a.detailsRefused(ctx, x, err)
	}
	o, err := a.order(ctx, id)
	if err != nil {
		return err
	}
	replay(x, changed.Replayed)
	body := detailsBody{OrderID: id, Metadata: o.Metadata, Tags: o.Tags}
	if body.Metadata == nil {
		body.Metadata = map[string]string{}
	}
	if body.Tags == nil {
		body.Tags = []string{}
	}
	return x.JSON(http.StatusOK, body)
}

type detailsBody struct {
	OrderID  uuid.UUID         `json:"order_id"`
	Metadata map[string]string `json:"metadata"`
	Tags     []string          `json:"tags"`
}

// newNote is the body of POST /api/v1/orders/{order_id}/notes.
type newNote struct {
	Text   string `json:"text"`
	Author string `json:"author"`
}

// Check brings the note into the form in which it is kept, and names what is wrong.
func (r *newNote) Check() (err error) {
	r.Text, err = order.CheckedNote(r.Text, r.Author)
	return err
}

// addNote notes something about an order: POST /api/v1/orders/{order_id}/notes. With an Idempotency-Key it may be
// repeated.
func (a *API) addNote(ctx context.Context, x *httpx.Exchange, r *newNote) error {
	id := x.UUID("order_id")
	x.About("order_id", id)
	view, err := a.findView(ctx, id)
	if err != nil {
		return err
	}
	hash, err := x.Fingerprint(r)
	if err != nil {
		return err
	}
	in := workflows.NoteInput{
		OrderID: id, NoteID: x.KeyedID(domain.DerivedID(noteNamespace, id.String())), RequestHash: hash, CustomerID: view.CustomerID, Author: who(x, r.Author),
	}
	if in.Text, err = a.vault.Seal(ctx, view.CustomerID, r.Text); err != nil {
		return fmt.Errorf("seal a note: %w", err)
	}
	noted, err := a.sagas.AddNote(ctx, in)
	if err != nil {
		return a.detailsRefused(ctx, x, err)
	}
	replay(x, noted.Replayed)
	return x.JSON(http.StatusCreated, notedBody{OrderID: id, NoteID: in.NoteID})
}

type notedBody struct {
	OrderID uuid.UUID `json:"order_id"`
	NoteID  uuid.UUID `json:"note_id"`
}

// detailsRefused is the problem of an order that has refused a note or a change of its details. One that is accepted
// and not recorded yet can't be told yet.
func (a *API) detailsRefused(ctx context.Context, x *httpx.Exchange, err error) error {
	if notRunning(err) {
		return noSaga()
	}
	return a.withState(ctx, x, err)
}

// getNotes shows the internal notes of an order, oldest first: GET /api/v1/orders/{order_id}/notes.
func (a *API) getNotes(ctx context.Context, x *httpx.Exchange) error {
	id := x.UUID("order_id")
	x.About("order_id", id)
	o, err := a.history.Order(ctx, id)
	switch {
	case domain.Code(err) == domain.CodeNotFound:
		if _, _, err := a.findOrder(ctx, id, 0); err != nil {
			return err
		}
	case err != nil:
		return fmt.Errorf("read the notes of order %s: %w", id, err)
	}
	body := notesBody{OrderID: id, Notes: make([]noteBody, len(o.Notes))}
	for i, n := range o.Notes {
		note := noteBody{NoteID: n.NoteID, Author: n.Author, NotedAt: n.NotedAt.UTC()}
		var text string
		err := a.vault.Open(ctx, n.Text, &text)
		switch {
		case errors.Is(err, privacy.ErrErased):
			note.Erased = true
		case err != nil:
			return fmt.Errorf("open a note of order %s: %w", id, err)
		default:
			note.Text = &text
		}
		body.Notes[i] = note
	}
	x.Writer.Header().Set("Cache-Control", "private, no-cache")
	return x.JSON(http.StatusOK, body)
}

type notesBody struct {
	OrderID uuid.UUID  `json:"order_id"`
	Notes   []noteBody `json:"notes"`
}

// noteBody is a note as it is shown. Its text is null once the personal data of the customer are erased.
type noteBody struct {
	NoteID  uuid.UUID `json:"note_id"`
	Author  string    `json:"author"`
	NotedAt time.Time `json:"noted_at"`
	Text    *string   `json:"text"`
	Erased  bool      `json:"erased,omitempty"`
}
