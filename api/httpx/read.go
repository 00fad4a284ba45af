package api

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/shopspring/decimal"
)

// Limits of a JSON text, so that a stranger's bytes cost no more than reading them.
const (
	nestingMax = 32 // levels of objects and arrays
	numberMax  = 40 // characters of a number that is used
	errorsMax  = 100
	shownMax   = 40 // characters of a stranger's text that are repeated in an answer
)

// decoder reads one JSON text (RFC 8259) in one pass, strictly: it is well-formed to the last byte
// and UTF-8, each member is known and stands once, and each value has its type. What is not
// well-formed ends the reading ([decoder.err]); everything else is noted under its path
// ([decoder.bad]) and reading goes on, so that the sender learns of all of it at once.
//
// Strings without escapes share the memory of the text, numbers are never floats, and nothing is
// found out by reflection.
type decoder struct {
	src   string
	pos   int
	depth int
	err   *syntaxError
	bad   []fieldError
	path  [8]pathStep
	steps int
}

// pathStep is a member's name, or an element's index when the name is empty.
type pathStep struct {
	name  string
	index int
}

// member is a name that an object may hold.
type member struct {
	name     string
	required bool
}

// syntaxError tells where a text stops being JSON.
type syntaxError struct {
	Offset  int    `json:"offset"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	message string // what is wrong there
}

func (e *syntaxError) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.message)
}

// decode reads src, whose one value read takes. It returns the first thing that is not JSON; what
// is JSON but wrong is in d.bad afterwards.
func (d *decoder) decode(src string, read func()) error {
	*d = decoder{src: src, bad: d.bad[:0]}
	if !utf8.ValidString(src) {
		d.failAt(invalidUTF8(src), "the bytes are not UTF-8")
		return d.err
	}
	if d.space(); d.pos == len(d.src) {
		d.fail("the body is empty, expected a JSON object")
		return d.err
	}
	read()
	if d.space(); d.err == nil && d.pos < len(d.src) {
		d.fail("expected the end, found " + d.found())
	}
	if d.err != nil {
		return d.err
	}
	return nil
}

func invalidUTF8(s string) int {
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return len(s)
}

func (d *decoder) fail(message string) { d.failAt(d.pos, message) }

// failAt ends the reading; only the first failure counts.
func (d *decoder) failAt(pos int, message string) {
	if d.err == nil {
		before := d.src[:pos]
		line := strings.Count(before, "\n")
		d.err = &syntaxError{
			Offset: pos, Line: line + 1, message: message,
			Column: utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1,
		}
	}
	d.pos = len(d.src)
}

// found names what stands at the current position.
func (d *decoder) found() string {
	if d.pos >= len(d.src) {
		return "the end of the body"
	}
	r, _ := utf8.DecodeRuneInString(d.src[d.pos:])
	return strconv.QuoteRune(r)
}

// blame notes that the value at the current path is wrong.
func (d *decoder) blame(message string) {
	if len(d.bad) < errorsMax {
		d.bad = append(d.bad, fieldError{In: inBody, Field: d.fieldPath(), Pointer: d.pointer(), Message: message})
	}
}

func (d *decoder) fieldPath() string {
	var b strings.Builder
	for i, s := range d.path[:d.steps] {
		switch {
		case s.name == "":
			fmt.Fprintf(&b, "[%d]", s.index)
		case i > 0:
			b.WriteString("." + s.name)
		default:
			b.WriteString(s.name)
		}
	}
	return b.String()
}

// pointer is the current path as the fragment of a URI (RFC 6901, section 6, without the percent
// encoding, which would make it unreadable).
func (d *decoder) pointer() string {
	var b strings.Builder
	b.WriteByte('#')
	for _, s := range d.path[:d.steps] {
		b.WriteByte('/')
		if s.name == "" {
			b.WriteString(strconv.Itoa(s.index))
		} else {
			pointerEscape.WriteString(&b, s.name) //nolint:errcheck // a Builder never fails
		}
	}
	return b.String()
}

var pointerEscape = strings.NewReplacer("~", "~0", "/", "~1")

func (d *decoder) space() {
	for d.pos < len(d.src) {
		switch d.src[d.pos] {
		case ' ', '\t', '\n', '\r':
			d.pos++
		default:
			return
		}
	}
}

// kinds of JSON values, as they are named in messages.
const (
	kindObject  = "an object"
	kindArray   = "an array"
	kindString  = "a string"
	kindNumber  = "a number"
	kindBoolean = "a boolean"
	kindNull    = "null"
)

// kind tells what value comes next, and "" after noting that none does.
func (d *decoder) kind() string {
	d.space()
	if d.pos < len(d.src) {
		switch c := d.src[d.pos]; {
		case c == '{':
			return kindObject
		case c == '[':
			return kindArray
		case c == '"':
			return kindString
		case c == '-' || c >= '0' && c <= '9':
			return kindNumber
		case c == 't' || c == 'f':
			return kindBoolean
		case c == 'n':
			return kindNull
		}
	}
	d.fail("expected a value, found " + d.found())
	return ""
}

// is reports whether a value of this kind comes next. Any other is noted as wrong and skipped.
func (d *decoder) is(kind string) bool {
	k := d.kind()
	if k == kind {
		return true
	}
	if k != "" {
		d.blame("must be " + kind + ", got " + k)
		d.skip()
	}
	return false
}

// object reads an object. It calls read with the name of each member, before its value, when the
// member is known and stands for the first time; the others are noted as wrong, and so is a
// required one that is missing. There are at most 32 members to know.
func (d *decoder) object(members []member, read func(name string)) {
	if !d.is(kindObject) || !d.enter() {
		return
	}
	var seen uint32
	for first := true; d.next(first, '}'); first = false {
		name, ok := d.name()
		if !ok {
			return
		}
		d.push(pathStep{name: name})
		switch i := memberIndex(members, name); {
		case i < 0:
			d.path[d.steps-1].name = clip(name)
			d.blame("is not known here")
			d.skip()
		case seen&(1<<i) != 0:
			d.blame("stands twice")
			d.skip()
		default:
			seen |= 1 << i
			read(members[i].name)
		}
		d.pop()
	}
	if d.err != nil {
		return
	}
	for i, m := range members {
		if m.required && seen&(1<<i) == 0 {
			d.push(pathStep{name: m.name})
			d.blame("is required")
			d.pop()
		}
	}
}

func memberIndex(members []member, name string) int {
	for i := range members {
		if members[i].name == name {
			return i
		}
	}
	return -1
}

// array reads an array, calling read before each element.
func (d *decoder) array(read func(i int)) {
	if !d.is(kindArray) || !d.enter() {
		return
	}
	for i := 0; d.next(i == 0, ']'); i++ {
		d.push(pathStep{index: i})
		read(i)
		d.pop()
	}
}

func (d *decoder) push(s pathStep) { d.path[d.steps] = s; d.steps++ }
func (d *decoder) pop()            { d.steps-- }

// enter steps over an opening bracket.
func (d *decoder) enter() bool {
	if d.depth == nestingMax {
		d.fail("nested more than " + strconv.Itoa(nestingMax) + " levels deep")
		return false
	}
	d.depth++
	d.pos++
	return true
}

// next moves to the next element of an object or array, and reports false after its closing
// bracket, or when the text is broken.
func (d *decoder) next(first bool, closing byte) bool {
	if d.err != nil {
		return false
	}
	d.space()
	if d.pos < len(d.src) {
		switch c := d.src[d.pos]; {
		case c == closing:
			d.pos++
			d.depth--
			return false
		case first:
			return true
		case c == ',':
			d.pos++
			d.space()
			return true
		}
	}
	if first {
		return true // what comes instead of an element is noted where the element is read
	}
	d.fail("expected ',' or '" + string(closing) + "', found " + d.found())
	return false
}

// name reads a member's name and the colon after it.
func (d *decoder) name() (string, bool) {
	if d.pos >= len(d.src) || d.src[d.pos] != '"' {
		d.fail("expected a name in double quotes, found " + d.found())
		return "", false
	}
	name := d.str()
	if d.space(); d.err == nil && (d.pos >= len(d.src) || d.src[d.pos] != ':') {
		d.fail("expected ':', found " + d.found())
	}
	d.pos++
	return name, d.err == nil
}

// text reads a string.
func (d *decoder) text() string {
	if !d.is(kindString) {
		return ""
	}
	return d.str()
}

// str reads a string whose opening quote is the current byte.
func (d *decoder) str() string {
	start := d.pos + 1
	for i := start; i < len(d.src); i++ {
		switch c := d.src[i]; {
		case c == '"':
			d.pos = i + 1
			return d.src[start:i]
		case c == '\\':
			return d.escaped(start, i)
		case c < ' ':
			d.failAt(i, "a control character in a string is written as an escape")
			return ""
		}
	}
	d.failAt(len(d.src), "the string that began at byte "+strconv.Itoa(start-1)+" is not closed")
	return ""
}

// escaped reads the rest of a string from its first escape on.
func (d *decoder) escaped(start, i int) string {
	b := append(make([]byte, 0, 64), d.src[start:i]...)
	for i < len(d.src) {
		switch c := d.src[i]; {
		case c == '"':
			d.pos = i + 1
			return string(b)
		case c < ' ':
			d.failAt(i, "a control character in a string is written as an escape")
			return ""
		case c != '\\':
			b = append(b, c)
			i++
		default:
			r, n := unescape(d.src[i:])
			if n == 0 {
				d.failAt(i, "not an escape that JSON knows")
				return ""
			}
			b = utf8.AppendRune(b, r)
			i += n
		}
	}
	d.failAt(len(d.src), "the string that began at byte "+strconv.Itoa(start-1)+" is not closed")
	return ""
}

// unescape returns the character that s, which begins with a backslash, stands for, and the length
// of the escape; 0 when it is none. Half a surrogate pair is none.
func unescape(s string) (rune, int) {
	if len(s) < 2 {
		return 0, 0
	}
	if i := strings.IndexByte(`"\/bfnrt`, s[1]); i >= 0 {
		return rune("\"\\/\b\f\n\r\t"[i]), 2
	}
	r, ok := hex4(s)
	switch {
	case !ok:
		return 0, 0
	case !utf16.IsSurrogate(r):
		return r, 6
	}
	low, ok := hex4(s[6:])
	if pair := utf16.DecodeRune(r, low); ok && pair != utf8.RuneError {
		return pair, 12
	}
	return 0, 0
}

// hex4 reads an escape of the form \u00e9.
func hex4(s string) (rune, bool) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0, false
	}
	var r rune
	for _, c := range []byte(s[2:6]) {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// boolean reads true or false.
func (d *decoder) boolean() bool {
	if !d.is(kindBoolean) {
		return false
	}
	start := d.pos
	d.literal()
	return d.err == nil && d.src[start] == 't'
}

// number reads the characters of a number.
func (d *decoder) number() string {
	start := d.pos
	if d.src[d.pos] == '-' {
		d.pos++
	}
	switch {
	case d.pos < len(d.src) && d.src[d.pos] == '0':
		d.pos++
	case d.digits() == 0:
		d.fail("expected a digit, found " + d.found())
		return ""
	}
	if d.pos < len(d.src) && d.src[d.pos] == '.' {
		d.pos++
		if d.digits() == 0 {
			d.fail("expected a digit after the point, found " + d.found())
			return ""
		}
	}
	if d.pos < len(d.src) && (d.src[d.pos] == 'e' || d.src[d.pos] == 'E') {
		d.pos++
		if d.pos < len(d.src) && (d.src[d.pos] == '+' || d.src[d.pos] == '-') {
			d.pos++
		}
		if d.digits() == 0 {
			d.fail("expected a digit of the exponent, found " + d.found())
			return ""
		}
	}
	return d.src[start:d.pos]
}

func (d *decoder) digits() int {
	start := d.pos
	for d.pos < len(d.src) && d.src[d.pos] >= '0' && d.src[d.pos] <= '9' {
		d.pos++
	}
	return d.pos - start
}

// integer reads a whole number. 3.0 and 3e0 are whole (JSON Schema 2020-12, 6.1.1 of its core).
func (d *decoder) integer() int {
	if !d.is(kindNumber) {
		return 0
	}
	s := d.number()
	if n, err := strconv.ParseInt(s, 10, 64); err == nil || d.err != nil {
		return int(n)
	}
	n, ok := parseDecimal(s)
	switch {
	case !ok || n.Exponent() > numberMax:
		d.blame("is out of range")
	case n.Exponent() < -2*numberMax || !n.IsInteger():
		if n.IsZero() {
			return 0
		}
		d.blame("must be a whole number, got " + clip(s))
	case n.BigInt().BitLen() > 62:
		d.blame("is out of range")
	default:
		return int(n.IntPart())
	}
	return 0
}

// amount reads a decimal number exactly, written as a JSON number or, which survives every JSON
// library, as a string of digits with at most one point.
func (d *decoder) amount() decimal.Decimal {
	var s string
	switch k := d.kind(); k {
	case kindNumber:
		s = d.number()
	case kindString:
		if s = d.str(); d.err == nil && !plainDecimal(s) {
			d.blame(`must be a decimal number such as "19.90"`)
			return decimal.Decimal{}
		}
	case "":
	default:
		d.blame("must be a decimal number, as a string or a number, got " + k)
		d.skip()
		return decimal.Decimal{}
	}
	if d.err != nil {
		return decimal.Decimal{}
	}
	n, ok := parseDecimal(s)
	if !ok {
		d.blame("is out of range")
	}
	return n
}

// plainDecimal reports whether s has the form of a JSON number without an exponent.
func plainDecimal(s string) bool {
	n := decoder{src: s}
	k := n.pos < len(s) && (s[0] == '-' || s[0] >= '0' && s[0] <= '9')
	return k && n.number() != "" && n.pos == len(s) && !strings.ContainsAny(s, "eE")
}

// parseDecimal parses a number of JSON's form; not one that is absurdly long or large.
func parseDecimal(s string) (decimal.Decimal, bool) {
	if len(s) > numberMax {
		return decimal.Decimal{}, false
	}
	if d, ok := parseShortDecimal(s); ok {
		return d, true
	}
	d, err := decimal.NewFromString(s)
	return d, err == nil
}

// parseShortDecimal parses what has no exponent and fits into 64 bits, which is every real price.
func parseShortDecimal(s string) (decimal.Decimal, bool) {
	if len(s) > 18 {
		return decimal.Decimal{}, false
	}
	var coefficient int64
	var fraction int32
	point := false
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			coefficient = coefficient*10 + int64(c-'0')
			if point {
				fraction++
			}
		case c == '.':
			point = true
		case c == '-' && i == 0:
		default:
			return decimal.Decimal{}, false
		}
	}
	if s[0] == '-' {
		coefficient = -coefficient
	}
	return decimal.New(coefficient, -fraction), true
}

// skip reads over a value of any kind, which must be well-formed.
func (d *decoder) skip() {
	switch d.kind() {
	case kindObject:
		if !d.enter() {
			return
		}
		for first := true; d.next(first, '}'); first = false {
			if _, ok := d.name(); ok {
				d.skip()
			}
		}
	case kindArray:
		if !d.enter() {
			return
		}
		for first := true; d.next(first, ']'); first = false {
			d.skip()
		}
	case kindString:
		d.str()
	case kindNumber:
		d.number()
	case kindBoolean, kindNull:
		d.literal()
	}
}

func (d *decoder) literal() {
	for _, word := range [...]string{"true", "false", "null"} {
		if strings.HasPrefix(d.src[d.pos:], word) {
			d.pos += len(word)
			return
		}
	}
	d.fail("expected a value, found " + d.found())
}

// clip shortens a stranger's text for an answer.
func clip(s string) string {
	if len(s) <= shownMax {
		return s
	}
	for n, at := 0, 0; ; n++ {
		if n == shownMax {
			return s[:at] + "…"
		}
		_, size := utf8.DecodeRuneInString(s[at:])
		if size == 0 {
			return s
		}
		at += size
	}
}
