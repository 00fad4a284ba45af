package activities_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/stretchr/testify/require"
)

func TestANoteIsKeptUnderTheCustomersKey(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := b.order(t).confirmed()
	in := activities.AddNote{
		OrderID: o.id, NoteID: uuid.New(), RequestHash: "h", CustomerID: "cus_1", Author: "ann", At: at,
		Text: domain.Sealed{Key: "inline", Data: []byte(`"has called"`)},
	}
	require.NoError(t, errorOf(o, o.AddNote, in))
	require.NoError(t, errorOf(o, o.AddNote, in), "a retry")
	notes := o.orderState().Notes
	require.Len(t, notes, 1)
	require.Equal(t, []string{"cus_1:1", "ann"}, []string{notes[0].Text.Key, notes[0].Author})
	in.RequestHash = "another"
	requireRefused(t, domain.CodeIdempotencyKeyReused, errorOf(o, o.AddNote, in))
}

func TestDetailsAreChangedOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := b.order(t).confirmed()
	change := func(id uuid.UUID, c order.DetailsChange) {
		t.Helper()
		require.NoError(t, errorOf(o, o.ChangeDetails, activities.ChangeDetails{OrderID: o.id, RequestID: id, Change: c, By: "ann", At: at}))
	}
	first := uuid.New()
	change(first, order.DetailsChange{AddTags: []string{"rush"}})
	change(uuid.New(), order.DetailsChange{RemoveTags: []string{"rush"}, Metadata: map[string]string{"bin": "A-17"}})
	change(first, order.DetailsChange{AddTags: []string{"rush"}}) // late
	require.Equal(t, order.References{Metadata: map[string]string{"bin": "A-17"}}, order.References{
		Metadata: o.orderState().Metadata, Tags: nilIfEmpty(o.orderState().Tags),
	})
}

func nilIfEmpty(tags []string) []string {
	if len(tags) == 0 {
		return nil
	}
	return tags
}
