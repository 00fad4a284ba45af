package domain

import (
	"errors"
	"fmt"
	"strings"
)

// ErrorCode is a stable snake_case word that tells programs why something was refused, such as
// "not_cancellable". Each is declared as a constant beside the rule that refuses.
type ErrorCode string

// Codes of refusals that more than one aggregate knows.
const (
	// CodeInvalid refuses an input that is wrong in itself. It is the code of [Invalid] and [Invalids].
	CodeInvalid ErrorCode = "invalid"
	// CodeNotFound refuses a question or a command about something that does not exist.
	CodeNotFound ErrorCode = "not_found"
	// CodeIdempotencyKeyReused refuses a request whose key, or id, belongs to another request.
	CodeIdempotencyKeyReused ErrorCode = "idempotency_key_reused"
)

// Error is a refusal by a business rule. It is final: asking again with the same input and the same
// state gives the same answer, so it is never retried.
type Error struct {
	Code ErrorCode `json:"code"`
	// Message is a sentence for people, in valid UTF-8. It holds no personal data.
	Message string `json:"message"`
	// Field names the part of the input that is wrong as a JSON path, such as "items[0].quantity";
	// empty when no single field is to blame.
	Field string `json:"field,omitempty"`
	// Err is the cause, if there is one.
	Err error `json:"-"`
}

// Error returns "code: field: message".
func (e *Error) Error() string {
	parts := []string{string(e.Code)}
	if e.Field != "" {
		parts = append(parts, e.Field)
	}
	return strings.Join(append(parts, e.Message), ": ")
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target is an [Error] with the same code, so that
// errors.Is(err, domain.Refuse(domain.CodeNotFound, "")) compares codes.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// Refuse returns an [Error] with this code and message.
func Refuse(code ErrorCode, format string, args ...any) *Error {
	return &Error{Code: code, Message: Valid(fmt.Sprintf(format, args...))}
}

// Invalid returns an [Error] that blames one field of the input.
func Invalid(field, format string, args ...any) *Error {
	return &Error{Code: CodeInvalid, Field: Valid(field), Message: Valid(fmt.Sprintf(format, args...))}
}

// ErrErased is returned for sealed data whose key was destroyed: nobody can open them again.
var ErrErased = errors.New("the personal data were erased")

// ErrUnreadable is returned for sealed data that no key opens: they were not sealed here, or were tampered with.
var ErrUnreadable = errors.New("the sealed data can't be opened")

// Invalids collects what is wrong with an input, so that the sender learns everything at once.
type Invalids []*Error

// Add appends an error that blames field.
func (i *Invalids) Add(field, format string, args ...any) {
	*i = append(*i, Invalid(field, format, args...))
}

// Err returns nil when nothing was added.
func (i Invalids) Err() error {
	if len(i) == 0 {
		return nil
	}
	return i
}

// Error joins the messages with "; ".
func (i Invalids) Error() string {
	s := make([]string, len(i))
	for n, e := range i {
		s[n] = e.Error()
	}
	return strings.Join(s, "; ")
}

// Message says for people what is wrong: "field: message" for each, joined with "; ".
func (i Invalids) Message() string {
	s := make([]string, len(i))
	for n, e := range i {
		s[n] = strings.TrimPrefix(e.Field+": "+e.Message, ": ")
	}
	return strings.Join(s, "; ")
}

// Code returns the code of the first [Error] in err's chain, [CodeInvalid] for [Invalids], and ""
// for an error that is not a refusal.
func Code(err error) ErrorCode {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	var i Invalids
	if errors.As(err, &i) {
		return CodeInvalid
	}
	return ""
}
