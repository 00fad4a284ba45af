// Package failure tells what an error of a server behind this program means for whoever has asked. It passes, lasts, or
// is about a value of the request. It has one table for PostgreSQL, Temporal and Kafka. The API takes the status of its
// answers from there, and others whether to try again.
//
//	if failure.Of(err) == failure.Passes {
//		return again(err)
//	}
package failure

import "errors"

// Kind is what an error means.
type Kind int

// What errors mean. Without a row in the table an error [Lasts]: nobody is told to repeat what nobody understands.
const (
	// Lasts until a person does something, and who has asked can't help it. The API answers 500.
	Lasts Kind = iota
	// Passes by itself: the same can be asked again. The API answers 503 with Retry-After.
	Passes
	// Late is the end of the time that the caller has given. The API answers 503 with Retry-After.
	Late
	// Value is a value of the request that the server has no place for. The API answers 422.
	Value
	// Missing is about a thing that does not exist. The API answers 404.
	Missing
	// Known is about a thing that an earlier request has made. The API answers with that.
	Known
)

// String returns the status and the code of the API's answer.
func (k Kind) String() string {
	switch k {
	case Passes:
		return "503 unavailable"
	case Late:
		return "503 timeout"
	case Value:
		return "422 invalid"
	case Missing:
		return "404 not_found"
	case Known:
		return "as before"
	default:
		return "500 internal"
	}
}

// Of returns what an error means, however deep it lies. For nil and for what the table does not know that is [Lasts].
func Of(err error) Kind {
	if r := RowOf(err); r != nil {
		return r.Kind
	}
	return Lasts
}

// RowOf returns the row of the table that an error belongs to, nil for none.
func RowOf(err error) *Row {
	if err == nil {
		return nil
	}
	for i := range Table {
		if Table[i].is(err) {
			return &Table[i]
		}
	}
	return nil
}

// OfData reports whether PostgreSQL refuses the data of a statement: they are no value, contradict a row or are too
// large. No repetition helps.
func OfData(err error) bool { return states("22", "23", "54")(err) }

// Passing marks an error of ours as one that passes. [errors.Is] still finds it.
func Passing(err error) error { return passing{err} }

type passing struct{ error }

// Passes marks the error, see [Passing].
func (passing) Passes() bool { return true }

// Unwrap returns the error that is marked.
func (p passing) Unwrap() error { return p.error }

// one reports whether an error is or wraps one of this type.
func one[E error](err error) bool {
	var e E
	return errors.As(err, &e)
}
