package feed

import (
	"encoding/base64"
	"encoding/binary"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/eventstore"
)

// CodeCursorLost is the code of the error for a cursor that this store has never given out. The store is another one,
// or was restored to before it. Whoever follows begins anew, from a time that they know.
const CodeCursorLost domain.ErrorCode = "cursor_lost"

// Now is the cursor of who begins with what happens from now on.
const Now = "now"

// cursorForm is the first byte of a cursor, so that there can be others later.
const cursorForm = 1

// cursorHead is the length of a cursor before its numbers.
const cursorHead = 1 + len(uuid.UUID{})

// cursorText writes a place in the global order of a store.
func cursorText(store eventstore.Identity, position int64) string {
	b := append(make([]byte, 0, 64), cursorForm)
	b = append(b, store.ID[:]...)
	b = binary.AppendUvarint(b, uint64(store.Epoch))
	b = binary.AppendUvarint(b, uint64(position))
	return base64.RawURLEncoding.EncodeToString(b)
}

// PositionOf is the place that a cursor stands for among all events of the store. Error: invalid.
func PositionOf(cursor string) (int64, error) {
	c, err := parseCursor(cursor)
	return c.Position, err
}

// parseCursor reads what [cursorText] has written. Error: invalid.
func parseCursor(text string) (c eventstore.Cursor, err error) {
	none := domain.Invalid("cursor", "is no cursor of this feed")
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) < cursorHead || b[0] != cursorForm {
		return c, none
	}
	c.Store = uuid.UUID(b[1:cursorHead])
	epoch, n := binary.Uvarint(b[cursorHead:])
	if n <= 0 {
		return c, none
	}
	position, m := binary.Uvarint(b[cursorHead+n:])
	if m <= 0 || cursorHead+n+m != len(b) || int64(epoch) < 1 || int64(position) < 0 {
		return c, none
	}
	c.Epoch, c.Position = int64(epoch), int64(position)
	if cursorText(eventstore.Identity{ID: c.Store, Epoch: c.Epoch}, c.Position) != text { // one place, one cursor
		return eventstore.Cursor{}, none
	}
	return c, nil
}
