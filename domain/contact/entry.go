package contact

// Entry is by what the contact of an order is found in an index that does not know the contact itself.
type Entry struct {
	// IndexKey is the id of the key that the MACs are under. It is empty for a contact that could not be read, which is
	// found by nothing.
	IndexKey string
	// Email and Phone are MACs of the findable forms; nil for none.
	Email, Phone []byte
}

// IsEmpty reports whether the contact was read, and has nothing to be found by.
func (e Entry) IsEmpty() bool { return e.IndexKey != "" && e.Email == nil && e.Phone == nil }
