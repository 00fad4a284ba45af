package client

import (
	"context"
	"net/http"
	"time"

	"github.com/google/uuid"
)

// DetailsChange is the request of [Client.ChangeDetails]. What it does not name stays.
type DetailsChange struct {
	// Metadata has the keys that are added or become another, and RemoveMetadata those that are taken out.
	Metadata       map[string]string `json:"metadata,omitempty"`
	RemoveMetadata []string          `json:"remove_metadata,omitempty"`
	AddTags        []string          `json:"add_tags,omitempty"`
	RemoveTags     []string          `json:"remove_tags,omitempty"`
	// By is as in [Review].
	By string `json:"by,omitempty"`
}

// OrderDetails are the metadata and the tags of an order.
type OrderDetails struct {
	OrderID  uuid.UUID         `json:"order_id"`
	Metadata map[string]string `json:"metadata"`
	Tags     []string          `json:"tags"`
	// Replayed is true when an earlier request has done it.
	Replayed bool `json:"-"`
}

// ChangeDetails changes the metadata and the tags of an order, in whatever state it is.
func (c *Client) ChangeDetails(ctx context.Context, id uuid.UUID, change DetailsChange, options ...CallOption) (OrderDetails, error) {
	var details OrderDetails
	a, err := c.sendRequest(ctx, newRequest(http.MethodPost, orderPath(id)+"/details", change, options), into(&details))
	details.Replayed = a.replayed()
	return details, err
}

// NewNote is the request of [Client.AddNote].
type NewNote struct {
	Text string `json:"text"`
	// Author is who notes it, as an account or a role.
	Author string `json:"author"`
}

// NoteAdded is the answer to [Client.AddNote].
type NoteAdded struct {
	OrderID uuid.UUID `json:"order_id"`
	NoteID  uuid.UUID `json:"note_id"`
	// Replayed is true when an earlier request has done it.
	Replayed bool `json:"-"`
}

// AddNote notes something about an order, in whatever state it is. The customer does not see it. Error: too_many_notes.
func (c *Client) AddNote(ctx context.Context, id uuid.UUID, note NewNote, options ...CallOption) (NoteAdded, error) {
	var added NoteAdded
	a, err := c.sendRequest(ctx, newRequest(http.MethodPost, orderPath(id)+"/notes", note, options), into(&added))
	added.Replayed = a.replayed()
	return added, err
}

// Note is what somebody of the shop has noted about an order.
type Note struct {
	NoteID  uuid.UUID `json:"note_id"`
	Author  string    `json:"author"`
	NotedAt time.Time `json:"noted_at"`
	// Text is nil once it is erased.
	Text   *string `json:"text"`
	Erased bool    `json:"erased,omitempty"`
}

// Notes are the internal notes of an order, oldest first.
type Notes struct {
	OrderID uuid.UUID `json:"order_id"`
	Notes   []Note    `json:"notes"`
}

// ListNotes shows the internal notes of an order.
func (c *Client) ListNotes(ctx context.Context, id uuid.UUID, options ...CallOption) (Notes, error) {
	var notes Notes
	_, err := c.sendRequest(ctx, newRequest(http.MethodGet, orderPath(id)+"/notes", nil, options), into(&notes))
	return notes, err
}
