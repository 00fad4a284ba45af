package httpx

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// Limits of a JSON text, so that it costs no more than to read it.
const (
	nestingMax  = 32  // levels of objects and arrays
	numberMax   = 40  // characters of a number
	exponentMax = 100 // of a number, in either direction
)

// Position tells where a text stops being JSON.
type Position struct {
	// Offset is the byte, counted from 0.
	Offset int `json:"offset"`
	// Line and Column count from 1; a column is a character.
	Line   int `json:"line"`
	Column int `json:"column"`
}

// syntaxError is a text that is not JSON from a position on.
type syntaxError struct {
	Position
	message string
}

func (e *syntaxError) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.message)
}

// textReader reads one JSON text (RFC 8259) strictly: it is UTF-8 and well-formed to its last byte.
//
// A member that stands twice, and a number that nobody can mean, are faults of the value. They are noted and
// reading goes on. The first member counts.
type textReader struct {
	decoder jsontext.Decoder
	source  bytes.Buffer
	text    []byte
	faults  faults
}

// duplicate names are found by [textReader.object], which names all of them.
var syntaxOptions = jsontext.AllowDuplicateNames(true)

// read returns the value of the text in the form that a JSON Schema checks: numbers are a [json.Number].
// Errors: a [syntaxError].
func (r *textReader) read(text []byte) (any, error) {
	r.text, r.faults = text, r.faults[:0]
	r.source = *bytes.NewBuffer(text)
	r.decoder.Reset(&r.source, syntaxOptions)
	value, err := r.value()
	if err != nil {
		return nil, r.syntaxError(err)
	}
	end := int(r.decoder.InputOffset())
	if at := end + leading(text[end:], " \t\r\n"); at < len(text) {
		return nil, r.errorAt(at, "expected the end, found "+found(text[at:]))
	}
	return value, nil
}

// forget lets go of the text.
func (r *textReader) forget() {
	r.text = nil
	r.source = bytes.Buffer{}
	r.decoder.Reset(&r.source, syntaxOptions)
	clear(r.faults[:cap(r.faults)])
	r.faults = r.faults[:0]
}

func (r *textReader) value() (any, error) {
	token, err := r.decoder.ReadToken()
	if err != nil {
		return nil, err
	}
	switch token.Kind() {
	case '{':
		return r.object()
	case '[':
		return r.array()
	case '"':
		return token.String(), nil
	case '0':
		return r.number(token.String()), nil
	case 't', 'f':
		return token.Bool(), nil
	default:
		return nil, nil
	}
}

// object reads what follows an opening brace.
func (r *textReader) object() (any, error) {
	if err := r.checkNesting(); err != nil {
		return nil, err
	}
	members := map[string]any{}
	for r.decoder.PeekKind() != '}' {
		token, err := r.decoder.ReadToken()
		if err != nil {
			return nil, err
		}
		name := token.String()
		_, twice := members[name]
		if twice {
			r.blame("stands twice")
		}
		value, err := r.value()
		if err != nil {
			return nil, err
		}
		if !twice {
			members[name] = value
		}
	}
	_, err := r.decoder.ReadToken()
	return members, err
}

// array reads what follows an opening bracket.
func (r *textReader) array() (any, error) {
	if err := r.checkNesting(); err != nil {
		return nil, err
	}
	elements := []any{}
	for r.decoder.PeekKind() != ']' {
		value, err := r.value()
		if err != nil {
			return nil, err
		}
		elements = append(elements, value)
	}
	_, err := r.decoder.ReadToken()
	return elements, err
}

func (r *textReader) checkNesting() error {
	if r.decoder.StackDepth() > nestingMax {
		return r.errorAt(int(r.decoder.InputOffset())-1, fmt.Sprintf("nested more than %d levels deep", nestingMax))
	}
	return nil
}

// number returns a number as it is written. One that is absurdly long, large or small is blamed, because to compute
// with it costs more than to read it.
func (r *textReader) number(text string) json.Number {
	if isZero(text) {
		return "0"
	}
	_, exponent, scaled := strings.Cut(strings.ToLower(text), "e")
	size, err := 0, error(nil)
	if scaled {
		size, err = strconv.Atoi(exponent)
	}
	if len(text) > numberMax || err != nil || size > exponentMax || size < -exponentMax {
		r.blame("is out of range")
		return "1"
	}
	return json.Number(text)
}

// isZero reports whether a number is 0, whatever its exponent: then it is as good as the plain one.
func isZero(number string) bool {
	mantissa, _, _ := strings.Cut(strings.ToLower(number), "e")
	return mantissa != "" && strings.Trim(mantissa, "-0.") == ""
}

// blame notes that the value which was read last, or whose name was, is wrong.
func (r *textReader) blame(message string) {
	var location []string
	for name := range r.decoder.StackPointer().Tokens() {
		location = append(location, name)
	}
	r.faults.add(location, message)
}

// syntaxError says where the text stops being JSON, and what is wrong there.
func (r *textReader) syntaxError(err error) error {
	var ours *syntaxError
	var theirs *jsontext.SyntacticError
	switch {
	case errors.As(err, &ours):
		return ours
	case errors.As(err, &theirs):
	case len(bytes.Trim(r.text, " \t\r\n")) == 0:
		return r.errorAt(len(r.text), "the body is empty, expected a JSON value")
	default:
		return r.errorAt(len(r.text), "expected a value, found the end of the body")
	}
	at, message := min(int(theirs.ByteOffset), len(r.text)), theirs.Err.Error()
	switch {
	case errors.Is(theirs.Err, io.ErrUnexpectedEOF):
		return r.errorAt(len(r.text), "the body ends too early")
	case at < len(r.text) && r.text[at] == ',':
		// A comma that nothing follows: the bracket after it is what does not belong there.
		at++
		at += leading(r.text[at:], " \t\r\n")
		message = "expected a value, found " + found(r.text[at:])
	case strings.Contains(message, "in literal"):
		// The whole word is wrong, not only a letter of it.
		at = int(r.decoder.InputOffset())
		at += leading(r.text[at:], " \t\r\n:,")
		message = "expected a value, found " + found(r.text[at:])
	}
	return r.errorAt(at, message)
}

func (r *textReader) errorAt(at int, message string) error {
	before := r.text[:at]
	return &syntaxError{message: message, Position: Position{
		Offset: at, Line: bytes.Count(before, []byte{'\n'}) + 1,
		Column: utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:]) + 1,
	}}
}

// leading is how many bytes at the start of text are among these.
func leading(text []byte, among string) int { return len(text) - len(bytes.TrimLeft(text, among)) }

// found names what a text begins with.
func found(text []byte) string {
	if len(text) == 0 {
		return "the end of the body"
	}
	r, _ := utf8.DecodeRune(text)
	return strconv.QuoteRune(r)
}
