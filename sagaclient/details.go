package sagaclient

import (
	"context"

	"github.com/orderloom/orderloom/workflows"
)

// AddNote notes something about an order and waits for it. It may be repeated under the same note id. Errors:
// not_found; invalid; too_many_notes; [Reused] when the id belongs to another note; [ErrUnavailable].
func (c *Client) AddNote(ctx context.Context, in workflows.NoteInput) (workflows.Recorded, error) {
	return record(ctx, c, "note-"+in.NoteID.String(), "Note about an order", workflows.NoteSaga, in)
}

// ChangeDetails changes an order's metadata and tags and waits for it. It may be repeated under the same request id.
// Errors: not_found; invalid; [Reused] when the id belongs to another change; [ErrUnavailable].
func (c *Client) ChangeDetails(ctx context.Context, in workflows.DetailsInput) (workflows.Recorded, error) {
	return record(ctx, c, "details-"+in.RequestID.String(), "Metadata and tags of an order", workflows.DetailsSaga, in)
}
