package httpx

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/orderloom/orderloom/domain"
)

// Places of what can be wrong in a request.
const (
	InBody   = "body"
	InQuery  = "query"
	InPath   = "path"
	InHeader = "header"
)

// FieldError is one wrong part of a request.
type FieldError struct {
	// In is [InBody], [InQuery], [InPath] or [InHeader].
	In string `json:"in"`
	// Field is a path such as items[0].quantity in a body, else the name of a parameter or header.
	Field string `json:"field"`
	// Pointer is the field of a body as a JSON pointer (RFC 6901) in the form of a URI fragment.
	Pointer string `json:"pointer,omitempty"`
	Message string `json:"message"`
}

// errorsMax bounds the errors of one answer.
const errorsMax = 100

// fault is something wrong with a value inside of a body.
type fault struct {
	// location is the names and indexes that lead to the value.
	location []string
	message  string
}

// faults are in the order in which they were found.
type faults []fault

func (f *faults) add(location []string, message string) {
	if len(*f) < errorsMax {
		*f = append(*f, fault{location: location, message: message})
	}
}

// fieldErrors returns the faults of a body in the order of their fields, each field once. What is wrong below a field
// that is blamed itself says nothing new, and is left out.
func (f faults) fieldErrors(body any) []FieldError {
	slices.SortStableFunc(f, func(a, b fault) int { return compareLocations(a.location, b.location) })
	var list []FieldError
	var last *fault
	for i := range f {
		if last != nil && len(last.location) <= len(f[i].location) && slices.Equal(last.location, f[i].location[:len(last.location)]) {
			continue
		}
		last = &f[i]
		list = append(list, FieldError{
			In: InBody, Field: fieldName(body, last.location), Pointer: pointerOf(last.location), Message: last.message,
		})
	}
	return list
}

// compareLocations sorts a value before what is in it, and elements by their index.
func compareLocations(a, b []string) int {
	return slices.CompareFunc(a, b, func(x, y string) int {
		i, errX := strconv.Atoi(x)
		j, errY := strconv.Atoi(y)
		if errX == nil && errY == nil {
			return cmp.Compare(i, j)
		}
		return cmp.Compare(x, y)
	})
}

// fieldName writes a location as items[0].quantity. The body tells an index from a name.
func fieldName(body any, location []string) string {
	var b strings.Builder
	for i, name := range location {
		switch node := body.(type) {
		case []any:
			fmt.Fprintf(&b, "[%s]", name)
			body = nil
			if at, ok := index(name, len(node)); ok {
				body = node[at]
			}
			continue
		case map[string]any:
			body = node[name]
		default:
			body = nil
		}
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(domain.Clip(name))
	}
	return b.String()
}

// index reads the index of one of n elements.
func index(name string, n int) (int, bool) {
	i, err := strconv.Atoi(name)
	return i, err == nil && i >= 0 && i < n
}

// pointerOf writes a location as #/items/0/quantity, a JSON pointer as the fragment of a URI (RFC 6901, section 6). It
// has no percent encoding, which would make it unreadable.
func pointerOf(location []string) string {
	var b strings.Builder
	b.WriteByte('#')
	for _, name := range location {
		b.WriteByte('/')
		b.WriteString(pointerEscapes.Replace(domain.Clip(name)))
	}
	return b.String()
}

// locationOf is the inverse of [fieldName], for fields whose names hold no dots or brackets.
func locationOf(field string) []string {
	return strings.FieldsFunc(field, func(r rune) bool { return r == '.' || r == '[' || r == ']' })
}

// addInvalids adds what the domain found wrong with the body.
func (f *faults) addInvalids(err error) {
	for _, e := range invalidsOf(err) {
		f.add(locationOf(e.Field), e.Message)
	}
}

// invalidsOf returns the refusals that err is made of.
func invalidsOf(err error) domain.Invalids {
	var invalids domain.Invalids
	var one *domain.Error
	switch {
	case errors.As(err, &invalids):
		return invalids
	case errors.As(err, &one):
		return domain.Invalids{one}
	}
	return nil
}
