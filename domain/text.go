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
	case !utf8.ValidString(value) || strings.TrimSpace(value) != value || strings.ContainsFunc(value, hidden):
		i.Add(field, "holds a space at an end or a character that can't be seen, or is not UTF-8")
	}
}

// hidden reports whether a character has no place in an id. Marks are seen with the letter before them.
func hidden(r rune) bool { return !unicode.IsPrint(r) || ignorable(r) }

// Text blames field when value has more than charactersMax characters or can't be kept. A text that holds a control
// character or is not UTF-8 can't be (PostgreSQL has no U+0000).
func (i *Invalids) Text(field, value string, charactersMax int) {
	i.text(field, value, charactersMax, unicode.IsControl)
}

// Required is [Invalids.Text] for a text that has to be there. One of which nothing can be seen is not ([Blank]).
func (i *Invalids) Required(field, value string, charactersMax int) {
	if Blank(value) {
		i.Add(field, "is required")
		return
	}
	i.Text(field, value, charactersMax)
}

// Note is [Invalids.Text] for a text of several lines.
func (i *Invalids) Note(field, value string, charactersMax int) {
	i.text(field, value, charactersMax, func(r rune) bool { return r != '\n' && r != '\t' && unicode.IsControl(r) })
}

func (i *Invalids) text(field, value string, charactersMax int, refused func(rune) bool) {
	switch {
	case !utf8.ValidString(value) || strings.ContainsFunc(value, refused):
		i.Add(field, "holds a control character or is not UTF-8")
	case utf8.RuneCountInString(value) > charactersMax:
		i.Add(field, "has at most %d characters", charactersMax)
	}
}

// Blank reports whether nothing of a text can be seen: it has no letter, digit, punctuation or symbol. Spaces, control
// and format characters (zero-width ones among them), marks without a letter, and letters without a shape are no
// content. This is the one rule for all texts.
func Blank(text string) bool { return !strings.ContainsFunc(text, content) }

// content reports whether a character can be seen by itself.
func content(r rune) bool {
	return unicode.In(r, unicode.L, unicode.N, unicode.P, unicode.S) && !ignorable(r)
}

// ignorable reports whether a letter or symbol has no shape: a filler of Hangul, or the blank pattern of Braille
// (Unicode Standard Annex 44, Default_Ignorable_Code_Point).
func ignorable(r rune) bool {
	const brailleBlank = '\u2800'
	return unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r) || r == brailleBlank
}

// Trim returns a text without the spaces and invisible characters at its ends. Inside they stay: some scripts write
// words with joiners of no width.
func Trim(text string) string {
	return strings.TrimFunc(text, func(r rune) bool { return !content(r) && !unicode.Is(unicode.M, r) })
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
