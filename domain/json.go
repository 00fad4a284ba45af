package domain

import (
	"bytes"
	"encoding/json"
	"reflect"
)

// SameJSON reports whether two JSON texts say the same, whatever the order of their members and the spaces between
// them. A text that is not JSON is the same as nothing but itself.
func SameJSON(a, b json.RawMessage) bool {
	if bytes.Equal(a, b) {
		return true
	}
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && reflect.DeepEqual(x, y)
}
