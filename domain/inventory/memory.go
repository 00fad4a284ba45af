package inventory

import (
	"encoding/json"

	"github.com/google/uuid"
)

// Memory remembers the last [ClosedMax] ids added to it. Its JSON form is the list of them, oldest
// first.
type Memory struct {
	ids  []uuid.UUID
	next int
	has  map[uuid.UUID]struct{}
}

// Has reports whether id is remembered.
func (m Memory) Has(id uuid.UUID) bool { _, ok := m.has[id]; return ok }

// Len is the number of ids remembered.
func (m Memory) Len() int { return len(m.ids) }

func (m *Memory) add(id uuid.UUID) {
	if m.Has(id) {
		return
	}
	if m.has == nil {
		m.has = map[uuid.UUID]struct{}{}
	}
	if len(m.ids) < ClosedMax {
		m.ids = append(m.ids, id)
	} else {
		delete(m.has, m.ids[m.next])
		m.ids[m.next] = id
		m.next = (m.next + 1) % ClosedMax
	}
	m.has[id] = struct{}{}
}

// MarshalJSON writes the ids, oldest first.
func (m Memory) MarshalJSON() ([]byte, error) {
	return json.Marshal(append(append([]uuid.UUID{}, m.ids[m.next:]...), m.ids[:m.next]...))
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (m *Memory) UnmarshalJSON(b []byte) error {
	var ids []uuid.UUID
	if err := json.Unmarshal(b, &ids); err != nil {
		return err
	}
	*m = Memory{}
	for _, id := range ids {
		m.add(id)
	}
	return nil
}
