package order

import (
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
)

// NotesMax bounds the internal notes of an order.
const NotesMax = 200

// CodeTooManyNotes refuses a note to an order that has as many as an order may have.
const CodeTooManyNotes domain.ErrorCode = "too_many_notes"

// Note is what somebody of the shop has noted about an order. It is never changed, and the customer does not see it.
type Note struct {
	NoteID uuid.UUID `json:"note_id"`
	// Text seals the text, a JSON string, under the customer's key: it may tell of the customer.
	Text    domain.Sealed `json:"text"`
	Author  string        `json:"author"`
	NotedAt time.Time     `json:"noted_at"`
}

// AddNote asks to note something about an order.
type AddNote struct {
	NoteID uuid.UUID
	// RequestHash stands for what is asked, which is sealed anew each time.
	RequestHash string
	Text        domain.Sealed
	Author      string
	At          time.Time
}

// CheckedNote returns the text of a note as it is kept. Errors: [domain.Invalids].
func CheckedNote(text, author string) (string, error) {
	var bad domain.Invalids
	text = domain.Trim(strings.ReplaceAll(text, "\r\n", "\n"))
	if domain.Blank(text) {
		bad.Add("text", "is required")
	}
	bad.Note("text", text, NoteLengthMax)
	checkText(&bad, "author", author)
	return text, bad.Err()
}

// Request is over the hash.
func (c AddNote) Request() Request {
	return Request{ID: c.NoteID, Content: domain.DerivedID(c.NoteID, c.RequestHash)}
}

// Noted adds a note to the order, in whatever state it is.
//
// It returns no events for a note that the order has. Errors: not_found; idempotency_key_reused when another request
// was carried out under the same id; too_many_notes; [domain.Invalids].
func Noted(o Order, c AddNote) ([]domain.Event, error) {
	if o.Status == "" {
		return nil, notFound(o)
	}
	if done, err := o.CarriedOut(c.Request()); done || err != nil {
		return nil, err
	}
	var bad domain.Invalids
	checkRequestID(&bad, "note_id", c.NoteID)
	checkText(&bad, "author", c.Author)
	if c.Text.IsZero() {
		bad.Add("text", "is required")
	}
	if err := bad.Err(); err != nil {
		return nil, err
	}
	if len(o.Notes) >= NotesMax {
		return nil, domain.Refuse(CodeTooManyNotes, "order %s has %d notes already", o.Number, NotesMax)
	}
	return []domain.Event{OrderNoted{
		OrderID: o.ID, Note: Note{NoteID: c.NoteID, Text: c.Text, Author: c.Author, NotedAt: c.At}, RequestContent: c.Request().Content,
	}}, nil
}

// OrderNoted says that somebody of the shop has noted something about the order.
type OrderNoted struct {
	OrderID uuid.UUID `json:"order_id"`
	Note
	// RequestContent tells the request when it comes again, see [Request].
	RequestContent uuid.UUID `json:"request_content"`
}

// EventType implements [domain.Event].
func (OrderNoted) EventType() string { return "OrderNoted" }

// Internal reports whether events of this type are the shop's own business, of which its customers are not told.
func Internal(eventType string) bool { return eventType == OrderNoted{}.EventType() }

// EventVersion implements [domain.Event].
func (OrderNoted) EventVersion() int { return 1 }

func (o Order) withNote(e OrderNoted) Order {
	o = o.withRequest(Request{ID: e.NoteID, Content: e.RequestContent})
	o.Notes = append(slices.Clip(o.Notes), e.Note)
	return o
}
