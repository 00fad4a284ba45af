package feed

import (
	"encoding/base64"
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/stretchr/testify/require"
)

// FuzzParseCursor reads anything as a cursor. What is taken is a place that a store can have, and reads back as it was
// written.
func FuzzParseCursor(f *testing.F) {
	store := eventstore.Identity{ID: uuid.MustParse("3f0f2c5e-5d0a-5b8e-9d53-6f2f9a0f7c11"), Epoch: 1}
	good := cursorText(store, 4711)
	b, err := base64.RawURLEncoding.DecodeString(good)
	require.NoError(f, err)
	f.Add(good)
	for _, numbers := range [][]byte{
		{},
		{1},
		{0, 0},
		{1, 0x80},
		{1, 0x80, 0},
		{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 1},
		{1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2},
		{1, 1, 1},
	} {
		f.Add(base64.RawURLEncoding.EncodeToString(append(b[:cursorHead:cursorHead], numbers...)))
	}
	for _, text := range []string{"", "now", good + "\n", good + "=", "-_-_", good[:len(good)-1], "Ag" + good[2:]} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := parseCursor(text)
		if err != nil {
			require.Equal(t, domain.CodeInvalid, domain.Code(err))
			return
		}
		require.True(t, c.Epoch >= 1 && c.Position >= 0)
		require.Equal(t, text, cursorText(eventstore.Identity{ID: c.Store, Epoch: c.Epoch}, c.Position), "a place has one cursor")
	})
}
