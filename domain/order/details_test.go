package order

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/stretchr/testify/require"
)

func TestReferencesAreKeptTrimmedAndSorted(t *testing.T) {
	t.Parallel()
	kept, err := References{ExternalReference: " WEB-1\u200b", Channel: "web", Tags: []string{"rush", " gift ", "rush"}}.Checked()
	require.NoError(t, err)
	require.Equal(t, References{ExternalReference: "WEB-1", Channel: "web", Tags: []string{"gift", "rush"}}, kept)
	none, err := References{}.Checked()
	require.NoError(t, err)
	require.Equal(t, References{}, none)
}

func TestEveryFieldOfReferencesIsBlamed(t *testing.T) {
	t.Parallel()
	for field, r := range map[string]References{
		"external_reference": {ExternalReference: strings.Repeat("x", TextLengthMax+1)},
		"channel":            {Channel: " web"},
		"metadata":           {Metadata: map[string]string{"\u200b": "x"}},
		"metadata.k":         {Metadata: map[string]string{"k": strings.Repeat("x", MetadataValueLengthMax+1)}},
		"tags[1]":            {Tags: []string{"a", strings.Repeat("x", TagLengthMax+1)}},
		"tags[0]":            {Tags: []string{"\u200b"}},
		"tags":               {Tags: numbered(TagsMax + 1)},
	} {
		_, err := r.Checked()
		var bad domain.Invalids
		require.ErrorAs(t, err, &bad, field)
		require.Equal(t, field, bad[0].Field)
	}
}

func numbered(n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprint(i))
	}
	return all
}

func TestDetailsChangeOnlyWhatIsNamed(t *testing.T) {
	t.Parallel()
	o := Order{ID: uuid.New(), Number: "N", Status: StatusCancelled, References: References{
		ExternalReference: "WEB-1", Channel: "web", Metadata: map[string]string{"a": "1", "b": "2"}, Tags: []string{"gift", "rush"},
	}}
	c := ChangeDetails{RequestID: uuid.New(), By: "ann", Change: DetailsChange{
		Metadata: map[string]string{"b": "3", "c": "4"}, RemoveMetadata: []string{"a", "unknown"}, AddTags: []string{"packed", "rush"}, RemoveTags: []string{"gift"},
	}}
	events, err := Change(o, c)
	require.NoError(t, err)
	before := o.Metadata
	o = Evolve(o, events[0])
	require.Equal(t, References{
		ExternalReference: "WEB-1", Channel: "web", Metadata: map[string]string{"b": "3", "c": "4"}, Tags: []string{"packed", "rush"},
	}, o.References)
	require.Equal(t, map[string]string{"a": "1", "b": "2"}, before, "what others hold stays")

	again, err := Change(o, c)
	require.NoError(t, err)
	require.Empty(t, again, "it was carried out")
	c.By = "ben"
	_, err = Change(o, c)
	require.Equal(t, domain.CodeIdempotencyKeyReused, domain.Code(err))
	_, err = Change(Order{}, c)
	require.Equal(t, domain.CodeNotFound, domain.Code(err))
}

func TestAnOrderHasItsLimitsOfDetailsAfterAChange(t *testing.T) {
	t.Parallel()
	full := map[string]string{}
	for _, key := range numbered(MetadataKeysMax) {
		full[key] = "x"
	}
	o := Order{Status: StatusConfirmed, References: References{Metadata: full, Tags: numbered(TagsMax)}}
	for field, change := range map[string]DetailsChange{
		"metadata": {Metadata: map[string]string{"one more": "x"}}, "add_tags": {AddTags: []string{"one more"}},
	} {
		_, err := Change(o, ChangeDetails{RequestID: uuid.New(), By: "ann", Change: change})
		var bad domain.Invalids
		require.ErrorAs(t, err, &bad)
		require.Equal(t, field, bad[0].Field)
	}
	_, err := Change(o, ChangeDetails{RequestID: uuid.New(), By: "ann", Change: DetailsChange{
		Metadata: map[string]string{"one more": "x"}, RemoveMetadata: []string{"0"}, AddTags: []string{"one more"}, RemoveTags: []string{"0"},
	}})
	require.NoError(t, err)
}

func TestNotesAreOnlyAdded(t *testing.T) {
	t.Parallel()
	o := Order{ID: uuid.New(), Number: "N", Status: StatusDelivered}
	c := AddNote{NoteID: uuid.New(), RequestHash: "h", Text: domain.Sealed{Key: "k", Data: []byte("sealed")}, Author: "ann"}
	events, err := Noted(o, c)
	require.NoError(t, err)
	o = Evolve(o, events[0])
	require.Equal(t, []Note{{NoteID: c.NoteID, Text: c.Text, Author: "ann"}}, o.Notes)

	sealedAnew := c
	sealedAnew.Text.Data = []byte("sealed anew")
	again, err := Noted(o, sealedAnew)
	require.NoError(t, err)
	require.Empty(t, again)
	c.RequestHash = "another"
	_, err = Noted(o, c)
	require.Equal(t, domain.CodeIdempotencyKeyReused, domain.Code(err))

	o.Notes = make([]Note, NotesMax)
	_, err = Noted(o, AddNote{NoteID: uuid.New(), Text: c.Text, Author: "ann"})
	require.Equal(t, CodeTooManyNotes, domain.Code(err))
	_, err = Noted(o, AddNote{})
	require.Equal(t, domain.CodeInvalid, domain.Code(err))
}

func TestTheAccountIsKept(t *testing.T) {
	t.Parallel()
	place := PlaceOrder{
		OrderID: uuid.New(), CustomerID: "c", Caller: "shop", ShipToCountry: "DE",
		Items: []Item{{ProductID: "p", SKU: "s", Quantity: 1, UnitPrice: money.Must("1.00", "EUR")}},
	}
	events, err := Place(Order{}, place)
	require.NoError(t, err)
	require.Equal(t, "shop", events[0].(OrderPlaced).Caller, "with a reference or without")
	place.ExternalReference = "WEB-1"
	events, err = Place(Order{}, place)
	require.NoError(t, err)
	o := Evolve(Order{}, events[0])
	require.Equal(t, "shop", o.Caller)
	require.Equal(t, "WEB-1", o.ExternalReference)
}
