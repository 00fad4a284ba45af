package domain

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// IDLengthMax bounds ids that others give, such as a SKU or a customer's id, in bytes.
const IDLengthMax = 64

// ID blames field when value is no id that others may give. An id has from 1 to [IDLengthMax] bytes, all of it can be
// seen, and it neither begins nor ends with a space. Two ids may look alike and differ: that is not checked.
func (i *Invalids) ID(field, value string) {
	switch {
	case value == "":
		i.Add(field, "is required")
	case len(value) > IDLengthMax:
		i.Add(field, "has at most %d bytes", IDLengthMax)
	case !utf8.ValidString(value) || strings.TrimSpace(value) != value || strings.ContainsFunc(value, invisible):
		i.Add(field, "holds a space at an end or a character that can't be seen, or is not UTF-8")
	}
}

func invisible(r rune) bool { return !unicode.IsPrint(r) }

// Text blames field when value has more than charactersMax characters or can't be kept. A text that holds a control
// character or is not UTF-8 can't be (PostgreSQL has no U+0000).
func (i *Invalids) Text(field, value string, charactersMax int) {
	switch {
	case !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl):
		i.Add(field, "holds a control character or is not UTF-8")
	case utf8.RuneCountInString(value) > charactersMax:
		i.Add(field, "has at most %d characters", charactersMax)
	}
}

// ClipMax is how many characters of a caller's text a message shows.
const ClipMax = 40

// Clip returns a caller's text as a message shows it: its first [ClipMax] characters, with "…" where there were more.
// The result is valid UTF-8 whatever the text is: no character is cut, and bytes that are none become U+FFFD.
func Clip(text string) string {
	n := 0
	for at := range text {
		if n == ClipMax {
			return Valid(text[:at]) + "…"
		}
		n++
	}
	return Valid(text)
}

// Valid returns text with each run of bytes that is not UTF-8 replaced by U+FFFD. Temporal refuses a message with a
// text that is not UTF-8, and the saga that sends it stands still.
func Valid(text string) string { return strings.ToValidUTF8(text, "\ufffd") }
